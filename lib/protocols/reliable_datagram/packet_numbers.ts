/** Which packets came, and which of ours are in flight. */

import { ACK_DELAY_MS, ACK_EVERY, ACK_RANGES_MAX, PACKET_THRESHOLD } from "./limits.ts";
import type { PacketRange } from "./packet.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import type { Chunk } from "./send_lane.ts";

interface Range {
  low: number;
  high: number;
}

/** Which packet numbers came, as ranges, and when an acknowledgement is due (RFC 9000, section 13.2). */
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

export interface SentPacket {
  readonly number: number;
  readonly sentMs: number;
  /** Length of the whole datagram. */
  readonly bytes: number;
  readonly chunks: readonly Chunk[];
  /** Whether it carried credit. */
  readonly hasCredit: boolean;
}

/** What an acknowledgement brought. */
export interface Acknowledged {
  readonly packets: readonly SentPacket[];
  /** When the largest number was sent, where it is among them; `null` where it was known before. */
  readonly largestSentMs: number | null;
}

/**
 * Packets in flight: which ones are acknowledged, and which are lost (RFC 9002, section 6.1). The acknowledgement of
 * a packet that counted as lost is of no use: its content was sent again.
 */
export class SentPackets {
  /** In the order of their numbers. */
  readonly #packets = new Map<number, SentPacket>();
  #nextNumber = 0;
  #largestAcknowledged = -1;

  get size(): number {
    return this.#packets.size;
  }

  /** The number of the packet that comes next. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** Takes the next number for a packet that nobody acknowledges. */
  skipNumber(): void {
    this.#nextNumber += 1;
  }

  add(packet: SentPacket): void {
    this.#nextNumber = packet.number + 1;
    this.#packets.set(packet.number, packet);
  }

  /** The packet that has been in flight longest. */
  oldest(): SentPacket | null {
    for (const packet of this.#packets.values()) return packet;
    return null;
  }

  /** All packets in flight, beginning with the one that has been longest. */
  values(): Iterable<SentPacket> {
    return this.#packets.values();
  }

  remove(packet: SentPacket): void {
    this.#packets.delete(packet.number);
  }

  /**
   * Removes and returns the packets that `ranges` (downwards) name.
   * @throws {RemoteProtocolError} If one of them was never sent.
   */
  acknowledge(ranges: readonly PacketRange[]): Acknowledged {
    const largest = ranges[0]!.high;
    if (largest >= this.#nextNumber) {
      throw new RemoteProtocolError(
        `Cannot take an acknowledgement of packet ${largest}: not sent`,
      );
    }
    const packets: SentPacket[] = [];
    let largestSentMs: number | null = null;
    let at = ranges.length - 1;
    // Loops over packets, not numbers: packets in flight are bounded, but the peer decides how wide a range is.
    for (const packet of this.#packets.values()) {
      const { number, sentMs } = packet;
      while (at >= 0 && ranges[at]!.high < number) at--;
      if (at < 0) break;
      if (number < ranges[at]!.low) continue;
      this.remove(packet);
      packets.push(packet);
      if (number === largest) largestSentMs = sentMs;
    }
    this.#largestAcknowledged = Math.max(this.#largestAcknowledged, largest);
    return { packets, largestSentMs };
  }

  /** Removes packets lost by now. @returns Those, and when the next one is lost if no acknowledgement comes. */
  takeLost(
    lossDelayMs: number,
    nowMs: number,
  ): { readonly lost: readonly SentPacket[]; readonly nextMs: number | null } {
    const lost: SentPacket[] = [];
    for (const packet of this.#packets.values()) {
      if (packet.number > this.#largestAcknowledged) break;
      const isFarBehind = packet.number <= this.#largestAcknowledged - PACKET_THRESHOLD;
      const lateMs = packet.sentMs + lossDelayMs;
      if (!isFarBehind && lateMs > nowMs) return { lost: this.#taken(lost), nextMs: lateMs };
      lost.push(packet);
    }
    return { lost: this.#taken(lost), nextMs: null };
  }

  #taken(packets: readonly SentPacket[]): readonly SentPacket[] {
    for (const packet of packets) this.remove(packet);
    return packets;
  }
}
