/**
 * A monotonic clock with timers, the runtime's clock in the program, a virtual one in tests; and the time that machines
 * see of it.
 */

import { Slowness, STALL_MS_MIN } from "./slowness.ts";

export interface Clock {
  /** Monotonic time, ms. */
  nowMs(): number;
  /** Calls `callback` once, at `atMs` or a little later, unless cancelled. */
  at(atMs: number, callback: () => void): { cancel(): void };
}

/** What a clock says that was never set, as without a battery, is before this. */
const SET_MS = 1e12;

/**
 * How long ago something was by the wall clock, for a limit of hours or days. A clock may be wrong at a start, by weeks or
 * by decades: two looks have to agree, and what was dated by a clock that wasn't set is new.
 * @param looksMs What the clock says now, and has said at an earlier start.
 */
export function agedMs(sinceWallMs: number, ...looksMs: readonly number[]): number {
  return sinceWallMs < SET_MS ? 0 : Math.max(0, Math.min(...looksMs) - sinceWallMs);
}

/** A measured time to a thousandth of a millisecond: further digits say nothing. */
export function measuredMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/**
 * The time that a mode's machine sees: monotonic time less what this process stood still, as on a suspended laptop or
 * by SIGSTOP. So nobody is blamed for that time, and whoever was to answer meanwhile keeps what was left to them.
 *
 * Token buckets don't refill meanwhile. They needn't: the other side closes a link on which nothing comes for some
 * seconds, so no more than what it sends in these waits to be read, and bursts are for more than that.
 */
export class AwakeClock {
  /** How long this process stood still, in all, ms. */
  #stoodStillMs = 0;
  #nowMs = 0;
  #stalledMs = 0;
  /** How late its steps come. */
  readonly #slowness = new Slowness();
  /** The machine's earliest deadline, in awake time; null where there is none. To be set at the end of each step. */
  dueMs: number | null = null;

  /** How long this process stood still just before this step, ms; 0 where it didn't. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /** How late its steps came of late, ms. */
  get lateMs(): number {
    return this.#slowness.lateMs;
  }

  /** Begins a step. @returns Awake time, ms: what the machine takes for its time. It never goes back. */
  step(monotonicMs: number): number {
    let nowMs = Math.max(this.#nowMs, monotonicMs - this.#stoodStillMs);
    // It was awake for whatever was due at the last step already.
    const idleMs = nowMs - Math.max(this.dueMs ?? nowMs, this.#nowMs);
    this.#stalledMs = idleMs > STALL_MS_MIN ? idleMs : 0;
    this.#stoodStillMs += this.#stalledMs;
    nowMs -= this.#stalledMs;
    this.#slowness.stepped(nowMs - (this.dueMs ?? nowMs), nowMs);
    // By its fraction, a sum less what was added may be less than before: what is due would be so for ever.
    const isDue = (this.nextDeadlineMs() ?? Infinity) <= monotonicMs;
    return this.#nowMs = isDue ? Math.max(nowMs, this.dueMs!) : nowMs;
  }

  /** What the machine's `nextDeadlineMs()` returns: `dueMs` in monotonic time. */
  nextDeadlineMs(): number | null {
    return this.dueMs === null ? null : this.dueMs + this.#stoodStillMs;
  }
}
