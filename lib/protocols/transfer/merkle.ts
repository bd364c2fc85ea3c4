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

/**
 * Whether `bytes` are the `leaf`th leaf of the file that has this size and digest. False for whatever isn't exactly
 * that, a leaf or proof of another length among it; never throws.
 * @param proof The hashes beside its way, from below, one after the other.
 */
export function isLeaf(
  crypto: Crypto,
  { size, digest }: { readonly size: number; readonly digest: Hash },
  leaf: number,
  bytes: Uint8Array,
  proof: Uint8Array,
): boolean {
  const leaves = leavesOf(size);
  if (!(leaf >= 0 && leaf < leaves) || bytes.length !== leafLength(size, leaf)) return false;
  if (proof.length !== proofLength(leaves, leaf) * HASH_BYTES) return false;
  let hash = Uint8Array.fromHex(crypto.sha256<Hash>(LEAF, bytes));
  let used = 0;
  for (let [at, last] = [leaf, leaves - 1]; last > 0; at >>= 1, last >>= 1) {
    if ((at & 1) === 0 && at === last) continue; // without a partner
    const other = proof.subarray(used, used += HASH_BYTES);
    hash = (at & 1) === 1 ? nodeOf(crypto, other, hash) : nodeOf(crypto, hash, other);
  }
  return digestOf(crypto, size, hash) === digest;
}

function nodeOf(crypto: Crypto, left: Uint8Array, right: Uint8Array): Bytes {
  return Uint8Array.fromHex(crypto.sha256<Hash>(NODE, left, right));
}

function digestOf(crypto: Crypto, size: number, top: Uint8Array): Hash {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(size));
  return crypto.sha256<Hash>(DIGEST, length, top);
}

/** The tree of a whole file, for whoever offers it: 64 bytes of memory a leaf, 1 MiB for 1 GB. */
export class FileTree {
  /** The hashes of each level, from the leaves up to the top. */
  readonly #levels: Bytes[];
  readonly digest: Hash;

  /** @param leafHashes Of all leaves, by `leafHash`, in their order. */
  constructor(crypto: Crypto, readonly size: number, leafHashes: readonly Bytes[]) {
    this.#levels = [joined(leafHashes)];
    for (let level = leafHashes; level.length > 1;) {
      level = pairsOf(crypto, level);
      this.#levels.push(joined(level));
    }
    this.digest = digestOf(crypto, size, this.#levels.at(-1)!);
  }

  /** The proof of one leaf, for `isLeaf`. */
  proof(leaf: number): Bytes {
    const hashes = this.#levels.flatMap((level, height) => {
      const other = (leaf >> height) ^ 1;
      const at = other * HASH_BYTES;
      return at < level.length ? [level.subarray(at, at + HASH_BYTES)] : [];
    });
    return joined(hashes);
  }
}

/** The hash of one leaf. */
export function leafHash(crypto: Crypto, bytes: Uint8Array): Bytes {
  return Uint8Array.fromHex(crypto.sha256<Hash>(LEAF, bytes));
}

function pairsOf(crypto: Crypto, level: readonly Bytes[]): readonly Bytes[] {
  const above: Bytes[] = [];
  for (let at = 0; at < level.length; at += 2) {
    const right = level[at + 1];
    above.push(right === undefined ? level[at]! : nodeOf(crypto, level[at]!, right));
  }
  return above;
}

function joined(hashes: readonly Uint8Array[]): Bytes {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES);
  hashes.forEach((hash, at) => bytes.set(hash, at * HASH_BYTES));
  return bytes;
}
