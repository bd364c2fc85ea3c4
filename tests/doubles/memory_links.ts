/**
 * Links without sockets, in virtual time: the same channels over streams in memory. The results depend only on the
 * calls, so that a failing test fails again.
 */

import { type Endpoint, endpointText } from "../../lib/base/ids.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { invariant } from "../../lib/base/invariant.ts";
import type {
  ByteStream,
  ByteStreamEvents,
  StreamAttempt,
  StreamNetwork,
} from "../../lib/transport/byte_stream.ts";
import { ChannelLinks, type ChannelLinksOptions } from "../../lib/transport/links/channel_links.ts";
import type { LinkClock, Links } from "../../lib/transport/link.ts";

/** Bytes that a stream buffers for a paused reader, as a socket does. */
const SOCKET_BUFFER_BYTES = 64 * 1_024;

const NO_EVENTS: ByteStreamEvents = { received() {}, written() {}, ended() {} };

interface Alarm {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Virtual time. Callbacks are called in the order of their times; at equal times, in the order in which they were
 * set.
 */
export class VirtualClock implements LinkClock {
  #nowMs = 0;
  #order = 0;
  readonly #alarms = new Set<Alarm>();
  readonly #soon: (() => void)[] = [];
  /** So much time passes between two looks at it. */
  lookMs = 0;

  nowMs(): number {
    return this.#nowMs += this.lookMs;
  }

