/**
 * Messages between programs over datagrams: each arrives once and in the order of its lane, for as long as both
 * programs live, whatever the network loses, repeats, delays or disorders.
 *
 * The picture: QUIC without streams to be opened, on sealed sessions as WireGuard has them. What is sent in one turn of
 * the event loop is packed into as few datagrams as possible; a lone message goes out at once.
 *
 * Sources: RFC 9000 (packet numbers, acknowledgements, credit), RFC 9002 (loss and congestion), RFC 9221 (datagrams
 * that are sent once). Departures: two lanes, always open; a floor under the congestion window; a stream outlives
 * its session's keys and address, and ends with one of the two processes.
 *
 * The caller's duties beyond those of `Machine`: none; but messages and acknowledgements go out at a tick, which is due
 * at once. A caller that ticks only after it has passed on all inputs of one turn gets full datagrams.
 */

import { DeadlineQueue } from "../../base/collections/deadline_queue.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { type Endpoint, isSameEndpoint, type PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { earliestMs, type Machine } from "../../base/machine/machine.ts";
import { Slowness } from "../../base/machine/slowness.ts";
import type { SealedEffect, SealedStatistics } from "../sealed_datagram/sealed_io.ts";
import { SealedDatagrams, type SealedOptions } from "../sealed_datagram/sealed_datagrams.ts";
import { Connection } from "./connection.ts";
import {
  CLOSE_MS_MAX,
  CONGESTED_BYTES,
  DRAINED_BYTES,
  SEND_BYTES_MAX,
  STALL_MS,
} from "./limits.ts";
import {
  type EndCause,
  RELIABLE_DEFAULTS,
  type ReliableConfig,
  type ReliableEffect,
  type ReliableInput,
} from "./reliable_io.ts";

interface ReliableOptions extends SealedOptions {
  readonly config?: Partial<ReliableConfig>;
}

type Send = ReliableInput & { readonly type: "send" };
type SealedUp = SealedEffect & { readonly type: "up" };
type SealedFailed = SealedEffect & { readonly type: "failed" };

const NOTHING: readonly ReliableEffect[] = [];

export class ReliableDatagrams implements Machine<ReliableInput, ReliableEffect> {
  readonly #key: PeerKey;
  readonly #config: ReliableConfig;
  readonly #sealed: SealedDatagrams;
  readonly #connections = new Map<PeerKey, Connection>();
  readonly #deadlines = new DeadlineQueue<Connection>();
  /** Connections whose deadline may have changed in this step. */
  readonly #touched: Connection[] = [];
  /** How late this process comes. */
  readonly #slowness = new Slowness();
  #streams = 0;
  #effects: ReliableEffect[] = [];
  #nowMs = 0;
  #dueMs: number | null = null;

  constructor(options: ReliableOptions) {
    this.#config = { ...RELIABLE_DEFAULTS, ...options.config };
    this.#key = options.identity.signer.key;
    this.#sealed = new SealedDatagrams(options);
  }

  /** What became of received datagrams. */
  get statistics(): SealedStatistics {
    return this.#sealed.statistics;
  }

  /** How many handshakes that others began are remembered. */
  get halfOpenCount(): number {
    return this.#sealed.halfOpenCount;
  }

  /** Bytes for the peer that are unsent or not acknowledged; 0 for an unknown peer. */
  waitingBytes(peer: PeerKey): number {
    return this.#connections.get(peer)?.stream.waitingBytes ?? 0;
  }

  /** When anything last came from the peer; `null` for an unknown peer. */
  lastHeardMs(peer: PeerKey): number | null {
    return this.#connections.get(peer)?.lastHeardMs ?? null;
  }

  /** Smoothed round trip, ms; `null` before it was measured. */
  roundTripMs(peer: PeerKey): number | null {
    return this.#connections.get(peer)?.stream.roundTripMs ?? null;
  }

  /** Congestion window, bytes in flight, packets sent and lost; `null` for an unknown peer. */
  figures(peer: PeerKey) {
    return this.#connections.get(peer)?.stream.figures ?? null;
  }

