/**
 * Of two members that don't hear each other one must go: the one that is cut off from more members; then the one that
 * was of late (`Separations`), so that a member that falls silent towards one after the other drives out one at
 * most; then the one that complains of another that hears it; on a tie the later one in the view. A complaint counts
 * against both, so that a member that can send but not receive, or that only claims so, doesn't drive out the others.
 */

import type { PeerKey } from "../../../base/ids.ts";
import type { Attendee } from "./attendance.ts";
import {
  ATTENDEES_MAX,
  COMPLAINTS_SPREAD_MS,
  HEARTBEAT_MS,
  REMEMBERED_MAX,
  SEPARATIONS_KEPT_MS,
} from "../schema/limits.ts";
import { hearEachOther } from "./next_view.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";

/**
 * Who didn't hear whom of late. A complaint alone doesn't show which of the two is at fault, so it is held against
 * both, once for each pair however often it is made: who is at fault, or lies, is soon cut off from more than any of
 * the others, and a member that has been driven out by it goes on counting.
 */
export class Separations {
  /** For each key those from which it was cut off, and when that was last so. */
  readonly #byKey = new Map<PeerKey, Map<PeerKey, number>>();

  /** One of the two doesn't hear the other. */
  note(a: PeerKey, b: PeerKey, nowMs: number): void {
    this.#note(a, b, nowMs);
    this.#note(b, a, nowMs);
  }

  #note(one: PeerKey, other: PeerKey, nowMs: number): void {
    const others = this.#byKey.get(one) ?? new Map<PeerKey, number>();
    this.#byKey.delete(one);
    this.#byKey.set(one, others);
    dropOldest(this.#byKey, REMEMBERED_MAX);
    others.delete(other);
    others.set(other, nowMs);
    dropOldest(others, ATTENDEES_MAX);
  }

  /** From how many it was cut off of late. */
  of(key: PeerKey, nowMs: number): number {
    return [...this.#byKey.get(key)?.keys() ?? []].filter((other) => this.has(key, other, nowMs))
      .length;
  }

  has(a: PeerKey, b: PeerKey, nowMs: number): boolean {
    const lastMs = this.#byKey.get(a)?.get(b);
    return lastMs !== undefined && nowMs - lastMs < SEPARATIONS_KEPT_MS;
  }

  /** It was dead: that others haven't heard it since is no fault of theirs. */
  explained(key: PeerKey, sinceMs: number): void {
    for (const others of this.#byKey.values()) {
      if ((others.get(key) ?? -Infinity) > sinceMs) others.delete(key);
    }
  }

  /** The operator has removed it: what others had with it doesn't count any more. */
  forget(key: PeerKey): void {
    this.explained(key, -Infinity);
    this.#byKey.delete(key);
  }
}

/** How much longer a complaint takes to count, once, if its target hasn't told yet whom it hears. */
const UNTOLD_MS = 2 * HEARTBEAT_MS;

/**
 * Updates, for each attendee, whom it doesn't hear.
 * @param circle The view, and those that are about to join it; each is linked.
 * @param isAway Whether someone is in the view but not linked at the moment: complaints of it go on.
 * @param canHear Whether the one can hear the other at all while the view is what it is.
 */
export function noteUnheard(
  circle: readonly Attendee[],
  isAway: (key: PeerKey) => boolean,
  canHear: (one: Attendee, other: Attendee) => boolean,
  nowMs: number,
): void {
  for (const attendee of circle) {
    const { hears, unheard } = attendee;
    const missing = new Set<PeerKey>();
    for (const other of circle) {
      const { key } = other;
      if (hears === null || other === attendee || hears.has(key)) continue;
      if (canHear(attendee, other)) missing.add(key);
    }
    for (const key of unheard.keys()) {
      const isStill = missing.has(key) || (isAway(key) && hears?.has(key) === false);
      if (!isStill) unheard.delete(key);
    }
    for (const key of missing) if (!unheard.has(key)) unheard.set(key, nowMs);
  }
}

/**
 * Whether the one that is complained of hears who complains, and itself complains of a third: it can't acknowledge what
 * the third doesn't send to it, so that the others wait. Were that held against it, one that falls silent towards one
 * after the other would drive out all of them, until it is alone in the view and nobody can go on without it.
 */
function isForThird(
  by: Attendee,
  of: Attendee,
  circle: readonly Attendee[],
  nowMs: number,
): boolean {
  return of.hears?.has(by.key) === true &&
    circle.some((third) => of.unheard.has(third.key) && haveMet(of, third, nowMs));
}

/** @param members Those of the circle that are in the view: what newcomers say is held against nobody. */
export function noteSeparations(
  members: readonly Attendee[],
  separations: Separations,
  nowMs: number,
): void {
  for (const by of members) {
    for (const of of members) {
      if (!by.unheard.has(of.key) || !haveMet(by, of, nowMs)) continue;
      if (isForThird(by, of, members, nowMs)) continue;
      separations.note(by.key, of.key, nowMs);
    }
  }
}

function haveMet(a: Attendee, b: Attendee, nowMs: number): boolean {
  return a.meetsByMs <= nowMs && b.meetsByMs <= nowMs;
}

/** How long a complaint must last until it counts, from when it was told. */
export class Patience {
  constructor(readonly lastingMs: number) {}

