/**
 * Where each batch of a log stands in its file, by position, by entry and by byte: 24 bytes of memory a batch, however
 * long the texts are; and which edits each entry has.
 */

import type { ScannedBatch } from "./group_log_scan.ts";

/** Batches that the arrays have room for at first. */
const ROOM_MIN = 256;

export class GroupLogIndex {
  /** Of the first byte of each batch. */
  #offsets = new Float64Array(ROOM_MIN);
  /** Position of the history behind each batch. */
  #ends = new Float64Array(ROOM_MIN);
  /** Number of the last entry there. */
  #seqs = new Float64Array(ROOM_MIN);
  #count = 0;
  /** Positions of the edits of each entry that has any, in their order. */
  readonly #edits = new Map<number, number[]>();

  /** Batches. */
  get count(): number {
    return this.#count;
  }

  /** Of the history behind the last batch. */
  get position(): number {
    return this.start(this.#count);
  }

  /** The last entry's number. */
  get seq(): number {
    return this.seqBefore(this.#count);
  }

  /**
   * The next batch, which is one of texts or of edits.
   * @param entries How many it brings. @param edited Numbers of the entries that its edits change, in their order.
   */
  add(offset: number, entries: number, edited: readonly number[]): void {
    const count = this.#count;
    if (count === this.#offsets.length) {
      this.#offsets = grown(this.#offsets);
      this.#ends = grown(this.#ends);
      this.#seqs = grown(this.#seqs);
    }
    const { position, seq } = this;
    edited.forEach((entry, index) => this.#addEdit(entry, position + index + 1));
    this.#offsets[count] = offset;
    this.#ends[count] = position + entries + edited.length;
    this.#seqs[count] = seq + entries;
    this.#count++;
  }

  #addEdit(seq: number, position: number): void {
    const edits = this.#edits.get(seq);
    if (edits === undefined) this.#edits.set(seq, [position]);
    else edits.push(position);
  }

  /** Positions of an entry's edits, in their order; grows with the log. */
  editsOf(seq: number): readonly number[] {
    return this.#edits.get(seq) ?? NO_EDITS;
  }

  /** Offset of the first byte of batch `index`; that of the file's end for none. */
  offset(index: number, fileBytes: number): number {
    return index < this.#count ? this.#offsets[index]! : fileBytes;
  }

  /** Position ahead of batch `index`, which is that behind the one before. */
  start(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!;
  }

  /** Number of the last entry ahead of batch `index`. */
  seqBefore(index: number): number {
    return index === 0 ? 0 : this.#seqs[index - 1]!;
  }

  /** Whether batch `index` is one of texts. */
  hasEntries(index: number): boolean {
    return this.seqBefore(index + 1) > this.seqBefore(index);
  }

  /** The batch that has entry `seq`; their count where none has. */
  batchOfEntry(seq: number): number {
    return this.#first((index) => this.#seqs[index]! >= seq);
  }

  /** The first batch that ends behind `position`; their count where none does. */
  batchAfter(position: number): number {
    return this.#first((index) => this.#ends[index]! > position);
  }

  /** The first batch that begins at `offset` or behind it; their count where none does. */
  batchFrom(offset: number): number {
    return this.#first((index) => this.#offsets[index]! >= offset);
  }

  /** The first index for which `is` holds, which then holds for all behind it. */
  #first(is: (index: number) => boolean): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (is(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Fills the index while a log is scanned. */
export function indexing(index: GroupLogIndex): (batch: ScannedBatch) => null {
  return ({ logged, offset }) => {
    index.add(offset, logged.entries, logged.edited());
    return null;
  };
}

const NO_EDITS: readonly number[] = [];

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
