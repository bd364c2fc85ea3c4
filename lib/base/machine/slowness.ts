/**
 * How slow things are of late, and how much longer others may therefore take to answer.
 *
 * Where a processor has too much to do, programs stand in line for it: each answers late, and finds the answers to its
 * own questions late. Whoever measures that can't tell the living from the dead as fast as otherwise, and has to give
 * them more time. The picture: Lifeguard's local health (Dadgar, Phillips, Currey, 2017), which multiplies timeouts by
 * how badly the asking process does itself; here it is measured in time, so that a few late timers cost next to nothing.
 */

/** Lateness up to this is normal: timers, and pauses for collecting garbage. */
const IGNORED_MS = 50;
/** How many times as late as the latest of late something may be: two turns there, two here. */
const GRACE_TIMES = 4;
/** What somebody who is slow, or says so, gains at most: no more than a user waits for a room that is stuck. */
export const GRACE_MS_MAX = 12_000;
/** How long what was measured counts, at least; and at most twice as long. */
const KEPT_MS = 5_000;
/** A step that is later than this shows that this process stood still, as while its machine slept: that is over. */
export const STALL_MS_MIN = 2_000;

export class Slowness {
  /** The worst of this interval, and of the one before. */
  #worstMs = 0;
  #beforeMs = 0;
  #untilMs = -Infinity;

  /**
   * An answer came so much later than it would have on an idle machine; 0 or less: it was in time. To be called for
   * each of them: what was measured before is forgotten by that.
   */
  came(lateMs: number, nowMs: number): void {
    if (nowMs >= this.#untilMs) {
      this.#beforeMs = nowMs < this.#untilMs + KEPT_MS ? this.#worstMs : 0;
      this.#worstMs = 0;
      this.#untilMs = nowMs + KEPT_MS;
    }
    if (lateMs > this.#worstMs) this.#worstMs = lateMs;
  }

  /** A step of this process came so much later than it was due. */
  stepped(lateMs: number, nowMs: number): void {
    this.came(lateMs > STALL_MS_MIN ? 0 : lateMs, nowMs);
  }

  /** The latest that anything came of late, ms. */
  get lateMs(): number {
    return Math.max(this.#worstMs, this.#beforeMs);
  }

  /** How much longer than otherwise others may take, ms: 0 to `GRACE_MS_MAX`. */
  get graceMs(): number {
    return graceFor(this.lateMs);
  }
}

/** How late most of these come: one alone who is slow, or pretends to be, changes nothing for itself or others. */
export function mostLateMs(all: Iterable<Slowness>): number {
  const lates = Array.from(all, ({ lateMs }) => lateMs).sort((a, b) => a - b);
  return lates[Math.floor((lates.length - 1) / 2)] ?? 0;
}

/**
 * How much longer somebody may take where things come so late, ms.
 * @param turns How many turns an answer takes.
 */
export function graceFor(lateMs: number, turns = GRACE_TIMES): number {
  return Math.min(turns * Math.max(0, lateMs - IGNORED_MS), GRACE_MS_MAX);
}
