/**
 * Which bundles come too late to be shown: an answer to them may have been shown already.
 *
 * A member that was behind by more than is kept goes on without what nobody keeps any more. Which bundles that followed
 * nobody can tell then: only its own header said so. But all of them came before it in room order, and the oldest are
 * let go of first. So any bundle that isn't here by then, at or below the floors of those that let go of it, may be
 * what was answered; and a neighbour that is behind itself may still bring it. It counts as missed, like what was gone
 * on without.
 *
 * Neighbours can say anything about their floors. So nothing is missed on their word alone: a late bundle must be below
 * our own floor, too, which follows theirs as the bundles that they keep arrive. As long as these arrive, it waits, for
 * some seconds: where it takes longer, something may be shown after its answer. The arriving bundles may wait for it in
 * turn: where these are more than are kept, it is below the floor that there will be.
 */

import { LATE_MS_MAX, LATE_QUIET_MS } from "../schema/limits.ts";

/** `late`: not to be shown. `wait`: that isn't known yet. */
export type Lateness = "in-time" | "wait" | "late";

export class CausalFloor {
  #time = 0;
  /** When something of a range was last delivered: catching up goes on. */
  #rangeAtMs = -Infinity;

  /** A room time: all that may have been answered by what was shown is at or below it. */
  get time(): number {
    return this.#time;
  }

  /** We went on without something; all that it followed is at or below this room time. */
  raise(time: number): void {
    if (time > this.#time) this.#time = time;
  }

  /** A bundle of a range came. @param time Its room time: at or below ours it waited itself, and delays no other. */
  rangeCame(time: number, nowMs: number): void {
    if (time > this.#time) this.#rangeAtMs = nowMs;
  }

  /**
   * The lateness of a bundle that comes now, from at or below `time`.
   * @param isTooOld Whether it is below our own floor.
   * @param sinceMs Since when all that it follows is here.
   */
  latenessOf(isTooOld: boolean, sinceMs: number, nowMs: number): Lateness {
    if (isTooOld) return "late";
    const isCatchingUp = nowMs - this.#rangeAtMs < LATE_QUIET_MS;
    return isCatchingUp && nowMs - sinceMs < LATE_MS_MAX ? "wait" : "in-time";
  }
}