  /** The same where both are cut off from as many, and others may be about to complain of one of them. */
  get undecidedMs(): number {
    const { lastingMs } = this;
    return Math.max(lastingMs, Math.min(2 * lastingMs, COMPLAINTS_SPREAD_MS));
  }
}

/**
 * Who must go first; null where all hear each other, or haven't failed to for long.
 * @param circle The view, the oldest first, then those that are about to join it.
 * @param members How many of those are in the view: no newcomer drives one of them out.
 */
export function toBeParted(
  circle: readonly Attendee[],
  members: number,
  separations: Separations,
  { lastingMs, undecidedMs }: Patience,
  nowMs: number,
): Attendee | null {
  const isCut = (a: Attendee, b: Attendee, lastingMs: number) =>
    isDue(a, b, lastingMs, nowMs) || isDue(b, a, lastingMs, nowMs);
  const isWaiting = (a: Attendee, b: Attendee) =>
    isForThird(a, b, circle, nowMs) || isForThird(b, a, circle, nowMs);
  const cuts = circle.map((one) =>
    circle.filter((other) => isCut(one, other, 0) && !isWaiting(one, other)).length
  );
  const before = circle.map((one) =>
    separations.of(one.key, nowMs) + Number(one.silences.length > 0)
  );
  /** By how much the one is cut off from more than the other. */
  const more = (one: number, other: number) =>
    cuts[one]! - cuts[other]! || before[one]! - before[other]!;
  let worst: number | null = null;
  circle.forEach((a, earlier) => {
    circle.forEach((b, later) => {
      if (later <= earlier || !isCut(a, b, lastingMs)) return;
      const isJoining = later >= members;
      const isUndecided = !isJoining && circle.length > 2 &&
        (cuts[earlier] === cuts[later] || isWaiting(a, b));
      if (isUndecided && !isCut(a, b, undecidedMs)) return;
      const excess = more(earlier, later);
      const goesEarlier = !isJoining && (excess > 0 || (excess === 0 && isOneSided(a, b)));
      const goes = goesEarlier ? earlier : later;
      if (worst === null || more(goes, worst) > 0) worst = goes;
    });
  });
  return worst === null ? null : circle[worst]!;
}

/** Whether one complains of another that hears it well: it can't receive, or it lies. */
function isOneSided(by: Attendee, of: Attendee): boolean {
  return by.unheard.has(of.key) && of.hears !== null && !of.unheard.has(by.key);
}

function isDue(by: Attendee, of: Attendee, lastingMs: number, nowMs: number): boolean {
  const sinceMs = by.unheard.get(of.key);
  return sinceMs !== undefined && countsAtMs(sinceMs, lastingMs, by, of) <= nowMs;
}

/**
 * One that has just come gets time to meet the others; so does one on a new link that hasn't told yet whom it hears.
 */
function countsAtMs(sinceMs: number, lastingMs: number, by: Attendee, of: Attendee): number {
  const untoldMs = of.hears === null ? UNTOLD_MS : 0;
  return Math.max(sinceMs + lastingMs + untoldMs, by.meetsByMs, of.meetsByMs);
}

/** When to call `toBeParted` next; null where nobody complains. */
export function complaintsDueMs(
  circle: readonly Attendee[],
  { lastingMs, undecidedMs }: Patience,
  nowMs: number,
): number | null {
  let next = Infinity;
  for (const by of circle) {
    for (const of of circle) {
      const sinceMs = by.unheard.get(of.key);
      if (sinceMs === undefined) continue;
      const countsMs = countsAtMs(sinceMs, lastingMs, by, of);
      const dueMs = countsMs > nowMs ? countsMs : countsAtMs(sinceMs, undecidedMs, by, of);
      next = Math.min(next, dueMs);
    }
  }
  return next === Infinity ? null : next;
}

/**
 * The member that alone keeps out two that were parted from it, and that could come in together without it; null
 * where there is none. The view grows by that, so it can't go on for ever.
 * @param waiting Those that have caught up, and may come in.
 */
export function keepingOut(
  members: readonly Attendee[],
  waiting: readonly Attendee[],
  separations: Separations,
  nowMs: number,
): Attendee | null {
  const kept = new Map<Attendee, Attendee[]>();
  for (const one of waiting) {
    const unheard = members.filter((member) => !hearEachOther(one, member));
    const [member] = unheard;
    if (member === undefined || unheard.length > 1 || !haveMet(one, member, nowMs)) continue;
    if (!separations.has(one.key, member.key, nowMs)) continue;
    separations.note(one.key, member.key, nowMs);
    const others = kept.get(member) ?? [];
    if (others.some((other) => hearEachOther(one, other))) return member;
    kept.set(member, [...others, one]);
  }
  return null;
}
