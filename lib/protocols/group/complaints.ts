/**
 * Of two members that don't hear each other one must go: the one that is cut off from more members, on a tie the
 * later one in the view. A complaint counts against both, so that a member that can send but not receive, or that
 * only claims so, doesn't drive out the others one by one; on a tie, a member that complains of one that hears it
 * goes itself. Once a complaint counts, all that exist by then are weighed: one that several don't hear is first
 * complained of by one of them.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { Attendee } from "./attendance.ts";
import { HEARTBEAT_MS } from "./limits.ts";

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
 * Who must go first; null where all hear each other, or haven't failed to for long.
 * @param circle The view, the oldest first, then those that are about to join it.
 * @param members How many of those are in the view: no newcomer drives one of them out.
 * @param lastingMs How long a complaint must last until it counts.
 */
export function toBeParted(
  circle: readonly Attendee[],
  members: number,
  lastingMs: number,
  nowMs: number,
): Attendee | null {
  const isCut = (a: Attendee, b: Attendee, lastingMs: number) =>
    isDue(a, b, lastingMs, nowMs) || isDue(b, a, lastingMs, nowMs);
  const cuts = circle.map((one) => circle.filter((other) => isCut(one, other, 0)).length);
  let worst: number | null = null;
  circle.forEach((a, earlier) => {
    circle.forEach((b, later) => {
      if (later <= earlier || !isCut(a, b, lastingMs)) return;
      const isJoining = later >= members;
      const more = cuts[earlier]! - cuts[later]!;
      const goesEarlier = !isJoining && (more > 0 || (more === 0 && isOneSided(a, b)));
      const goes = goesEarlier ? earlier : later;
      if (worst === null || cuts[goes]! > cuts[worst]!) worst = goes;
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
export function complaintsDueMs(circle: readonly Attendee[], lastingMs: number): number | null {
  let next = Infinity;
  for (const by of circle) {
    for (const of of circle) {
      const sinceMs = by.unheard.get(of.key);
      if (sinceMs === undefined) continue;
      next = Math.min(next, countsAtMs(sinceMs, lastingMs, by, of));
    }
  }
  return next === Infinity ? null : next;
}
