/** Lines of a call: those that wait to go out, and how many of those sent were shown. */

import { utf8Length } from "../../../base/text/text.ts";
import { LINES_BYTES_MAX, LINES_MAX } from "../schema/client_limits.ts";
import { HEARD_LINES_MAX } from "../schema/limits.ts";

interface Line {
  readonly text: string;
  readonly ref: string | undefined;
}

/** Waiting lines: while the call rings, and while its link takes no more. */
export class CallLines {
  readonly #lines: Line[] = [];
  #bytes = 0;

  get size(): number {
    return this.#lines.length;
  }

  /** How full the queue is, 0 to 1. */
  get fill(): number {
    return Math.max(this.#lines.length / LINES_MAX, this.#bytes / LINES_BYTES_MAX);
  }

  add(line: Line): void {
    this.#lines.push(line);
    this.#bytes += utf8Length(line.text);
  }

  shift(): Line | undefined {
    const line = this.#lines.shift();
    if (line !== undefined) this.#bytes -= utf8Length(line.text);
    return line;
  }
}

/**
 * How many lines each side was shown, as it reports to the other: lines that were sent and not reported may be lost.
 */
export class Receipts {
  #said = 0;
  /** How many of those the other side was shown, as it reported. */
  #heard = 0;
  /** How many of the other side's lines were shown here. */
  #shown = 0;
  /** How many of those we have reported. */
  #told = 0;

  /** How many of the lines that were sent, the last ones, the other side may not have been shown. */
  get unheard(): number {
    return this.#said - this.#heard;
  }

  /** Whether lines that were shown must be reported, and whether at once. */
  get owed(): "nothing" | "soon" | "now" {
    const untold = this.#shown - this.#told;
    if (untold === 0) return "nothing";
    return untold < HEARD_LINES_MAX ? "soon" : "now";
  }

  said(): void {
    this.#said++;
  }

  shown(): void {
    this.#shown++;
  }

  /** The report is sent now. @returns How many of the other side's lines were shown. */
  tell(): number {
    return this.#told = this.#shown;
  }

  /** The other side was shown so many lines. @returns False where that is no news, or impossible. */
  heard(lines: number): boolean {
    if (lines <= this.#heard || lines > this.#said) return false;
    this.#heard = lines;
    return true;
  }
}
