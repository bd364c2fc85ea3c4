/**
 * A simulated link between two processes with the properties of an authenticated TCP connection: each direction is
 * FIFO, delivers everything up to some point and nothing after it, and has a queue that can be full.
 */

import type { Endpoint, LinkId } from "../../lib/base/ids.ts";
import type { Queue } from "../../lib/base/schema/schema.ts";
import type { ChannelSecret } from "../../lib/protocols/noise/channel_handshake.ts";
import type { Network, Path } from "./network.ts";
import { Pings, Sign } from "./pings.ts";
import { Timer } from "./virtual_time.ts";

/** What a link needs to know of a process, and what it tells it. */
export interface LinkOwner<Message> {
  readonly host: number;
  /** Whether the process has ended. */
  readonly gone: boolean;
  /** Whether it doesn't answer pings: it is stalled or without power. */
  readonly silent: boolean;
  readonly stalledUntilMs: number;
  /** A slow reader takes one message in so many ms, over all its links together; 0 for any number. */
  readonly readIntervalMs: number;
  /** When a slow reader takes its next message. */
  readableAtMs: number;
  linkUp(end: LinkEnd<Message>): void;
  linkDown(end: LinkEnd<Message>, closed: boolean, reason: string): void;
  message(end: LinkEnd<Message>, message: Message): void;
  congested(end: LinkEnd<Message>): void;
  drained(end: LinkEnd<Message>): void;
  missed?(end: LinkEnd<Message>): void;
}

/** The queue limits of every link; small ones make full queues frequent. */
export interface QueueLimits {
  readonly controlBytes: number;
  readonly dataBytes: number;
  /** Bytes in flight, not yet read by the receiver. */
  readonly windowBytes: number;
}

/** The reason for the end of a link when too much control waits. */
export const CONTROL_FULL = "the control queue is full";
/** A ping is sent after 1 s of silence; 3 s without a byte end a link. */
const DEAD_AFTER_MS = 3_000;
const DEAD_JITTER_MS = 1_000;
/** Time for a goodbye. */
const CLOSE_MS_MAX = 1_000;
/** After a cut heals, TCP retransmits within this time. */
const RETRANSMIT_MS = 400;
/** The payload of a TCP packet in an Ethernet frame of 1,500 bytes. */
const PACKET_BYTES = 1_448;
/** A ping, or the answer to it, sealed. */
const SIGN_BYTES = 26;
/**
 * A lost packet is retransmitted so much later than a round trip: the minimum of Linux, when no later packet
 * reveals the loss.
 */
const RETRANSMIT_MARGIN_MS = 200;

/** Precedes the messages: the receiver's end of the link is up. */
const UP = Symbol("up");
/** The sender closed the link with an authenticated goodbye. */
const CLOSED = Symbol("closed");
/** The connection ended without a goodbye. */
const LOST = Symbol("lost");
type Mark = typeof UP | typeof CLOSED | typeof LOST;

/** The consumed front of a queue is freed once it is this long. */
const COMPACT_AT = 1_024;

class Fifo<T> {
  items: (T | undefined)[] = [];
  sizes: number[] = [];
  /** The arrival time of each item; empty for a queue of items that aren't in flight. */
  times: number[] = [];
  head = 0;
  bytes = 0;

  get empty(): boolean {
    return this.head === this.items.length;
  }

  push(item: T, size: number): void {
    this.items.push(item);
    this.sizes.push(size);
    this.bytes += size;
  }

  shift(): T {
    const item = this.items[this.head]!;
    this.items[this.head] = undefined;
    this.bytes -= this.sizes[this.head]!;
    if (++this.head === this.items.length) this.clear();
    else if (this.head === COMPACT_AT) {
      this.items.splice(0, COMPACT_AT);
      this.sizes.splice(0, COMPACT_AT);
      this.times.splice(0, COMPACT_AT);
      this.head = 0;
    }
    return item;
  }

  clear(): void {
    this.items.length = 0;
    this.sizes.length = 0;
    this.times.length = 0;
    this.head = 0;
    this.bytes = 0;
  }
}

