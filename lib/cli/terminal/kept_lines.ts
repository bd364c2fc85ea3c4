/** The lines that the console keeps: those that were entered and wait, and those that were shown folded. */

import { numberText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { unitsOf } from "../streams/output_queue.ts";
import type { Line } from "../rendering/user_interface.ts";

interface HeldLine {
  readonly text: string;
  /** What `InputHandler.lineBegins` returned for it. */
  readonly begun: (() => void) | undefined;
  /** Whether all of it was pasted at once. */
  readonly isPasted: boolean;
}

/** Lines that wait while input is paused: more than anybody types before they look. */
const HELD_LINES_MAX = 100;

/**
 * Lines that were entered at a terminal and haven't been run: they are run in order, one at a time, each with what it
 * means taken from where it was begun.
 */
export class HeldLines {
  #lines: HeldLine[] = [];
  #isRunning = false;

  get size(): number {
    return this.#lines.length;
  }

  get isFull(): boolean {
    return this.#lines.length >= HELD_LINES_MAX;
  }

  /** Whether a line is being run: what is held was entered after it. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  add(line: HeldLine): void {
    this.#lines.push(line);
  }

  /** Runs line after line as long as `mayRun` says so, which is asked before each; never one within another. */
  run(mayRun: () => boolean, run: (text: string, isPasted: boolean) => void): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#lines.length > 0 && mayRun()) {
        const { text, begun, isPasted } = this.#lines.shift()!;
        begun?.();
        run(text, isPasted);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Takes all lines away: they won't be run. */
  take(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines.map(({ text }) => text);
  }
}

/** All that is kept, about 2 MB: the last 16 of the longest messages, some hundreds of usual ones that are folded. */
const UNITS_MAX = 1_048_576;

/** Lines that were shown without the rest of their body, for `/show N`. */
export class FoldedLines {
  readonly #kept = new Map<number, { readonly line: Line; readonly units: number }>();
  #units = 0;
  #count = 0;

  /** Keeps a line in place of the oldest ones. @returns Its number, from 1. */
  keep(line: Line): number {
    const units = unitsOf(line);
    this.#kept.set(++this.#count, { line, units });
    this.#units += units;
    for (const [number, { units }] of this.#kept) {
      if (this.#units <= UNITS_MAX || number === this.#count) break;
      this.#kept.delete(number);
      this.#units -= units;
    }
    return this.#count;
  }

  /** @throws {P2pchatError} `no-such-entry` where nothing has that number, or not any more. */
  line(number: number): Line {
    const kept = this.#kept.get(number);
    if (kept !== undefined) return kept.line;
    const wasThere = number >= 1 && number <= this.#count;
    const why = wasThere
      ? "it was too long ago; what /history or /log shows can be shown again"
      : this.#count === 0
      ? "nothing was folded so far"
      : `the last text that was folded is ${numberText(this.#count)}`;
    throw new P2pchatError("no-such-entry", `Cannot show ${numberText(number)}: ${why}`);
  }
}
