/**
 * Which leaves of a file are there, a bit each; and the text of the file beside a `.part` file that says so.
 *
 * The text is one line, cells separated by blanks: magic and version, the offer, how many of how many leaves, the bits
 * in base64, and the SHA-256 of everything before. One that was torn, changed, or is of another file gives no set.
 */

import { type Crypto, utf8 } from "../../base/crypto/crypto.ts";
import type { Hash, OfferId } from "../../base/ids.ts";

export class LeafSet {
  readonly #bits: Uint8Array<ArrayBuffer>;
  #count = 0;

  /** An empty set. @param leaves Those of the file. */
  constructor(readonly leaves: number) {
    this.#bits = new Uint8Array(Math.ceil(leaves / 8));
  }

  /** The set with these bits; null where they can't be those of a file of so many leaves. */
  static of(leaves: number, bits: Uint8Array): LeafSet | null {
    const set = new LeafSet(leaves);
    const spare = set.#bits.length * 8 - leaves;
    if (bits.length !== set.#bits.length || ((bits.at(-1) ?? 0) >> (8 - spare)) !== 0) return null;
    set.#bits.set(bits);
    for (let leaf = 0; leaf < leaves; leaf++) if (set.has(leaf)) set.#count++;
    return set;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.leaves;
  }

  has(leaf: number): boolean {
    return ((this.#bits[leaf >> 3] ?? 0) & (1 << (leaf & 7))) !== 0;
  }

  add(leaf: number): void {
    if (this.has(leaf)) return;
    this.#bits[leaf >> 3]! |= 1 << (leaf & 7);
    this.#count++;
  }

  /** The first leaf from `from` on, and then from the file's beginning, that isn't in here and `suits`; null: none. */
  nextMissing(from: number, suits: (leaf: number) => boolean): number | null {
    for (let passed = 0, leaf = from; passed < this.leaves;) {
      const isFullByte = (leaf & 7) === 0 && this.#bits[leaf >> 3] === 0xff;
      if (!isFullByte && !this.has(leaf) && suits(leaf)) return leaf;
      const step = Math.min(isFullByte ? 8 : 1, this.leaves - leaf);
      passed += step;
      leaf = leaf + step === this.leaves ? 0 : leaf + step;
    }
    return null;
  }

  /** A copy of its bits: the lowest bit of the first byte is the first leaf; those after the last are 0. */
  bits(): Uint8Array<ArrayBuffer> {
    return this.#bits.slice();
  }
}

const MAGIC = "p2pchat-leaves 1";

/** What is written beside the `.part` file of this offer. */
export function leavesText(crypto: Crypto, file: OfferId, set: LeafSet): string {
  const said = `${MAGIC} ${file} ${set.count} ${set.leaves} ${set.bits().toBase64()}`;
  return `${said} ${crypto.sha256<Hash>(utf8(said))}\n`;
}

/** The set that `leavesText` wrote of this offer; null for any other text. */
export function readLeaves(
  crypto: Crypto,
  file: OfferId,
  leaves: number,
  text: string,
): LeafSet | null {
  const [, said = "", sum] = /^(.*) ([0-9a-f]{64})\n$/.exec(text) ?? [];
  if (sum === undefined || crypto.sha256<Hash>(utf8(said)) !== sum) return null;
  const bits = said.slice(said.lastIndexOf(" ") + 1);
  const set = LeafSet.of(leaves, bytesOf(bits));
  // Whatever else it says is compared as a whole.
  return set !== null && leavesText(crypto, file, set) === text ? set : null;
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch (error) {
    if (error instanceof SyntaxError) return new Uint8Array(0); // the bits of no file
    throw error;
  }
}
