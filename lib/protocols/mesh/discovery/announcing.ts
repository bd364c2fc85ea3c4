/**
 * When one's own room is announced: at once, some times in a row as messages get lost, when somebody asks, and now and
 * then, so that nobody forgets it.
 */

import { Deadlines } from "../../../base/machine/machine.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";

/** After the first announcement; the second one reaches those whom the first didn't before they decide. */
const REPEATED_MS = [250, 1_250];
/** Half of the time for which an announcement counts (RFC 6762, section 8.4 leaves it to us). */
const REFRESH_MS = 60_000;
/** So that not all that are asked answer at once (RFC 6762, section 6). */
const ANSWER_MS_MIN = 20;
const ANSWER_MS_MAX = 120;
/**
 * However many ask, there is one answer a second (RFC 6762, section 6); some may come sooner, as who looks for a room
 * decides within that time.
 */
const ANSWERS_PER_SECOND = 1;
const ANSWERS_BURST = 10;

export class Announcing {
  #repeats: readonly number[] = [];
  #beganMs = 0;
  readonly #answers = new TokenBucket(ANSWERS_PER_SECOND, ANSWERS_BURST);
  readonly deadlines = new Deadlines({
    /** When the first announcement is repeated. */
    repeat: (nowMs) => {
      const [next, ...rest] = this.#repeats;
      this.#repeats = rest;
      if (next !== undefined) this.deadlines.set("repeat", this.#beganMs + next);
      this.#announce(nowMs);
    },
    /** When those that asked are answered. */
    answer: (nowMs) => {
      this.#answers.spend(nowMs, 1);
      this.#announce(nowMs);
    },
    /** When others would soon forget it. */
    refresh: (nowMs) => this.#announce(nowMs),
  });

  /** @param announce Announces the room as it is now. */
  constructor(readonly random: () => number, readonly announce: () => void) {}

  /** There is something to announce, or something else than before. */
  begin(nowMs: number): void {
    this.#beganMs = nowMs;
    const [first, ...rest] = REPEATED_MS;
    this.#repeats = rest;
    this.deadlines.set("repeat", nowMs + first!);
    this.#announce(nowMs);
  }

  asked(nowMs: number): void {
    const delayMs = ANSWER_MS_MIN + (ANSWER_MS_MAX - ANSWER_MS_MIN) * this.random();
    const missing = Math.max(0, 1 - this.#answers.available(nowMs));
    const waitMs = missing * 1_000 / ANSWERS_PER_SECOND;
    this.deadlines.setEarliest("answer", nowMs + waitMs + delayMs);
  }

  stop(): void {
    this.deadlines.clearAll();
  }

  #announce(nowMs: number): void {
    this.deadlines.clear("answer");
    this.deadlines.set("refresh", nowMs + REFRESH_MS);
    this.announce();
  }
}
