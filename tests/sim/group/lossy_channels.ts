/**
 * Members over the real datagram layer, on a network that loses, duplicates and reorders datagrams: the real
 * counterpart of `Channels`.
 */

import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { type Endpoint, endpointText, type PeerKey } from "../../../lib/base/ids.ts";
import type {
  DatagramKeys,
  MemberInput,
  PeerPlaces,
} from "../../../lib/protocols/group/schema/member_io.ts";
import type { Router } from "./routers.ts";
import { GROUP_MESSAGES, type GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import {
  type MemberDatagramEffect,
  type MemberDatagramInput,
  MemberDatagrams,
} from "../../../lib/protocols/group/member/member_datagrams.ts";
import { DatagramHost, type DatagramNews } from "../../../lib/runtime/hosts/group_peers.ts";
import type { DatagramHandler, Datagrams } from "../../../lib/transport/datagrams.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { Random } from "../random.ts";
import type { VirtualTime } from "../virtual_time.ts";
import type { ChannelOwner, ChannelPort } from "./channels.ts";
import type { MemberParty } from "./world.ts";

/** The share of arriving datagrams that arrive twice. */
const DUPLICATION = 0.05;
/** The mean additional delay of each datagram, which causes reordering. */
const DISORDER_MS = 3;

export interface LossyConfig {
  readonly loss: number;
  readonly delayMs: number;
  readonly isCut: (from: number, to: number) => boolean;
  /** What stands before the hosts, by their numbers; null: all reach each other. */
  readonly routers: readonly (Router | null)[] | null;
}

export class LossyChannels {
  readonly #sockets = new Map<string, Socket>();
  datagrams = 0;
  /** Told of what arrives. */
  carried: ((from: SocketOwner, to: SocketOwner, bytes: number) => void) | null = null;

  constructor(readonly time: VirtualTime, readonly random: Random, readonly config: LossyConfig) {}

  open(owner: ChannelOwner & { readonly party: MemberParty }, endpoint: Endpoint): ChannelPort {
    return new LossyPort(this, owner, new Socket(this, owner, endpoint));
  }

  take(socket: Socket): void {
    this.#sockets.set(endpointText(socket.local), socket);
  }

  release(socket: Socket): void {
    const name = endpointText(socket.local);
    if (this.#sockets.get(name) === socket) this.#sockets.delete(name);
  }

  carry(from: Socket, to: Endpoint, bytes: Uint8Array): void {
    this.datagrams++;
    const { time, random, config } = this;
    const router = config.routers?.[from.owner.host] ?? null;
    const seen = router === null ? from.local : router.goesOut(from.local, to, time.nowMs);
    const copies = random.chance(config.loss) ? 0 : random.chance(DUPLICATION) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      time.after(config.delayMs + random.exponential(DISORDER_MS), () => {
        const socket = seen === null ? undefined : this.#socketAt(to, seen);
        if (socket === undefined || config.isCut(from.owner.host, socket.owner.host)) return;
        this.carried?.(from.owner, socket.owner, bytes.length);
        socket.receive(seen!, bytes);
      });
    }
  }

  #socketAt(to: Endpoint, from: Endpoint): Socket | undefined {
    const { time, config: { routers } } = this;
    const direct = this.#sockets.get(endpointText(to));
    if (routers === null) return direct;
    const ahead = direct === undefined ? null : routers[direct.owner.host] ?? null;
    if (direct !== undefined && (ahead === null || ahead.kind === "open")) return direct;
    for (const router of routers) {
      if (router === null || (ahead !== router && router.outsideHost !== to.host)) continue;
      // Addresses behind a router that translates mean nothing outside.
      if (router.translates && router.outsideHost !== to.host) continue;
      const inside = router.comesIn(to, from, time.nowMs);
      if (inside !== null) return this.#sockets.get(endpointText(inside));
    }
    return undefined;
  }

  /** The coordinator's port. */
  openBare(owner: SocketOwner, endpoint: Endpoint): Datagrams & { wake(): void } {
    return new Socket(this, owner, endpoint);
  }
}

/** A process whose socket it is. */
export type SocketOwner = Omit<ChannelOwner, "told">;

/** How many datagrams a socket buffers for a program that doesn't read. */
const SOCKET_DATAGRAMS = 90;

class Socket implements Datagrams {
  #handler: DatagramHandler | null = null;
  #isTurnDue = false;
  readonly #waiting: { readonly from: Endpoint; readonly bytes: Uint8Array }[] = [];

  constructor(
    readonly channels: LossyChannels,
    readonly owner: SocketOwner,
    readonly local: Endpoint,
  ) {
    channels.take(this);
  }

