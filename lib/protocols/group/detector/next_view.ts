/** Who should be in the next view, judging by who is there: whether it can be agreed on, and whose say it needs. */

import type { PeerKey } from "../../../base/ids.ts";
import {
  type Attendance,
  type Attendee,
  isExcluded,
  isSameProcess,
  outliving,
} from "./attendance.ts";
import type { Member, SignedEpoch } from "../schema/epoch.ts";
import type { Views } from "./views.ts";

type Outlook =
  /** Nobody is here whose history could go on; one of the `awaited` would do, for each view that lacks a voice. */
  | { readonly kind: "lacking"; readonly awaited: readonly Member[] }
  /** A member of the present view isn't linked, and may be back in a moment. */
  | { readonly kind: "unsure" }
  | { readonly kind: "settled" }
  | Change;

export interface Change {
  readonly kind: "change";
  /** All with a say. */
  readonly participants: readonly PeerKey[];
  /** Members of the next view, the oldest first. */
  readonly members: readonly PeerKey[];
  /** Whether the present view can't go on; otherwise the change may wait until that has begun everywhere. */
  readonly isUrgent: boolean;
}

interface Terms {
  readonly membersMax: number;
  readonly nowMs: number;
  /** Whether the present view must be replaced in any case. */
  readonly isBroken: boolean;
  /** Whether newcomers come in with the logs that they have, caught up or not. */
  readonly isWithTheirs?: boolean;
}

/**
 * Attendees with a say: of the present view, and of an older open one that would lack a voice otherwise; in the order
 * of views.
 */
export function voicesOf(views: Views, here: readonly Attendee[]): readonly Attendee[] {
  const voices = new Set<Attendee>();
  const speaking = (view: SignedEpoch) =>
    view.epoch.value.members.flatMap(({ key }) =>
      here.filter((attendee) => attendee.key === key && views.isVoiceOf(view, attendee))
    );
  for (const view of views.open.toReversed()) {
    const isPresent = view === views.present;
    if (!isPresent && !views.lacking([...voices]).includes(view)) continue;
    for (const attendee of speaking(view)) voices.add(attendee);
  }
  return [...voices];
}

/** Excluded attendees have no say, unless the others aren't enough. */
function withoutExcluded(views: Views, here: readonly Attendee[]): readonly Attendee[] {
  const others = here.filter((attendee) => !isExcluded(attendee));
  return views.lacking(others).length === 0 ? voicesOf(views, others) : voicesOf(views, here);
}

/**
 * What can be done with those that are here. A change has a voice from each open view. The next view begins with the
 * oldest members, and has at most `membersMax`, unless more views are open.
 */
export function outlook(views: Views, attendance: Attendance, terms: Terms): Outlook {
  const { here } = attendance;
  if (views.lacking(here).length > 0) return { kind: "lacking", awaited: awaitedOf(views, here) };
  if (attendance.mayReturn(views.members)) return { kind: "unsure" };
  const voices = withoutExcluded(views, here);
  // Nobody has a say where what the last members had is given up.
  const outlived = outliving(views, here, terms.nowMs);
  const joining = outlived.length === 0
    ? readyToJoin(voices, here, terms)
    : readyToJoin([], outlived, { ...terms, isWithTheirs: true });
  const participants = [...voices, ...joining];
  if (participants.length === 0) return { kind: "settled" };
  const members = asManyAsFit(views, nextMembers(views, voices, joining), terms.membersMax);
  const isUrgent = terms.isBroken || views.members.length === 0 ||
    isGapBetween(views.members, voices);
  const isWanted = voices.some(({ departure }) => departure !== null) || joining.length > 0;
  if (!isUrgent && !isWanted) return { kind: "settled" };
  return {
    kind: "change",
    participants: participants.map(({ key }) => key),
    members: members.map(({ key }) => key),
    isUrgent,
  };
}

/**
 * Members that leave stay for one more view if otherwise nobody of an open view stays: the next view has a member of
 * each open view, or none at all.
 */
function nextMembers(
  views: Views,
  voices: readonly Attendee[],
  joining: readonly Attendee[],
): readonly Attendee[] {
  // A member that only held up others, or was to fetch its log anew, has a say where the others are gone, and stays.
  const staying = voices.filter(({ departure }) => departure !== "quit" && departure !== "removed");
  const next = [...staying, ...joining];
  if (next.length === 0 || views.lacking(staying).length === 0) return next;
  return [...voices, ...joining];
}

/** Keeps one member of each open view before others: one that only promised may come back with another disk. */
function asManyAsFit(
  views: Views,
  next: readonly Attendee[],
  membersMax: number,
): readonly Attendee[] {
  if (next.length <= membersMax) return next;
  const kept = new Set<Attendee>();
  for (const view of views.open) {
    const voices = next.filter((attendee) => views.isVoiceOf(view, attendee));
    if (voices.length > 0 && !voices.some((voice) => kept.has(voice))) kept.add(voices[0]!);
  }
  for (const attendee of next) if (kept.size < membersMax) kept.add(attendee);
  return next.filter((attendee) => kept.has(attendee));
}

/** Whether a member of the present view is gone, or has another process by now. */
function isGapBetween(members: readonly Member[], voices: readonly Attendee[]): boolean {
  return members.some((member) => {
    const voice = voices.find(({ key }) => key === member.key);
    return voice === undefined || !isSameProcess(voice, member);
  });
}

/** Newcomers that have nearly all of the log, and exchange datagrams with all voices and each other; as many as fit. */
function readyToJoin(
  voices: readonly Attendee[],
  here: readonly Attendee[],
  { membersMax, nowMs, isWithTheirs = false }: Terms,
): readonly Attendee[] {
  const circle = [...voices];
  const ready: Attendee[] = [];
  for (const attendee of here) {
    if (circle.length >= membersMax) break;
    const { isCaughtUp, departure, notBeforeMs } = attendee;
    const isComplete = isCaughtUp || isWithTheirs;
    if (voices.includes(attendee) || !isComplete || departure !== null || notBeforeMs > nowMs) {
      continue;
    }
    if (!circle.every((other) => hearEachOther(attendee, other))) continue;
    circle.push(attendee);
    ready.push(attendee);
  }
  return ready;
}

/** Whether both have told that the other's datagrams come; one that has told nothing yet hears nobody. */
export function hearEachOther(a: Attendee, b: Attendee): boolean {
  return a.hears?.has(b.key) === true && b.hears?.has(a.key) === true;
}

/**
 * Members whose return is awaited, as none of those here speaks for their views. Members of the newest view come
 * first: it has a member of each view that was open before it.
 */
export function awaitedOf(views: Views, here: readonly Attendee[]): readonly Member[] {
  const lacking = views.lacking(here);
  if (views.needsAll && lacking.length > 0) return views.awaited(here);
  return membersOf(lacking.toReversed());
}

/** Members of these views, each once. */
function membersOf(views: readonly SignedEpoch[]): readonly Member[] {
  const byKey = new Map<PeerKey, Member>();
  for (const { epoch } of views) {
    for (const member of epoch.value.members) byKey.set(member.key, member);
  }
  return [...byKey.values()];
}
