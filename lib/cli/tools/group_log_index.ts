/**
 * An index of a log's batches by position, entry and byte offset, which takes 24 bytes of memory a batch, however
 * long the texts are; and the edits of each entry.
 */

import type { ScannedBatch } from "./group_log_scan.ts";

/** Initial capacity of the arrays, in batches. */
const ROOM_MIN = 256;

export class GroupLogIndex {
  /** Offset of the first byte of each batch. */
  #offsets = new Float64Array(ROOM_MIN);
  /** Position of the history after each batch. */
  #ends = new Float64Array(ROOM_MIN);
  /** Number of the last entry up to the end of each batch. */
  #seqs = new Float64Array(ROOM_MIN);
  #count = 0;
  /** Positions of the edits of each edited entry, ascending. */
  readonly #edits = new Map<number, number[]>();

  /** Number of batches. */
  get count(): number {
    return this.#count;
  }

  /** Position of the history after the last batch. */
  get position(): number {
    return this.start(this.#count);
  }

  /** Number of the last entry. */
  get seq(): number {
    return this.seqBefore(this.#count);
  }

  /**
   * Adds the next batch, which contains texts, edits or rules.
   * @param entries The number of entries in it. @param edited Numbers of the entries that its edits change, in
   *   order. @param others The number of its positions that are neither.
   */
  add(offset: number, entries: number, edited: readonly number[], others: number): void {
    const count = this.#count;
    if (count === this.#offsets.length) {
      this.#offsets = grown(this.#offsets);
      this.#ends = grown(this.#ends);
      this.#seqs = grown(this.#seqs);
    }
    const { position, seq } = this;
    edited.forEach((entry, index) => this.#addEdit(entry, position + index + 1));
    this.#offsets[count] = offset;
    this.#ends[count] = position + entries + edited.length + others;
    this.#seqs[count] = seq + entries;
    this.#count++;
  }

  #addEdit(seq: number, position: number): void {
    const edits = this.#edits.get(seq);
    if (edits === undefined) this.#edits.set(seq, [position]);
    else edits.push(position);
  }

  /** Positions of an entry's edits, ascending; grows with the log. */
  editsOf(seq: number): readonly number[] {
    return this.#edits.get(seq) ?? NO_EDITS;
  }

  /** Offset of the first byte of batch `index`; the end of the file where there is no such batch. */
  offset(index: number, fileBytes: number): number {
    return index < this.#count ? this.#offsets[index]! : fileBytes;
  }

  /** Position before batch `index`, which is that after the previous one. */
  start(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!;
  }

  /** Number of the last entry before batch `index`. */
  seqBefore(index: number): number {
    return index === 0 ? 0 : this.#seqs[index - 1]!;
  }

  /** Whether batch `index` contains texts. */
  hasEntries(index: number): boolean {
    return this.seqBefore(index + 1) > this.seqBefore(index);
  }

  /** Index of the batch with entry `seq`; the number of batches where there is none. */
  batchOfEntry(seq: number): number {
    return this.#first((index) => this.#seqs[index]! >= seq);
  }

  /** Index of the first batch that ends after `position`; the number of batches where there is none. */
  batchAfter(position: number): number {
    return this.#first((index) => this.#ends[index]! > position);
  }

  /** Index of the first batch that begins at `offset` or after; the number of batches where there is none. */
  batchFrom(offset: number): number {
    return this.#first((index) => this.#offsets[index]! >= offset);
  }

  /** Binary search: the first index for which `is` holds, given that it holds for all later ones. */
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

/** A visitor for `scanGroupLog` that fills the index. */
export function indexing(index: GroupLogIndex): (batch: ScannedBatch) => null {
  return ({ logged, offset }) => {
    const edited = logged.edited();
    index.add(offset, logged.entries, edited, logged.count - logged.entries - edited.length);
    return null;
  };
}

const NO_EDITS: readonly number[] = [];

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
