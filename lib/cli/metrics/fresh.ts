/** What monitors are told is made at most once a second, however many ask, and how often: it costs the others nothing. */

import type { Clock } from "../../base/machine/clock.ts";

/** Monitors ask every 5 s or less often, mostly; to people who look a second is now. */
const FRESH_MS = 1_000;

export class Fresh<Value> {
  #latest: { readonly atMs: number; readonly value: Value } | null = null;

  constructor(readonly clock: Pick<Clock, "nowMs">, readonly make: () => Value) {}

  /** As it is now, or was within the last second. */
  get(): Value {
    const nowMs = this.clock.nowMs();
    if (this.#latest === null || nowMs - this.#latest.atMs >= FRESH_MS) {
      this.#latest = { atMs: nowMs, value: this.make() };
    }
    return this.#latest.value;
  }
}
