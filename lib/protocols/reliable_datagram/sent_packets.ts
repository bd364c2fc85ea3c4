/**
 * Packets in flight: which ones are acknowledged, and which are lost (RFC 9002, section 6.1). The acknowledgement of
 * a packet that counted as lost is of no use: its content was sent again.
 */

import { RemoteProtocolError } from "../../base/errors.ts";
import { PACKET_THRESHOLD } from "./limits.ts";
import type { PacketRange } from "./packet.ts";
import type { Chunk } from "./send_lane.ts";

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
