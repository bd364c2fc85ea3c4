/**
 * From one view to the next: everything that follows from who is there and what they said, in one place. Each step of
 * the coordinator ends here.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Logger } from "../../../base/machine/environment.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { namesInWords, shownName } from "../../../base/text/names.ts";
import type { MemberAdmission } from "./member_admission.ts";
import type { Arriving } from "./arriving.ts";
import {
  type Attendance,
  type Attendee,
  isExcluded,
  isSameProcess,
} from "../detector/attendance.ts";
import { type Member, NO_BALLOT } from "../schema/epoch.ts";
import type { ViewChangeCoordinator } from "../views/view_change_coordinator.ts";
import {
  complaintsDueMs,
  keepingOut,
  noteSeparations,
  noteUnheard,
  Patience,
  Separations,
  toBeParted,
} from "../detector/complaints.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { lackingText } from "./coordinator_view.ts";
import { type LeftReason, namesAndKeys } from "../schema/events.ts";
import { KeptOut } from "./kept_out.ts";
import {
  HEARD_LATELY_MS,
  HEARTBEAT_MS,
  LOOK_PAUSE_MS,
  LOOKS_BURST,
  LOOKS_PER_S,
  REMEMBERED_MAX,
  SILENCES_AGAIN_MAX,
  SILENCES_MAX,
  UDP_SILENT_MS,
} from "../schema/limits.ts";
import { type Change, outlook } from "../detector/next_view.ts";
import type { Partings } from "./partings.ts";
import type { Views } from "../detector/views.ts";

interface SteeringParts {
  readonly failAfterMs: number;
  readonly membersMax: number;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly admission: MemberAdmission;
  readonly changing: ViewChangeCoordinator;
  readonly partings: Partings;
  readonly arriving: Arriving;
  readonly out: CoordinatorOutput;
  /** What a view had is given up: an older history goes on. */
  historyGivenUp(): void;
  readonly log: Logger;
}

/** When the operator is told who is still missing after our start. */
const RETURNS_TOLD_MS = 1_000;

export class MembershipDecider {
  /** Whether something changed that the next view depends on. */
  isUnsettled = true;
  /** The members that the operator was last told. */
  #shown: readonly Member[];
  /** Members that asked to leave and aren't out yet. */
  readonly #quitting = new Set<PeerKey>();
  /** Members that said goodbye after an empty view was decided. */
  readonly #goodbyes = new Set<PeerKey>();
  /** The `ref` of the last `/recover` of each member that hasn't recovered yet, where the command had one. */
  readonly #recoverRefs = new Map<PeerKey, string>();
  /** The last warning about whose return is awaited. */
  #lackingTold = "";
  /** When the operator is told, once, which members are awaited after our start; null while none is. */
  #returnsTellMs: number | null = null;
  /** The view whose members are awaited after our start, until the operator was told that they are back; null: none. */
  #returnsView: number | null = null;
  /** The members that the operator was told are awaited after our start; null before. */
  #returnsTold: readonly Attendee[] | null = null;
  /** How long a complaint must last, ms, where nobody is slow. */
  readonly #lastingMs: number;
  readonly #separations = new Separations();
  /** Why members were excluded last, part of a sentence, where what they say of themselves doesn't show it. */
  readonly #faults = new Map<PeerKey, string>();
  readonly #keptOut: KeptOut;
  readonly #looks = new TokenBucket(LOOKS_PER_S, LOOKS_BURST);
  /** When what was said beyond that rate is looked at; null where nothing was. */
  #lookMs: number | null = null;

  constructor(readonly parts: SteeringParts) {
    this.#shown = parts.views.members;
    this.#keptOut = new KeptOut(parts);
    // A complaint is told only when datagrams have failed to come for a while.
    this.#lastingMs = Math.max(HEARTBEAT_MS, parts.failAfterMs - UDP_SILENT_MS);
  }

  get #patience(): Patience {
    return new Patience(this.#lastingMs + this.parts.attendance.graceMs);
  }

