/**
 * The tree over a file: SHA-256 over leaves of 64 KiB, then over pairs, as in Certificate Transparency (RFC 9162, 2.1).
 *
 * - A file has at least one leaf: an empty one has a leaf without bytes.
 * - Of a number of leaves that is no power of two, the left subtree has the greatest power of two below it. The same
 *   level by level: pairs are hashed from the left, and a node without a partner goes up as it is. No leaf is invented.
 * - Leaf, inner node and digest have a tag each, so that none can be taken for another one.
 * - The digest is over the top of the tree and the file's size. So each proof proves the size, too: a wrong size is
 *   found out by the first leaf.
 */

import { sameBytes } from "../../base/collections/bytes.ts";
import { type Bytes, type Crypto, utf8 } from "../../base/crypto/crypto.ts";
import type { Hash } from "../../base/ids.ts";
import { HASH_BYTES, LEAF_BYTES } from "./limits.ts";

const LEAF = utf8("p2pchat file leaf 1\n");
const NODE = utf8("p2pchat file node 1\n");
const DIGEST = utf8("p2pchat file digest 1\n");

/** How many leaves a file of `size` bytes has. */
export function leavesOf(size: number): number {
  return Math.max(1, Math.ceil(size / LEAF_BYTES));
}

/** Bytes in the `leaf`th leaf of a file of `size` bytes. */
export function leafLength(size: number, leaf: number): number {
  return Math.min(LEAF_BYTES, size - leaf * LEAF_BYTES);
}

/** How many hashes stand beside the way from a leaf to the top. */
export function proofLength(leaves: number, leaf: number): number {
  let length = 0;
  for (let [at, last] = [leaf, leaves - 1]; last > 0; at >>= 1, last >>= 1) {
    if ((at & 1) === 1 || at < last) length++;
  }
  return length;
}

/** What a checker knows of the leaf that was right last. */
interface ProvenLeaf {
  readonly leaf: number;
  readonly proof: Uint8Array;
  /** The hashes on its way up, from its own to the top. */
  readonly way: readonly Bytes[];
}

/**
 * Checks leaves of one file. From where the way of a leaf meets that of the leaf that was right last, nothing is hashed
 * again, only compared: of leaves that come in their order half need one hash beside their own, and few more than three.
 */
export class LeafChecker {
  #last: ProvenLeaf | null = null;

  constructor(
    readonly crypto: Crypto,
    readonly file: { readonly size: number; readonly digest: Hash },
  ) {}

  /**
   * Whether `bytes` are the `leaf`th leaf of the file. False for whatever isn't exactly that, a leaf or proof of another
   * length among it; never throws.
   * @param proof The hashes beside its way, from below, one after the other.
   */
  isLeaf(leaf: number, bytes: Uint8Array, proof: Uint8Array): boolean {
    const { crypto, file: { size, digest } } = this;
    const leaves = leavesOf(size);
    if (!(leaf >= 0 && leaf < leaves) || bytes.length !== leafLength(size, leaf)) return false;
    if (proof.length !== proofLength(leaves, leaf) * HASH_BYTES) return false;
    const last = this.#last;
    let hash = leafHash(crypto, bytes);
    const way = [hash];
    let used = 0;
    for (let [at, end] = [leaf, leaves - 1]; end > 0; at >>= 1, end >>= 1) {
      const height = way.length - 1;
      if (last !== null && at === last.leaf >> height) {
        // Both ways have as many hashes beside them from here on.
        const known = last.proof.subarray(last.proof.length - (proof.length - used));
        if (!sameBytes(hash, last.way[height]!) || !sameBytes(proof.subarray(used), known)) {
          return false;
        }
        return this.#proven(leaf, proof, way.concat(last.way.slice(height + 1)));
      }
      if ((at & 1) === 1 || at < end) { // else it is without a partner
        const other = proof.subarray(used, used += HASH_BYTES);
        hash = (at & 1) === 1 ? nodeOf(crypto, other, hash) : nodeOf(crypto, hash, other);
      }
      way.push(hash);
    }
    return digestOf(crypto, size, hash) === digest && this.#proven(leaf, proof, way);
  }

  #proven(leaf: number, proof: Uint8Array, way: readonly Bytes[]): true {
    this.#last = { leaf, proof: proof.slice(), way };
    return true;
  }
}

function nodeOf(crypto: Crypto, left: Uint8Array, right: Uint8Array): Bytes {
  return Uint8Array.fromHex(crypto.sha256<Hash>(NODE, left, right));
}

function digestOf(crypto: Crypto, size: number, top: Uint8Array): Hash {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(size));
  return crypto.sha256<Hash>(DIGEST, length, top);
}

/**
 * The tree of a file, for whoever offers it: 64 bytes of memory a leaf, 1 MiB for 1 GB. It grows with each leaf, so that
 * hashing a large file never takes long at a time.
 */
export class FileTree {
  /** From the leaves up to the top. */
  readonly #levels = [new HashList()];

  constructor(readonly crypto: Crypto) {}

  /** Adds the hash of the next leaf, by `leafHash`. */
  add(leafHash: Bytes): void {
    this.#levels[0]!.push(leafHash);
    for (let height = 0; this.#levels[height]!.length % 2 === 0; height++) this.#pair(height);
  }

  /** No leaf follows. @returns The digest. */
  finish(size: number): Hash {
    let height = 0;
    for (; this.#levels[height]!.length > 1; height++) this.#pair(height);
    return digestOf(this.crypto, size, this.#levels[height]!.at(0)!);
  }

  /** What stands above the nodes of a level that has nothing above it yet. */
  #pair(height: number): void {
    const level = this.#levels[height]!;
    const above = this.#levels[height + 1] ??= new HashList();
    for (let left = 2 * above.length; left < level.length; left += 2) {
      const right = level.at(left + 1);
      above.push(
        right === undefined ? level.at(left)! : nodeOf(this.crypto, level.at(left)!, right),
      );
    }
  }

  /** The proof of one leaf of a finished tree, for `isLeaf`. */
  proof(leaf: number): Bytes {
    const hashes = this.#levels.flatMap((level, height) => level.at((leaf >> height) ^ 1) ?? []);
    const bytes = new Uint8Array(hashes.length * HASH_BYTES);
    hashes.forEach((hash, at) => bytes.set(hash, at * HASH_BYTES));
    return bytes;
  }
}

/** Hashes one after the other in memory, without an object for each. */
class HashList {
  #bytes = new Uint8Array(HASH_BYTES);
  length = 0;

  push(hash: Bytes): void {
    const end = this.length * HASH_BYTES;
    if (end === this.#bytes.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(hash, end);
    this.length++;
  }

  at(index: number): Bytes | undefined {
    if (index >= this.length) return undefined;
    return this.#bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }
}

/** The hash of one leaf. */
export function leafHash(crypto: Crypto, bytes: Uint8Array): Bytes {
  return Uint8Array.fromHex(crypto.sha256<Hash>(LEAF, bytes));
}
