/**
 * The traffic between two programs in both directions, for as long as both remember it: lanes, packets in flight,
 * acknowledgements. A stream begins at packet 0 and byte 0 at both sides, and one side's restart ends it.
 *
 * Loss detection and probes: RFC 9002. Acknowledgements are added to whatever goes the other way, else they wait for
 * eight packets or 20 ms; a gap is acknowledged at once.
 */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { invariant } from "../../base/invariant.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import { Slowness } from "../../base/machine/slowness.ts";
import { TRANSPORT_OVERHEAD_BYTES } from "../sealed_datagram/formats.ts";
import { Congestion } from "./congestion.ts";
import {
  ACK_DELAY_MS,
  GRANULARITY_MS,
  INITIAL_ROUND_TRIP_MS,
  ONE_SHOT_BYTES_MAX,
  ONE_SHOTS_MAX,
  PROBE_PACKETS,
  PROBE_TIMEOUT_MS_MAX,
  SENT_PACKETS_MAX,
  TIME_THRESHOLD,
} from "./limits.ts";
import {
  ACK_BYTES_MAX,
  chunkHeaderBytes,
  CREDIT_BYTES_MAX,
  type Frame,
  type Lane,
  LANES,
  oneShotBytes,
  type PacketReader,
  PacketWriter,
} from "./packet.ts";
import { ReceiveLane } from "./receive_lane.ts";
import { ReceivedPackets, type SentPacket, SentPackets } from "./packet_numbers.ts";
import { type Chunk, SendLane } from "./send_lane.ts";

/** Takes the messages that a packet completes. */
export interface StreamSink {
  message(lane: Lane, bytes: Uint8Array): void;
  once(bytes: Uint8Array): void;
}

/** Unanswered probes after which the path counts as congested: RFC 9002's persistent congestion, 7.6.1. */
const COLLAPSE_AFTER_PROBES = 2;

/** One packet is written and sealed within one call. */
const writer = new PacketWriter();

