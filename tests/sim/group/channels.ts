/**
 * Ideal datagram channels between members, with exactly the guarantees of member_io.ts. The messages of each pair
 * arrive once and in order while both processes live; losses and retransmissions only delay them. A process is told
 * when a peer falls silent, is heard again, or is a new process. A cut holds back the messages in its direction.
 */

import { type Endpoint, endpointText, type PeerKey } from "../../../lib/base/ids.ts";
import type {
  DatagramKeys,
  MemberInput,
  PeerPlaces,
} from "../../../lib/protocols/group/schema/member_io.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import type { Path } from "../network.ts";
import type { Random } from "../random.ts";
import { Timer, type VirtualTime } from "../virtual_time.ts";
import { messageBytes } from "./message_bytes.ts";
import { Violation } from "./violation.ts";

/** A process, as its channels see it. */
export interface ChannelOwner {
  readonly key: PeerKey;
  readonly name: string;
  readonly host: number;
  readonly frozen: boolean;
  /** Delivers an input, as the runner would. */
  told(input: MemberInput): void;
}

/** A process's access to datagrams: the ideal channels, or the real layer over a lossy network. */
export interface ChannelPort {
  meet(peer: PeerKey, places: PeerPlaces): void;
  /** The coordinator, at that address, takes datagrams under these keys. */
  keyed(keys: DatagramKeys, coordinator: Endpoint): void;
  /** How the peer's datagrams come; null where it isn't known. */
  pathOf(peer: PeerKey): "direct" | "relay" | null;
  part(peer: PeerKey, reason: string): void;
  tell(peer: PeerKey, message: GroupMessage): void;
  /** The process has ended. */
  end(): void;
  /** The process has been frozen or has woken up. */
  refresh(): void;
}

export interface ChannelConfig {
  /** The probability that a message is late because of a retransmission. */
  readonly lateChance: number;
  readonly path: (from: number, to: number) => Path;
}

/** The values of the real layer. */
const MEET_MS_MAX = 5_000;
const MEET_PAUSES_MS = [0, 250, 500, 1_000, 2_000];
const RETRY_PAUSES_MS = [0, 5_000, 10_000, 20_000, 30_000];
const CONGESTED_BYTES = 1_024 * 1_024;
const DRAINED_BYTES = CONGESTED_BYTES / 2;
const WAITING_BYTES_MAX = 16 * 1_024 * 1_024;
const CLOSE_MS_MAX = 1_000;
/** The range of times after which silence is noticed: a probe, and the wait for its acknowledgement. */
const SILENT_MS = [1_000, 2_750] as const;
/** A healed path is noticed within this time, by the next probe. */
const HEALED_MS_MAX = 1_500;

