/** When entries came to one member, by the coordinator's monotonic clock: the latest ones, in a ring. */

import { ARRIVALS_KEPT_MAX } from "../limits.ts";
import type { Arrival } from "./state.ts";

export class Arrivals {
  /** Allocated when the first entry comes. */
  #atMs: Float64Array | null = null;
  /** Number of the last entry that was reported. */
  #through = 0;

  /** When the entry came; null where it hasn't come, or the time isn't known. */
  at(seq: number): number | null {
    const isKept = seq <= this.#through && seq > this.#through - ARRIVALS_KEPT_MAX && seq > 0;
    const atMs = isKept ? this.#atMs?.[seq % ARRIVALS_KEPT_MAX] : undefined;
    return atMs === undefined || Number.isNaN(atMs) ? null : atMs;
  }

  /** Takes a member's report on the entries after a number. */
  add(after: number, arrivals: readonly Arrival[], nowMs: number): void {
    let from = after;
    // Times that the ring wouldn't keep aren't written in the first place: a report may have many, with any numbers.
    const keptAfter = (arrivals.at(-1)?.through ?? 0) - ARRIVALS_KEPT_MAX;
    for (const { through, agoMs } of arrivals) {
      if (through > keptAfter) this.#fill(from, through, nowMs - agoMs);
      from = through;
    }
  }

  #fill(after: number, through: number, atMs: number): void {
    this.#atMs ??= new Float64Array(ARRIVALS_KEPT_MAX).fill(NaN);
    // When the entries between came wasn't reported.
    this.#write(Math.max(this.#through, after - ARRIVALS_KEPT_MAX), after, NaN);
    this.#write(Math.max(this.#through, after, through - ARRIVALS_KEPT_MAX), through, atMs);
    this.#through = Math.max(this.#through, through);
  }

  #write(after: number, through: number, atMs: number): void {
    for (let seq = after + 1; seq <= through; seq++) this.#atMs![seq % ARRIVALS_KEPT_MAX] = atMs;
  }
}
