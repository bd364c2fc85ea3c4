/**
 * One view change after the other: the coordinator's part in `agreement.ts`, and the time until the view that was
 * decided has begun at all its members.
 *
 * What is on disk when: the ballot's number before `flush` goes out, so that no number is ever used for two; the
 * decided view before `begin` goes out, so that whoever decides next knows of it.
 */

import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { Agreement, type Holding, type Level, reportFault } from "./agreement.ts";
import { type Attendance, type Attendee, memberOf } from "../detector/attendance.ts";
import {
  type Ballot,
  compareBallots,
  isSameBallot,
  NO_BALLOT,
  type SignedEpoch,
  signEpoch,
} from "../schema/epoch.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import type { Escrow } from "../catch_up/escrow.ts";
import {
  COORDINATOR_SILENT_MS,
  REMEMBERED_MAX,
  SPOILS_MAX,
  WAIT_MS_MAX,
} from "../schema/limits.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import type { Change } from "../detector/next_view.ts";
import type { Views } from "../detector/views.ts";

interface UnderWay {
  readonly agreement: Agreement;
  readonly members: readonly PeerKey[];
  /** Null until all participants have reported. */
  level: Level | null;
}

interface ChangingParts {
  readonly group: Hash;
  readonly signer: Signer;
  readonly crypto: Crypto;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly escrow: Escrow;
  readonly out: CoordinatorOutput;
  /** Members of the view before that aren't in the present one, and why. */
  departures(): GroupMessageOf<"departed">["left"];
  /** The view is decided: it is on disk before anything that is sent from now on. */
  decided(signed: SignedEpoch): void;
  /** Attendees that aren't in the view may go: it has begun at all its members, or it has none. */
  mayGo(): void;
  /** A change begins. */
  begins(): void;
  /** The present view has begun at this attendee, perhaps some time ago. */
  begunAt(attendee: Attendee): void;
  /**
   * These attendees report what can't be, or spoil each change. @returns Whether the others go on without one of
   * them, by another change.
   */
  excludes(keys: readonly PeerKey[]): boolean;
}

export class ViewChangeCoordinator {
  #underWay: UnderWay | null = null;
  /** Members of the present view that haven't told us yet that it has begun there. */
  readonly #unbegun: Set<PeerKey>;
  /**
   * Newcomers of the present view, which are told to begin it once a member of the view before has. Otherwise the
   * others could go on with that one, in a round, and a newcomer alone would speak for a view that they never were
   * in.
   */
  #later: { readonly keys: readonly PeerKey[]; readonly message: GroupMessageOf<"begin"> } | null =
    null;
  /** When those that are awaited have had time enough. */
  #dueMs: number | null = null;
  /** Whether members have promised not to go on in the present view, or never began it: another one has to begin. */
  isBroken = false;
  /** Whether the members can't go on until another view begins, as far as they said. */
  isHurried = false;
  /** How often each participant made a change begin anew since the last view was decided. */
  readonly #spoils = new Map<PeerKey, number>();