  /**
   * When a complaint begins to count, or the operator or others are told something; null where there is nothing to
   * wait for.
   */
  nextMs(): number | null {
    const { arriving, out } = this.parts;
    const complaintMs = complaintsDueMs(this.#heardLately(), this.#patience, out.nowMs);
    return earliestMs(
      complaintMs,
      this.#returnsTellMs,
      arriving.dueMs,
      this.#keptOut.dueMs,
      this.#lookMs,
    );
  }

  /** The attendee has said whom it hears: anybody may come and say so, again and again. */
  heard({ key }: Attendee): void {
    const { views, out: { nowMs } } = this.parts;
    if (views.member(key) !== null || this.#looks.take(nowMs)) this.isUnsettled = true;
    else this.#lookMs ??= nowMs + LOOK_PAUSE_MS;
  }

  /** Pauses end, and complaints begin to count. */
  tick(): void {
    this.isUnsettled = true;
  }

  settle(): void {
    if (!this.isUnsettled) return;
    this.#lookMs = null;
    const { arriving } = this.parts;
    while (this.isUnsettled) {
      this.isUnsettled = false;
      arriving.partLate();
      this.#giveUpRemoved();
      this.#partUnheard();
      // Before a change begins: an attendee that is told that it is out takes no part in what it was asked before.
      arriving.tellStanding();
      arriving.showOutliving();
      this.#look();
    }
    arriving.tellPeers(false);
    arriving.tellSources();
    this.#keptOut.settle();
  }

  #look(): void {
    const { views, attendance, changing, membersMax, out: { nowMs } } = this.parts;
    const { isBroken } = changing;
    const next = outlook(views, attendance, { membersMax, nowMs, isBroken });
    const returning = this.#returning;
    this.#tellReturns(next.kind === "unsure" ? returning : []);
    if (returning.length === 0) this.#tellReturned(next.kind === "settled");
    if (next.kind === "lacking") return this.#tellLacking(next.awaited);
    this.#lackingTold = "";
    if (next.kind !== "change" || changing.isUnderWay) return;
    if (next.isUrgent || views.isConfirmed) this.#begin(next);
  }

  #begin(change: Change): void {
    const { attendance, arriving, changing, out } = this.parts;
    for (const key of change.participants) {
      const attendee = attendance.get(key);
      if (attendee === null || !isExcluded(attendee) || attendee.departure === "removed") continue;
      // The others have gone meanwhile: this member's say and log are needed.
      if (attendee.departure === "recovering") {
        const text = `${
          shownName(attendee.name)
        } keeps its log: nobody else is here who has it all`;
        out.warn(text, this.#takeRecoverRef(key));
      }
      attendee.departure = null;
    }
    arriving.tellPeers(true);
    changing.begin(change);
  }

  /** Members that haven't come back since our start, and still have time to. */
  get #returning(): readonly Attendee[] {
    const { views, attendance } = this.parts;
    return views.members.flatMap(({ key }) => attendance.get(key) ?? [])
      .filter(({ heardAtMs }) => heardAtMs === -Infinity);
  }

