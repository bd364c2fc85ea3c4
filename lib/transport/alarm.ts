/** One alarm for the earliest of many deadlines. */

import type { LinkClock } from "./link.ts";

/**
 * Deadlines are seconds long. Ringing no more often than this lets one ring serve many links, and a deadline is
 * served this late at most.
 */
const RING_INTERVAL_MS = 50;

export class Alarm {
  readonly #clock: LinkClock;
  readonly #ring: (nowMs: number) => void;
  #set: { readonly atMs: number; cancel(): void } | null = null;
  #lastRingMs = -Infinity;

  /** `ring` serves what is due and sets the alarm for what comes next. */
  constructor(clock: LinkClock, ring: (nowMs: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Sees to it that it rings at `dueMs` or a little later; an earlier one that is set stays. */
  setEarliest(dueMs: number): void {
    const atMs = Math.max(dueMs, this.#lastRingMs + RING_INTERVAL_MS);
    if (this.#set !== null) {
      if (this.#set.atMs <= atMs) return;
      this.#set.cancel();
    }
    const timer = this.#clock.at(atMs, () => {
      this.#set = null;
      this.#lastRingMs = this.#clock.nowMs();
      this.#ring(this.#lastRingMs);
    });
    this.#set = { atMs, cancel: () => timer.cancel() };
  }

  cancel(): void {
    this.#set?.cancel();
    this.#set = null;
  }
}
