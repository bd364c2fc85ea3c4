/** Byte streams over TCP: `Deno.listen` and `Deno.connect`, without Nagle's delay. */

import { isAddress, isLoopback, isUnspecified } from "../../base/text/endpoints.ts";
import type { Logger } from "../../base/machine/environment.ts";
import type { Endpoint } from "../../base/ids.ts";
import { ACCEPTED_AT_ONCE, TurnPace } from "../turn_pace.ts";
import type { ByteStream, ByteStreamEvents, StreamAttempt, StreamNetwork } from "../byte_stream.ts";
import {
  type Connecting,
  firstToConnect,
  NAME_LOOKUPS,
  type NameLookups,
} from "./first_to_connect.ts";
import { endpointOf, openAt, ownInboundMax, reasonOf, UNKNOWN_HOST } from "../sockets.ts";
import { SYSTEM_LINK_CLOCK } from "../system_clock.ts";

/**
 * Read buffer of a stream: a thousand idle links need only 2 MiB; a busy link's buffer grows until reading is cheap
 * per byte.
 */
const READ_BUFFER_BYTES_MIN = 2 * 1_024;
const READ_BUFFER_BYTES_MAX = 64 * 1_024;

/** For how long what comes is taken in, from all connections together, before everything else has its turn. */
const READ_MS_MAX = 5;

/** Pause after a failed accept, for example when there are no file descriptors: there may be some again then. */
const ACCEPT_RETRY_MS = 100;

/** Segments that a system sends at once on a connection that was idle: ten (RFC 6928), fewer after a loss. */
const PIECES_AT_ONCE = 8;
const PAUSE_MS_MIN = 5;
const PAUSE_MS_MAX = 200;

/** What is written in pieces, see `ByteStream`. */
interface Pieces {
  readonly bytesMax: number;
  readonly roundTripMs: () => number | null;
  /** How many may be given to the system before the next pause. */
  left: number;
}

const NO_EVENTS: ByteStreamEvents = { received() {}, written() {}, ended() {} };

class TcpStream implements ByteStream {
  readonly remote: Endpoint;
  readonly localHost: string;
  readonly #conn: Deno.TcpConn;
  readonly #ongoing: Set<Promise<void>>;
  #events: ByteStreamEvents = NO_EVENTS;
  #reading = false;
  #readingWanted = true;
  /** Wakes the read loop that waits for `setReading(true)` or for the end. */
  #wake: (() => void) | null = null;
  #buffer = new Uint8Array(READ_BUFFER_BYTES_MIN);
  /** Null where the system is given all at once. */
  #pieces: Pieces | null = null;
  #aborted = false;
  #ended = false;
  readonly #pace: TurnPace;
  readonly #closed: () => void;

  constructor(
    conn: Deno.TcpConn,
    ongoing: Set<Promise<void>>,
    pace: TurnPace,
    closed = () => {},
  ) {
    this.#conn = conn;
    this.#ongoing = ongoing;
    this.#pace = pace;
    this.#closed = closed;
    this.remote = endpointOf(conn.remoteAddr);
    this.localHost = endpointOf(conn.localAddr).host;
    conn.setNoDelay(true);
  }

  handle(events: ByteStreamEvents): void {
    this.#events = events;
    if (this.#reading) return;
    this.#reading = true;
    this.#keep(this.#read());
  }

  write(bytes: Uint8Array): void {
    this.#keep(this.#write(bytes));
  }

  writeInPieces(bytesMax: number, roundTripMs: () => number | null): void {
    this.#pieces = { bytesMax, roundTripMs, left: PIECES_AT_ONCE };
  }

  setReading(reading: boolean): void {
    this.#readingWanted = reading;
    if (reading) this.#wake?.();
  }

  finish(): void {
    if (this.#aborted) return;
    // This fails if the other side is gone already; nobody has to be told then.
    this.#keep(this.#conn.closeWrite().catch(() => {}));
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#events = NO_EVENTS;
    this.#conn.close();
    this.#closed();
    this.#wake?.();
  }

  async #read(): Promise<void> {
    while (!this.#aborted) {
      if (!this.#readingWanted) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = null;
        continue;
      }
      let count: number | null;
      try {
        count = await this.#conn.read(this.#buffer);
      } catch (error) {
        return this.#end(reasonOf(error));
      }
      if (count === null) return this.#end("the other side hung up");
      for (let turn = this.#pace.ready(); turn !== null; turn = this.#pace.ready()) await turn;
      const beganMs = performance.now();
      this.#events.received(this.#buffer.subarray(0, count));
      const tookMs = performance.now() - beganMs;
      this.#pace.did(tookMs);
      this.#fitBuffer(count, tookMs);
    }
  }

  /** What takes long to take in is read in smaller pieces: others wait for one of them. */
  #fitBuffer(count: number, tookMs: number): void {
    const { length } = this.#buffer;
    const isSlow = tookMs > READ_MS_MAX;
    if (count === length && length < READ_BUFFER_BYTES_MAX && !isSlow) {
      this.#buffer = new Uint8Array(2 * length);
    } else if ((count < length / 8 || isSlow) && length > READ_BUFFER_BYTES_MIN) {
      this.#buffer = new Uint8Array(length / 2);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        if (this.#pieces !== null) at += await this.#writePiece(bytes.subarray(at), this.#pieces);
        else at += await this.#conn.write(at === 0 ? bytes : bytes.subarray(at));
      }
    } catch (error) {
      return this.#end(reasonOf(error));
    }
    this.#events.written();
  }

