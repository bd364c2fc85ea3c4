/** Which packet numbers came, as ranges, and when an acknowledgement is due (RFC 9000, section 13.2). */

import { ACK_DELAY_MS, ACK_EVERY, ACK_RANGES_MAX } from "./limits.ts";
import type { PacketRange } from "./packet.ts";

interface Range {
  low: number;
  high: number;
}

export class ReceivedPackets {
  /** Downwards, with a gap between any two; the lowest are forgotten first. */
  readonly #ranges: Range[] = [];
  #largestAtMs = 0;
  /** Packets that ask for an acknowledgement and have none yet. */
  #unacknowledged = 0;
  #ackDueMs: number | null = null;

  /** Downwards; empty before the first packet. */
  get ranges(): readonly PacketRange[] {
    return this.#ranges;
  }

  /** When an acknowledgement must go out, `null` where none must. */
  get ackDueMs(): number | null {
    return this.#ackDueMs;
  }

  /** Whether there is something to be acknowledged, at once or with the next packet that goes out. */
  get hasNews(): boolean {
    return this.#unacknowledged > 0;
  }

  /** How long the largest number has waited to be acknowledged. */
  delayMs(nowMs: number): number {
    return nowMs - this.#largestAtMs;
  }

  /** Notes that all that came was acknowledged. */
  acknowledged(): void {
    this.#unacknowledged = 0;
    this.#ackDueMs = null;
  }

  /**
   * Notes a packet whose content was taken in.
   * @param isEliciting Whether its sender wants an acknowledgement.
   */
  add(number: number, isEliciting: boolean, nowMs: number): void {
    const [first] = this.#ranges;
    const isNext = first === undefined || number === first.high + 1;
    if (first === undefined || number > first.high) this.#largestAtMs = nowMs;
    if (isNext && first !== undefined) first.high = number;
    else this.#insert(number);
    if (!isEliciting) return;
    this.#unacknowledged += 1;
    // A gap, or what fills one, is news that the sender shouldn't wait for.
    const isUrgent = !isNext || this.#unacknowledged >= ACK_EVERY;
    const dueMs = isUrgent ? nowMs : nowMs + ACK_DELAY_MS;
    this.#ackDueMs = Math.min(this.#ackDueMs ?? Infinity, dueMs);
  }

  #insert(number: number): void {
    const ranges = this.#ranges;
    // Late packets are late by little: the place is near the front.
    let at = 0;
    while (at < ranges.length && ranges[at]!.low > number) at += 1;
    const below = ranges[at];
    if (below !== undefined && number <= below.high) return;
    const above = at > 0 ? ranges[at - 1]! : undefined;
    const joinsBelow = below !== undefined && below.high === number - 1;
    const joinsAbove = above !== undefined && above.low === number + 1;
    if (joinsBelow && joinsAbove) {
      above.low = below.low;
      ranges.splice(at, 1);
    } else if (joinsBelow) below.high = number;
    else if (joinsAbove) above.low = number;
    else {
      ranges.splice(at, 0, { low: number, high: number });
      if (ranges.length > ACK_RANGES_MAX) ranges.pop();
    }
  }
}
