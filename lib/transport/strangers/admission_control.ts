/**
 * Admission of inbound streams. A stream is read until its opening has arrived (`Unopened`); only then does it
 * count: it gets a place among the strangers (connections whose peer isn't authenticated yet), waits for one, or is
 * refused.
 */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import type { ByteStream } from "../byte_stream.ts";
import { addressGroup } from "../sockets.ts";
import type { LinkClock } from "../link.ts";
import {
  type Called,
  type Place,
  StrangerLimits,
  type StrangerLimitsConfig,
  WAITING_MAX,
  WaitingRoom,
} from "./stranger_limits.ts";

/** The caller, which carries out the decisions. */
interface AdmissionOwner<Stranger> {
  /** Whether the first bytes of a stream are a complete opening, or can't become one. */
  isWholeOpening(bytes: Uint8Array): boolean;
  /** Whether connections from `host` have priority; asked anew for each connection. */
  prefers(host: string): boolean;
  /** Accepts a stream that arrived at `sinceMs`. It counts as a stranger until `forget`. */
  letIn(stream: ByteStream, sinceMs: number, nowMs: number): Stranger;
  /** The first bytes of a stranger that was just let in, and that may be read from now on; may call `forget`. */
  read(stranger: Stranger, bytes: Uint8Array): void;
  /** Closes a stranger whose place another one gets next; may call `forget`. */
  displace(stranger: Stranger): void;
  /** Refuses a stream; nothing was written to it. */
  turnAway(stream: ByteStream, reason: string): void;
  /** Closes a stream whose opening never came. */
  drop(stream: ByteStream, reason: string): void;
  /** `check` must be called at `dueMs`. */
  wakeAt(dueMs: number): void;
}

/** A stream whose opening has arrived. Its reading is paused. */
interface Opened {
  readonly stream: ByteStream;
  /** What was read: the opening, and perhaps more. */
  readonly bytes: Uint8Array;
  /** When the stream arrived. */
  readonly sinceMs: number;
}

export interface AdmissionConfig {
  readonly strangers?: Partial<StrangerLimitsConfig>;
  /** The most streams whose opening hasn't arrived, and again the most of those that wait for a place. */
  readonly waitingMax?: number;
  /** Time for an opening to arrive. */
  readonly openingMs: number;
}

export class AdmissionControl<Stranger> {
  readonly #owner: AdmissionOwner<Stranger>;
  readonly #clock: LinkClock;
  readonly #unopened: Unopened;
  readonly #entrance: Entrance<Stranger>;
  readonly #waiting: WaitingRoom<Opened, Stranger>;
  #callScheduled = false;

