/** Calls that nobody answered here, the latest ones. */

import { dateText } from "../../base/dates.ts";
import type { MissedCall } from "./events.ts";
import { MISSED_MAX } from "./limits.ts";

export class MissedCalls {
  readonly #calls: MissedCall[] = [];

  constructor(readonly wallMs: () => number) {}

  get calls(): readonly MissedCall[] {
    return this.#calls;
  }

  add(from: string): MissedCall {
    const call = { from, at: dateText(this.wallMs()) };
    this.#calls.push(call);
    if (this.#calls.length > MISSED_MAX) this.#calls.shift();
    return call;
  }
}
