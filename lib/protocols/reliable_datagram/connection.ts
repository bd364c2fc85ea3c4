/** The connection with one peer: its session, the stream in it, and whether the peer is alive. */

import { type Endpoint, isSameEndpoint, type PeerKey } from "../../base/ids.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import { graceFor, type Slowness } from "../../base/machine/slowness.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { PROBE_GRID_MS, PROBE_LAG_MS, RECONNECT_MS_MAX, RECONNECT_MS_MIN } from "./limits.ts";
import { PacketReader } from "./packet.ts";
import type { ReliableConfig } from "./reliable_io.ts";
import { Stream, type StreamSink } from "./stream.ts";

/** Each phase of a connection: what it means, and which ones may follow. */
export const CONNECTION_PHASES = {
  connecting: {
    about: "a first session is being made; messages wait",
    next: ["up", "ended"],
  },
  up: {
    about:
      "the peer is proven; messages go both ways, also while it is silent or its session is renewed",
    next: ["closing", "ended"],
  },
  closing: { about: "the owner has closed; queued messages are being sent", next: ["ended"] },
  ended: { about: "nothing is known of the peer any more", next: [] },
} as const;
type ConnectionPhase = keyof typeof CONNECTION_PHASES;

/** What is due at a tick besides the stream's own work. */
type Due = "silent" | "reconnect" | "close";

/** The outcome for a packet. `reset`: it is the first of a new stream. */
export type Received = "taken" | "stale" | "reset";

export class Connection {
  phase: ConnectionPhase = "connecting";
  stream: Stream;
  /** Identifies the peer's process; `null` before the first session. */
  process: string | null = null;
  hasSession = false;
  /** Where a silent peer is dialled: its last proven endpoint, or one that the owner has given since. */
  target: Endpoint;
  /** Where it may be besides; at most as many as the owner names. */
  also: readonly Endpoint[] = [];
  isCongested = false;
  isSilent = false;
  closeReason = "";
  closeAtMs = Infinity;
  /** Whether it is among the connections to be looked at after the step. */
  isTouched = false;
  #isReadingPaused = false;
  #lastHeardMs: number;
  /** When the peer was first asked for a sign of life after the last one, `null` while none is awaited. */
  #askedMs: number | null = null;
  #reconnectAtMs: number | null = null;
  #reconnectPauseMs = RECONNECT_MS_MIN;

  constructor(
    readonly peer: PeerKey,
    public endpoint: Endpoint,
    readonly config: ReliableConfig,
    /** Whether our key is the smaller one. */
    readonly isFirst: boolean,
    readonly nextStream: () => number,
    /** How late this process comes. */
    readonly own: Slowness,
    nowMs: number,
  ) {
    this.stream = new Stream(nextStream());
    this.target = endpoint;
    this.#lastHeardMs = nowMs;
  }

  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  pauseReading(isPaused: boolean): void {
    this.#isReadingPaused = isPaused;
    if (isPaused) this.stream.pauseReading();
    else this.stream.resumeReading();
  }

  /** The peer has a session with us, the first or another. @returns Whether it is another process than before. */
  sessionUp(process: string, endpoint: Endpoint, nowMs: number): boolean {
    const isOther = this.process !== null && this.process !== process;
    const isElsewhere = !isSameEndpoint(endpoint, this.endpoint);
    this.process = process;
    this.endpoint = endpoint;
    this.target = endpoint;
    this.hasSession = true;
    this.#reconnectAtMs = null;
    this.#reconnectPauseMs = RECONNECT_MS_MIN;
    this.#heard(nowMs);
    if (isOther) this.#beginStream(0);
    else if (isElsewhere) this.stream.pathChanged();
    // Both learn the other's number and the round trip at once, and the initiator's session is confirmed.
    if (this.stream.remote === 0) this.stream.ping();
    return isOther;
  }

  /** The peer has proved to be at another address. */
  moved(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.target = endpoint;
    this.stream.pathChanged();
  }

  /** There is no session any more; what is sent waits for another. */
  sessionDown(nowMs: number): void {
    this.hasSession = false;
    this.#reconnectAtMs = nowMs;
  }