  step(input: ReliableInput, nowMs: number): readonly ReliableEffect[] {
    this.#effects = [];
    this.#slowness.stepped(nowMs - (this.#dueMs ?? nowMs), nowMs);
    const idleFromMs = Math.max(this.#dueMs ?? nowMs, this.#nowMs);
    this.#nowMs = nowMs;
    if (nowMs - idleFromMs > STALL_MS) this.#excuse(nowMs - idleFromMs);
    this.#handle(input);
    for (const connection of this.#touched) this.#arm(connection);
    this.#touched.length = 0;
    this.#dueMs = earliestMs(this.#deadlines.nextMs(), this.#sealed.nextDeadlineMs());
    return this.#effects.length === 0 ? NOTHING : this.#effects;
  }

  nextDeadlineMs(): number | null {
    return this.#dueMs;
  }

  #handle(input: ReliableInput): void {
    switch (input.type) {
      case "datagram":
        return this.#run(this.#sealed.step(input, this.#nowMs));
      case "connect":
        return this.#connect(input.peer, input.endpoint, input.also ?? []);
      case "may-be-at":
        return this.#with(input.peer, (connection) => {
          connection.also = input.also;
        });
      case "try":
        return this.#run(this.#sealed.step(input, this.#nowMs));
      case "send":
        return this.#send(input);
      case "send-once":
        return this.#with(input.peer, ({ stream }) => stream.pushOnce(input.message));
      case "pause-reading":
        return this.#with(input.peer, (connection) => connection.pauseReading(true));
      case "resume-reading":
        return this.#with(input.peer, (connection) => connection.pauseReading(false));
      case "close":
        return this.#close(input.peer, input.reason);
      case "tick":
        return this.#tick();
      default:
        return unreachable(input);
    }
  }

  // What the owner asks for.

  #connect(peer: PeerKey, endpoint: Endpoint, also: readonly Endpoint[]): void {
    const connection = this.#connectionTo(peer, endpoint);
    connection.target = endpoint;
    connection.also = also;
    this.#run(this.#sealed.step({ type: "connect", peer, endpoint, also }, this.#nowMs));
  }

  #connectionTo(peer: PeerKey, endpoint: Endpoint): Connection {
    let connection = this.#connections.get(peer);
    if (connection === undefined) {
      const nextStream = () => ++this.#streams;
      const isFirst = this.#key < peer;
      connection = new Connection(
        peer,
        endpoint,
        this.#config,
        isFirst,
        nextStream,
        this.#slowness,
        this.#nowMs,
      );
      this.#connections.set(peer, connection);
    }
    this.#touch(connection);
    return connection;
  }

  #send({ peer, lane, message }: Send): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined || connection.phase === "closing") return;
    const { stream } = connection;
    stream.push(lane, message);
    this.#touch(connection);
    const { waitingBytes } = stream;
    if (waitingBytes <= CONGESTED_BYTES) return;
    if (waitingBytes > SEND_BYTES_MAX) {
      return this.#end(connection, "too-slow", `over ${SEND_BYTES_MAX} bytes wait for it`);
    }
    if (connection.isCongested) return;
    connection.isCongested = true;
    this.#effects.push({ type: "congested", peer });
  }

  #close(peer: PeerKey, reason: string): void {
    this.#with(peer, (connection) => {
      if (connection.phase === "closing") return;
      if (connection.phase === "connecting") return this.#end(connection, "closed", reason);
      connection.phase = "closing";
      connection.closeReason = reason;
      connection.closeAtMs = this.#nowMs + CLOSE_MS_MAX;
    });
  }

  #with(peer: PeerKey, action: (connection: Connection) => void): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    this.#touch(connection);
    action(connection);
  }

  // Effects of the sessions.

  #run(effects: readonly SealedEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "transmit":
          this.#effects.push(effect);
          break;
        case "payload":
          this.#payload(effect.peer, effect.bytes);
          break;
        case "up":
          this.#sessionUp(effect);
          break;
        case "moved":
          this.#moved(effect.peer, effect.endpoint);
          break;
        case "tried":
          this.#effects.push(effect);
          break;
        case "failed":
          this.#failed(effect);
          break;
        case "down":
          this.#with(effect.peer, (connection) => {
            if (effect.closed) this.#end(connection, "goodbye", effect.reason);
            else connection.sessionDown(this.#nowMs);
          });
          break;
        default:
          unreachable(effect);
      }
    }
  }

  #sessionUp({ peer, process, endpoint }: SealedUp): void {
    const connection = this.#connectionTo(peer, endpoint);
    const { endpoint: before, phase } = connection;
    const isOther = connection.sessionUp(process, endpoint, this.#nowMs);
    if (phase === "connecting") {
      connection.phase = "up";
      this.#effects.push({ type: "up", peer, endpoint });
    } else if (!isSameEndpoint(before, endpoint)) {
      this.#effects.push({ type: "moved", peer, endpoint });
    }
    this.#heard(connection);
    if (isOther) this.#reset(connection);
  }

  #moved(peer: PeerKey, endpoint: Endpoint): void {
    this.#with(peer, (connection) => {
      connection.moved(endpoint);
      this.#effects.push({ type: "moved", peer, endpoint });
    });
  }

  #failed({ peer, endpoint, reason, key }: SealedFailed): void {
    const connection = this.#connections.get(peer);
    if (connection?.phase !== "connecting") return; // another attempt follows
    this.#forget(connection);
    this.#effects.push({ type: "failed", peer, endpoint, reason, key });
  }

  #payload(peer: PeerKey, bytes: Uint8Array): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    this.#touch(connection);
    const sink = {
      message: (lane: "control" | "data", bytes: Uint8Array) =>
        void this.#effects.push({ type: "message", peer, lane, bytes }),
      once: (bytes: Uint8Array) => void this.#effects.push({ type: "once", peer, bytes }),
      reset: () => this.#reset(connection),
    };
    try {
      connection.receive(bytes, sink, this.#nowMs);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      return this.#end(connection, "protocol", error.message);
    }
    this.#heard(connection);
    this.#drain(connection);
  }

  #heard(connection: Connection): void {
    if (!connection.isSilent) return;
    connection.isSilent = false;
    this.#effects.push({ type: "heard", peer: connection.peer });
  }

  #reset(connection: Connection): void {
    this.#effects.push({ type: "reset", peer: connection.peer });
    this.#drain(connection);
  }

  #drain(connection: Connection): void {
    if (!connection.isCongested || connection.stream.waitingBytes > DRAINED_BYTES) return;
    connection.isCongested = false;
    this.#effects.push({ type: "drained", peer: connection.peer });
  }

  // Time.

  #tick(): void {
    const nowMs = this.#nowMs;
    this.#run(this.#sealed.step({ type: "tick" }, nowMs));
    // Connections that the sessions have just made due are served as well.
    for (const connection of this.#touched) this.#arm(connection);
    this.#touched.length = 0;
    for (const connection of this.#deadlines.takeDue(nowMs)) this.#serve(connection);
  }

  #serve(connection: Connection): void {
    const { peer, target: endpoint, also } = connection;
    const nowMs = this.#nowMs;
    this.#touch(connection);
    for (let due = connection.takeDue(nowMs); due !== null; due = connection.takeDue(nowMs)) {
      switch (due) {
        case "close":
          return this.#end(connection, "closed", connection.closeReason);
        case "silent": {
          const { lastHeardMs } = connection;
          this.#effects.push({ type: "silent", peer, lastHeardMs });
          break;
        }
        case "reconnect":
          this.#run(this.#sealed.step({ type: "connect", peer, endpoint, also }, nowMs));
          break;
        default:
          unreachable(due);
      }
    }
    if (!connection.hasSession) return;
    connection.probeIfDue(nowMs);
    connection.stream.tick(nowMs);
    const hasAsked = connection.stream.pump(nowMs, (payload) => {
      for (const effect of this.#sealed.step({ type: "send", peer, payload }, nowMs)) {
        if (effect.type === "transmit") this.#effects.push(effect);
      }
    });
    if (hasAsked) connection.asked(nowMs);
  }

  #excuse(delayMs: number): void {
    for (const connection of this.#connections.values()) {
      connection.excuse(delayMs, this.#nowMs);
      this.#touch(connection);
    }
  }

  #end(connection: Connection, cause: EndCause, text: string): void {
    const { peer } = connection;
    const reason = cause === "protocol" ? "the rules of the protocol were broken" : text;
    this.#forget(connection);
    this.#run(this.#sealed.step({ type: "close", peer, reason }, this.#nowMs));
    this.#effects.push({ type: "ended", peer, cause, text });
  }

  #forget(connection: Connection): void {
    connection.phase = "ended";
    this.#connections.delete(connection.peer);
    this.#deadlines.set(connection, null);
  }

  #touch(connection: Connection): void {
    if (connection.isTouched) return;
    connection.isTouched = true;
    this.#touched.push(connection);
  }

  #arm(connection: Connection): void {
    connection.isTouched = false;
    if (connection.phase === "ended") return;
    this.#deadlines.set(connection, connection.nextDeadlineMs(this.#nowMs));
  }
}