export class Stream {
  /** The peer's number for this stream; 0 while it isn't known. */
  remote = 0;
  readonly #send: Readonly<Record<Lane, SendLane>> = {
    control: new SendLane("control"),
    data: new SendLane("data"),
  };
  readonly #receive: Readonly<Record<Lane, ReceiveLane>> = {
    control: new ReceiveLane("control"),
    data: new ReceiveLane("data"),
  };
  readonly #sent = new SentPackets();
  readonly #received = new ReceivedPackets();
  #roundTrip = new RoundTrip();
  #congestion = new Congestion();
  readonly #oneShots: Uint8Array[] = [];
  #wantsPing = false;
  /** How many packets may go out although the window is full, as an acknowledgement is overdue. */
  #probePackets = 0;
  #probes = 0;
  #lastElicitingMs = 0;
  /** A packet sent before this time, and acknowledged after it, doesn't measure the round trip. */
  #measuredFromMs = -Infinity;
  #lossAtMs: number | null = null;
  #lostCount = 0;

  /** `local`: our number for this stream, higher than that of any before in this process. */
  constructor(readonly local: number) {}

  /** Bytes that are queued, or sent and not acknowledged. */
  get waitingBytes(): number {
    return this.#send.control.waitingBytes + this.#send.data.waitingBytes;
  }

  /** Smoothed round trip, ms; `null` before it was measured. */
  get roundTripMs(): number | null {
    return this.#roundTrip.isMeasured ? this.#roundTrip.smoothedMs : null;
  }

  /** How much later than at first acknowledgements came of late, ms: the peer, or we, have much else to do. */
  get lateMs(): number {
    return this.#roundTrip.slowness.lateMs;
  }

  /** For the log and for tests. */
  get figures() {
    const { windowBytes, inFlightBytes } = this.#congestion;
    return { windowBytes, inFlightBytes, packets: this.#sent.nextNumber, lost: this.#lostCount };
  }

  push(lane: Lane, message: Uint8Array): void {
    this.#send[lane].push(message);
  }

  pushOnce(message: Uint8Array): void {
    invariant(
      message.length > 0 && message.length <= ONE_SHOT_BYTES_MAX,
      `what is sent once has 1 to ${ONE_SHOT_BYTES_MAX} bytes`,
    );
    if (this.#oneShots.length === ONE_SHOTS_MAX) this.#oneShots.shift();
    this.#oneShots.push(concatBytes(message));
  }

  /** Whether the peer is or will be asked for an acknowledgement even without `ping`. */
  get isAsking(): boolean {
    return this.#wantsPing || this.#sent.size > 0;
  }

  /** The next packet asks for an acknowledgement, whatever it carries. */
  ping(): void {
    this.#wantsPing = true;
  }

  pauseReading(): void {
    for (const lane of LANES) this.#receive[lane].pause();
  }

  resumeReading(): void {
    for (const lane of LANES) this.#receive[lane].resume();
  }

  /** The peer is at another address: forgets what was measured of the path (RFC 9000, 9.4). */
  pathChanged(): void {
    this.#roundTrip = new RoundTrip();
    this.#congestion = new Congestion(this.#congestion.inFlightBytes);
    this.#probes = 0;
  }

  /** This process has stalled until now: acknowledgements may have waited unread. */
  stoodStill(nowMs: number): void {
    this.#measuredFromMs = nowMs;
  }

  /**
   * Handles a packet of this stream.
   * @throws {RemoteProtocolError} If the packet breaks a rule.
   */
  take(reader: PacketReader, sink: StreamSink, nowMs: number): void {
    let isEliciting = false;
    let isTaken = true;
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      if (frame.type !== "ack" && frame.type !== "one-shot") isEliciting = true;
      isTaken = this.#takeFrame(frame, sink, nowMs) && isTaken;
    }
    // A packet for whose content there was no room isn't acknowledged: counted as lost, it is sent again.
    if (isTaken) this.#received.add(reader.header.number, isEliciting, nowMs);
  }

  #takeFrame(frame: Frame, sink: StreamSink, nowMs: number): boolean {
    switch (frame.type) {
      case "ack":
        this.#acknowledged(frame, nowMs);
        return true;
      case "control":
      case "data": {
        const { type: lane, offset, bytes } = frame;
        return this.#receive[lane].add(offset, bytes, (message) => sink.message(lane, message));
      }
      case "credit":
        this.#send[frame.lane].credit(frame.limit);
        return true;
      case "one-shot":
        sink.once(frame.bytes);
        return true;
      default:
        return true;
    }
  }

  #acknowledged({ ranges, delayMs }: Frame & { readonly type: "ack" }, nowMs: number): void {
    const { isUsed } = this.#congestion;
    const { packets, largestSentMs } = this.#sent.acknowledge(ranges);
    if (packets.length === 0) return;
    if (largestSentMs !== null && largestSentMs >= this.#measuredFromMs) {
      this.#roundTrip.measured(nowMs - largestSentMs, delayMs, nowMs);
    }
    for (const { bytes, sentMs, chunks } of packets) {
      this.#congestion.acknowledged(bytes, sentMs, isUsed);
      for (const chunk of chunks) this.#send[chunk.lane].acknowledged(chunk);
    }
    this.#probes = 0;
    this.#detectLost(nowMs);
  }

  #detectLost(nowMs: number): void {
    const { lost, nextMs } = this.#sent.takeLost(this.#roundTrip.lossDelayMs, nowMs);
    this.#lossAtMs = nextMs;
    for (const packet of lost) {
      this.#lostCount += 1;
      this.#congestion.lost(packet.bytes, packet.sentMs, nowMs);
      this.#sendAgain(packet);
    }
  }

  #sendAgain({ number, chunks, hasCredit }: SentPacket): void {
    for (const chunk of chunks) {
      if (chunk.carrier === number) this.#send[chunk.lane].lost(chunk);
    }
    if (hasCredit) { for (const lane of LANES) this.#receive[lane].creditLost(); }
  }

  /** Does what is due; `pump` follows. */
  tick(nowMs: number): void {
    if (this.#lossAtMs !== null && this.#lossAtMs <= nowMs) this.#detectLost(nowMs);
    const probeAtMs = this.#probeAtMs();
    if (probeAtMs === null || probeAtMs > nowMs) return;
    this.#probes += 1;
    this.#probePackets = PROBE_PACKETS;
    if (this.#probes >= COLLAPSE_AFTER_PROBES) this.#congestion.collapsed();
    this.#wantsPing = true;
    let again = PROBE_PACKETS;
    for (const packet of this.#sent.values()) {
      const { number, chunks, hasCredit } = packet;
      const isSettled = (chunk: Chunk) => chunk.isAcknowledged || chunk.carrier !== number;
      if (chunks.every(isSettled) && !hasCredit) continue;
      this.#sendAgain(packet);
      if (--again === 0) return;
    }
  }

  /** When an acknowledgement is overdue (RFC 9002, 6.2). */
  #probeAtMs(): number | null {
    if (this.#sent.size === 0 || this.#lossAtMs !== null) return null;
    return this.#lastElicitingMs + this.#roundTrip.probeTimeoutMs(this.#probes);
  }

  /** When `tick` and `pump` have something to do; `nowMs` where that is at once. */
  nextDeadlineMs(nowMs: number): number | null {
    if (this.#oneShots.length > 0) return nowMs;
    let sendAtMs: number | null = null;
    if (this.#hasContent) {
      if (this.#probePackets > 0) return nowMs;
      if (this.#congestion.hasRoom) {
        sendAtMs = this.#congestion.paceAtMs(nowMs, this.#roundTrip.smoothedMs);
      }
    }
    return earliestMs(sendAtMs, this.#received.ackDueMs, this.#lossAtMs, this.#probeAtMs());
  }

  /**
   * Sends what can be sent now: gives packet after packet to `emit`, as views that are valid until it returns.
   * @returns Whether one of them asks for an acknowledgement.
   */
  pump(nowMs: number, emit: (packet: Uint8Array) => void): boolean {
    let hasAsked = false;
    for (;;) {
      const { number, isEliciting } = this.#build(nowMs);
      if (number === null) return hasAsked;
      hasAsked ||= isEliciting;
      emit(writer.take());
    }
  }

  get #hasContent(): boolean {
    const { control, data } = this.#send;
    return this.#wantsPing || control.hasFresh || data.hasFresh || control.peekLost() !== null ||
      data.peekLost() !== null || this.#receive.control.hasCredit || this.#receive.data.hasCredit;
  }

  #mayCarry(nowMs: number): boolean {
    if (this.#probePackets > 0) return true;
    return this.#congestion.hasRoom &&
      this.#congestion.paceAtMs(nowMs, this.#roundTrip.smoothedMs) <= nowMs;
  }

  /** Writes the next packet, where there is one. */
  #build(nowMs: number): { readonly number: number | null; readonly isEliciting: boolean } {
    const carries = this.#hasContent && this.#mayCarry(nowMs);
    const { ackDueMs, hasNews } = this.#received;
    const speaks = carries || this.#oneShots.length > 0;
    const acks = speaks ? hasNews : ackDueMs !== null && ackDueMs <= nowMs;
    if (!speaks && !acks) {
      return { number: null, isEliciting: false };
    }
    const number = this.#sent.nextNumber;
    writer.begin({ from: this.local, to: this.remote, number });
    this.#writeOneShots();
    const chunks: Chunk[] = [];
    if (carries) {
      this.#writeLost("control", chunks);
      this.#writeFresh("control", chunks);
      this.#writeLost("data", chunks);
    }
    if (acks && writer.room >= ACK_BYTES_MAX) {
      writer.ack(this.#received.delayMs(nowMs), this.#received.ranges);
      this.#received.acknowledged();
    }
    const hasCredit = carries && this.#writeCredit();
    if (carries) this.#writeFresh("data", chunks);
    const hasPing = carries && this.#writePing(chunks.length > 0 || hasCredit);
    const isEliciting = hasCredit || hasPing || chunks.length > 0;
    if (isEliciting) this.#count({ number, chunks, hasCredit }, nowMs);
    else this.#sent.skipNumber();
    return { number, isEliciting };
  }

  #count(packet: Pick<SentPacket, "number" | "chunks" | "hasCredit">, nowMs: number): void {
    const bytes = writer.length + TRANSPORT_OVERHEAD_BYTES;
    for (const chunk of packet.chunks) chunk.carrier = packet.number;
    this.#sent.add({ ...packet, sentMs: nowMs, bytes });
    this.#congestion.sent(bytes);
    this.#lastElicitingMs = nowMs;
    if (this.#probePackets > 0) this.#probePackets -= 1;
    if (this.#sent.size <= SENT_PACKETS_MAX) return;
    const oldest = this.#sent.oldest()!;
    this.#sent.remove(oldest);
    this.#congestion.forgotten(oldest.bytes);
    this.#sendAgain(oldest);
  }

  #writeOneShots(): void {
    for (
      let [first] = this.#oneShots;
      first !== undefined && oneShotBytes(first) <= writer.room;
      [first] = this.#oneShots
    ) {
      writer.oneShot(first);
      this.#oneShots.shift();
    }
  }

  #writeLost(lane: Lane, chunks: Chunk[]): void {
    const send = this.#send[lane];
    for (let chunk = send.peekLost(); chunk !== null; chunk = send.peekLost()) {
      if (chunkHeaderBytes(chunk.offset) + chunk.bytes.length > writer.room) return;
      send.takeLost(chunk);
      writer.chunk(lane, chunk.offset, chunk.bytes);
      chunks.push(chunk);
    }
  }

  #writeFresh(lane: Lane, chunks: Chunk[]): void {
    const send = this.#send[lane];
    for (;;) {
      const room = writer.room - chunkHeaderBytes(send.nextOffset);
      const chunk = room > 0 ? send.takeFresh(room) : null;
      if (chunk === null) return;
      writer.chunk(lane, chunk.offset, chunk.bytes);
      chunks.push(chunk);
    }
  }

  #writeCredit(): boolean {
    let hasCredit = false;
    for (const lane of LANES) {
      if (!this.#receive[lane].hasCredit || writer.room < CREDIT_BYTES_MAX) continue;
      writer.credit(lane, this.#receive[lane].takeCredit());
      hasCredit = true;
    }
    return hasCredit;
  }

  /** @param isNeedless Whether the packet asks for an acknowledgement already. @returns Whether one was written. */
  #writePing(isNeedless: boolean): boolean {
    if (!this.#wantsPing) return false;
    if (isNeedless) {
      this.#wantsPing = false;
      return false;
    }
    if (writer.room < 1) return false;
    this.#wantsPing = false;
    writer.ping();
    return true;
  }
}

/** The round trip, as RFC 9002, section 5, estimates it. Each packet number is sent once: no sample is ambiguous. */
export class RoundTrip {
  #latestMs = INITIAL_ROUND_TRIP_MS;
  #smoothedMs = INITIAL_ROUND_TRIP_MS;
  #variationMs = INITIAL_ROUND_TRIP_MS / 2;
  #minMs = Infinity;
  /** How much later than at the shortest one acknowledgements came. */
  readonly slowness = new Slowness();

  /** Smoothed; a guess before the first measurement. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  get isMeasured(): boolean {
    return this.#minMs < Infinity;
  }

  /**
   * A sample: the largest number of an acknowledgement took `tookMs`, of which the peer held it for `delayMs`. A sample
   * longer than any pause between probes is cut to that: something held it up, a stall of the peer perhaps, which is no
   * property of the path.
   */
  measured(tookMs: number, delayMs: number, nowMs: number): void {
    const sampleMs = Math.min(tookMs, PROBE_TIMEOUT_MS_MAX);
    this.#latestMs = sampleMs;
    if (!this.isMeasured) {
      this.#minMs = sampleMs;
      this.#smoothedMs = sampleMs;
      this.#variationMs = sampleMs / 2;
      return;
    }
    this.#minMs = Math.min(this.#minMs, sampleMs);
    this.slowness.came(sampleMs - this.#minMs, nowMs);
    // A peer can't make the path shorter than it ever was by saying that it waited.
    const waitedMs = Math.min(delayMs, ACK_DELAY_MS);
    const adjustedMs = sampleMs - waitedMs >= this.#minMs ? sampleMs - waitedMs : sampleMs;
    this.#variationMs = 3 / 4 * this.#variationMs +
      1 / 4 * Math.abs(this.#smoothedMs - adjustedMs);
    this.#smoothedMs = 7 / 8 * this.#smoothedMs + 1 / 8 * adjustedMs;
  }

  /** How long after its sending a packet counts as lost, once a later one was acknowledged. */
  get lossDelayMs(): number {
    const longestMs = Math.max(this.#latestMs, this.#smoothedMs);
    return Math.max(TIME_THRESHOLD * longestMs, GRANULARITY_MS);
  }

  /** How long to wait for an acknowledgement, after so many unanswered probes (RFC 9002, 6.2.1). */
  probeTimeoutMs(probes: number): number {
    const onceMs = this.#smoothedMs + Math.max(4 * this.#variationMs, GRANULARITY_MS) +
      ACK_DELAY_MS;
    return Math.min(onceMs * 2 ** probes, PROBE_TIMEOUT_MS_MAX);
  }
}
