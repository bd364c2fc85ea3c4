/** Writes to a stream, in order, what is given at any time; whoever gives sees how much waits, and stops in time. */

import type { ByteStream } from "../../transport/byte_stream.ts";

export class StreamOutput {
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
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
    this.#waitingBytes += bytes.length;
    if (this.#waiting.push(bytes) === 1) this.stream.write(bytes);
  }

  /** Nothing more is given: the outgoing direction ends after what waits. */
  finish(): void {
    if (!this.#isFinishing && this.#waiting.length === 0) this.stream.finish();
    this.#isFinishing = true;
  }

  /** The stream has written what it was given. */
  written(): void {
    this.writes += 1;
    this.#waitingBytes -= this.#waiting.shift()?.length ?? 0;
    const [next] = this.#waiting;
    if (next !== undefined) this.stream.write(next);
    else if (this.#isFinishing) this.stream.finish();
  }
}
