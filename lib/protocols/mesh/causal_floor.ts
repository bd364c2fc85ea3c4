/**
 * What comes too late to be shown: an answer to it may have been.
 *
 * Who was behind by more than is kept goes on without what nobody keeps any more. What that followed, nobody can tell
 * then: only its own header said so. But all of it came before it in room order, and the oldest is let go of first. So
 * what isn't here by then, at or below the floors of those who let go of it, may be what was answered; and a
 * neighbour that is behind itself may still bring it. It counts as missed, as what was gone on without.
 *
 * Neighbours can say anything about their floors. So nothing is missed on their word: what is late must be below our own
 * floor, too, which follows theirs as what they keep comes in. As long as that goes on, it waits, for some seconds: where
 * it takes longer, something may be shown after its answer. What comes in may wait for it in turn: where that is more than
 * is kept, it is below the floor that will be.
 */

import { LATE_MS_MAX, LATE_QUIET_MS } from "./limits.ts";

/** `late`: not to be shown. `wait`: that isn't known yet. */
export type Lateness = "in-time" | "wait" | "late";

export class CausalFloor {
  #time = 0;
  /** When something of a range was last delivered: catching up goes on. */
  #rangeAtMs = -Infinity;

  /** Room time: at or below it is all that may have been answered by what was shown. */
  get time(): number {
    return this.#time;
  }

  /** Something was gone on without, all that it followed being at or below this room time. */
  raise(time: number): void {
    if (time > this.#time) this.#time = time;
  }

  /** @param time Room time of it: what waited for the rest isn't the rest, and the next one needn't wait for it again. */
  rangeCame(time: number, nowMs: number): void {
    if (time > this.#time) this.#rangeAtMs = nowMs;
  }

  /**
   * Of what comes now, from at or below that time.
   * @param isTooOld Whether it is below our own floor.
   * @param sinceMs When all that it follows was here.
   */
  latenessOf(isTooOld: boolean, sinceMs: number, nowMs: number): Lateness {
    if (isTooOld) return "late";
    const isCatchingUp = nowMs - this.#rangeAtMs < LATE_QUIET_MS;
    return isCatchingUp && nowMs - sinceMs < LATE_MS_MAX ? "wait" : "in-time";
  }

  postpone(delayMs: number): void {
    this.#rangeAtMs += delayMs;
  }
}
