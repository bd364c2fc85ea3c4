/**
 * The time that a mode's machine sees: monotonic time less what this process stood still, as on a suspended laptop or
 * by SIGSTOP. So nobody is blamed for that time, and whoever was to answer meanwhile keeps what was left to them.
 *
 * Token buckets don't refill meanwhile. They needn't: a peer whose link is silent for three seconds closes it, so no
 * more than three seconds' messages wait to be read, and a burst is for more than that.
 */

import { stalledMs } from "./mode_machine.ts";

export class AwakeClock {
  /** How long this process stood still, in all, ms. */
  #stoodStillMs = 0;
  #nowMs = 0;
  #stalledMs = 0;
  /** The machine's earliest deadline, in awake time; null where there is none. To be set at the end of each step. */
  dueMs: number | null = null;

  /** How long this process stood still just before this step, ms; 0 where it didn't. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /** Begins a step. @returns Awake time, ms: what the machine takes for its time. It never goes back. */
  step(monotonicMs: number): number {
    let nowMs = Math.max(this.#nowMs, monotonicMs - this.#stoodStillMs);
    this.#stalledMs = stalledMs(this.dueMs, this.#nowMs, nowMs);
    this.#stoodStillMs += this.#stalledMs;
    nowMs -= this.#stalledMs;
    // By its fraction, a sum less what was added may be less than before: what is due would be so for ever.
    const isDue = (this.nextDeadlineMs() ?? Infinity) <= monotonicMs;
    return this.#nowMs = isDue ? Math.max(nowMs, this.dueMs!) : nowMs;
  }

  /** What the machine's `nextDeadlineMs()` returns: `dueMs` in monotonic time. */
  nextDeadlineMs(): number | null {
    return this.dueMs === null ? null : this.dueMs + this.#stoodStillMs;
  }
}
