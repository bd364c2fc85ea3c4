/**
 * What is typed at a terminal after a passphrase was asked for, and before the chat takes input: whoever sees nothing
 * happen types the passphrase again. It is read, and dropped unseen; the terminal stays in raw mode meanwhile.
 */

import { countText } from "../../base/text/words.ts";
import type { Streams } from "./streams.ts";

/** What was typed before the prompt of the chat is shown has been read when nothing has come for this long. */
const SETTLE_MS = 50;
/** The same where the last line wasn't entered yet: whoever sees no prompt stops typing. */
const QUIET_MS = 1_000;
/** More than terminals keep for one read. */
const READ_BYTES = 4_096;

const INTERRUPT = "\x03";
/** Keys without text, the marks of pastes, and answers of the terminal. */
// deno-lint-ignore no-control-regex
const SEQUENCES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])?/g;
const TEXT = /[!-~\x80-\xff]/;
const LINE_END = /[\r\n]+/;

/** What whoever takes the terminal over needs. */
interface HandedOver {
  /** What to tell the user; null: nothing was dropped. */
  readonly notice: string | null;
  /** Reads standard input from here on, as `Streams.stdin.read` does. */
  readonly read: (buffer: Uint8Array) => Promise<number | null>;
}

/** A process has one standard input. */
let current: DroppedInput | null = null;

/** What drops the terminal's input now; to be asked for by whoever is about to read it. Null: nothing does. */
export function droppedInput(): DroppedInput | null {
  return current;
}

/** Reads and drops the terminal's input until somebody takes it over. */
export class DroppedInput {
  readonly #streams: Streams;
  readonly #release: () => void;
  #lines = 0;
  #isCut = false;
  #reads = 0;
  #isAtEnd = false;
  /** Takes the read in progress. */
  #taker: ((bytes: Uint8Array | null) => void) | null = null;

  /**
   * Begins at once. The terminal is in raw mode.
   * @param typed What was read behind the passphrase already. @param release Called when somebody else reads.
   */
  constructor(streams: Streams, typed: string, release: () => void) {
    this.#streams = streams;
    this.#release = release;
    current = this;
    this.#drop(typed);
    void this.#readAll(); // catches what a lost terminal throws
  }

  /** Resolves when all that was typed so far is dropped; the caller reads from then on. To be called once. */
  async handOver(): Promise<HandedOver> {
    for (;;) {
      const reads = this.#reads;
      await new Promise((resolve) => setTimeout(resolve, this.#isCut ? QUIET_MS : SETTLE_MS));
      if (this.#reads === reads || this.#isAtEnd) break;
    }
    current = null;
    this.#release();
    const { promise, resolve } = Promise.withResolvers<Uint8Array | null>();
    if (this.#isAtEnd) resolve(null);
    else this.#taker = resolve;
    return { notice: this.#notice(), read: readerFrom(promise, this.#streams) };
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = await this.#streams.stdin.read(buffer).catch(() => null); // the terminal is gone
      const bytes = count === null ? null : buffer.subarray(0, count);
      if (this.#taker !== null) return this.#taker(bytes);
      if (bytes === null) break;
      this.#reads++;
      this.#drop(String.fromCharCode(...bytes));
      buffer.fill(0);
    }
    this.#isAtEnd = true;
  }

  #drop(typed: string): void {
    if (typed.includes(INTERRUPT)) this.#streams.interrupt();
    const parts = typed.replaceAll(SEQUENCES, "").split(LINE_END);
    for (const [index, part] of parts.entries()) {
      this.#isCut ||= TEXT.test(part);
      if (index === parts.length - 1 || !this.#isCut) continue;
      this.#lines++;
      this.#isCut = false;
    }
  }

  #notice(): string | null {
    const lines = this.#lines + (this.#isCut ? 1 : 0);
    if (lines === 0) return null;
    return `${countText(lines, "line")} that you typed before this prompt ` +
      (lines === 1
        ? "was dropped, as it may be a password"
        : "were dropped, as they may be passwords");
  }
}

/** Reads what `first` brings, then from the streams. */
function readerFrom(first: Promise<Uint8Array | null>, { stdin }: Streams): HandedOver["read"] {
  let rest: Uint8Array | null = null;
  let isFirst = true;
  return async (buffer) => {
    if (isFirst) {
      isFirst = false;
      rest = await first;
      if (rest === null) return null;
    }
    if (rest === null || rest.length === 0) return await stdin.read(buffer);
    const count = Math.min(rest.length, buffer.length);
    buffer.set(rest.subarray(0, count));
    rest = rest.subarray(count);
    return count;
  };
}
