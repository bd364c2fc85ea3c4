/** A single timer for the earliest of many deadlines. */

import type { LinkClock } from "./link.ts";

/**
 * Shortest interval between two rings, so that one ring serves many links. Deadlines, which are seconds long, are
 * served at most this much late.
 */
const RING_INTERVAL_MS = 50;

export class Alarm {
  readonly #clock: LinkClock;
  readonly #ring: (nowMs: number) => void;
  #set: { readonly atMs: number; cancel(): void } | null = null;
  #lastRingMs = -Infinity;

  /** `ring` serves what is due and sets the alarm for the next deadline. */
  constructor(clock: LinkClock, ring: (nowMs: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Makes the alarm ring at `dueMs` or a little later, unless it is already set for an earlier time. */
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
