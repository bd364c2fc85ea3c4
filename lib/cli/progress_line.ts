/** How far a command is that does one thing and ends: one line at a terminal, rewritten. */

import type { CommonOptions } from "./options.ts";
import { type Sink, STANDARD_ERROR } from "./streams.ts";
import { writeWhole } from "./write_whole.ts";

/** Nothing is said before, and then as often. */
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

  /** Takes it away, for what is to stand there. */
  async clear(): Promise<void> {
    if (this.#isThere) await writeWhole(this.#sink, ERASE_LINE);
    this.#isThere = false;
  }
}

/** On standard error; null where nothing may be rewritten. */
export function openProgressLine({ plain, json }: CommonOptions): ProgressLine | null {
  const isShown = !plain && !json && Deno.stderr.isTerminal();
  return isShown ? new ProgressLine(STANDARD_ERROR, () => performance.now()) : null;
}
