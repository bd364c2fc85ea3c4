/**
 * Admission of inbound streams: which are accepted at once, which wait for a place among the strangers (connections
 * whose peer isn't authenticated yet), and which are refused.
 */

import type { ByteStream } from "./byte_stream.ts";
import { Entrance } from "./entrance.ts";
import type { LinkClock } from "./link.ts";
import type { Place, StrangerLimitsConfig } from "./stranger_limits.ts";
import { WaitingRoom } from "./waiting_room.ts";

/** The caller, which carries out the decisions. */
export interface AdmissionOwner<Stranger> {
  /** Whether a stranger hasn't sent a valid first message yet. */
  isSilent(stranger: Stranger): boolean;
  /** Whether connections from `host` have priority; asked anew for each connection. */
  prefers(host: string): boolean;
  /** Accepts a stream that arrived at `sinceMs`. It counts as a stranger until `forget`. */
  letIn(stream: ByteStream, sinceMs: number, nowMs: number): Stranger;
  /** Closes a stranger whose place another one gets next; may call `forget`. */
  displace(stranger: Stranger): void;
  turnAway(stream: ByteStream, reason: string): void;
  /** A stream waits: `callWaiting` must be called at `dueMs`. */
  wakeAt(dueMs: number): void;
}

export class AdmissionControl<Stranger> {
  readonly #owner: AdmissionOwner<Stranger>;
  readonly #clock: LinkClock;
  readonly #entrance: Entrance<Stranger>;
  readonly #waiting: WaitingRoom<ByteStream, Stranger>;
  #callScheduled = false;

  constructor(
    owner: AdmissionOwner<Stranger>,
    clock: LinkClock,
    strangers?: Partial<StrangerLimitsConfig>,
    waitingMax?: number,
  ) {
    this.#owner = owner;
    this.#clock = clock;
    const prefers = (host: string) => owner.prefers(host);
    this.#entrance = new Entrance((stranger) => owner.isSilent(stranger), prefers, strangers);
    this.#waiting = new WaitingRoom(
      (host, nowMs) => this.#entrance.placeFor(host, nowMs),
      prefers,
      waitingMax,
    );
  }

  /** Takes an inbound stream. It queues behind the streams from its address that already wait. */
  accept(stream: ByteStream): void {
    const nowMs = this.#clock.nowMs();
    const { host } = stream.remote;
    if (!this.#waiting.isWaitedAt(host)) {
      const place = this.#entrance.placeFor(host, nowMs);
      if (place.type !== "none") return this.#letIn(stream, place, nowMs, nowMs);
    }
    if (this.#waiting.enter(stream, host, nowMs)) return this.callWaiting(nowMs);
    this.#owner.turnAway(stream, `${this.#waiting.size} wait already`);
  }

  /** Accepts waiting streams that have a place now, and refuses those that have waited too long. */
  callWaiting(nowMs: number): void {
    for (let next; (next = this.#waiting.next(nowMs)) !== null;) {
      const { waiting, sinceMs, place } = next;
      if (place.type === "none") this.#owner.turnAway(waiting, "no place for too long");
      else this.#letIn(waiting, place, sinceMs, nowMs);
    }
    const { dueMs } = this.#waiting;
    if (dueMs !== null) this.#owner.wakeAt(dueMs);
  }

  /** `stranger` is authenticated now, or gone. If it was a stranger, its place is soon given to a waiting stream. */
  forget(stranger: Stranger): void {
    this.#entrance.remove(stranger);
    if (this.#waiting.size === 0 || this.#callScheduled) return;
    this.#callScheduled = true;
    this.#clock.soon(() => {
      this.#callScheduled = false;
      this.callWaiting(this.#clock.nowMs());
    });
  }

  /** When `callWaiting` must be called next; null while no stream waits. */
  nextDeadlineMs(): number | null {
    return this.#waiting.dueMs;
  }

  /** Removes and returns all waiting streams; none of them is accepted any more. */
  clear(): readonly ByteStream[] {
    return this.#waiting.clear();
  }

  #letIn(
    stream: ByteStream,
    place: Exclude<Place<Stranger>, { readonly type: "none" }>,
    sinceMs: number,
    nowMs: number,
  ): void {
    if (place.type === "instead of") {
      this.#entrance.remove(place.stranger);
      this.#owner.displace(place.stranger);
    }
    const stranger = this.#owner.letIn(stream, sinceMs, nowMs);
    this.#entrance.add(stranger, stream.remote.host, nowMs);
  }
}