  handle(handler: DatagramHandler): void {
    this.#handler = handler;
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    this.channels.carry(this, to, bytes.slice());
  }

  close(): Promise<void> {
    this.channels.release(this);
    return Promise.resolve();
  }

  receive(from: Endpoint, bytes: Uint8Array): void {
    if (this.owner.frozen) {
      if (this.#waiting.length < SOCKET_DATAGRAMS) this.#waiting.push({ from, bytes });
      return;
    }
    this.#handler?.datagram(from, new Uint8Array(bytes));
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.channels.time.after(0, () => {
      this.#isTurnDue = false;
      this.#handler?.turn();
    });
  }

  /** The program reads again. */
  wake(): void {
    for (const { from, bytes } of this.#waiting.splice(0)) this.receive(from, bytes);
  }
}

const codec = createCodec(GROUP_MESSAGES);

class LossyPort implements ChannelPort {
  readonly datagrams: MemberDatagrams;
  readonly #host: DatagramHost<MemberDatagramInput, MemberDatagramEffect>;
  /** Peers that it accepts. */
  readonly #known = new Set<PeerKey>();
  /** Callbacks to run when the program wakes up. */
  #late: (() => void)[] = [];
  readonly #channels: LossyChannels;

  constructor(
    channels: LossyChannels,
    readonly owner: ChannelOwner & { readonly party: MemberParty },
    readonly socket: Socket,
  ) {
    this.#channels = channels;
    const { time } = channels;
    const random = channels.random.fork();
    const machine = this.datagrams = new MemberDatagrams({
      identity: { signer: owner.party.signer, static: keyPairFromSeed(random.bytes(32)) },
      env: {
        crypto: fakeCrypto,
        randomBytes: (length) => random.bytes(length),
        log: SILENT_LOGGER,
      },
      access: { mode: "group", admit: (peer) => this.#known.has(peer) },
    });
    const clock = {
      nowMs: () => time.nowMs,
      at: (atMs: number, run: () => void) => {
        const timer = time.after(atMs - time.nowMs, () => this.#whenAwake(run));
        return { cancel: () => time.disarm(timer) };
      },
      soon: (run: () => void) => void time.after(0, () => this.#whenAwake(run)),
    };
    this.#host = new DatagramHost(machine, socket, clock, (news) => this.#told(news));
  }

  meet(peer: PeerKey, { endpoint, seen, relay }: PeerPlaces): void {
    this.#known.add(peer);
    this.#host.feed({ type: "meet", peer, endpoint, seen, relay });
  }

  keyed({ index, toMember, toCoordinator }: DatagramKeys, coordinator: Endpoint): void {
    this.#host.feed({ type: "keys", coordinator, index, toMember, toCoordinator });
  }

  pathOf(peer: PeerKey): "direct" | "relay" | null {
    return this.datagrams.pathOf(peer);
  }

  part(peer: PeerKey, reason: string): void {
    this.#known.delete(peer);
    this.#host.feed({ type: "close", peer, reason });
  }

  tell(peer: PeerKey, message: GroupMessage): void {
    this.#host.feed({ type: "send", peer, lane: "data", message: codec.encode(message) });
  }

  end(): void {
    this.#host.stop();
    this.socket.close();
    this.#late = [];
  }

  refresh(): void {
    if (this.owner.frozen) return;
    for (const run of this.#late.splice(0)) run();
    this.socket.wake();
  }

  #whenAwake(run: () => void): void {
    if (this.owner.frozen) this.#late.push(run);
    else run();
  }

  /** Delivers the input later, as what the owner then does may call the machine that is reporting. */
  #told(news: DatagramNews): void {
    const input = this.#inputOf(news);
    if (input !== null) this.#channels.time.after(0, () => this.owner.told(input));
  }

  #inputOf(news: DatagramNews): MemberInput | null {
    const { peer } = news;
    switch (news.type) {
      case "up":
        return { type: "peer-up", peer };
      case "reset":
        return { type: "peer-reset", peer };
      case "silent":
        return { type: "peer-silent", peer };
      case "heard":
        return { type: "peer-heard", peer };
      case "failed":
        return { type: "peer-failed", peer };
      case "ended":
        return { type: "peer-ended", peer, text: news.text };
      case "congested":
        return { type: "peer-congested", peer };
      case "drained":
        return { type: "peer-drained", peer };
      case "message": {
        if (!this.#known.has(peer)) return null;
        const message = codec.decode(news.bytes.slice());
        if (message.type === "unknown-message") throw new Error("Our own message is unknown");
        return { type: "peer-message", peer, message };
      }
      default:
        return null;
    }
  }
}