  /**
   * Handles a packet of the peer's present process.
   * @throws {RemoteProtocolError} If the packet breaks a rule.
   */
  receive(bytes: Uint8Array, sink: StreamSink & { reset(): void }, nowMs: number): Received {
    const reader = new PacketReader(bytes);
    const { from, to } = reader.header;
    if (from === 0) throw new RemoteProtocolError("Cannot read a packet of stream 0");
    this.#heard(nowMs);
    // The packet is meant for a stream of ours that has ended, as far as we know.
    if (to !== 0 && to !== this.stream.local) return "stale";
    let received: Received = "taken";
    if (this.stream.remote === 0) this.stream.remote = from;
    else if (from < this.stream.remote) return "stale";
    else if (from > this.stream.remote) {
      // A peer that begins anew doesn't know our number; a packet that names it belongs to an earlier stream.
      if (to !== 0) return "stale";
      this.#beginStream(from);
      received = "reset";
      sink.reset();
    }
    this.stream.take(reader, sink, nowMs);
    return received;
  }

  /** Notes that what was sent asks the peer for a sign of life. */
  asked(nowMs: number): void {
    this.#askedMs ??= nowMs;
  }

  /** This process has stalled for `delayMs`: the peer isn't blamed for that time, and it is no part of a round trip. */
  excuse(delayMs: number, nowMs: number): void {
    if (this.#askedMs !== null) this.#askedMs += delayMs;
    this.#lastHeardMs += delayMs;
    this.stream.stoodStill(nowMs);
  }

  /** Asks the peer for a sign of life where it is time. */
  probeIfDue(nowMs: number): void {
    const probeAtMs = this.#probeAtMs();
    if (probeAtMs !== null && probeAtMs <= nowMs) this.stream.ping();
  }

  /** Takes what is due beside the stream, one after the other; `null` when nothing is. */
  takeDue(nowMs: number): Due | null {
    if (this.phase === "closing" && (this.closeAtMs <= nowMs || this.#isSettled)) return "close";
    const silentAtMs = this.#silentAtMs();
    if (silentAtMs !== null && silentAtMs <= nowMs) {
      this.isSilent = true;
      this.#reconnectAtMs = nowMs;
      return "silent";
    }
    if (this.#reconnectAtMs !== null && this.#reconnectAtMs <= nowMs) {
      this.#reconnectAtMs = nowMs + this.#reconnectPauseMs;
      this.#reconnectPauseMs = Math.min(RECONNECT_MS_MAX, 2 * this.#reconnectPauseMs);
      return "reconnect";
    }
    return null;
  }

  nextDeadlineMs(nowMs: number): number | null {
    const closeAtMs = this.phase !== "closing" ? null : this.#isSettled ? nowMs : this.closeAtMs;
    return earliestMs(
      this.hasSession ? this.stream.nextDeadlineMs(nowMs) : null,
      this.#probeAtMs(),
      this.#silentAtMs(),
      this.#reconnectAtMs,
      closeAtMs,
    );
  }

  #heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
    this.#askedMs = null;
    if (this.hasSession) this.#reconnectAtMs = null;
  }

  #beginStream(remote: number): void {
    this.stream = new Stream(this.nextStream());
    this.stream.remote = remote;
    if (this.#isReadingPaused) this.stream.pauseReading();
    this.stream.ping();
  }

  get #isSettled(): boolean {
    return this.stream.waitingBytes === 0 || !this.hasSession;
  }

  #probeAtMs(): number | null {
    const { probeAfterMs } = this.config;
    if (probeAfterMs === null || !this.hasSession || this.#askedMs !== null) return null;
    if (this.stream.isAsking) return null;
    const lagMs = this.isFirst ? 0 : PROBE_LAG_MS;
    return Math.ceil((this.#lastHeardMs + probeAfterMs + lagMs) / PROBE_GRID_MS) * PROBE_GRID_MS;
  }

  #silentAtMs(): number | null {
    if (this.isSilent || this.#askedMs === null) return null;
    return this.#askedMs + this.config.silentAfterMs +
      graceFor(Math.max(this.own.lateMs, this.stream.lateMs));
  }
}