  /** @returns How many bytes the system has taken. */
  async #writePiece(
    bytes: Uint8Array,
    pieces: Pieces,
  ): Promise<number> {
    if (pieces.left === 0) {
      const pauseMs = Math.min(2 * (pieces.roundTripMs() ?? PAUSE_MS_MAX), PAUSE_MS_MAX);
      await new Promise((resolve) => setTimeout(resolve, Math.max(pauseMs, PAUSE_MS_MIN)));
      pieces.left = PIECES_AT_ONCE;
      if (this.#aborted) throw new Deno.errors.BadResource("closed meanwhile");
    }
    pieces.left--;
    return await this.#conn.write(bytes.subarray(0, pieces.bytesMax));
  }

  #end(reason: string): void {
    if (this.#ended || this.#aborted) return;
    this.#ended = true;
    this.#events.ended(reason);
  }

  #keep(work: Promise<void>): void {
    this.#ongoing.add(work);
    // Exceptions thrown by a handler are bugs and must end the program like any other uncaught error.
    work.finally(() => this.#ongoing.delete(work));
  }
}

export class TcpNetwork implements StreamNetwork {
  /** All at one port; none for a network that only dials. */
  readonly #listeners: readonly Deno.TcpListener[];
  readonly #log: Logger;
  readonly #names: NameLookups;
  readonly #ongoing = new Set<Promise<void>>();
  readonly #readPace = new TurnPace(READ_MS_MAX);
  #stopped = false;
  #accepted: (stream: ByteStream) => void = (stream) => stream.abort();
  readonly #acceptLoops = new Set<Promise<void>>();
  readonly #wakeAccept = new Set<() => void>();
  /** Accepted connections that are open: further ones wait in the system until there are fewer. */
  #inbound = 0;
  readonly #inboundMax: number;

  private constructor(
    listeners: readonly Deno.TcpListener[],
    log: Logger,
    names: NameLookups,
    acceptedMax = Infinity,
  ) {
    this.#inboundMax = acceptedMax;
    this.#listeners = listeners;
    this.#log = log;
    this.#names = names;
  }

  /** A network that connects to others but doesn't listen: `local` has an empty host and port 0. */
  static dialOnly(log: Logger, names = NAME_LOOKUPS): TcpNetwork {
    return new TcpNetwork([], log, names);
  }

  /**
   * Listens at `host` (`null`: all addresses of this machine, IPv6 and IPv4 where there are both) and `port`
   * (0: any free one).
   * @throws {P2pchatError} `port-in-use` if another program has the port; `unreachable` if `host` isn't an
   * address of this machine, or the port isn't allowed.
   * @param acceptedMax How many accepted connections may be open at once.
   */
  static listen(
    host: string | null,
    port: number,
    log: Logger,
    names = NAME_LOOKUPS,
    acceptedMax = ownInboundMax(),
  ): TcpNetwork {
    return new TcpNetwork(listenersAt(host, port), log, names, acceptedMax);
  }

  get local(): Endpoint {
    const address = this.#listeners[0]?.addr;
    return { host: address?.hostname ?? "", port: address?.port ?? 0 };
  }

