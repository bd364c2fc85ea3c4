/**
 * Links over any network of byte streams: a channel machine for each stream, frames in its lanes, and one alarm for
 * the earliest of all deadlines. `dials.ts` and `admission_control.ts` handle a stream before it has a channel,
 * `lingering_close.ts` afterwards.
 *
 * Writes are batched: frames sent in one turn of the event loop go out in one write at the end of that turn, and
 * frames sent during a write in the next write.
 */

import { RemoteProtocolError } from "../../base/errors.ts";
import { type Endpoint, endpointText, type LinkId } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { Channel } from "../../protocols/noise/channel.ts";
import {
  type ChannelIdentity,
  type DialTarget,
  isWholeOpening,
  type ListenAccess,
} from "../../protocols/noise/channel_handshake.ts";
import type { ChannelEffect, ChannelInput } from "../../protocols/noise/channel_io.ts";
import { CHANNEL_DEFAULTS, type ChannelConfig } from "../../protocols/noise/config.ts";
import { encodeRefusal } from "../../protocols/noise/preface.ts";
import { FRAME_HEADER_BYTES, FrameReader, writeFrameHeader } from "../../wire/frame.ts";
import type { ByteStream, RelayedStreams, StreamNetwork } from "../byte_stream.ts";
import type {
  DialExpectation,
  Lane,
  LinkClock,
  LinkHandler,
  LinkInfo,
  LinkObserver,
  Links,
  Queue,
} from "../link.ts";
import { AdmissionControl } from "../strangers/admission_control.ts";
import type { StrangerLimitsConfig } from "../strangers/stranger_limits.ts";
import { Dials } from "./dials.ts";
import { LingeringClose } from "./lingering_close.ts";
import { NarrowPaths, narrowPathText } from "./narrow_paths.ts";

export interface ChannelLinksOptions {
  readonly identity: ChannelIdentity;
  readonly env: Pick<Environment, "randomBytes" | "crypto" | "log">;
  readonly clock: LinkClock;
  /**
   * Whom to accept, asked anew for each connection. Its mode is also that of our own dials, unless they name
   * another one.
   */
  readonly access: ListenAccess;
  /** Relayed streams, in addition to those of the network. */
  readonly relays?: RelayedStreams;
  readonly handler: LinkHandler;
  readonly observer?: LinkObserver;
  readonly channel?: Partial<ChannelConfig>;
  /** Tells the user of a path on which only short messages pass; by default nobody. */
  readonly warn?: (text: string) => void;
  readonly strangers?: Partial<StrangerLimitsConfig>;
  /** How many connections may wait for a place among the strangers, and how many more may be silent, if not 256. */
  readonly waitingMax?: number;
}

/** How long `shutdown` lets links send what is queued. */
const SHUTDOWN_MS = 1_000;

// Shared by all links: its content is copied within the call that fills it.
const frameHeader = new Uint8Array(FRAME_HEADER_BYTES);

/** A stream with its channel, until the channel has closed or failed. */
interface Connection {
  readonly id: LinkId;
  readonly stream: ByteStream;
  readonly channel: Channel;
  readonly attempt: number | null;
  readonly frames: Readonly<Record<Lane, FrameReader>>;
  /** Whether `linkUp` was called. */
  up: boolean;
  /** Whether `close` was called: no more frames are delivered. */
  closing: boolean;
  /** Whether the channel's `failed` or `closed` has been handled. */
  over: boolean;
  writing: boolean;
  /** The other side has ended its direction. */
  hungUp: boolean;
  /** Whether the connection is in `#toFlush`. */
  flushing: boolean;
}

export class ChannelLinks implements Links {
  readonly #network: StreamNetwork;
  readonly #options: ChannelLinksOptions;
  /** Time from the dial, or from a stream's arrival, to the end of its handshake. */
  readonly #connectMs: number;
  readonly #dials: Dials;
  readonly #admission: AdmissionControl<Connection>;
  readonly #connections = new Map<LinkId, Connection>();
  readonly #paths = new NarrowPaths();
  readonly #partings = new LingeringClose(() => this.#checkShutdown());
  readonly #toFlush: Connection[] = [];
  #flushScheduled = false;
  readonly #alarm: Alarm;
  /** The time of the last step of any channel. */
  #nowMs: number;
  #lastId = 0;
  #up = 0;
  #shutdown: PromiseWithResolvers<void> | null = null;
  /** When whatever is still queued then is dropped. */
  #shutdownDueMs: number | null = null;

