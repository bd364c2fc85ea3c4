/** Text to a standard stream, for commands that print a few lines and end: the result, and a line of progress. */

import { CLOSE_MS_MAX, isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { outputError } from "./output_queue.ts";
import { type Sink, STANDARD_ERROR, STANDARD_OUTPUT } from "./streams.ts";
import type { CommonOptions } from "../args/options.ts";

/**
 * Writes all of `text`.
 * @returns The error, such as that nobody reads it or a disk is full; null for none.
 */
export async function writeWhole(stream: Sink, text: string): Promise<unknown> {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(await stream.write(bytes));
    return null;
  } catch (error) {
    return error;
  }
}

/** The same for a program's last output: a reader that has stopped doesn't keep the program from ending. */
export async function writeLast(stream: Sink, text: string): Promise<unknown> {
  let failure: unknown = null;
  const written = writeWhole(stream, text).then((error) => failure = error);
  await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, written);
  return failure;
}

/**
 * Writes the result of a command to standard output. If nobody reads it, that isn't an error: the exit status tells
 * the rest.
 * @throws {P2pchatError} `disk`.
 */
export async function print(text: string): Promise<void> {
  const failure = await writeWhole(STANDARD_OUTPUT, text);
  const error = failure === null ? null : outputError(failure);
  if (error !== null) throw error;
}

/** Time until the first progress line, and between updates. */
const PROGRESS_MS = 1_000;

const ERASE_LINE = "\r\x1b[K";

/** The progress of a command that does one thing and ends: a line at a terminal that is rewritten. */
export class ProgressLine {
  readonly #sink: Sink;
  readonly #nowMs: () => number;
  #toldMs: number;
  #isThere = false;

  constructor(sink: Sink, nowMs: () => number) {
    this.#sink = sink;
    this.#nowMs = nowMs;
    this.#toldMs = nowMs();
  }

  async tell(text: () => string): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = nowMs;
    this.#isThere = true;
    await writeWhole(this.#sink, `${ERASE_LINE}${text()}`);
  }

  /** Removes the line, so that something else can be written there. */
  async clear(): Promise<void> {
    if (this.#isThere) await writeWhole(this.#sink, ERASE_LINE);
    this.#isThere = false;
  }
}

/** On standard error; null where lines must not be rewritten. */
export function openProgressLine({ plain, json }: CommonOptions): ProgressLine | null {
  const isShown = !plain && !json && Deno.stderr.isTerminal();
  return isShown ? new ProgressLine(STANDARD_ERROR, () => performance.now()) : null;
}