  at(atMs: number, callback: () => void): { cancel(): void } {
    const alarm = { atMs: Math.max(atMs, this.#nowMs), order: ++this.#order, callback };
    this.#alarms.add(alarm);
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  soon(task: () => void): void {
    this.#soon.push(task);
  }

  /** Advances time by `ms`, calling everything that is due. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    this.#runSoon();
    for (let next = this.#next(); next !== null && next.atMs <= untilMs; next = this.#next()) {
      this.#alarms.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs); // callbacks are late after a stall
      next.callback();
      this.#runSoon();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Advances time without calling anything, like a process that was stopped. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  #next(): Alarm | null {
    let next: Alarm | null = null;
    for (const alarm of this.#alarms) {
      if (
        next === null || alarm.atMs < next.atMs ||
        (alarm.atMs === next.atMs && alarm.order < next.order)
      ) next = alarm;
    }
    return next;
  }

  #runSoon(): void {
    for (let task = this.#soon.shift(); task !== undefined; task = this.#soon.shift()) task();
  }
}

/** Hosts that can reach each other, unless cut. */
export class MemoryLinkNetwork {
  readonly clock: VirtualClock;
  readonly latencyMs: number;
  readonly #hosts = new Map<string, MemoryHost>();
  readonly #cuts = new Set<string>();
  readonly #streams = new Set<MemoryStream>();

  /** `latencyMs`: one-way delay of each write. */
  constructor(options: { readonly latencyMs?: number; readonly clock?: VirtualClock } = {}) {
    this.clock = options.clock ?? new VirtualClock();
    this.latencyMs = options.latencyMs ?? 0;
  }

  /** Links that listen at `local`. */
  open(local: Endpoint, options: Omit<ChannelLinksOptions, "clock">): Links {
    invariant(!this.#hosts.has(endpointText(local)), "one program listens at an endpoint");
    const host = new MemoryHost(this, local);
    this.#hosts.set(endpointText(local), host);
    return new ChannelLinks(host, { ...options, clock: this.clock });
  }

  /** Blocks bytes from host `from` to host `to` until `heal`; like with TCP, they are delivered then. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
  }

  heal(from: string, to: string): void {
    this.#cuts.delete(`${from} ${to}`);
    for (const stream of this.#streams) stream.deliver();
  }

  /** Simulates the crash of a host's programs: for others, their streams end without a goodbye. */
  crash(host: string): void {
    for (const [key, { local }] of [...this.#hosts]) {
      if (local.host === host) this.#hosts.delete(key);
    }
    for (const stream of [...this.#streams]) if (stream.local.host === host) stream.abort();
  }

  /** Whether bytes pass from one host to the other now. */
  passes(from: string, to: string): boolean {
    return !this.#cuts.has(`${from} ${to}`);
  }

  /** Makes the host listen at `to`; null: nowhere. @throws {P2pchatError} `port-in-use`. */
  move(host: MemoryHost, to: Endpoint | null): void {
    if (to !== null && this.#hosts.has(endpointText(to))) {
      throw new P2pchatError("port-in-use", `Cannot listen at port ${to.port}: it is taken`);
    }
    const before = endpointText(host.local);
    if (this.#hosts.get(before) === host) this.#hosts.delete(before);
    if (to === null) return;
    host.local = to;
    this.#hosts.set(endpointText(to), host);
  }

  /** Makes a stream and returns its two ends; `null` where nobody listens. */
  join(
    from: Endpoint,
    to: Endpoint,
  ): { near: MemoryStream; far: MemoryStream; at: MemoryHost } | null {
    const at = this.#hosts.get(endpointText(to));
    if (at === undefined || !this.passes(from.host, to.host)) return null;
    const closed = (stream: MemoryStream) => void this.#streams.delete(stream);
    const near = new MemoryStream(this, from, to, closed);
    const far = new MemoryStream(this, to, from, closed);
    near.other = far;
    far.other = near;
    this.#streams.add(near).add(far);
    return { near, far, at };
  }
}

class MemoryHost implements StreamNetwork {
  #accepted: ((stream: ByteStream) => void) | null = null;

  constructor(readonly network: MemoryLinkNetwork, public local: Endpoint) {}

  connect(
    to: Endpoint,
    connected: (stream: ByteStream) => void,
    failed: (reason: string) => void,
  ): StreamAttempt {
    const { clock, latencyMs } = this.network;
    const timer = clock.at(clock.nowMs() + latencyMs, () => {
      const joined = this.network.join(this.local, to);
      if (joined === null) return failed("nobody listens there");
      joined.at.#accepted?.(joined.far);
      connected(joined.near);
    });
    return { missing: "no connection", cancel: () => timer.cancel() };
  }

  accept(accepted: (stream: ByteStream) => void): void {
    this.#accepted = accepted;
  }

  stopListening(): Promise<void> {
    this.network.move(this, null);
    return Promise.resolve();
  }

  allClosed(): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryStream implements ByteStream {
  other!: MemoryStream;
  #events: ByteStreamEvents = NO_EVENTS;
  /** Received bytes that aren't read yet; `null` is the end of the stream. */
  readonly #inbox: (Uint8Array | null)[] = [];
  #inboxBytes = 0;
  #reading = true;
  /** Whether `handle` was called. Before that, no event is reported, and received bytes wait. */
  #handled = false;
  #deliverAsked = false;
  #writing = false;
  #finished = false;
  #aborted = false;

  constructor(
    readonly network: MemoryLinkNetwork,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    readonly closed: (stream: MemoryStream) => void,
  ) {}

  get localHost(): string {
    return this.local.host;
  }

  handle(events: ByteStreamEvents): void {
    this.#events = events;
    this.#handled = true;
    this.deliver();
  }

  write(bytes: Uint8Array): void {
    if (this.#aborted) return; // by the network: the program has crashed
    invariant(!this.#writing && !this.#finished, "one write at a time, and none after finish");
    this.#writing = true;
    this.#send(bytes.slice());
  }

  setReading(reading: boolean): void {
    this.#reading = reading;
    if (reading) this.deliver();
  }

  finish(): void {
    if (this.#finished || this.#aborted) return;
    this.#finished = true;
    this.#send(null);
  }

  abort(): void {
    if (this.#aborted) return;
    this.finish();
    this.#aborted = true;
    this.#events = NO_EVENTS;
    this.#inbox.length = 0;
    this.closed(this);
  }

  /** Schedules the delivery of received bytes, unless reading is paused or the path is cut. */
  deliver(): void {
    if (!this.#handled || this.#deliverAsked || this.#inbox.length === 0) return;
    this.#deliverAsked = true;
    this.network.clock.soon(() => {
      this.#deliverAsked = false;
      while (this.#reading && this.#inbox.length > 0) {
        if (!this.network.passes(this.remote.host, this.local.host)) return;
        const next = this.#inbox.shift();
        if (next === undefined) return;
        if (next === null) {
          this.#events.ended("the other side hung up");
          return;
        }
        this.#inboxBytes -= next.length;
        this.#events.received(next);
        this.other.#reportWritten();
      }
    });
  }

  #send(bytes: Uint8Array | null): void {
    const { clock, latencyMs } = this.network;
    clock.at(clock.nowMs() + latencyMs, () => {
      this.other.#arrived(bytes);
      this.#reportWritten();
    });
  }

  #arrived(bytes: Uint8Array | null): void {
    if (this.#aborted) return;
    this.#inbox.push(bytes);
    this.#inboxBytes += bytes?.length ?? 0;
    this.deliver();
  }

  #reportWritten(): void {
    if (!this.#writing || this.other.#inboxBytes >= SOCKET_BUFFER_BYTES) return;
    this.#writing = false;
    this.network.clock.soon(() => this.#events.written());
  }
}