  constructor(network: StreamNetwork, options: ChannelLinksOptions) {
    this.#network = options.relays?.over(network) ?? network;
    this.#options = options;
    this.#nowMs = options.clock.nowMs();
    this.#alarm = new Alarm(options.clock, (nowMs) => this.#ring(nowMs));
    this.#connectMs = options.channel?.handshakeMs ?? CHANNEL_DEFAULTS.handshakeMs;
    const { key } = options.identity.signer;
    this.#dials = new Dials(this.#network, this.#connectMs, key, (attempt, failure) => {
      options.handler.dialFailed(attempt, failure);
      this.#checkShutdown();
    });
    this.#admission = new AdmissionControl<Connection>(
      {
        isWholeOpening: (bytes) => isWholeOpening(bytes, options.access),
        prefers: (host) => options.access.prefers?.(host) ?? false,
        letIn: (stream, sinceMs, nowMs) => this.#letIn(stream, sinceMs, nowMs),
        read: (stranger, bytes) => this.#readFirst(stranger, bytes),
        displace: (stranger) =>
          this.#step(stranger, { type: "close", reason: "made room for another connection" }),
        turnAway: (stream, reason) => this.#turnAway(stream, reason),
        drop: (stream, reason) => this.#drop(stream, reason),
        wakeAt: (dueMs) => this.#alarm.setEarliest(dueMs),
      },
      options.clock,
      { ...options, openingMs: this.#connectMs },
    );
    this.#network.accept((stream) => {
      if (this.#shutdown === null) this.#admission.accept(stream);
      else stream.abort();
    });
  }

  get local(): Endpoint {
    return this.#network.local;
  }

  get size(): number {
    return this.#up;
  }

  dial(attempt: number, to: Endpoint, expect: DialExpectation): void {
    invariant(this.#shutdown === null, "nothing is dialled after shutdown");
    const { key, accepts, room, secret, mode = this.#options.access.mode } = expect;
    const fingerprint = key === null ? expect.fingerprint ?? null : fingerprintOf(key);
    const target = { mode, room, secret, fingerprint, ...(accepts && { accepts }) };
    const dueMs = this.#dials.add(
      attempt,
      to,
      this.#options.clock.nowMs(),
      (stream, endsAtMs) => this.#connected(attempt, stream, target, expect.channel, endsAtMs),
    );
    this.#alarm.setEarliest(dueMs);
  }

  cancelDial(attempt: number): void {
    this.#options.clock.soon(() => this.#giveUp(attempt, "cancelled"));
  }

  send(link: LinkId, body: Uint8Array, lane: Queue | "bulk"): void {
    const connection = this.#connections.get(link);
    if (connection === undefined || !connection.up || connection.closing) return;
    writeFrameHeader(frameHeader, body.length);
    // Sending doesn't depend on the time, and reading the clock costs as much as the rest: the last time will do.
    const effects = connection.channel.step(
      { type: "send", head: frameHeader, body, lane },
      this.#nowMs,
    );
    for (const effect of effects) {
      if (effect.type === "congested") this.#congested(link);
      else this.#options.clock.soon(() => this.#apply(connection, effect));
    }
    this.#flushLater(connection);
  }

  close(link: LinkId, reason: string): void {
    const connection = this.#connections.get(link);
    if (connection === undefined || connection.closing) return;
    connection.closing = true;
    // Resume reading, or the other side's goodbye and end would never be seen.
    connection.stream.setReading(true);
    this.#step(connection, { type: "close", reason });
    this.#flushLater(connection);
  }

  pauseReading(link: LinkId): void {
    this.#setReading(link, false);
  }

  resumeReading(link: LinkId): void {
    this.#setReading(link, true);
  }

  roundTripMs(link: LinkId): number | null {
    return this.#connections.get(link)?.channel.roundTripMs ?? null;
  }

  async shutdown(reason: string): Promise<void> {
    if (this.#shutdown !== null) return await this.#shutdown.promise;
    this.#shutdown = Promise.withResolvers<void>();
    this.#partings.ending();
    const stopped = this.#network.stopListening();
    const dueMs = this.#options.clock.nowMs() + SHUTDOWN_MS;
    this.#shutdownDueMs = dueMs;
    this.#alarm.setEarliest(dueMs);
    this.#options.clock.soon(() => {
      for (const stream of this.#admission.clear()) stream.abort();
      this.#dials.giveUpAll(reason);
      for (const connection of [...this.#connections.values()]) {
        if (connection.up) this.close(connection.id, reason);
        else this.#step(connection, { type: "close", reason });
      }
      this.#checkShutdown();
    });
    await this.#shutdown.promise;
    await stopped;
    await this.#network.allClosed();
  }

  #checkShutdown(): void {
    if (this.#shutdown === null) return;
    if (this.#dials.size > 0 || this.#connections.size > 0 || this.#partings.size > 0) return;
    this.#alarm.cancel();
    this.#shutdown.resolve();
  }

  #giveUp(attempt: number, reason: string): void {
    if (this.#dials.giveUp(attempt, reason)) return;
    for (const connection of this.#connections.values()) {
      if (connection.attempt !== attempt || connection.up) continue;
      return this.#step(connection, { type: "close", reason });
    }
  }

  // Streams arrive.

  #connected(
    attempt: number,
    stream: ByteStream,
    target: DialTarget,
    own: Partial<ChannelConfig> | undefined,
    endsAtMs: number,
  ): void {
    const { identity, env, channel: common } = this.#options;
    const channel = Channel.dial(
      { identity, env, config: { ...common, ...own } },
      target,
      this.#options.clock.nowMs(),
      endsAtMs,
    );
    this.#start(stream, channel, attempt);
  }

  #letIn(stream: ByteStream, sinceMs: number, nowMs: number): Connection {
    const { identity, env, channel: config, access } = this.#options;
    const options = { identity, env, ...(config === undefined ? {} : { config }) };
    const channel = Channel.listen(options, access, nowMs, sinceMs + this.#connectMs);
    return this.#start(stream, channel, null);
  }

  #readFirst(connection: Connection, bytes: Uint8Array): void {
    this.#received(connection, bytes);
    if (!connection.over) connection.stream.setReading(true);
  }

  /** Closes a stream that nothing was sent to with a refusal. */
  #turnAway(stream: ByteStream, reason: string): void {
    const { remote } = stream;
    this.#options.observer?.refused("full");
    this.#options.env.log.info("connection refused", { remote: endpointText(remote), reason });
    this.#partWith(stream, { isStranger: true, writing: true });
    stream.write(encodeRefusal("full"));
  }

  #drop(stream: ByteStream, reason: string): void {
    const { remote } = stream;
    this.#options.observer?.refused("silent");
    this.#options.env.log.info("connection dropped", { remote: endpointText(remote), reason });
    stream.abort();
  }

  #start(stream: ByteStream, channel: Channel, attempt: number | null): Connection {
    const connection: Connection = {
      id: ++this.#lastId as LinkId,
      stream,
      channel,
      attempt,
      frames: { control: new FrameReader(), data: new FrameReader(), bulk: new FrameReader() },
      up: false,
      closing: false,
      over: false,
      writing: false,
      hungUp: false,
      flushing: false,
    };
    this.#connections.set(connection.id, connection);
    if (this.#paths.isNarrow(stream.remote.host)) {
      stream.writeInPieces?.(CHANNEL_DEFAULTS.shortWriteBytesMax, () => channel.roundTripMs);
    }
    stream.handle({
      received: (bytes) => this.#received(connection, bytes),
      written: () => {
        connection.writing = false;
        this.#flush(connection);
      },
      ended: (reason) => {
        connection.hungUp = true;
        this.#step(connection, { type: "ended", reason });
      },
    });
    this.#flushLater(connection);
    this.#armFor(connection);
    return connection;
  }

  // Channels step.

  #received(connection: Connection, bytes: Uint8Array): void {
    this.#options.observer?.received(bytes.length);
    this.#step(connection, { type: "received", bytes });
    this.#flush(connection);
  }

  #step(connection: Connection, input: ChannelInput): void {
    this.#nowMs = this.#options.clock.nowMs();
    for (const effect of connection.channel.step(input, this.#nowMs)) {
      this.#apply(connection, effect);
    }
    this.#armFor(connection);
  }

  #apply(connection: Connection, effect: ChannelEffect): void {
    const { handler } = this.#options;
    if (connection.over) return;
    switch (effect.type) {
      case "write":
        connection.writing = true;
        this.#options.observer?.sent(effect.bytes.length);
        connection.stream.write(effect.bytes);
        return;
      case "bytes":
        this.#deliver(connection, connection.frames[effect.lane], effect.bytes);
        return;
      case "established":
        this.#established(connection, effect);
        return;
      case "congested":
        this.#congested(connection.id);
        return;
      case "drained":
        handler.drained(connection.id);
        return;
      case "missed":
        handler.missed?.(connection.id);
        return;
      case "bulk-drained":
        handler.bulkDrained?.(connection.id);
        return;
      case "aged":
        handler.aged(connection.id);
        return;
      case "failed":
      case "closed":
        this.#end(connection, effect);
        return;
    }
  }

  #established(
    connection: Connection,
    { peer, process, secret, roomNamed, binding, isMeeting }: ChannelEffect & {
      readonly type: "established";
    },
  ): void {
    const { attempt, id } = connection;
    const dialled = attempt !== null;
    const info: LinkInfo = {
      peer,
      process,
      dialled,
      remote: connection.stream.remote,
      localHost: connection.stream.localHost,
      attempt,
      secret,
      roomNamed,
      ...(binding === undefined ? {} : { binding }),
      ...(isMeeting === undefined ? {} : { isMeeting }),
    };
    this.#admission.forget(connection);
    connection.up = true;
    this.#up += 1;
    this.#options.observer?.established(this, id, dialled);
    this.#options.handler.linkUp(id, info);
  }

  #congested(link: LinkId): void {
    this.#options.observer?.congested();
    this.#options.handler.congested(link);
  }

  #deliver(connection: Connection, reader: FrameReader, bytes: Uint8Array): void {
    if (connection.closing) return;
    try {
      reader.push(bytes);
      for (let body = reader.next(); body !== null; body = reader.next()) {
        if (connection.closing || connection.over) return;
        this.#options.handler.frame(connection.id, body);
      }
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.close(connection.id, error.message);
    }
  }

  #flushLater(connection: Connection): void {
    if (connection.flushing || connection.writing) return;
    connection.flushing = true;
    this.#toFlush.push(connection);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#options.clock.soon(() => {
      this.#flushScheduled = false;
      for (const waiting of this.#toFlush.splice(0)) {
        waiting.flushing = false;
        this.#flush(waiting);
      }
    });
  }

  #flush(connection: Connection): void {
    if (connection.writing || connection.over || !connection.channel.hasOutput) return;
    this.#step(connection, { type: "writable" });
  }

  #setReading(link: LinkId, reading: boolean): void {
    const connection = this.#connections.get(link);
    if (connection === undefined || connection.closing) return;
    connection.stream.setReading(reading);
    this.#step(connection, { type: reading ? "resumeReading" : "pauseReading" });
  }

  // Streams end.

  #end(
    connection: Connection,
    effect: ChannelEffect & { readonly type: "failed" | "closed" },
  ): void {
    const { attempt, id, stream } = connection;
    this.#admission.forget(connection);
    this.#connections.delete(id);
    connection.over = true;
    // Linger only if the other side has something to read and may still be reading.
    if (connection.hungUp || (effect.type === "closed" && !effect.closed)) stream.abort();
    else this.#partWith(stream, { isStranger: !connection.up, writing: connection.writing });
    if (effect.type === "closed") {
      const { closed, reason, detail } = effect;
      this.#up -= 1;
      this.#options.observer?.ended(this, id, closed);
      this.#noteLongWrites(connection);
      const { log } = this.#options.env;
      if (detail !== undefined) log.info("link broken", { link: id, detail });
      this.#options.handler.linkDown(id, { closed, reason });
    } else {
      const { reason, text, key, detail } = effect;
      const remote = endpointText(stream.remote);
      this.#options.observer?.failed(reason);
      this.#options.env.log.info("handshake failed", {
        remote,
        reason,
        text: detail ?? text,
      });
      if (attempt !== null) this.#options.handler.dialFailed(attempt, { reason, text, key });
    }
    this.#checkShutdown();
  }

  /** Learns from an established connection that has ended whether long messages pass to its host. */
  #noteLongWrites({ channel, stream }: Connection): void {
    const { host } = stream.remote;
    const nowMs = this.#options.clock.nowMs();
    const missingMs = channel.longMissingMs(nowMs);
    if (!this.#paths.ended(host, missingMs, channel.isLongProven, nowMs)) return;
    const text = narrowPathText(host);
    this.#options.env.log.warn("narrow path", { text });
    this.#options.warn?.(text);
  }

  #partWith(stream: ByteStream, state: Parameters<LingeringClose["add"]>[1]): void {
    this.#alarm.setEarliest(this.#partings.add(stream, state, this.#options.clock.nowMs()));
  }

  // Deadlines.

  #armFor(connection: Connection): void {
    const dueMs = connection.channel.nextDeadlineMs();
    if (dueMs !== null) this.#alarm.setEarliest(dueMs);
  }

  #ring(nowMs: number): void {
    this.#dials.check(nowMs);
    for (const connection of [...this.#connections.values()]) {
      if ((connection.channel.nextDeadlineMs() ?? Infinity) > nowMs) continue;
      this.#step(connection, { type: "tick" });
      this.#flush(connection);
    }
    if (this.#shutdownDueMs !== null && this.#shutdownDueMs <= nowMs) {
      this.#shutdownDueMs = null;
      for (const connection of [...this.#connections.values()]) {
        this.#step(connection, { type: "ended", reason: "what waited could not be sent in time" });
      }
    }
    this.#admission.check(nowMs);
    this.#armNext(this.#partings.check(nowMs));
    this.#checkShutdown();
  }

  #armNext(partingsDueMs: number | null): void {
    let next = earliestMs(
      this.#dials.nextDeadlineMs(),
      this.#admission.nextDeadlineMs(),
      partingsDueMs,
      this.#shutdownDueMs,
    );
    for (const { channel } of this.#connections.values()) {
      next = earliestMs(next, channel.nextDeadlineMs());
    }
    if (next !== null) this.#alarm.setEarliest(next);
  }
}

// A single timer for the earliest of many deadlines.

/**
 * Shortest interval between two rings, so that one ring serves many links. Deadlines, which are seconds long, are
 * served at most this much late.
 */
const RING_INTERVAL_MS = 50;

export class Alarm {
  readonly #clock: LinkClock;
  readonly #ring: (nowMs: number) => void;
  #set: { readonly atMs: number; cancel(): void } | null = null;
  #lastRingMs = -Infinity;

  /** `ring` serves what is due and sets the alarm for the next deadline. */
  constructor(clock: LinkClock, ring: (nowMs: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Makes the alarm ring at `dueMs` or a little later, unless it is already set for an earlier time. */
  setEarliest(dueMs: number): void {
    const atMs = Math.max(dueMs, this.#lastRingMs + RING_INTERVAL_MS);
    if (this.#set !== null) {
      if (this.#set.atMs <= atMs) return;
      this.#set.cancel();
    }
    const timer = this.#clock.at(atMs, () => {
      this.#set = null;
      this.#lastRingMs = this.#clock.nowMs();
      this.#ring(this.#lastRingMs);
    });
    this.#set = { atMs, cancel: () => timer.cancel() };
  }

  cancel(): void {
    this.#set?.cancel();
    this.#set = null;
  }
}
