/**
 * Which room times are believed. A head's time is only its namer's word where the named bundle isn't here to compare,
 * and each message may be a day later than what it follows: so a liar can name any time, or get there in steps.
 *
 * A time that runs away isn't believed: nothing of our own follows it, so that one liar can't drive a room to the end
 * of time; and its bundle is shown and not kept, like one from below the floor, or a few of them would come after all
 * that is ever written, and take its place in what is kept. An honest time isn't later than what its author had been
 * shown, or than the author's clock. So a time counts as a jump if it is more than a day later than this machine's
 * clock, and later than all that was delivered plus the time since; missing messages, or clocks that differ, make
 * honest times jump. Jumps are believed until they add up to more than honest clocks are apart; the sum is forgotten at
 * a rate of a year in ten days. By that a member that has judged otherwise than the others, since it missed something
 * or for its clock, comes to agree with them again.
 *
 * A joining member may miss what led to a time, and believes a little more: otherwise a room that a liar has driven as
 * far as possible would be beyond its reach.
 */

import {
  TIME_COMING_IN_MS_MAX,
  TIME_FIRST_MS_MAX,
  TIME_FORGOTTEN_PER_MS,
  TIME_JUMPS_MS_MAX,
  TIME_SLACK_MS,
  TIME_STEP_MS_MAX,
} from "../schema/limits.ts";
import type { MeshRecord } from "../schema/records.ts";

type TimeRecord = Extract<MeshRecord, { readonly kind: "time" }>;

export class RoomTime {
  #latest = 0;
  /** This machine's clock when `#latest` was delivered. */
  #latestAtMs = 0;
  /** By how much room time has jumped in all, less what is forgotten of it. */
  #jumpedMs = 0;
  /** This machine's clock when `#jumpedMs` was so. */
  #jumpedAtMs = 0;
  #isNoted = true;
  #isComingIn = false;

  constructor(readonly wallMs: () => number) {}

  /** The latest time that is believed; 0 for none. */
  get latest(): number {
    return this.#latest;
  }

  /** The latest time that would be believed without a jump. */
  get latestLikely(): number {
    return this.#expected(this.wallMs());
  }

  /** We are joining: until `caughtUp` everything comes that was missed. */
  comesIn(): void {
    this.#isComingIn = true;
  }

  caughtUp(): void {
    this.#isComingIn = false;
  }

  /** Takes the time of something delivered. @returns Whether it is believed: then `latest` isn't earlier. */
  believe(time: number): boolean {
    const nowMs = this.wallMs();
    const isFirst = this.#latest === 0;
    if (isFirst ? time - nowMs > TIME_FIRST_MS_MAX : !this.#mayJumpTo(time, nowMs)) return false;
    if (isFirst && this.#isAhead(time, nowMs)) this.#isNoted = false;
    if (time > this.#latest) {
      this.#latest = time;
      this.#latestAtMs = nowMs;
    }
    return true;
  }

  /** The record that the next process needs before bundles of such a time; null where it was written already. */
  takeRecord(): TimeRecord | null {
    if (this.#isNoted) return null;
    this.#isNoted = true;
    return this.record();
  }

  /** Null where nothing has jumped, nor was ahead from the first. */
  record(): TimeRecord | null {
    const nowMs = this.wallMs();
    const jumpedMs = this.#jumpedBy(nowMs);
    if (jumpedMs === 0 && !this.#isAhead(this.#latest, nowMs)) return null;
    return { kind: "time", time: this.#latest, jumpedMs, atMs: Math.max(0, Math.floor(nowMs)) };
  }

  restore({ time, jumpedMs, atMs }: TimeRecord): void {
    if (time > this.#latest) {
      this.#latest = time;
      this.#latestAtMs = atMs;
    }
    this.#jumpedMs = jumpedMs;
    this.#jumpedAtMs = atMs;
  }

  #expected(nowMs: number): number {
    const sinceMs = Math.max(nowMs - this.#latestAtMs, 0);
    return Math.max(this.#latest + sinceMs, nowMs + TIME_STEP_MS_MAX);
  }

  #isAhead(time: number, nowMs: number): boolean {
    return time > nowMs + TIME_STEP_MS_MAX;
  }

  /** How much of the jumps isn't forgotten. */
  #jumpedBy(nowMs: number): number {
    const forgottenMs = Math.max(nowMs - this.#jumpedAtMs, 0) * TIME_FORGOTTEN_PER_MS;
    return Math.ceil(Math.max(this.#jumpedMs - forgottenMs, 0));
  }

  #mayJumpTo(time: number, nowMs: number): boolean {
    const jumpMs = time - this.#expected(nowMs);
    if (jumpMs <= TIME_SLACK_MS) return true;
    const jumpedMs = this.#jumpedBy(nowMs) + Math.ceil(jumpMs);
    if (jumpedMs > (this.#isComingIn ? TIME_COMING_IN_MS_MAX : TIME_JUMPS_MS_MAX)) return false;
    this.#jumpedMs = jumpedMs;
    this.#jumpedAtMs = nowMs;
    this.#isNoted = false;
    return true;
  }
}
