/** Writes to a stream, in order, what is given at any time; whoever gives sees how much waits, and stops in time. */

import type { ByteStream } from "../../transport/byte_stream.ts";

export class StreamOutput {
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #isFinishing = false;
  /** How often a write was done: it grows while the other side reads. */
  writes = 0;

  constructor(readonly stream: ByteStream) {}

  /** Bytes that the system hasn't taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#isFinishing) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#next();
  }

  /** Nothing more is given: the outgoing direction ends after what waits. */
  finish(): void {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    if (!this.#isWriting) this.stream.finish();
  }

  /** The stream has written what it was given. */
  written(): void {
    this.writes += 1;
    this.#isWriting = false;
    this.#waitingBytes -= this.#waiting.shift()?.length ?? 0;
    this.#next();
    if (!this.#isWriting && this.#isFinishing) this.stream.finish();
  }

  #next(): void {
    const [first] = this.#waiting;
    if (this.#isWriting || first === undefined) return;
    this.#isWriting = true;
    this.stream.write(first);
  }
}
