/** Datagrams on their way to all clients, or their acknowledgements: no more than can be taken in at once. */

import type { Unacknowledged } from "./delivery.ts";
import { FLYING_MAX, FLYING_MS_MAX, WINDOW_MAX } from "./limits.ts";

export class Flying {
  /** In the order of time; what was sent at another time since, or has landed, counts no more. */
  #queue: { readonly sent: Unacknowledged; readonly sinceMs: number }[] = [];
  #first = 0;
  #count = 0;
  /** There were as many as there may be, and too few have landed since. */
  #isFull = false;

  /**
   * Whether another one may set out. Once there are as many as may be, some are waited for: whoever's turn it is gets
   * all that it lacks at once then, and acknowledges it together, instead of one by one.
   */
  get hasRoom(): boolean {
    return !this.#isFull;
  }

  /** For who is slow to acknowledge: half is for the others. */
  get hasRoomForSlow(): boolean {
    return this.#count < FLYING_MAX / 2;
  }

  /** How many are held in memory, those that have landed among them. */
  get kept(): number {
    return this.#queue.length;
  }

  /** Its datagram goes out now. */
  departs(sent: Unacknowledged, nowMs: number): void {
    this.lands(sent);
    sent.flyingSinceMs = nowMs;
    this.#count += 1;
    if (this.#count >= FLYING_MAX) this.#isFull = true;
    this.#queue.push({ sent, sinceMs: nowMs });
  }

  /** It is acknowledged, or isn't waited for. */
  lands(sent: Unacknowledged): void {
    if (sent.flyingSinceMs === null) return;
    sent.flyingSinceMs = null;
    this.#count -= 1;
    if (this.#count <= FLYING_MAX - WINDOW_MAX) this.#isFull = false;
  }

  /** Those that are too long on their way count no more. */
  expire(nowMs: number): void {
    for (let first = this.#oldest(); first !== null; first = this.#oldest()) {
      if (first.sinceMs + FLYING_MS_MAX > nowMs) return;
      this.lands(first.sent);
      first.sent.isLate = first.sent.datagrams > 1;
    }
  }

  /** When the next one counts no more. */
  nextMs(): number | null {
    const first = this.#oldest();
    return first === null ? null : first.sinceMs + FLYING_MS_MAX;
  }

  /** What lies before it is let go of, too. */
  #oldest(): { readonly sent: Unacknowledged; readonly sinceMs: number } | null {
    for (; this.#first < this.#queue.length; this.#first++) {
      const first = this.#queue[this.#first]!;
      if (first.sent.flyingSinceMs !== first.sinceMs) continue;
      if (this.#first > FLYING_MAX) {
        this.#queue.splice(0, this.#first);
        this.#first = 0;
      }
      return first;
    }
    this.#queue = [];
    this.#first = 0;
    return null;
  }
}
