/**
 * Of each room time of which something is kept, how many bundles, and what the first of them follows: any number may
 * have the same one, where a liar says so, and each beacon names one.
 */

import type { KeptBundle } from "./order_io.ts";

interface Same {
  count: number;
  /** The lowest of those that were kept at once: of what is let go of, the others don't take it back. */
  follows: number;
}

export class SameTime {
  /** As many as there are kept bundles, at most. */
  readonly #byTime = new Map<number, Same>();

  add({ time, follows }: KeptBundle): void {
    const same = this.#byTime.get(time);
    if (same === undefined) this.#byTime.set(time, { count: 1, follows });
    else {
      same.count++;
      same.follows = Math.min(same.follows, follows);
    }
  }

  remove({ time }: KeptBundle): void {
    const same = this.#byTime.get(time);
    if (same === undefined) return;
    if (same.count === 1) this.#byTime.delete(time);
    else same.count--;
  }

  has(time: number): boolean {
    return this.#byTime.has(time);
  }

  /** Counter of our own up to which the authors of all that has this time had been shown what we say; 0 for nothing. */
  follows(time: number): number {
    return this.#byTime.get(time)?.follows ?? 0;
  }
}
