/**
 * Two that found a room at once would sit in two rooms, each alone: the one whose room's id is greater joins the other.
 * Only while nobody has come to it, nor anything was said there; and only just after it was founded, as later somebody
 * may wait there for others.
 */

import { Deadlines } from "../../../base/machine/machine.ts";
import type { RoomId } from "../../../base/ids.ts";
import type { AnnouncedRoom } from "./announced_rooms.ts";

/** For hearing all that have founded one at the same moment: all must agree on the lowest. */
const SETTLING_MS = 400;
/** Whoever is heard only by then has founded a room at the same time, on a network that loses messages. */
const GIVING_WAY_MS = 10_000;

export class GivingWay {
  #isSettled = false;
  /** Null once there is nothing to give up any more, or something to lose. */
  #own: RoomId | null = null;
  readonly deadlines = new Deadlines({
    /** When the lowest of those that were heard is the one to join, or nobody need be awaited any more. */
    settle: (nowMs) => this.#settle(nowMs),
    /** When the room is old enough to stay. */
    stay: () => this.stop(),
  });

  constructor(
    readonly lower: (own: RoomId, nowMs: number) => AnnouncedRoom | null,
    readonly settled: () => void,
    readonly giveWay: (to: AnnouncedRoom) => void,
  ) {}

  /** The room was founded. */
  begin(own: RoomId, nowMs: number): void {
    this.#own = own;
    this.#isSettled = false;
    this.deadlines.set("settle", nowMs + SETTLING_MS);
    this.deadlines.set("stay", nowMs + GIVING_WAY_MS);
  }

  /** Something was heard. */
  heard(nowMs: number): void {
    if (this.#own === null || this.lower(this.#own, nowMs) === null) return;
    this.deadlines.setEarliest("settle", nowMs + SETTLING_MS);
  }

  /** Somebody has come, or something was said. */
  stop(): void {
    this.#own = null;
    this.deadlines.clearAll();
    this.#tellSettled();
  }

  #settle(nowMs: number): void {
    const lower = this.#own === null ? null : this.lower(this.#own, nowMs);
    if (lower === null) return this.#tellSettled();
    this.#own = null;
    this.deadlines.clearAll();
    this.giveWay(lower);
  }

  #tellSettled(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.settled();
  }
}
