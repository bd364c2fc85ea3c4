/** A monotonic clock with timers: the runtime's clock in the program, a virtual one in tests. */

export interface Clock {
  /** Monotonic time, ms. */
  nowMs(): number;
  /** Calls `callback` once, at `atMs` or a little later, unless cancelled. */
  at(atMs: number, callback: () => void): { cancel(): void };
}
