/** The file of a log on a disk that may be full for a while: lines that can't be written are dropped and counted. */

import type { Sink } from "./patient_sink.ts";

const LINE_FEED = 10;

export class LogFile implements Sink {
  readonly #file: Sink;
  readonly #onFailure: (error: unknown) => void;
  readonly #encoder = new TextEncoder();
  /** Lines dropped since the last one that was written. */
  #leftOut = 0;
  #hasFailed = false;
  /** Whether the file ends with an incomplete line. */
  #isCut = false;

  /** @param onFailure Called only for the first failure. */
  constructor(file: Sink, onFailure: (error: unknown) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  /** Writes whole lines; never rejects. */
  async write(lines: Uint8Array): Promise<number> {
    let rest = lines;
    try {
      if (this.#leftOut > 0) await this.#writeCount();
      while (rest.length > 0) rest = rest.subarray(await this.#writeSome(rest));
    } catch (error) {
      // A line written only in part counts as dropped, too.
      this.#leftOut += rest.reduce((count, byte) => byte === LINE_FEED ? count + 1 : count, 0);
      if (!this.#hasFailed) this.#onFailure(error);
      this.#hasFailed = true;
    }
    return lines.length;
  }

  async #writeCount(): Promise<void> {
    const count = `${JSON.stringify({ leftOut: this.#leftOut })}\n`;
    let rest: Uint8Array = this.#encoder.encode(this.#isCut ? `\n${count}` : count);
    while (rest.length > 0) rest = rest.subarray(await this.#writeSome(rest));
    this.#leftOut = 0;
  }

  async #writeSome(bytes: Uint8Array): Promise<number> {
    const count = await this.#file.write(bytes);
    if (count > 0) this.#isCut = bytes[count - 1] !== LINE_FEED;
    return count;
  }
}
