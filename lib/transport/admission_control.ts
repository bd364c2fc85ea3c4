/**
 * Admission of inbound streams. A stream is read until its opening has arrived (`unopened.ts`); only then does it
 * count: it gets a place among the strangers (connections whose peer isn't authenticated yet), waits for one, or is
 * refused.
 */

import type { ByteStream } from "./byte_stream.ts";
import { earliestMs } from "../base/machine.ts";
import { Entrance } from "./entrance.ts";
import type { LinkClock } from "./link.ts";
import type { Place, StrangerLimitsConfig } from "./stranger_limits.ts";
import { Unopened } from "./unopened.ts";
import { type Called, WAITING_MAX, WaitingRoom } from "./waiting_room.ts";

/** The caller, which carries out the decisions. */
export interface AdmissionOwner<Stranger> {
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