  /** Tells the operator after a while: most members are back within a second. */
  #tellReturns(awaited: readonly Attendee[]): void {
    const { out } = this.parts;
    const { ballot } = this.parts.views;
    if (awaited.length > 0) this.#returnsView ??= ballot.number;
    if (this.#returnsTold !== null || awaited.length === 0) {
      this.#returnsTellMs = null;
      return;
    }
    this.#returnsTellMs ??= out.nowMs + RETURNS_TOLD_MS;
    if (out.nowMs < this.#returnsTellMs) return;
    this.#returnsTellMs = null;
    this.#returnsTold = awaited;
    const leftMs = Math.max(...awaited.map(({ silentAtMs }) => silentAtMs)) - out.nowMs;
    const here = this.parts.views.members.filter(({ key }) => this.#isHere(key));
    const others = here.length === 0 ? "" : ` (here already: ${namesInWords(here)})`;
    out.notice(
      `Waiting for ${namesInWords(awaited)}, who ${
        awaited.length === 1 ? "was" : "were"
      } in the group last${others}: the group goes on in ${
        Math.ceil(leftMs / 1_000)
      } s without an answer`,
    );
  }

  /** None of those who were in the group before our start is awaited any more: some are back. */
  #tellReturned(isSettled: boolean): void {
    const { views: { ballot, members }, out } = this.parts;
    if (this.#returnsView === null) return;
    const isWhole = isSettled && this.#returnsView === ballot.number;
    const goesOn = `${ballot.number} goes on with ${namesInWords(members)}`;
    const told = this.#returnsTold ?? [];
    const back = told.filter(({ key }) => this.#isHere(key));
    // A view that begins says itself who is in it.
    if (!isSettled && back.length === 0) return;
    this.#returnsView = null;
    this.#returnsTold = [];
    if (back.length > 0) {
      const are = back.length === 1 ? "is" : "are";
      out.notice(`${namesInWords(back)} ${are} here again${isWhole ? `: view ${goesOn}` : ""}`);
    } else if (isWhole) out.notice(`View ${goesOn}`);
  }

  #isHere(key: PeerKey): boolean {
    return (this.parts.attendance.get(key)?.link ?? null) !== null;
  }

  /** Warns once, when those that may come back at any moment have had their time. */
  #tellLacking(awaited: readonly Member[]): void {
    const { views, attendance, out } = this.parts;
    const isEarly = attendance.isLastLeaving || attendance.mayReturn(awaited);
    const text = lackingText(views, awaited);
    if (isEarly || text === this.#lackingTold) return;
    this.#lackingTold = text;
    out.warn(text);
  }

  /** If all members of a view were removed, and nobody here knows what it had, that is given up. */
  #giveUpRemoved(): void {
    const { views, admission, attendance, changing, out } = this.parts;
    if (attendance.isLastLeaving) return;
    for (const view of views.open) {
      const { ballot, members } = view.epoch.value;
      const mayKnow = (attendee: Attendee) =>
        attendee.link === null || views.isVoiceOf(view, attendee);
      const isGivenUp = members.length > 0 && members.every(({ key }) => {
        const attendee = attendance.get(key);
        return admission.isRemoved(fingerprintOf(key)) && (attendee === null || !mayKnow(attendee));
      });
      if (!isGivenUp) continue;
      out.store({ kind: "given-up", ballot });
      views.givenUp(ballot);
      changing.forget();
      this.parts.historyGivenUp();
      // Who says that it has lost all is still here.
      for (const { key } of members) this.removed(key);
      out.warn(`What only ${namesInWords(members)} had is given up; the group goes on without it`);
      this.#tellLeft();
    }
  }

