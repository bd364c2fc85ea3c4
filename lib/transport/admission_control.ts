/**
 * Which of the streams that come from outside are let in at once, which wait for a place among the strangers, and
 * which are turned away.
 */

import type { ByteStream } from "./byte_stream.ts";
import { Entrance } from "./entrance.ts";
import type { LinkClock } from "./link.ts";
import type { Place, StrangerLimitsConfig } from "./stranger_limits.ts";
import { WaitingRoom } from "./waiting_room.ts";

/** Whoever carries it out. */
export interface AdmissionOwner<Stranger> {
  /** Whether a stranger hasn't said anything sensible yet. */
  isSilent(stranger: Stranger): boolean;
  /** Whether connections from there go first; asked anew for each. */
  prefers(host: string): boolean;
  /** It came at `sinceMs`, and is a stranger from now on, until `forget`. */
  letIn(stream: ByteStream, sinceMs: number, nowMs: number): Stranger;
  /** Ends a stranger, in whose place another one is let in next; `forget` may be called from within. */
  displace(stranger: Stranger): void;
  turnAway(stream: ByteStream, reason: string): void;
  /** Somebody waits: `callWaiting` must be called then. */
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

  /** A stream came: nobody overtakes those who wait at its address. */
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

  /** Lets in who waits and has a place now, and turns away who has waited for too long. */
  callWaiting(nowMs: number): void {
    for (let next; (next = this.#waiting.next(nowMs)) !== null;) {
      const { waiting, sinceMs, place } = next;
      if (place.type === "none") this.#owner.turnAway(waiting, "no place for too long");
      else this.#letIn(waiting, place, sinceMs, nowMs);
    }
    const { dueMs } = this.#waiting;
    if (dueMs !== null) this.#owner.wakeAt(dueMs);
  }

  /** It is known now, or gone; if it was a stranger, another may have its place, soon. */
  forget(stranger: Stranger): void {
    this.#entrance.remove(stranger);
    if (this.#waiting.size === 0 || this.#callScheduled) return;
    this.#callScheduled = true;
    this.#clock.soon(() => {
      this.#callScheduled = false;
      this.callWaiting(this.#clock.nowMs());
    });
  }

  /** When `callWaiting` must be called next; null while nobody waits. */
  nextDeadlineMs(): number | null {
    return this.#waiting.dueMs;
  }

  /** Takes out all who wait: nobody is let in any more. */
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