/** One direction of a link: the sender's two lanes, and the wire. */
class Pipe<Message> {
  readonly #control = new Fifo<Message | Sign>();
  readonly #data = new Fifo<Message>();
  readonly #wire = new Fifo<Message | Mark | Sign>();
  #lastArrivalMs = 0;
  #freeAtMs = 0;
  #congested = false;
  /** News was dropped, and the sender hasn't been told yet. */
  #missed = false;
  /** The mark that ends this direction, once that is decided. */
  #ending: Mark | null = null;
  #paused = false;
  readonly #arrive = new Timer(() => this.#arrived());
  readonly #transmit = new Timer(() => this.#pump());

  constructor(
    readonly network: Network<Message>,
    readonly from: LinkEnd<Message>,
    readonly to: LinkEnd<Message>,
  ) {}

  get ending(): boolean {
    return this.#ending !== null;
  }

  send(message: Message, lane: Queue, size: number): void {
    if (this.#ending !== null) return;
    const { limits } = this.network;
    if (lane === "news") {
      if (this.#control.bytes + size > limits.controlBytes / 2) {
        this.#missed = true;
        return;
      }
      this.#control.push(message, size);
    } else if (lane === "control") {
      this.#control.push(message, size);
      if (this.#control.bytes > limits.controlBytes) {
        return this.from.lose(CONTROL_FULL);
      }
    } else {
      if (this.#congested && this.#data.bytes > limits.dataBytes) {
        this.network.dropped++;
        return;
      }
      this.#data.push(message, size);
    }
    this.#pump();
    if (!this.#congested && this.#data.bytes > limits.dataBytes) {
      this.#congested = true;
      this.from.owner.congested(this.from);
    }
  }

  sign(sign: Sign): void {
    if (this.#ending !== null) return;
    this.#control.push(sign, SIGN_BYTES);
    this.#pump();
  }

  mark(mark: Mark): void {
    this.#toWire(mark, 0, this.network.time.nowMs);
  }

  /** Ends this direction after what was sent. */
  close(): void {
    this.#ending = CLOSED;
    this.#pump();
  }

  /** Breaks this direction: everything queued is lost, and perhaps the last part of what is in flight. */
  breakOff(lossChance: number): void {
    if (this.#ending === LOST) return;
    this.#control.clear();
    this.#data.clear();
    const wire = this.#wire;
    const { random } = this.network;
    if (!wire.empty && random.chance(lossChance)) {
      const left = random.below(wire.items.length - wire.head + 1);
      while (wire.items.length > wire.head + left) {
        wire.items.pop();
        wire.bytes -= wire.sizes.pop()!;
        wire.times.pop();
      }
    }
    this.#ending = LOST;
    this.mark(LOST);
  }

  /** Delivers nothing more: the receiver has given the link up. */
  stop(): void {
    this.#wire.clear();
    this.network.time.disarm(this.#arrive);
    this.network.time.disarm(this.#transmit);
  }

  /** The path was cut, or has healed: TCP then retransmits what was lost meanwhile. */
  setPaused(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) return this.network.time.disarm(this.#arrive);
    const againMs = this.network.time.nowMs + this.network.random.between(0, RETRANSMIT_MS);
    for (let at = this.#wire.head; at < this.#wire.times.length; at++) {
      this.#wire.times[at] = Math.max(this.#wire.times[at]!, againMs);
    }
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, againMs);
    this.#armArrival();
  }

  #pump(): void {
    const { time, limits } = this.network;
    const path = this.network.path(this.from.owner.host, this.to.owner.host);
    for (;;) {
      const lane = !this.#control.empty ? this.#control : this.#data;
      if (lane.empty) break;
      if (this.#wire.bytes >= limits.windowBytes) return;
      if (this.#freeAtMs > time.nowMs) return time.arm(this.#transmit, this.#freeAtMs);
      const size = lane.sizes[lane.head]!;
      const message = lane.shift();
      this.#freeAtMs = time.nowMs + size / path.bytesPerMs;
      this.from.pings?.wrote(message);
      this.#toWire(message, size, this.#freeAtMs);
      if (this.#congested && this.#data.bytes <= limits.dataBytes / 2) {
        this.#congested = false;
        this.from.owner.drained(this.from);
      }
      if (this.#missed && this.#control.empty) {
        this.#missed = false;
        this.from.owner.missed?.(this.from);
      }
    }
    if (this.#ending === CLOSED) {
      this.#toWire(CLOSED, 0, Math.max(this.#freeAtMs, time.nowMs));
      this.#ending = LOST; // the goodbye is sent once
      this.from.closed();
    }
  }

  #toWire(item: Message | Mark | Sign, size: number, leavesMs: number): void {
    const { random } = this.network;
    const path = this.network.path(this.from.owner.host, this.to.owner.host);
    const delayMs = path.delayMs + (path.jitterMs === 0 ? 0 : random.exponential(path.jitterMs));
    const lostMs = this.#lostMs(path, size);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, leavesMs + delayMs + lostMs);
    this.#wire.push(item, size);
    this.#wire.times.push(this.#lastArrivalMs);
    if (this.#wire.items.length === this.#wire.head + 1) this.#armArrival();
  }

  /**
   * The delay caused by the loss of packets, each of which may be lost again at each retransmission. The
   * retransmission timeout doubles each time; when the delay is too long, the receiver takes the link for dead.
   */
  #lostMs({ delayMs, lossChance = 0 }: Path, size: number): number {
    if (lossChance === 0) return 0;
    const { time, random } = this.network;
    const packets = Math.max(1, Math.ceil(size / PACKET_BYTES));
    let lostMs = 0;
    let chance = 1 - (1 - lossChance) ** packets;
    for (let waitMs = 2 * delayMs + RETRANSMIT_MARGIN_MS; random.chance(chance); waitMs *= 2) {
      lostMs += waitMs;
      chance = lossChance;
    }
    if (lostMs > DEAD_AFTER_MS && this.network.pinged === null) {
      time.after(DEAD_AFTER_MS, () => this.to.lose("nothing was heard for 3 s"));
    }
    return lostMs;
  }

  #armArrival(hasRead = false): void {
    if (this.#paused || this.#wire.empty) return;
    const { owner } = this.to;
    const atMs = Math.max(this.#wire.times[this.#wire.head]!, owner.stalledUntilMs);
    // A slow reader serves its links in turn: the one just read queues behind those that are waiting.
    const readableMs = owner.readIntervalMs === 0 || hasRead ? 0 : owner.readableAtMs;
    this.network.time.arm(this.#arrive, Math.max(atMs, readableMs));
  }

  #arrived(): void {
    const wire = this.#wire;
    const { nowMs } = this.network.time;
    const { owner } = this.to;
    let hasRead = false;
    while (!wire.empty && !this.#paused) {
      if (wire.times[wire.head]! > nowMs || owner.stalledUntilMs > nowMs) break;
      if (owner.readIntervalMs > 0) {
        if (owner.readableAtMs > nowMs) break;
        owner.readableAtMs = nowMs + owner.readIntervalMs;
        hasRead = true;
      }
      const item = wire.shift();
      if (item === UP) this.to.up();
      else if (item === CLOSED) return this.to.down(true, "closed by the other side");
      else if (item === LOST) return this.to.down(false, "the connection was lost");
      else if (this.to.open) {
        this.to.pings?.heard(item);
        if (!(item instanceof Sign)) owner.message(this.to, item as Message);
      }
    }
    this.#armArrival(hasRead);
    this.#pump();
  }
}

/** One end of a link, as its process sees it. */
export class LinkEnd<Message> {
  open = false;
  /** Set by its owner when the link is up. */
  id = -1 as LinkId;
  /** The secret that both ends know; set by the network before either end is up. */
  secret: ChannelSecret | null = null;
  other!: LinkEnd<Message>;
  #out!: Pipe<Message>;
  readonly #dead = new Timer(() => this.lose("nothing was heard for 3 s"));
  /** Null where the network has none, and while this end isn't open. */
  pings: Pings | null = null;
  #closing: string | null = null;
  /** Why this end has closed the link; null while it hasn't. The other end learns of it with what was sent before. */
  goodbye: string | null = null;
  /** The connection is gone for good, as one of its ends has another address now. */
  #stranded = false;
  readonly #closed = new Timer(() => this.#endClose());

  private constructor(
    readonly network: Network<Message>,
    readonly owner: LinkOwner<Message>,
    readonly dialled: boolean,
    readonly attempt: number | null,
    readonly remote: Endpoint,
  ) {}

  /** Makes the two ends of a link. The dialler's is open at once, the other when the news arrives there. */
  static pair<Message>(
    network: Network<Message>,
    dialler: LinkOwner<Message>,
    attempt: number,
    endpoint: Endpoint,
    listener: LinkOwner<Message>,
    seen: Endpoint,
  ): LinkEnd<Message> {
    const near = new LinkEnd(network, dialler, true, attempt, endpoint);
    const far = new LinkEnd(network, listener, false, null, seen);
    near.other = far;
    far.other = near;
    near.#out = new Pipe(network, near, far);
    far.#out = new Pipe(network, far, near);
    near.#opens();
    near.#out.mark(UP);
    network.ends.add(near);
    return near;
  }

  #opens(): void {
    const { network: { pinged, time }, owner, other } = this;
    this.open = true;
    if (pinged !== null) this.pings = new Pings(time, pinged(owner.host, other.owner.host), this);
  }

  send(message: Message, lane: Queue, size: number): void {
    if (this.open) this.#out.send(message, lane, size);
  }

  sign(sign: Sign): void {
    if (this.open) this.#out.sign(sign);
  }

  /**
   * The owner closes the link: what was sent before goes out, for a second at most, and nothing more is received.
   * Then the owner is told that the link is down.
   */
  close(reason: string): void {
    if (!this.open) return;
    this.#shut();
    this.#closing = this.goodbye = reason;
    this.network.time.arm(this.#closed, this.network.time.nowMs + CLOSE_MS_MAX);
    this.#out.close();
    this.other.refresh();
  }

  /** The queue and the goodbye were sent. */
  closed(): void {
    if (this.#closing === null) return;
    const { time, random } = this.network;
    time.arm(this.#closed, time.nowMs + random.below(3));
  }

  #endClose(): void {
    const reason = this.#closing!;
    this.#closing = null;
    this.#out.breakOff(0);
    this.owner.linkDown(this, true, reason);
  }

  /** The link breaks at this end; the other end learns of it if it can. */
  lose(reason: string): void {
    if (!this.open) return;
    this.#shut();
    this.#out.breakOff(1);
    this.owner.linkDown(this, false, reason);
    this.other.refresh();
  }

  /** The owner has ended. Its kernel tells the other end, unless the machine has lost power. */
  abandon(powerLost: boolean, lossChance: number): void {
    this.network.time.disarm(this.#closed);
    if (this.#closing !== null) this.#out.breakOff(lossChance);
    if (!this.open) return;
    this.#shut();
    if (!powerLost) this.#out.breakOff(lossChance);
    this.other.refresh();
  }

  /** Breaks the connection in both directions at once. */
  sever(): void {
    this.#out.breakOff(1);
    this.other.#out.breakOff(1);
  }

  /** Nothing gets through any more in either direction, and neither end is told. */
  strand(): void {
    this.#stranded = true;
    this.other.#stranded = true;
    this.refresh();
    this.other.refresh();
  }

  up(): void {
    if (!this.owner.gone) {
      this.#opens();
      this.network.ends.add(this.other);
      this.owner.linkUp(this);
      this.refresh();
    }
    this.other.refresh();
  }

  down(closed: boolean, reason: string): void {
    if (!this.open) return;
    this.#shut();
    if (this.other.open) this.#out.breakOff(1);
    this.owner.linkDown(this, closed, reason);
    this.other.refresh();
  }

  /** Checks whether this end still hears the other one, and starts or stops the dead-link timer. */
  refresh(): void {
    const { network } = this;
    const cut = this.#stranded || network.isCut(this.other.owner.host, this.owner.host);
    this.other.#out.setPaused(cut);
    if (network.pinged !== null) return this.pings?.arm();
    const hears = !cut && !this.other.owner.silent && (this.other.open || this.other.#out.ending);
    if (!this.open || hears) network.time.disarm(this.#dead);
    else if (!this.#dead.armed) {
      const afterMs = DEAD_AFTER_MS + network.random.between(0, DEAD_JITTER_MS);
      network.time.arm(this.#dead, network.time.nowMs + afterMs);
    }
  }

  #shut(): void {
    this.open = false;
    this.pings?.stop();
    this.pings = null;
    this.network.time.disarm(this.#dead);
    this.other.#out.stop();
    if (!this.other.open) this.network.ends.delete(this.dialled ? this : this.other);
  }
}