  /** Attendees that must hear each other: members of the view, and those that are about to join it. */
  #circle(): readonly Attendee[] {
    const { views, attendance, changing } = this.parts;
    const keys = new Set([...views.members.map(({ key }) => key), ...changing.participants]);
    const attendees = [...keys].flatMap((key) => attendance.get(key) ?? []);
    return attendees.filter((attendee) => attendee.link !== null && !isExcluded(attendee));
  }

  /** Those of the circle that are alive for certain. */
  #heardLately(): readonly Attendee[] {
    const { nowMs } = this.parts.out;
    return this.#circle().filter(({ heardAtMs }) => nowMs - heardAtMs < HEARD_LATELY_MS);
  }

  #partUnheard(): void {
    const { views, attendance, out: { nowMs } } = this.parts;
    const isAnew = (attendee: Attendee) => this.#isAnew(attendee);
    // Members that go on in the present view hear nothing from another process than the one in that view.
    const canHear = (one: Attendee, other: Attendee) =>
      views.member(one.key) === null || isAnew(one) || !isAnew(other);
    const isAway = (key: PeerKey) =>
      views.member(key) !== null && attendance.get(key)?.link === null;
    const separations = this.#separations;
    const membersOf = (circle: readonly Attendee[]) =>
      circle.filter(({ key }) => views.member(key) !== null);
    noteUnheard(this.#circle(), isAway, canHear, nowMs);
    noteSeparations(membersOf(this.#circle()), separations, nowMs);
    this.#partFaltering();
    for (;;) {
      const circle = this.#heardLately();
      const members = membersOf(circle);
      const attendee = toBeParted(circle, members.length, separations, this.#patience, nowMs) ??
        keepingOut(members, this.#waiting(), separations, nowMs);
      if (attendee === null) return;
      const complaining = circle.filter(({ unheard }) => unheard.has(attendee.key));
      // The member's say is needed until the present view has begun everywhere.
      if (!this.#exclude(attendee)) attendee.meetsByMs = nowMs + HEARTBEAT_MS;
      else if (complaining.length > 0) {
        this.#blame(attendee, `${namesInWords(complaining)} didn't hear it`);
      }
    }
  }

  /** Those who only have to exchange datagrams with all members to come in. */
  #waiting(): readonly Attendee[] {
    const { views, attendance, out: { nowMs } } = this.parts;
    return attendance.here.filter(({ key, isCaughtUp, wasCaughtUp, departure, notBeforeMs }) =>
      (isCaughtUp || wasCaughtUp === true) && departure === null && notBeforeMs <= nowMs &&
      views.member(key) === null
    );
  }

  /** Those that fall silent again and again hold up the others, though never for long at a time. */
  #partFaltering(): void {
    const { attendance, partings, out: { nowMs } } = this.parts;
    for (const attendee of this.#circle()) {
      const most = partings.wasOut(attendee.key) ? SILENCES_AGAIN_MAX : SILENCES_MAX;
      if (attendance.silencesOf(attendee, nowMs) < most || !this.#exclude(attendee)) continue;
      attendee.silences.length = 0;
      this.#blame(attendee, "it fell silent again and again");
    }
  }

  #blame({ key }: Attendee, text: string): void {
    this.#faults.delete(key);
    this.#faults.set(key, text);
    dropOldest(this.#faults, REMEMBERED_MAX);
  }

  /** Whether an earlier process of this attendee is in the present view: it was started again. */
  #isAnew(attendee: Attendee): boolean {
    const member = this.parts.views.member(attendee.key);
    return member !== null && !isSameProcess(member, attendee);
  }

  /** The attendee holds up the others: they go on without it. @returns False where they can't. */
  #exclude(attendee: Attendee): boolean {
    const { views, attendance, changing, partings } = this.parts;
    const { key } = attendee;
    const others = attendance.here.filter((other) => other !== attendee && !isExcluded(other));
    if (views.lacking(others).length > 0) return false;
    this.isUnsettled = true;
    this.#faults.delete(key);
    if (views.member(key) === null) {
      partings.pause(attendee);
      return true;
    }
    attendee.departure = "unheard";
    if (changing.isParticipant(key)) changing.abandon();
    return true;
  }

  /** Excludes attendees that answer probes but hold up the change, if the others can do without them. */
  excludeAwaited(): void {
    const { attendance, changing, partings } = this.parts;
    const culprits = changing.culprits.flatMap((key) => attendance.get(key) ?? []);
    changing.giveUpWaiting();
    for (const attendee of culprits) {
      if (this.#exclude(attendee) || attendee.departure !== "removed") continue;
      // The operator goes on without this member's say, or log, which it doesn't give.
      partings.dismiss(attendee, "kicked");
    }
    this.isUnsettled = true;
  }

  /** These members break the rules: the others go on without them. @returns Whether at least one was excluded. */
  excludes(keys: readonly PeerKey[]): boolean {
    const { attendance, log } = this.parts;
    let isAny = false;
    for (const key of keys) {
      const attendee = attendance.get(key);
      if (attendee === null || !this.#exclude(attendee)) continue;
      log.warn("a member kept others from going on", { key: fingerprintOf(key) });
      isAny = true;
    }
    return isAny;
  }

  // What happens on the way.

  /** The attendee isn't in the attendance any more. */
  parted({ key, name, heardAtMs, joiningSinceMs }: Attendee, reason: LeftReason): void {
    // Of a member, it is told when a view without it begins.
    if (joiningSinceMs !== null && this.parts.views.member(key) === null) {
      this.parts.out.show({ event: "left", name, reason, joining: true });
    }
    this.#separations.explained(key, heardAtMs + HEARD_LATELY_MS);
    if (this.parts.changing.isParticipant(key)) this.parts.changing.abandon();
    this.isUnsettled = true;
  }

  /** The attendee's link is lost. A member may dial again; a newcomer must not hold up anybody meanwhile. */
  unlinked(attendee: Attendee): void {
    if (this.parts.views.member(attendee.key) === null) this.parts.partings.gone(attendee, "");
    this.isUnsettled = true;
  }

  /** The attendee asks to leave. */
  leaves(attendee: Attendee): void {
    const { views, changing, partings } = this.parts;
    const { key } = attendee;
    this.isUnsettled = true;
    if (views.member(key) === null && !changing.isParticipant(key)) {
      return partings.dismiss(attendee, "left");
    }
    attendee.departure ??= "quit";
    this.#quitting.add(key);
  }

  /** The operator keeps this member out. */
  removed(key: PeerKey): void {
    const { views, attendance, changing, partings } = this.parts;
    this.isUnsettled = true;
    this.#separations.forget(key);
    const attendee = attendance.get(key);
    if (attendee === null) return;
    // A member whose disk has lost what its view had has no say in the next one.
    const hasSay = views.open.some((view) => views.isVoiceOf(view, attendee));
    if (attendee.link === null || views.member(key) === null || !hasSay) {
      return partings.dismiss(attendee, "kicked");
    }
    attendee.departure = "removed";
    if (changing.isParticipant(key)) changing.abandon();
  }

  /** The operator has this member fetch its log anew. @returns Why that can't be; null where it is done, or will be. */
  recovers(attendee: Attendee, ref: string | undefined): string | null {
    const fault = this.#recovers(attendee);
    if (fault === null) this.#keepRecoverRef(attendee.key, ref);
    return fault;
  }

  #recovers(attendee: Attendee): string | null {
    const { views, attendance, changing } = this.parts;
    const { key, departure } = attendee;
    const name = shownName(attendee.name);
    if (departure !== null) return `${name} is about to leave`;
    if (views.member(key) === null) {
      if (changing.isParticipant(key)) return `${name} is about to come in: try again`;
      this.#tellRecover(attendee);
      return null;
    }
    const others = attendance.here.filter((other) => other !== attendee && !isExcluded(other));
    if (views.lacking(others).length > 0 || others.every(({ key }) => views.member(key) === null)) {
      return `nobody else here has the group's last entries; ${name}'s log is the only one`;
    }
    this.isUnsettled = true;
    attendee.departure = "recovering";
    if (changing.isParticipant(key)) changing.abandon();
    return null;
  }

  #keepRecoverRef(key: PeerKey, ref: string | undefined): void {
    this.#recoverRefs.delete(key);
    if (ref === undefined) return;
    this.#recoverRefs.set(key, ref);
    dropOldest(this.#recoverRefs, REMEMBERED_MAX);
  }

  #takeRecoverRef(key: PeerKey): string | undefined {
    const ref = this.#recoverRefs.get(key);
    this.#recoverRefs.delete(key);
    return ref;
  }

  /** A view without this member has begun: from now on it is a newcomer. */
  #tellRecover(attendee: Attendee): void {
    const { link } = attendee;
    attendee.begun = attendee.promised = attendee.lastBegun = NO_BALLOT;
    attendee.departure = null;
    attendee.isKnown = attendee.isBack = true;
    attendee.isCaughtUp = attendee.hasSayTold = false;
    attendee.source = undefined;
    if (link !== null) this.parts.out.send(link, { type: "recover" });
    this.isUnsettled = true;
  }

  /** The member is in the view, after so many entries were sent to it. */
  fetched({ key, name, isBack }: Attendee, entries: number): void {
    if (!isBack || this.parts.views.member(key) === null) return;
    this.parts.out.show({ event: "recovered", name, entries }, this.#takeRecoverRef(key));
  }

  /** The operator lets this member in again, perhaps before it was out. */
  allowed(key: PeerKey): void {
    const { attendance, changing } = this.parts;
    const attendee = attendance.get(key);
    if (attendee?.departure !== "removed") return;
    attendee.departure = null;
    changing.abandon();
    this.isUnsettled = true;
  }

  /** A view is decided, and on disk: nobody has been told yet. */
  decided(): void {
    const { views, attendance, admission, out } = this.parts;
    const { members } = views;
    for (const member of members) {
      admission.pin(member);
      // Its next process has come instead: whoever is gone after that hasn't left.
      if (attendance.get(member.key)?.departure !== "quit") this.#quitting.delete(member.key);
    }
    const before = new Set(this.#shown.map(({ key }) => key));
    this.#tellLeft();
    for (const { name, key } of members) {
      if (!before.has(key)) out.show({ event: "joined", name, key: fingerprintOf(key) });
    }
    this.#goodbyes.clear();
    if (members.length > 0) this.#sendAway(isExcluded);
    out.show({ event: "view", view: views.ballot.number, ...namesAndKeys(members) });
    this.isUnsettled = true;
  }

  /** Members that the operator was told of and that aren't in the view any more. */
  get departures(): readonly (Pick<Member, "key" | "name"> & { readonly reason: LeftReason })[] {
    const { views: { members }, admission } = this.parts;
    const reasonOf = (key: PeerKey): LeftReason =>
      admission.isOut(key) ? "removed" : this.#hasLeft(key) ? "quit" : "lost";
    return this.#shown
      .filter(({ key }) => !members.some((member) => member.key === key))
      .map(({ key, name }) => ({ key, name, reason: reasonOf(key) }));
  }

  /** Whether it asked to leave; where we were away, it said so to the other members, who show that. */
  #hasLeft(key: PeerKey): boolean {
    if (this.#quitting.has(key)) return true;
    const { views, attendance } = this.parts;
    return attendance.here.some((other) =>
      views.member(other.key) !== null && other.knowsLeft.has(key)
    );
  }

  #tellLeft(): void {
    const { views, out } = this.parts;
    for (const { key, name, reason } of this.departures) {
      this.#quitting.delete(key);
      const why = reason === "lost" ? this.#whyLost(key) : null;
      out.show({ event: "left", name, reason, ...(why === null ? {} : { why }) });
    }
    this.#shown = views.members;
  }

  /** Part of a sentence; null where the reason isn't known. */
  #whyLost(key: PeerKey): string | null {
    const { attendance, partings } = this.parts;
    const attendee = attendance.get(key);
    if (attendee === null) return partings.reasonOf(key);
    if (attendee.departure === "recovering") return "its log is fetched anew";
    if (attendee.departure !== "unheard") return null;
    // The operator may have to find out which of two members is at fault, or lies.
    const unheard = [...attendee.unheard.keys()].flatMap((other) => attendance.get(other) ?? []);
    if (unheard.length > 0) return `it didn't hear ${namesInWords(unheard)}`;
    return this.#faults.get(key) ?? "it held up the others";
  }

  /** The present view has begun at all its members, or is empty: attendees that leave may go. */
  mayGo(): void {
    this.#sendAway(({ departure }) => departure !== null);
    this.parts.arriving.turnAwayFromFull();
    this.isUnsettled = true;
  }

  /** A member closed its last link. Its goodbye means that it is out: neither its view nor a round of it goes on. */
  lastLinkDown(key: PeerKey, isClosed: boolean): void {
    const { views, changing } = this.parts;
    this.isUnsettled = true;
    if (!isClosed || views.isConfirmed || views.members.length > 0) return;
    this.#goodbyes.add(key);
    const isOver = views.open.every(({ epoch: { value: { members } } }) =>
      members.length === 0 || members.some((member) => this.#goodbyes.has(member.key))
    );
    if (isOver) changing.confirm();
  }

  /** Sends away those of these attendees that aren't in the present view. */
  #sendAway(isOne: (attendee: Attendee) => boolean): void {
    const { views, attendance, partings } = this.parts;
    for (const attendee of attendance.here) {
      if (views.member(attendee.key) !== null || !isOne(attendee)) continue;
      if (attendee.departure === "recovering") {
        if (views.isConfirmed) this.#tellRecover(attendee);
        continue;
      }
      const why = attendee.departure === "removed" ? "kicked" : "left";
      if (views.members.length === 0) partings.dismissLast(attendee, why);
      else if (attendee.departure === "unheard") partings.pause(attendee);
      else partings.dismiss(attendee, why);
    }
  }
}
