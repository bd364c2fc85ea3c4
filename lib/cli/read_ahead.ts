/** Reads the input of a pipe ahead of the lines that are run, as far as it is held in memory. */

import { READ_BYTES } from "./streams.ts";

/** No more is read while so much waits. The end of shorter input is seen although its lines wait. */
const HELD_BYTES_MAX = 4 * READ_BYTES;

const LINE_FEED = 0x0a;

export class ReadAhead {
  readonly #read: (buffer: Uint8Array) => Promise<number | null>;
  readonly #stopped: (isEnd: boolean) => void;
  readonly #held: Uint8Array[] = [];
  #bytes = 0;
  #isOver = false;
  /** Wakes whoever waits for more, or for room. */
  #wake: () => void = () => {};

  /**
   * @param read Returns the number of bytes read into `buffer`; null at the end of input. Never rejects.
   * @param stopped Called when no more is read: because the input ends (`isEnd`), or until some has been taken.
   */
  constructor(
    read: (buffer: Uint8Array) => Promise<number | null>,
    stopped: (isEnd: boolean) => void,
  ) {
    this.#read = read;
    this.#stopped = stopped;
    void this.#run();
  }

  /** How many lines end in what is held. */
  lines(): number {
    let count = 0;
    for (const bytes of this.#held) for (const byte of bytes) if (byte === LINE_FEED) count += 1;
    return count;
  }

  /** The next bytes, as soon as there are any; null at the end of input. */
  async next(): Promise<Uint8Array | null> {
    while (this.#held.length === 0 && !this.#isOver) await this.#change();
    const bytes = this.#held.shift() ?? null;
    this.#bytes -= bytes?.length ?? 0;
    this.#wake();
    return bytes;
  }

  async #run(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const length = await this.#read(buffer);
      if (length === null) break;
      this.#held.push(buffer.slice(0, length));
      this.#bytes += length;
      this.#wake();
      if (this.#bytes < HELD_BYTES_MAX) continue;
      this.#stopped(false);
      while (this.#bytes >= HELD_BYTES_MAX) await this.#change();
    }
    this.#isOver = true;
    this.#wake();
    this.#stopped(true);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}
