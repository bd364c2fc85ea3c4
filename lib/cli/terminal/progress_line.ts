/** The progress of a command that does one thing and ends: a line at a terminal that is rewritten. */

import type { CommonOptions } from "../args/options.ts";
import type { Sink } from "../streams/patient_sink.ts";
import { STANDARD_ERROR } from "../streams/streams.ts";
import { writeWhole } from "../streams/write_whole.ts";

/** Time until the first progress line, and between updates. */
const PROGRESS_MS = 1_000;

const ERASE_LINE = "\r\x1b[K";

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
