/** The latest calls that nobody answered here. */

import { dateText } from "../../../base/text/dates.ts";
import type { MissedCall } from "../schema/events.ts";
import { MISSED_MAX } from "../schema/limits.ts";

export class MissedCalls {
  readonly #calls: MissedCall[] = [];

  constructor(readonly wallMs: () => number) {}

  get calls(): readonly MissedCall[] {
    return this.#calls;
  }

  add(from: string): void {
    this.#calls.push({ from, at: dateText(this.wallMs()) });
    if (this.#calls.length > MISSED_MAX) this.#calls.shift();
  }
}