  constructor(readonly parts: ChangingParts) {
    const { views } = parts;
    const isOver = views.isConfirmed || views.needsAll;
    this.#unbegun = new Set(isOver ? [] : views.members.map(({ key }) => key));
    this.isBroken = this.isHurried = views.needsAll;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  /** Whether the present view has begun at all its members, and goes on as it is, as far as is known. */
  get isSteady(): boolean {
    return this.parts.views.isConfirmed && !this.isUnderWay && !this.isBroken;
  }

  isParticipant(key: PeerKey): boolean {
    return this.#underWay?.agreement.participants.includes(key) ?? false;
  }

  /** Participants, whose say the change needs; empty where no change is under way. */
  get participants(): readonly PeerKey[] {
    return this.#underWay?.agreement.participants ?? [];
  }

  /** Attendees for which the change, or the beginning of the present view, waits. */
  get awaited(): readonly PeerKey[] {
    // Newcomers that aren't told yet that it begins, as the others come first, hold up nothing.
    if (this.#underWay === null) {
      return [...this.#unbegun].filter((key) => this.#later?.keys.includes(key) !== true);
    }
    const { agreement } = this.#underWay;
    const { source } = this.parts.escrow;
    return agreement.phase === "ready" && source !== null ? [source] : agreement.awaited;
  }

  /**
   * Attendees that hold up the change: those that are awaited. If one of them is the source, it is that one alone; if
   * no member that lacks something reaches the level, it is the source, which has everything or says so.
   */
  get culprits(): readonly PeerKey[] {
    const { awaited } = this;
    const source = this.#underWay?.level?.source ?? null;
    if (this.#underWay === null || source === null) return awaited;
    if (awaited.includes(source)) return [source];
    const { agreement, level } = this.#underWay;
    const { position, digest } = level!.start;
    const lacking = agreement.participants.filter((key) => {
      const held = agreement.holding(key)!.held;
      return held.position !== position || held.digest !== digest;
    });
    const isInView = (key: PeerKey) => this.parts.views.member(key) !== null;
    const isAlone = lacking.some(isInView) && lacking.every((key) => awaited.includes(key));
    return isAlone ? [source] : awaited;
  }

  nextMs(): number | null {
    return this.#dueMs;
  }

  postpone(delayMs: number): void {
    if (this.#dueMs !== null) this.#dueMs += delayMs;
  }

  /** Those that are awaited may learn only now what is wanted of them. */
  diskAnswers(): void {
    if (this.#dueMs !== null) this.#wait();
  }

  /** Begins a change under the next number, and ends one that was under way. */
  begin({ participants, members }: Change): void {
    const { views, escrow, out } = this.parts;
    escrow.stop();
    this.parts.begins();
    this.#later = null;
    views.raise(views.number + 1);
    const ballot = { number: views.number, round: 0 };
    const { log } = escrow;
    const begun = views.ownBegun(log);
    const own: Holding = { begun, levelled: begun, incarnation: "", held: log, log };
    const agreement = new Agreement(ballot, participants, own);
    this.#underWay = { agreement, members, level: null };
    this.#wait();
    out.store({ kind: "number", number: views.number });
    const flush = { type: "flush" as const, ballot, view: ballot.number };
    for (const key of participants) {
      this.#tell([key], { ...flush, isLeaving: !members.includes(key) });
    }
  }

  /** An attendee with a say is gone, or wasn't who it seemed: those that have reported need another change. */
  abandon(): void {
    if (this.#underWay === null) return;
    this.#end();
    this.isBroken = this.isHurried = true;
  }

  /**
   * What this participant says makes the change begin anew; after a few times, it goes on without the participant.
   */
  spoiled(key: PeerKey): void {
    // Our disk has delayed what we send for so long that participants link anew, again and again.
    if (this.parts.out.waitingMs >= COORDINATOR_SILENT_MS) return this.abandon();
    const spoils = (this.#spoils.get(key) ?? 0) + 1;
    this.#spoils.set(key, spoils);
    dropOldest(this.#spoils, REMEMBERED_MAX);
    this.abandon();
    if (spoils > SPOILS_MAX) this.parts.excludes([key]);
  }

  #end(): void {
    this.parts.escrow.stop();
    this.#underWay = null;
    this.#dueMs = null;
  }

  /** The present view is given up: we don't wait any more for its beginning. */
  forget(): void {
    this.abandon();
    this.#unbegun.clear();
    for (const { key } of this.parts.views.isConfirmed ? [] : this.parts.views.members) {
      this.#unbegun.add(key);
    }
  }

  /** The attendees that didn't answer are gone: another view is made of the others. */
  giveUpWaiting(): void {
    if (this.#underWay !== null) return this.abandon();
    this.#dueMs = null;
    this.isBroken = this.isHurried = true;
  }

  // Answers of the participants; an answer for another ballot is late and ignored, and only participants have a say.

  #underWayOf(key: PeerKey, ballot: Ballot): UnderWay | null {
    const underWay = this.#underWay;
    if (underWay === null || !isSameBallot(ballot, underWay.agreement.ballot)) return null;
    return underWay.agreement.participants.includes(key) ? underWay : null;
  }

  /** @returns What is wrong with the report; null where nothing is. */
  reported(attendee: Attendee, message: GroupMessageOf<"report">): string | null {
    const underWay = this.#underWayOf(attendee.key, message.ballot);
    if (underWay === null) return null;
    const { begun, levelled, held, log } = message;
    const fault = reportFault(message);
    if (fault !== null) return fault;
    const incarnation = message.incarnation.toHex();
    if (incarnation !== attendee.incarnation.toHex()) return "it reports as another process";
    if (this.#isLost(attendee, message)) {
      attendee.begun = attendee.promised = NO_BALLOT;
      attendee.isCaughtUp = false;
      this.spoiled(attendee.key);
      return null;
    }
    const holding = { begun, levelled, incarnation, held, log };
    const { agreement } = underWay;
    if (!agreement.reported(attendee.key, message.ballot, holding)) return null;
    const wrong = agreement.wrong((key) => this.parts.views.member(key) !== null);
    if (wrong.length === 0 || !this.parts.excludes(wrong)) this.#tellLevel(underWay);
    return null;
  }

  /** Whether the report shows less than the attendee once had: then it doesn't count as the process that it was. */
  #isLost(
    { begun }: Attendee,
    { begun: reported, levelled, held }: GroupMessageOf<"report">,
  ): boolean {
    const { floor } = this.parts.views;
    if (compareBallots(reported, begun) < 0) return true;
    if (floor === null || compareBallots(levelled, floor.ballot) < 0) return false;
    const { position, digest } = floor.start;
    return held.position < position || (held.position === position && held.digest !== digest);
  }

  #tellLevel(underWay: UnderWay): void {
    const { agreement } = underWay;
    const level = underWay.level = agreement.level;
    this.#wait();
    this.#tell(agreement.participants, { type: "level", ballot: agreement.ballot, ...level });
    if (underWay.members.length === 0 && level.source !== null) this.#takeOver(level);
  }

  /** The group will be empty: we keep its log. */
  #takeOver({ source, start }: Level): void {
    const { attendance, escrow } = this.parts;
    const link = source === null ? null : attendance.get(source)?.link ?? null;
    if (source === null || link === null || escrow.isAt(start)) return;
    escrow.take(source, link, start);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  outdone({ key }: Attendee, { ballot, promised }: GroupMessageOf<"outdone">): string | null {
    const { views } = this.parts;
    if (this.#underWayOf(key, ballot) === null) return null;
    if (!views.isPossible(promised.number)) return "it promised what never was";
    views.raise(promised.number);
    this.spoiled(key);
    return null;
  }

  ready({ key }: Attendee, { ballot }: GroupMessageOf<"ready">): void {
    if (this.#underWay?.agreement.isReady(key, ballot)) this.#decide(this.#underWay);
  }

  /** More of the log is on our disk. */
  escrowGrew(): void {
    if (this.#underWay === null) return;
    this.#wait();
    if (this.#underWay.agreement.phase === "ready") this.#decide(this.#underWay);
  }

  #decide({ agreement, members, level }: UnderWay): void {
    const { group, signer, views, attendance, escrow, out } = this.parts;
    const isEmpty = members.length === 0;
    if (level === null || (isEmpty && !escrow.isAt(level.start))) return;
    const there = members.map((key) => attendance.get(key));
    const epoch = {
      group,
      view: agreement.ballot.number,
      ballot: agreement.ballot,
      members: there.flatMap((attendee) => attendee === null ? [] : [memberOf(attendee)]),
      start: level.start,
    };
    const signed = signEpoch(signer, epoch);
    out.store({ kind: "decided", signed });
    this.#end();
    this.isBroken = this.isHurried = false;
    this.#spoils.clear();
    views.decided(signed);
    this.#unbegun.clear();
    for (const key of members) this.#unbegun.add(key);
    for (const attendee of there) {
      if (attendee === null) continue;
      attendee.promised = agreement.ballot;
      attendee.joiningSinceMs = null;
    }
    if (!isEmpty) this.#wait();
    const left = this.parts.departures();
    if (left.length > 0) this.#tell(members, { type: "departed", left });
    const begin = { type: "begin" as const, signed };
    const oldMembers = agreement.oldMembers.filter((key) => members.includes(key));
    this.#later = oldMembers.length === 0 ? null : {
      message: begin,
      keys: members.filter((key) => !oldMembers.includes(key)),
    };
    this.#tell(oldMembers.length === 0 ? members : oldMembers, begin);
    this.parts.decided(signed);
    if (isEmpty) this.parts.mayGo();
  }

  /** The present view has begun at this attendee; for one that isn't in the view that means nothing. */
  begun(attendee: Attendee): void {
    if (this.parts.views.member(attendee.key) === null) return;
    attendee.begun = this.parts.views.ballot;
    this.parts.begunAt(attendee);
    if (this.#later !== null) {
      const { keys, message } = this.#later;
      this.#later = null;
      this.#tell(keys, message);
    }
    if (!this.#unbegun.delete(attendee.key) || this.#unbegun.size > 0) return;
    if (!this.isUnderWay) this.#dueMs = null;
    this.confirm();
    this.parts.mayGo();
  }

  /** The present view has begun at all its members. */
  confirm(): void {
    const { views, out } = this.parts;
    out.store({ kind: "confirmed", ballot: views.ballot });
    views.confirmed(views.ballot);
  }

  #wait(): void {
    const { attendance, out } = this.parts;
    this.#dueMs = out.nowMs + WAIT_MS_MAX + attendance.graceMs;
  }

  #tell(keys: readonly PeerKey[], message: GroupMessage): void {
    for (const key of keys) {
      const link = this.parts.attendance.get(key)?.link ?? null;
      if (link !== null) this.parts.out.send(link, message);
    }
  }
}
