/** Where each batch of a log stands in its file: 16 bytes of memory a batch, however long the texts are. */

/** Batches that the arrays have room for at first. */
const ROOM_MIN = 256;

export class GroupLogIndex {
  /** Of the first byte of each batch. */
  #offsets = new Float64Array(ROOM_MIN);
  /** Position of the history behind each batch. */
  #ends = new Float64Array(ROOM_MIN);
  #count = 0;

  /** Batches. */
  get count(): number {
    return this.#count;
  }

  add(offset: number, end: number): void {
    if (this.#count === this.#offsets.length) {
      this.#offsets = grown(this.#offsets);
      this.#ends = grown(this.#ends);
    }
    this.#offsets[this.#count] = offset;
    this.#ends[this.#count++] = end;
  }

  /** Offset of the first byte of batch `index`; that of the file's end for none. */
  offset(index: number, fileBytes: number): number {
    return index < this.#count ? this.#offsets[index]! : fileBytes;
  }

  /** Position ahead of batch `index`, which is that behind the one before. */
  start(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!;
  }

  /** The first batch that ends behind `position`; their count where none does. */
  batchAfter(position: number): number {
    return this.#first((index) => this.#ends[index]! > position);
  }

  /** The first batch that begins at `offset` or behind it; their count where none does. */
  batchFrom(offset: number): number {
    return this.#first((index) => this.#offsets[index]! >= offset);
  }

  clear(): void {
    this.#count = 0;
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

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
