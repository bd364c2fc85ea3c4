/** Datagrams in flight to all clients, or their acknowledgements: limits how many there are at once. */

import type { Unacknowledged } from "./delivery.ts";
import { FLYING_MAX, FLYING_MS_MAX, WINDOW_MAX } from "./limits.ts";

export class Flying {
  /** In the order of time; items whose datagram has landed, or was sent again since, don't count any more. */
  #queue: { readonly sent: Unacknowledged; readonly sinceMs: number }[] = [];
  #first = 0;
  #count = 0;
  /** Whether the limit was reached, and too few have landed since. */
  #isFull = false;

  /**
   * Whether another datagram may be sent. Once the limit is reached, several must land first: then a client whose
   * turn it is gets all that it lacks at once, and acknowledges it together, instead of one by one.
   */
  get hasRoom(): boolean {
    return !this.#isFull;
  }

  /** Whether a client that is slow to acknowledge may be sent one: half of the room is for the others. */
  get hasRoomForSlow(): boolean {
    return this.#count < FLYING_MAX / 2;
  }

  /** How many items are in memory, including those that have landed. */
  get kept(): number {
    return this.#queue.length;
  }

  /** The broadcast's datagram is being sent. */
  departs(sent: Unacknowledged, nowMs: number): void {
    this.lands(sent);
    sent.flyingSinceMs = nowMs;
    this.#count += 1;
    if (this.#count >= FLYING_MAX) this.#isFull = true;
    this.#queue.push({ sent, sinceMs: nowMs });
  }

  /** The datagram is acknowledged, or not waited for any more. */
  lands(sent: Unacknowledged): void {
    if (sent.flyingSinceMs === null) return;
    sent.flyingSinceMs = null;
    this.#count -= 1;
    if (this.#count <= FLYING_MAX - WINDOW_MAX) this.#isFull = false;
  }

  /** Datagrams that have been in flight for too long don't count any more. */
  expire(nowMs: number): void {
    for (let first = this.#oldest(); first !== null; first = this.#oldest()) {
      if (first.sinceMs + FLYING_MS_MAX > nowMs) return;
      this.lands(first.sent);
      first.sent.isLate = first.sent.datagrams > 1;
    }
  }

  /** When the next datagram stops counting. */
  nextMs(): number | null {
    const first = this.#oldest();
    return first === null ? null : first.sinceMs + FLYING_MS_MAX;
  }

  /** The oldest datagram in flight; also drops the items before it. */
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