  constructor(
    owner: AdmissionOwner<Stranger>,
    clock: LinkClock,
    { strangers, waitingMax = WAITING_MAX, openingMs }: AdmissionConfig,
  ) {
    this.#owner = owner;
    this.#clock = clock;
    this.#unopened = new Unopened(
      {
        isWholeOpening: (bytes) => owner.isWholeOpening(bytes),
        opened: (stream, bytes, sinceMs) => this.#opened({ stream, bytes, sinceMs }),
        displaced: (stream) => owner.turnAway(stream, "made room for another connection"),
        gone: (stream, reason) => owner.drop(stream, reason),
      },
      waitingMax,
      openingMs,
    );
    const prefers = (host: string) => owner.prefers(host);
    this.#entrance = new Entrance(prefers, strangers);
    this.#waiting = new WaitingRoom(
      (host, nowMs) => this.#entrance.placeFor(host, nowMs),
      prefers,
      waitingMax,
    );
  }

  /** Takes an inbound stream. */
  accept(stream: ByteStream): void {
    this.#unopened.add(stream, this.#clock.nowMs());
    this.#wake();
  }

  /**
   * Accepts waiting streams that have a place now, refuses those that have waited too long, and drops those whose
   * opening hasn't come in time.
   */
  check(nowMs: number): void {
    this.#unopened.check(nowMs);
    this.#callWaiting(nowMs);
  }

  /** `stranger` is authenticated now, or gone. If it was a stranger, its place is soon given to a waiting stream. */
  forget(stranger: Stranger): void {
    this.#entrance.remove(stranger);
    if (this.#waiting.size === 0 || this.#callScheduled) return;
    this.#callScheduled = true;
    this.#clock.soon(() => {
      this.#callScheduled = false;
      this.#callWaiting(this.#clock.nowMs());
    });
  }

  /** When `check` must be called next; null while there is nothing to do. */
  nextDeadlineMs(): number | null {
    return earliestMs(this.#unopened.dueMs, this.#waiting.dueMs);
  }

  /** Removes and returns all streams that aren't accepted yet; none of them is accepted any more. */
  clear(): readonly ByteStream[] {
    const waiting = this.#waiting.clear().map(({ stream }) => stream);
    return [...this.#unopened.clear(), ...waiting];
  }

  /** A stream queues behind the streams from its address that already wait. */
  #opened(opened: Opened): void {
    const nowMs = this.#clock.nowMs();
    const { stream, sinceMs } = opened;
    const { host } = stream.remote;
    if (!this.#waiting.isWaitedAt(host)) {
      const place = this.#entrance.placeFor(host, nowMs);
      if (place.type !== "none") return this.#letIn(opened, place, nowMs);
    }
    if (this.#waiting.enter(opened, host, sinceMs)) return this.#callWaiting(nowMs);
    this.#owner.turnAway(stream, `${this.#waiting.size} wait already`);
  }

  #callWaiting(nowMs: number): void {
    let next: Called<Opened, Stranger> | null;
    while ((next = this.#waiting.next(nowMs)) !== null) {
      const { waiting, place } = next;
      if (place.type === "none") this.#owner.turnAway(waiting.stream, "no place for too long");
      else this.#letIn(waiting, place, nowMs);
    }
    this.#wake();
  }

  #wake(): void {
    const dueMs = this.nextDeadlineMs();
    if (dueMs !== null) this.#owner.wakeAt(dueMs);
  }

  #letIn(
    { stream, bytes, sinceMs }: Opened,
    place: Exclude<Place<Stranger>, { readonly type: "none" }>,
    nowMs: number,
  ): void {
    if (place.type === "instead of") {
      this.#entrance.remove(place.stranger);
      this.#owner.displace(place.stranger);
    }
    const stranger = this.#owner.letIn(stream, sinceMs, nowMs);
    this.#entrance.add(stranger, stream.remote.host, nowMs);
    this.#owner.read(stranger, bytes);
  }
}

// The places of strangers: those that anybody can take, and some reserved for hosts that the mode prefers, so that
// strangers from elsewhere can't take them all.

/**
 * Places for preferred hosts. Such a host has few programs, whose handshakes take less than a second: 4 per address
 * are 4 friends behind one address that reconnect at once. 16 in all are 4 such hosts turned hostile, and a quarter
 * of the cost that strangers may cause.
 */
const PREFERRED_PLACES = {
  strangersMax: 16,
  strangersPerAddressMax: 4,
  // Programs of this machine that aren't friends would take all of these places from other hosts.
  exemptsLoopback: false,
} as const;

export class Entrance<Stranger> {
  readonly #prefers: (host: string) => boolean;
  readonly #preferred: StrangerLimits<Stranger>;
  readonly #others: StrangerLimits<Stranger>;

  /** @param prefers Whether connections from a host have priority; asked anew for each connection. */
  constructor(prefers: (host: string) => boolean, config: Partial<StrangerLimitsConfig> = {}) {
    this.#prefers = prefers;
    this.#preferred = new StrangerLimits({ ...config, ...PREFERRED_PLACES });
    this.#others = new StrangerLimits(config);
  }

