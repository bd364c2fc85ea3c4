/**
 * The members with which a member exchanges datagrams: converts messages to bytes and back over reliable datagrams,
 * and accepts only peers that the machine has met.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { type Endpoint, endpointText, type PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { measuredMs } from "../../base/machine/clock.ts";
import type { Machine } from "../../base/machine/machine.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type {
  DatagramKeys,
  MemberInput,
  PeerPlaces,
} from "../../protocols/group/schema/member_io.ts";
import {
  type MemberDatagramEffect,
  type MemberDatagramInput,
  MemberDatagrams,
} from "../../protocols/group/member/member_datagrams.ts";
import type { GroupMessage } from "../../protocols/group/schema/messages.ts";
import type {
  ChannelIdentity,
  HandshakeEnvironment,
} from "../../protocols/noise/identity_handshake.ts";
import type { ReliableConfig } from "../../protocols/reliable_datagram/reliable_io.ts";
import type { Datagrams } from "../../transport/datagrams.ts";
import type { LinkClock } from "../../transport/link.ts";
import { isUnknown, type MessageCodec } from "../../wire/codec.ts";
import { isDoneWithin } from "../within.ts";

/** A silent member holds up all others: it is reported after 2 s, so that the coordinator can decide within 3. */
const GROUP_DATAGRAMS: ReliableConfig = { probeAfterMs: 1_000, silentAfterMs: 1_000 };

/**
 * How long goodbyes to all may take: queued messages are sent for up to a second before, and a busy machine is
 * late.
 */
const GOODBYES_MS_MAX = 1_500;

/** How datagrams pass to a peer. */
interface Way {
  /** Measured, ms; null where it wasn't yet. */
  readonly roundTripMs: number | null;
  /** Null where none pass. */
  readonly path: "direct" | "relay" | null;
}

interface GroupPeersPorts {
  readonly identity: ChannelIdentity;
  readonly environment: HandshakeEnvironment & Pick<Environment, "log">;
  readonly datagrams: Datagrams;
  readonly clock: LinkClock;
  readonly codec: MessageCodec<GroupMessage>;
  /** Passes an event to the member's machine as an input. */
  told(input: MemberInput): void;
}

export class GroupPeers {
  readonly #ports: GroupPeersPorts;
  readonly #datagrams: MemberDatagrams;
  readonly #host: DatagramHost<MemberDatagramInput, MemberDatagramEffect>;
  /** Peers that are accepted. Bounded by the machine, like the maps below. */
  readonly #met = new Set<PeerKey>();
  /** Peers of which events are still expected. */
  readonly #known = new Set<PeerKey>();
  /** Peers being disconnected: their messages are ignored. */
  readonly #ending = new Set<PeerKey>();
  #allEnded: (() => void) | null = null;

  constructor(ports: GroupPeersPorts) {
    this.#ports = ports;
    const { identity, environment, datagrams, clock } = ports;
    const access = { mode: "group", admit: (peer: PeerKey) => this.#met.has(peer) } as const;
    const machine = this.#datagrams = new MemberDatagrams({
      identity,
      env: environment,
      access,
      config: GROUP_DATAGRAMS,
    });
    this.#host = new DatagramHost(machine, datagrams, clock, (news) => this.#take(news));
  }

  /** Connects to the peer; redirects the connection if it was elsewhere. */
  meet(peer: PeerKey, { endpoint, seen, relay }: PeerPlaces): void {
    this.#met.add(peer);
    this.#known.add(peer);
    this.#host.feed({ type: "meet", peer, endpoint, seen, relay });
  }

  /** The coordinator, which is at this address, sees ours, and relays, under these keys. */
  keyed({ index, toMember, toCoordinator }: DatagramKeys, coordinator: Endpoint): void {
    this.#host.feed({ type: "keys", coordinator, index, toMember, toCoordinator });
  }

  /** Disconnects the peer after sending what is queued; it isn't accepted any more. */
  part(peer: PeerKey, reason: string): void {
    this.#met.delete(peer);
    this.#end(peer, reason);
  }

  tell(peers: readonly PeerKey[], message: GroupMessage): void {
    const bytes = this.#ports.codec.encode(message);
    for (const peer of peers) {
      this.#host.feed({ type: "send", peer, lane: "data", message: bytes });
    }
  }

  /** How datagrams pass to known peers, by fingerprint. */
  ways(): ReadonlyMap<string, Way> {
    const byKey = new Map<string, Way>();
    for (const peer of this.#known) {
      const ms = this.#datagrams.reliable.roundTripMs(peer);
      const roundTripMs = ms === null ? null : measuredMs(ms);
      byKey.set(fingerprintOf(peer), { roundTripMs, path: this.#datagrams.pathOf(peer) });
    }
    return byKey;
  }

  /** Says goodbye to all peers, after sending what is queued, and frees the port. */
  async close(reason: string): Promise<void> {
    const { clock, datagrams } = this.#ports;
    const ended = Promise.withResolvers<void>();
    this.#allEnded = ended.resolve;
    for (const peer of [...this.#known]) this.part(peer, reason);
    if (this.#known.size > 0) await isDoneWithin(clock, GOODBYES_MS_MAX, ended.promise);
    this.#host.stop();
    await datagrams.close();
  }

  #end(peer: PeerKey, reason: string): void {
    if (!this.#known.has(peer) || this.#ending.has(peer)) return;
    this.#ending.add(peer);
    this.#host.feed({ type: "close", peer, reason });
  }

  #take(news: DatagramNews): void {
    const { peer } = news;
    switch (news.type) {
      case "up":
        this.#known.add(peer);
        this.#log("peer up", peer, { remote: endpointText(news.endpoint) });
        return this.#ports.told({ type: "peer-up", peer });
      case "reset":
        this.#log("peer began anew", peer);
        return this.#ports.told({ type: "peer-reset", peer });
      case "silent":
        this.#log("peer silent", peer);
        return this.#ports.told({ type: "peer-silent", peer });
      case "heard":
        this.#log("peer heard again", peer);
        return this.#ports.told({ type: "peer-heard", peer });
      case "congested":
        return this.#ports.told({ type: "peer-congested", peer });
      case "drained":
        return this.#ports.told({ type: "peer-drained", peer });
      case "message":
        return this.#message(peer, news.bytes);
      case "moved":
        return this.#log("peer moved", peer, { remote: endpointText(news.endpoint) });
      case "failed": {
        const { endpoint, reason, key } = news;
        const answered = key === null ? {} : { answered: fingerprintOf(key) };
        this.#log("peer not reached", peer, { at: endpointText(endpoint), reason, ...answered });
        this.#forget(peer);
        return this.#ports.told({ type: "peer-failed", peer });
      }
      case "ended":
        this.#log("peer ended", peer, { cause: news.cause, text: news.text });
        this.#forget(peer);
        return this.#ports.told({ type: "peer-ended", peer, text: news.text });
      case "once":
        return; // group members send no unreliable datagrams
      default:
        return unreachable(news);
    }
  }

  #message(peer: PeerKey, bytes: Uint8Array): void {
    if (this.#ending.has(peer)) return;
    const { codec, told } = this.#ports;
    try {
      const message = codec.decode(bytes);
      told(
        isUnknown(message)
          ? { type: "peer-unknown-message", peer, code: message.code }
          : { type: "peer-message", peer, message },
      );
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.#ports.environment.log.warn("peer broke the rules", {
        key: fingerprintOf(peer),
        reason: error.message,
      });
      this.#end(peer, error.message);
    }
  }

  #forget(peer: PeerKey): void {
    this.#known.delete(peer);
    this.#ending.delete(peer);
    if (this.#known.size === 0) this.#allEnded?.();
  }

  #log(message: string, peer: PeerKey, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#ports.environment.log.info(message, { key: fingerprintOf(peer), ...fields });
  }
}