export class Channels {
  readonly #ports = new Map<string, IdealPort>();
  readonly #cuts: Uint8Array;
  messages = 0;

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly hosts: number,
    readonly config: ChannelConfig,
  ) {
    this.#cuts = new Uint8Array(hosts * hosts);
  }

  open(owner: ChannelOwner, endpoint: Endpoint): IdealPort {
    const port = new IdealPort(this, owner, endpoint);
    this.#ports.set(endpointText(endpoint), port);
    return port;
  }

  release(port: IdealPort): void {
    const name = endpointText(port.endpoint);
    if (this.#ports.get(name) === port) this.#ports.delete(name);
  }

  at(endpoint: Endpoint): IdealPort | null {
    return this.#ports.get(endpointText(endpoint)) ?? null;
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts[from * this.hosts + to] === 1;
  }

  setCuts(isCut: (from: number, to: number) => boolean): void {
    for (let from = 0; from < this.hosts; from++) {
      for (let to = 0; to < this.hosts; to++) {
        this.#cuts[from * this.hosts + to] = from !== to && isCut(from, to) ? 1 : 0;
      }
    }
    this.refresh();
  }

  refresh(): void {
    for (const port of this.#ports.values()) port.refresh();
  }
}

/** One direction of a session: FIFO. */
class Pipe {
  readonly #items: { readonly message: GroupMessage; readonly bytes: number; atMs: number }[] = [];
  #lastMs = 0;
  #freeAtMs = 0;
  #paused = false;
  bytes = 0;
  /** The reason of the sender's goodbye, which follows the last message. */
  #goodbye: string | null = null;
  readonly #timer = new Timer(() => this.#arrive());

  constructor(readonly channels: Channels, readonly from: Side, readonly to: Side) {
    this.#lastMs = channels.time.nowMs;
  }

  push(message: GroupMessage): void {
    const { time, random, config } = this.channels;
    const path = config.path(this.from.port.owner.host, this.to.port.owner.host);
    const bytes = messageBytes(message);
    this.#freeAtMs = Math.max(this.#freeAtMs, time.nowMs) + bytes / path.bytesPerMs;
    const lateMs = random.chance(config.lateChance) ? random.between(5, 400) : 0;
    const delayMs = path.delayMs + random.exponential(path.jitterMs + 0.01) + lateMs;
    this.#lastMs = Math.max(this.#lastMs, this.#freeAtMs + delayMs);
    this.#items.push({ message, bytes, atMs: this.#lastMs });
    this.bytes += bytes;
    this.channels.messages++;
    if (this.#items.length === 1) this.#arm();
  }

  goodbye(reason: string): void {
    this.#goodbye = reason;
    this.#lastMs += 1;
    this.#arm();
  }

  /** Drops some of the messages in flight, as the sender's process has ended. */
  breakOff(): void {
    const left = this.channels.random.below(this.#items.length + 1);
    this.#items.length = left;
    this.#arm();
  }

  stop(): void {
    this.#items.length = 0;
    this.#goodbye = null;
    this.bytes = 0;
    this.channels.time.disarm(this.#timer);
  }

  refresh(): void {
    const { owner: from } = this.from.port;
    const { owner: to } = this.to.port;
    const paused = this.channels.isCut(from.host, to.host) || to.frozen || !this.to.isOpen;
    if (paused === this.#paused) return;
    this.#paused = paused;
    const { time, random } = this.channels;
    if (paused) return time.disarm(this.#timer);
    const againMs = time.nowMs + random.between(0, to.frozen ? 1 : HEALED_MS_MAX);
    for (const item of this.#items) item.atMs = Math.max(item.atMs, againMs);
    this.#lastMs = Math.max(this.#lastMs, againMs);
    this.#arm();
  }

  #arm(): void {
    if (this.#paused) return;
    const first = this.#items[0];
    if (first !== undefined) this.channels.time.arm(this.#timer, first.atMs);
    else if (this.#goodbye !== null) this.channels.time.arm(this.#timer, this.#lastMs);
  }

  #arrive(): void {
    const { time } = this.channels;
    let taken = 0;
    while (taken < this.#items.length && this.#items[taken]!.atMs <= time.nowMs) {
      const { message, bytes } = this.#items[taken++]!;
      this.bytes -= bytes;
      this.to.port.arrived(this.to, message);
    }
    this.#items.splice(0, taken);
    this.from.drained();
    if (this.#items.length === 0 && this.#goodbye !== null && this.#lastMs <= time.nowMs) {
      const reason = this.#goodbye;
      this.#goodbye = null;
      return this.to.port.ended(this.to, reason);
    }
    this.#arm();
  }
}

/** One process's end of the session with a peer. */
class Side {
  state: "connecting" | "up" | "silent" = "connecting";
  other: Side | null = null;
  out: Pipe | null = null;
  /** Messages sent before the peer was up. */
  readonly waiting: GroupMessage[] = [];
  isCongested = false;
  attempts = 0;
  untilMs = 0;
  retries = 0;
  readonly attempt = new Timer(() => this.port.tryToMeet(this));
  readonly silence = new Timer(() => this.port.fallSilent(this));
  readonly hearing = new Timer(() => this.port.hear(this));

  constructor(readonly port: IdealPort, readonly peer: PeerKey, public endpoint: Endpoint) {}

  /** Whether its process lives and still uses this end. */
  get isOpen(): boolean {
    return !this.port.gone && this.port.sides.get(this.peer) === this;
  }

  drained(): void {
    if (!this.isCongested || (this.out?.bytes ?? 0) >= DRAINED_BYTES) return;
    this.isCongested = false;
    this.port.owner.told({ type: "peer-drained", peer: this.peer });
  }

  disarm(): void {
    const { time } = this.port.channels;
    for (const timer of [this.attempt, this.silence, this.hearing]) time.disarm(timer);
  }
}

export class IdealPort implements ChannelPort {
  readonly sides = new Map<PeerKey, Side>();
  /** Peers that it accepts. */
  readonly #known = new Set<PeerKey>();
  /** Peers from which it has parted: their messages still go out, then the owner gets `peer-ended`. */
  readonly #closing = new Set<PeerKey>();
  gone = false;

  constructor(
    readonly channels: Channels,
    readonly owner: ChannelOwner,
    readonly endpoint: Endpoint,
  ) {}

  keyed(): void {}

  pathOf(): null {
    return null;
  }

  meet(peer: PeerKey, { endpoint }: PeerPlaces): void {
    if (peer === this.owner.key) throw new Violation(`${this.owner.name} meets itself`);
    this.#known.add(peer);
    if (this.#closing.has(peer)) return; // `peer-ended` follows
    const { time } = this.channels;
    const side = this.sides.get(peer) ?? new Side(this, peer, endpoint);
    this.sides.set(peer, side);
    side.endpoint = endpoint;
    side.attempts = 0;
    if (side.state !== "connecting" || side.untilMs <= time.nowMs) {
      side.untilMs = time.nowMs + MEET_MS_MAX;
    }
    this.#attemptIn(side, 0);
  }

  part(peer: PeerKey, reason: string): void {
    this.#known.delete(peer);
    const side = this.sides.get(peer);
    if (side === undefined) return;
    this.#forget(side);
    this.#closing.add(peer);
    const { out } = side;
    out?.goodbye(reason);
    const { random, time } = this.channels;
    time.after(out === null ? 0 : random.between(0, CLOSE_MS_MAX), () => {
      this.#closing.delete(peer);
      if (this.gone) return;
      // Messages that don't get through in time are lost, and so is the goodbye.
      if (out !== null && !this.#reaches(out)) out.stop();
      this.owner.told({ type: "peer-ended", peer, text: reason });
    });
  }

  #admits(peer: PeerKey): boolean {
    return this.#known.has(peer) && !this.#closing.has(peer);
  }

  #reaches({ to: { port } }: Pipe): boolean {
    return !this.channels.isCut(this.owner.host, port.owner.host) && !port.owner.frozen;
  }

  tell(peer: PeerKey, message: GroupMessage): void {
    const side = this.sides.get(peer);
    if (side === undefined) return;
    if (side.out === null) {
      side.waiting.push(message);
      return;
    }
    side.out.push(message);
    if (side.out.bytes > WAITING_BYTES_MAX) {
      throw new Violation(`${this.owner.name} has ${side.out.bytes} bytes wait for a peer`);
    }
    if (side.out.bytes <= CONGESTED_BYTES || side.isCongested) return;
    side.isCongested = true;
    this.owner.told({ type: "peer-congested", peer });
  }

  end(): void {
    this.gone = true;
    this.channels.release(this);
    for (const side of this.sides.values()) {
      side.disarm();
      side.out?.breakOff();
      if (side.other !== null) side.other.port.#lost(side.other);
    }
  }

  /** The other end of a session is gone: messages to it wait for a new session. */
  #lost(side: Side): void {
    side.out?.refresh();
    this.#refreshSide(side);
  }

  refresh(): void {
    for (const side of this.sides.values()) {
      this.#refreshSide(side);
      side.out?.refresh();
      if (side.other !== null) side.other.port.#refreshSide(side.other);
      side.other?.out?.refresh();
    }
  }

  // Called by pipes, timers and other ports.

  arrived(side: Side, message: GroupMessage): void {
    if (this.gone || this.sides.get(side.peer) !== side) return;
    // A received message also ends silence.
    if (side.state === "silent") this.hear(side);
    this.owner.told({ type: "peer-message", peer: side.peer, message });
  }

  ended(side: Side, reason: string): void {
    if (this.gone || this.sides.get(side.peer) !== side) return;
    this.#forget(side);
    this.owner.told({ type: "peer-ended", peer: side.peer, text: reason });
  }

  tryToMeet(side: Side): void {
    const { time, random } = this.channels;
    const target = this.channels.at(side.endpoint);
    const isThere = target !== null && target.owner.key === side.peer && !target.gone;
    if (isThere && this.#getsTo(target)) {
      if (side.other?.port === target && target.sides.get(this.owner.key) === side.other) return;
      if (target.#admits(this.owner.key)) return this.#join(side, target);
    }
    if (side.untilMs > time.nowMs) {
      const pauseMs = MEET_PAUSES_MS[++side.attempts] ?? 2_000;
      return this.#attemptIn(side, Math.min(pauseMs, side.untilMs - time.nowMs + 1));
    }
    if (side.state === "connecting") {
      this.#forget(side);
      return this.owner.told({ type: "peer-failed", peer: side.peer });
    }
    if (side.state !== "silent") return;
    side.retries = Math.min(side.retries + 1, RETRY_PAUSES_MS.length - 1);
    const pauseMs = RETRY_PAUSES_MS[side.retries]! + random.between(0, 50);
    side.untilMs = time.nowMs + pauseMs + MEET_MS_MAX;
    side.attempts = 0;
    this.#attemptIn(side, pauseMs);
  }

  fallSilent(side: Side): void {
    if (this.owner.frozen) return this.#refreshSide(side);
    if (side.state !== "up" || this.#hears(side)) return;
    side.state = "silent";
    side.retries = 0;
    this.owner.told({ type: "peer-silent", peer: side.peer });
    side.untilMs = this.channels.time.nowMs + MEET_MS_MAX;
    side.attempts = 0;
    this.#attemptIn(side, 0);
  }

  hear(side: Side): void {
    if (side.state !== "silent") return;
    side.state = "up";
    this.channels.time.disarm(side.hearing);
    this.channels.time.disarm(side.attempt);
    this.owner.told({ type: "peer-heard", peer: side.peer });
    this.#refreshSide(side);
  }

  // Internal.

  /** Whether a handshake gets to the target and back. */
  #getsTo(target: IdealPort): boolean {
    const { channels, owner } = this;
    if (owner.frozen || target.owner.frozen) return false;
    const { host } = target.owner;
    return !channels.isCut(owner.host, host) && !channels.isCut(host, owner.host);
  }

  #attemptIn(side: Side, pauseMs: number): void {
    const { time, random, config } = this.channels;
    const path = config.path(this.owner.host, this.owner.host);
    const tookMs = 2 * path.delayMs + random.exponential(path.jitterMs + 0.05);
    time.arm(side.attempt, time.nowMs + pauseMs + tookMs);
  }

  /** Starts a new session, which replaces the old one at both ends. */
  #join(side: Side, target: IdealPort): void {
    const there = target.sides.get(this.owner.key) ??
      new Side(target, this.owner.key, this.endpoint);
    target.sides.set(this.owner.key, there);
    for (const each of [side, there]) {
      each.out?.stop();
      each.other?.out?.stop();
      each.disarm();
    }
    this.#begin(side, there);
    target.#begin(there, side);
  }

  #begin(side: Side, other: Side): void {
    const { peer, state } = side;
    side.other = other;
    side.out = new Pipe(this.channels, side, other);
    side.state = "up";
    side.endpoint = other.port.endpoint;
    // Messages sent before the peer was up precede later ones.
    for (const message of side.waiting.splice(0)) this.tell(peer, message);
    const isReset = state !== "connecting";
    if (state === "silent") this.owner.told({ type: "peer-heard", peer });
    this.owner.told(isReset ? { type: "peer-reset", peer } : { type: "peer-up", peer });
    // The owner may meanwhile have ended, or parted from the peer.
    if (this.gone || this.sides.get(peer) !== side || side.out === null) return;
    side.drained();
    side.out?.refresh();
    this.#refreshSide(side);
  }

  #forget(side: Side): void {
    side.disarm();
    side.isCongested = false;
    this.sides.delete(side.peer);
    if (side.other !== null) side.other.port.#lost(side.other);
  }

  /** Whether messages from the peer get through. */
  #hears({ other, peer }: Side): boolean {
    if (other === null || other.port.gone || other.port.owner.frozen) return false;
    if (other.port.sides.get(this.owner.key) !== other) return false;
    return !this.channels.isCut(other.port.owner.host, this.owner.host) &&
      other.peer === this.owner.key && peer === other.port.owner.key;
  }

  #refreshSide(side: Side): void {
    if (this.gone || this.sides.get(side.peer) !== side || side.state === "connecting") return;
    const { time, random } = this.channels;
    const hears = this.#hears(side);
    if (hears || side.state === "silent") time.disarm(side.silence);
    else if (!side.silence.armed) {
      time.arm(side.silence, time.nowMs + random.between(...SILENT_MS));
    }
    if (!hears) time.disarm(side.hearing);
    else if (side.state === "silent" && !side.hearing.armed) {
      time.arm(side.hearing, time.nowMs + random.between(0, HEALED_MS_MAX));
    }
  }
}
