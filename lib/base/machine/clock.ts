/** A monotonic clock with timers: the runtime's clock in the program, a virtual one in tests. */

export interface Clock {
  /** Monotonic time, ms. */
  nowMs(): number;
  /** Calls `callback` once, at `atMs` or a little later, unless cancelled. */
  at(atMs: number, callback: () => void): { cancel(): void };
}

/** A measured time to a thousandth of a millisecond: further digits say nothing. */
export function measuredMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