  connect(
    to: Endpoint,
    connected: (stream: ByteStream) => void,
    failed: (reason: string, isSelf?: boolean) => void,
  ): StreamAttempt {
    const controller = new AbortController();
    const { signal } = controller;
    const { host, port } = to;
    let addresses: readonly string[] | null = isAddress(host) ? [host] : null;
    const work = (async () => {
      let conn: Deno.TcpConn | null = null;
      let stream: TcpStream;
      try {
        addresses ??= await this.#names.find(host, signal);
        conn = await this.#connectToFirst(addresses, port, signal);
        if (signal.aborted) return conn.close();
        stream = new TcpStream(conn, this.#ongoing, this.#readPace);
      } catch (error) {
        conn?.close(); // the connection was reset before it could be examined
        if (!signal.aborted) failed(reasonOf(error), error instanceof OwnListener);
        return;
      }
      connected(stream);
    })();
    this.#keep(work);
    const names = this.#names;
    return {
      get missing() {
        if (addresses !== null) return "no connection";
        return names.isAsked(host) ? "no answer from the name service" : NO_TURN;
      },
      cancel: () => controller.abort(),
    };
  }

  accept(accepted: (stream: ByteStream) => void): void {
    this.#accepted = accepted;
    for (const listener of this.#listeners) this.#beginAccepting(listener);
  }

  async stopListening(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      for (const listener of this.#listeners) listener.close();
      for (const wake of this.#wakeAccept) wake();
    }
    await Promise.all(this.#acceptLoops);
  }

  async allClosed(): Promise<void> {
    while (this.#ongoing.size > 0) await Promise.allSettled([...this.#ongoing]);
  }

  #connectToFirst(
    addresses: readonly string[],
    port: number,
    signal: AbortSignal,
  ): Promise<Deno.TcpConn> {
    if (addresses.length === 0) throw new Deno.errors.NotFound(UNKNOWN_HOST);
    const connecting: Connecting<Deno.TcpConn> = {
      connect: async (hostname, signal) => {
        const conn = await Deno.connect({ hostname, port, transport: "tcp", signal });
        const isSelf = hasMetItself(conn);
        if (!isSelf && !this.#isOwn(conn)) return conn;
        if (isSelf) await conn.write(new Uint8Array(UNREAD_BYTES));
        conn.close();
        throw isSelf ? new Deno.errors.ConnectionRefused() : new OwnListener();
      },
      begun: (attempt) => this.#keep(attempt),
    };
    return firstToConnect(addresses, connecting, signal, SYSTEM_LINK_CLOCK);
  }

  /**
   * Whether a connection leads to our own listener: then nobody else listens at that port, or we couldn't have
   * taken it.
   */
  #isOwn({ localAddr, remoteAddr }: Deno.TcpConn): boolean {
    const [listener] = this.#listeners;
    if (listener === undefined || remoteAddr.port !== listener.addr.port) return false;
    const { host } = endpointOf(remoteAddr);
    if (!isUnspecified(listener.addr.hostname)) return host === endpointOf(listener.addr).host;
    // A system connects to itself from the address that it dials, or from 127.0.0.1.
    return isLoopback(host) || host === endpointOf(localAddr).host;
  }

  #keep(work: Promise<void>): void {
    this.#ongoing.add(work);
    work.finally(() => this.#ongoing.delete(work));
  }

  #beginAccepting(listener: Deno.TcpListener): void {
    const loop = this.#accept(listener);
    this.#acceptLoops.add(loop);
    loop.finally(() => this.#acceptLoops.delete(loop));
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    const pace = new TurnPace(ACCEPTED_AT_ONCE);
    while (!this.#stopped) {
      if (this.#inbound >= this.#inboundMax) {
        await this.#pauseAccepting();
        continue;
      }
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (this.#stopped) return;
        if (wasReset(error)) {
          this.#log.info("connection lost at once", { reason: reasonOf(error) });
          continue;
        }
        this.#log.warn("cannot accept a connection", { reason: reasonOf(error) });
        await this.#pauseAccepting();
        continue;
      }
      let stream: TcpStream;
      try {
        stream = new TcpStream(conn, this.#ongoing, this.#readPace, () => this.#inboundClosed());
      } catch (error) {
        // The connection was reset before it could be examined.
        this.#log.info("connection lost at once", { reason: reasonOf(error) });
        conn.close();
        continue;
      }
      this.#inbound += 1;
      this.#accepted(stream);
      pace.did(1);
      await pace.ready();
    }
  }

  #inboundClosed(): void {
    this.#inbound -= 1;
    if (this.#inbound === this.#inboundMax - 1) { for (const wake of this.#wakeAccept) wake(); }
  }

  async #pauseAccepting(): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakeAccept.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ACCEPT_RETRY_MS);
      this.#wakeAccept.add(wake);
    });
  }
}

function listenersAt(host: string | null, port: number): readonly Deno.TcpListener[] {
  return openAt(
    host,
    "port",
    port,
    (hostname, port) => Deno.listen({ hostname, port, transport: "tcp" }),
  );
}

/** A connection leads to our own listener. */
class OwnListener extends Deno.errors.ConnectionRefused {}

/**
 * What a connection that has met itself is sent before it is closed, more than it takes in unread: its proper end waits
 * behind that, and the system resets it instead. One that ended properly would keep its port for a minute (RFC 9293,
 * section 3.6.1) from the program that is to listen there.
 */
const UNREAD_BYTES = 1_048_576;

/**
 * Whether both ends of the connection are the same. Where nobody listens at a port of this machine, a dial may go out
 * by that very port, and is then answered by itself (RFC 9293, section 3.5, simultaneous open).
 */
function hasMetItself({ localAddr, remoteAddr }: Deno.TcpConn): boolean {
  return localAddr.port === remoteAddr.port && localAddr.hostname === remoteAddr.hostname;
}

/** The reason where a dial's time is over while other look-ups still occupy all places. */
const NO_TURN = "no turn to ask the slow name service";

/**
 * Whether a connection was reset before it was accepted. Accepting goes on at once then: otherwise somebody who
 * resets ten connections a second would keep everybody out.
 */
function wasReset(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}
