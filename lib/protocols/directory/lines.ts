/** Lines of a call: those that wait to go out, and how many of those that went out were shown. */

import { utf8Length } from "../../base/text.ts";
import { LINES_BYTES_MAX, LINES_MAX } from "./client_limits.ts";
import { HEARD_LINES_MAX } from "./limits.ts";

interface Line {
  readonly text: string;
  readonly ref: string | undefined;
}

/** Lines wait while the call rings, and while its link takes no more. */
export class Lines {
  readonly #lines: Line[] = [];
  #bytes = 0;

  get size(): number {
    return this.#lines.length;
  }

  /** 0 to 1 of what may wait. */
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

/** How many lines each side was shown, as it tells the other: what is said and not heard may be lost. */
export class Receipts {
  #said = 0;
  /** Of those, what the other was shown, by its own account. */
  #heard = 0;
  /** Of the other's. */
  #shown = 0;
  /** Of those, what it was told of. */
  #told = 0;

  /** Of what went out, how many lines the other may not have been shown: the last ones. */
  get unheard(): number {
    return this.#said - this.#heard;
  }

  /** Whether the other is to be told of lines that were shown, and whether at once. */
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

  /** The other is told now. @returns How many of its lines were shown. */
  tell(): number {
    return this.#told = this.#shown;
  }

  /** The other was shown so many. @returns False where that is no news, or can't be. */
  heard(lines: number): boolean {
    if (lines <= this.#heard || lines > this.#said) return false;
    this.#heard = lines;
    return true;
  }
}
