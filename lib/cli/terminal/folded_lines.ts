/** The long texts that the console showed folded: their lines are kept, so that `/show N` shows them whole. */

import { numberText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { unitsOf } from "../streams/output_queue.ts";
import type { Line } from "../rendering/user_interface.ts";

/** All that is kept, about 2 MB: the last 16 of the longest messages, some hundreds of usual ones that are folded. */
const UNITS_MAX = 1_048_576;

/** Lines that were shown without the rest of their body, for `/show N`. */
export class FoldedLines {
  readonly #kept = new Map<number, { readonly line: Line; readonly units: number }>();
  #units = 0;
  #count = 0;

  /** Keeps a line in place of the oldest ones, of which what somebody is asked goes last. @returns Its number, from 1. */
  keep(line: Line): number {
    const units = unitsOf(line);
    this.#kept.set(++this.#count, { line, units });
    this.#units += units;
    for (const [number, { line, units }] of this.#kept) {
      if (this.#units <= UNITS_MAX || number === this.#count) break;
      if (isAsked(line) && this.#units <= 2 * UNITS_MAX) continue;
      this.#kept.delete(number);
      this.#units -= units;
    }
    return this.#count;
  }

  /** @throws {P2pchatError} `no-such-entry` where nothing has that number, or not any more. */
  line(number: number): Line {
    const kept = this.#kept.get(number);
    if (kept !== undefined) return kept.line;
    const why = number <= this.#count
      ? "it was too long ago; what /history or /log shows can be shown again"
      : this.#count === 0
      ? "nothing was folded so far"
      : `the last text that was folded is ${numberText(this.#count)}`;
    throw new P2pchatError("no-such-entry", `Cannot show ${numberText(number)}: ${why}`);
  }
}

/** Whoever is asked to agree to it can't before they have seen all of it. */
const isAsked = (of: Line) => of.some((span) => typeof span === "object" && "areSigned" in span);