  /** Whether a connection from `host` gets a place at `nowMs`, and which stranger must make room for it. */
  placeFor(host: string, nowMs: number): Place<Stranger> {
    const other = this.#others.placeFor(host, nowMs);
    if (!this.#prefers(host)) return other;
    const preferred = this.#preferred.placeFor(host, nowMs);
    if (preferred.type === "none") return other.type === "none" ? earlier(preferred, other) : other;
    return preferred.type === "instead of" && other.type === "free" ? other : preferred;
  }

  /** Puts the stranger in the place found for it at `nowMs`. The caller has removed the one that had to make room. */
  add(stranger: Stranger, host: string, nowMs: number): void {
    const isPreferred = this.#prefers(host) &&
      this.#preferred.placeFor(host, nowMs).type === "free";
    (isPreferred ? this.#preferred : this.#others).add(stranger, host, nowMs);
  }

  /** `stranger` is authenticated now, or gone. */
  remove(stranger: Stranger): void {
    this.#others.remove(stranger);
    this.#preferred.remove(stranger);
  }
}

type None = Place<never> & { readonly type: "none" };

function earlier(one: None, other: None): None {
  return one.untilMs < other.untilMs ? one : other;
}

// Inbound streams whose opening, that is, all bytes that a dialler sends before it waits for an answer, isn't
// complete yet. Each costs a socket and a small buffer, but no key agreement and no place among the strangers, so
// connections that never speak keep nobody waiting.

/** What happens to the streams. None of it is called from within `add`, except `displaced`. */
interface UnopenedOwner {
  /** Whether these first bytes are a complete opening, or can't become one. */
  isWholeOpening(bytes: Uint8Array): boolean;
  /** The opening has arrived: `bytes`, and perhaps more. Reading is paused; the stream came at `sinceMs`. */
  opened(stream: ByteStream, bytes: Uint8Array, sinceMs: number): void;
  /** The stream had to make room for another one. */
  displaced(stream: ByteStream): void;
  /** The other side hung up, or took too long. */
  gone(stream: ByteStream, reason: string): void;
}

interface Entry {
  readonly address: string;
  readonly sinceMs: number;
  bytes: Uint8Array;
}

export class Unopened {
  readonly #owner: UnopenedOwner;
  readonly #max: number;
  readonly #openingMs: number;
  /** In order of arrival. */
  readonly #streams = new Map<ByteStream, Entry>();

  /**
   * @param max The most streams at a time.
   * @param openingMs Time for an opening to arrive.
   */
  constructor(owner: UnopenedOwner, max: number, openingMs: number) {
    this.#owner = owner;
    this.#max = max;
    this.#openingMs = openingMs;
  }

  /** When `check` must be called; null while there are no streams. */
  get dueMs(): number | null {
    const [first] = this.#streams.values();
    return first === undefined ? null : first.sinceMs + this.#openingMs;
  }

  /** Takes a stream, and reads it. If there are too many, another one is displaced. */
  add(stream: ByteStream, nowMs: number): void {
    if (this.#streams.size >= this.#max) this.#displaceOne();
    const entry = {
      address: addressGroup(stream.remote.host),
      sinceMs: nowMs,
      bytes: new Uint8Array(0),
    };
    this.#streams.set(stream, entry);
    stream.handle({
      received: (bytes) => this.#received(stream, entry, bytes),
      written() {},
      ended: (reason) => this.#remove(stream, reason),
    });
  }

  /** Removes the streams whose time is over. */
  check(nowMs: number): void {
    for (const [stream, { sinceMs }] of this.#streams) {
      if (sinceMs + this.#openingMs > nowMs) return;
      this.#remove(stream, "no complete opening");
    }
  }

  /** Removes and returns all streams. */
  clear(): readonly ByteStream[] {
    const all = [...this.#streams.keys()];
    this.#streams.clear();
    return all;
  }

  #received(stream: ByteStream, entry: Entry, bytes: Uint8Array): void {
    if (!this.#streams.has(stream)) return;
    entry.bytes = concatBytes(entry.bytes, bytes);
    if (!this.#owner.isWholeOpening(entry.bytes)) return;
    this.#streams.delete(stream);
    stream.setReading(false);
    this.#owner.opened(stream, entry.bytes, entry.sinceMs);
  }

  #remove(stream: ByteStream, reason: string): void {
    if (this.#streams.delete(stream)) this.#owner.gone(stream, reason);
  }

  /** Displaces the first stream of the address that most came from, so that a crowd displaces its own. */
  #displaceOne(): void {
    const counts = new Map<string, number>();
    for (const { address } of this.#streams.values()) {
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    for (const [stream, { address }] of this.#streams) {
      if (counts.get(address) !== most) continue;
      this.#streams.delete(stream);
      return this.#owner.displaced(stream);
    }
  }
}
