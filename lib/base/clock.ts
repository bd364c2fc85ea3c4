/** Time that goes on evenly; the program's is the runtime's, a test's is its own. */

export interface Clock {
  /** Monotonic, ms. */
  nowMs(): number;
  /** Calls `callback` once, at `atMs` or a little later, unless cancelled. */
  at(atMs: number, callback: () => void): { cancel(): void };
}
