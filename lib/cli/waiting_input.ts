/**
 * The end of a script whose lines wait for a server: input that has come to its end waits no longer than anything
 * else, and neither does more input than is held, of a program that the server has never let in.
 */

import type { Clock } from "../base/clock.ts";
import { WAIT_MS_MAX } from "../base/mode_limits.ts";
import type { WaitingLines } from "./user_interface.ts";

/** How often it is looked whether a line has been run. */
const LOOK_MS = 1_000;

export class WaitingInput {
  readonly #clock: Clock;
  readonly #giveUp: (waiting: WaitingLines) => void;
  #wasIn = false;
  #deadline: { cancel(): void } | null = null;

  /** @param giveUp Called once, when no line has been run for 10 s. */
  constructor(clock: Clock, giveUp: (waiting: WaitingLines) => void) {
    this.#clock = clock;
    this.#giveUp = giveUp;
  }

  /** No more is read for now. */
  waits(waiting: WaitingLines): void {
    this.close();
    this.#lookLater(waiting, waiting.count(), this.#clock.nowMs());
  }

  /** @param sinceMs Since when there have been so many `lines`. */
  #lookLater(waiting: WaitingLines, lines: number, sinceMs: number): void {
    this.#deadline = this.#clock.at(this.#clock.nowMs() + LOOK_MS, () => {
      const nowMs = this.#clock.nowMs();
      const left = waiting.count();
      if (left === 0 || (!waiting.areAll && this.#wasIn)) return;
      if (left === lines && nowMs - sinceMs >= WAIT_MS_MAX) this.#giveUp(waiting);
      else this.#lookLater(waiting, left, left === lines ? sinceMs : nowMs);
    });
  }

  /** The server has let the program in. */
  letIn(): void {
    this.#wasIn = true;
  }

  close(): void {
    this.#deadline?.cancel();
  }
}
