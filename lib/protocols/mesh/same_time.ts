/**
 * For each room time of kept bundles: how many there are, and up to which counter of ours their authors had received
 * our messages. A liar can give any number of bundles the same time, and each beacon names a time.
 */

import type { KeptBundle } from "./order_io.ts";

interface Same {
  count: number;
  /** The lowest of all bundles kept since this time first occurred; it stays when the bundle itself is dropped. */
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

  /** Our own counter up to which the authors of all bundles of this time had received our messages; 0 for none. */
  follows(time: number): number {
    return this.#byTime.get(time)?.follows ?? 0;
  }
}