/** Effects reported to the owner: all but datagrams to send. */
export type DatagramNews = Exclude<MemberDatagramEffect, Transmit>;

interface Transmit {
  readonly type: "transmit";
  readonly to: Endpoint;
  readonly bytes: Bytes;
}

/** What the host itself tells its machine. */
type HostInput =
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  | { readonly type: "tick" };

const TICK = { type: "tick" } as const;

/**
 * Runs a machine of datagrams over a datagram port: feeds it what arrives, sends its datagrams, and keeps
 * one timer. Inputs of one turn of the event loop, from the network or the owner, are acknowledged and answered
 * together.
 */
export class DatagramHost<Input, Effect extends { readonly type: string }> {
  readonly machine: Machine<Input | HostInput, Effect>;
  readonly #datagrams: Datagrams;
  readonly #clock: LinkClock;
  readonly #told: (news: Exclude<Effect, Transmit>) => void;
  #timer: { readonly dueMs: number; cancel(): void } | null = null;
  #isTickSoon = false;
  #isStopped = false;

  /** `told` may call `feed`, but not while it is itself called from within `feed`. */
  constructor(
    machine: Machine<Input | HostInput, Effect>,
    datagrams: Datagrams,
    clock: LinkClock,
    told: (news: Exclude<Effect, Transmit>) => void,
  ) {
    this.machine = machine;
    this.#datagrams = datagrams;
    this.#clock = clock;
    this.#told = told;
    datagrams.handle({
      datagram: (from: Endpoint, bytes: Uint8Array) =>
        this.#step({ type: "datagram", from, bytes }),
      turn: () => this.#tick(),
    });
  }

  /** Feeds an input of the owner's. Datagrams that it causes may be sent at the end of the present turn. */
  feed(input: Input): void {
    if (this.#isStopped) return;
    this.#step(input);
    if (this.#isTickSoon) return;
    this.#isTickSoon = true;
    this.#clock.soon(() => {
      this.#isTickSoon = false;
      this.#tick();
    });
  }

  /** Stops: nothing is sent or reported afterwards. The datagram port stays open, as the owner opened it. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #step(input: Input | HostInput): void {
    if (this.#isStopped) return;
    for (const effect of this.machine.step(input, this.#clock.nowMs())) {
      if (isTransmit(effect)) this.#datagrams.send(effect.to, effect.bytes);
      else this.#told(effect as Exclude<Effect, Transmit>);
    }
  }

  #tick(): void {
    if (this.#isStopped) return;
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs !== null && dueMs <= this.#clock.nowMs()) this.#step(TICK);
    this.#arm();
  }

  /**
   * Sets the timer, unless it is set to an earlier time: most deadlines move back, and an early tick changes
   * nothing.
   */
  #arm(): void {
    const dueMs = this.machine.nextDeadlineMs();
    if (dueMs === null || this.#isStopped) return;
    if (this.#timer !== null) {
      if (this.#timer.dueMs <= dueMs) return;
      this.#timer.cancel();
    }
    const timer = this.#clock.at(dueMs, () => {
      this.#timer = null;
      this.#tick();
    });
    this.#timer = { dueMs, cancel: () => timer.cancel() };
  }
}

function isTransmit(effect: { readonly type: string }): effect is Transmit {
  return effect.type === "transmit";
}
