/** What waits to be sent in one lane: chunks that are taken whole or not at all, read as one stream. */

// Emptied slots are given back once so many have gathered: moving the rest then costs little a chunk.
const COMPACT_AFTER = 1_024;

export class SendLane {
  #chunks: Uint8Array[] = [];
  #first = 0;
  /** Bytes of the first chunk that were taken already. */
  #offset = 0;
  #waitingBytes = 0;

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Adds a chunk, which must not change until it was taken. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
  }

  /** Moves as many bytes as there are, or fit, to `target` from `start` on. @returns How many. */
  take(target: Uint8Array, start: number): number {
    let at = start;
    while (at < target.length && this.#first < this.#chunks.length) {
      const chunk = this.#chunks[this.#first]!;
      const length = Math.min(chunk.length - this.#offset, target.length - at);
      target.set(
        length === chunk.length ? chunk : chunk.subarray(this.#offset, this.#offset + length),
        at,
      );
      at += length;
      this.#offset += length;
      if (this.#offset === chunk.length) this.#dropFirst();
    }
    this.#waitingBytes -= at - start;
    return at - start;
  }

  /** Forgets all that waits. */
  clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#offset = 0;
    this.#waitingBytes = 0;
  }

  #dropFirst(): void {
    this.#first += 1;
    this.#offset = 0;
    if (this.#first === this.#chunks.length) {
      this.#chunks = [];
      this.#first = 0;
    } else if (this.#first >= COMPACT_AFTER) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }
}
