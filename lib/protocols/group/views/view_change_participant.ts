/**
 * A member's part in beginning an epoch: it stops and promises, reports what it holds, is brought to the level of the
 * others, says so, and begins what its leader decided.
 *
 * What is on disk before what is said: the promise before `report`; all up to the level before `ready`; the epoch
 * before `begin` is passed on and anything is said in it.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  type Ballot,
  ballotText,
  compareBallots,
  type Epoch,
  isSameBallot,
  isSignedBy,
  type SignedEpoch,
} from "../schema/epoch.ts";
import {
  type Fetched,
  Fetching,
  type Source,
  storeTaken,
  takeStable,
} from "../catch_up/catching_up.ts";
import type { ConsentedEnd } from "../identity/consents.ts";
import type { HeldBatch, HeldBatches } from "../log/held_batches.ts";
import type { HistoryEnd, HistoryPoint, SignedBatch } from "../schema/history.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import type { MemberRecord } from "../schema/records.ts";
import type { Self } from "../log/send_queue.ts";
import type { Promises } from "../log/promises.ts";

/** The leader: a member, or the coordinator (null). */
export type Leader = PeerKey | null;

interface ViewChangeParticipantParts {
  readonly self: Self & { readonly key: PeerKey };
  readonly standing: Promises;
  readonly held: HeldBatches;
  readonly out: MemberOutput;
  readonly crypto: Crypto;
  readonly group: Hash;
  /** The view that rounds may go on with: the one that has begun here, or a later one that we know of. */
  readonly roundView: () => Epoch | null;
  /** A later view that we know of, as the coordinator signed it; null where there is none. */
  readonly laterView: () => SignedEpoch | null;
  readonly send: (to: Leader, message: GroupMessage) => void;
  /** As for `Sequencing`. @param end The history before the decision; absent: what is held. */
  readonly consentFault: (signed: SignedBatch, end?: ConsentedEnd) => string | null;
  /** Takes part in nothing more until an epoch begins. */
  readonly freeze: () => void;
  /** These batches were written to the log. */
  readonly logged: (batches: readonly HeldBatch[]) => void;
  /** Records that are written with the first epoch of this process. */
  readonly becomeMember: (ballot: Ballot) => readonly MemberRecord[];
  readonly begun: (signed: SignedEpoch) => void;
  /** Our log can't go on as the group's: it is set aside. */
  readonly startAnew: () => void;
  /** The history of this member, or of the coordinator, isn't ours. */
  readonly differs: (who: Source, position: number) => void;
  /** The leader, or the source of what we fetch, broke a rule. */
  readonly offends: (who: Source, text: string) => void;
}

interface Part {
  readonly ballot: Ballot;
  readonly leader: Leader;
  phase: "promising" | "reported" | "levelling" | "ready";
  /** What is being fetched for it; null where nothing is, or everything is there. */
  levelling: Levelling | null;
}

interface Levelling {
  readonly start: HistoryPoint;
  readonly fetching: Fetching;
  /** Whether the fetched batches follow all that we hold, or our log. */
  from: "end" | "log";
  /** The end of the fetched batches. */
  fork: HistoryEnd;
  /** Fetched batches that aren't on disk: at most what members may have that isn't stable, `UNSTABLE_BYTES_MAX`. */
  staged: SignedBatch[];
  /** Whether the log was set aside for this. */
  isAnew: boolean;
}

export class ViewChangeParticipant {
  #part: Part | null = null;
  /** The epoch that is decided, and on its way to our disk. */
  #beginning: SignedEpoch | null = null;

  constructor(readonly parts: ViewChangeParticipantParts) {}

  /** Whether another epoch is to begin, so that the present one is over. */
  get isUnderWay(): boolean {
    return this.#part !== null || this.#beginning !== null;
  }

  /** Whether an epoch is being written. */
  get isBeginning(): boolean {
    return this.#beginning !== null;
  }

  get leader(): Leader | undefined {
    return this.#part?.leader;
  }

  /**
   * Drops what was promised to a leader that is there. An epoch that is being written counts as begun, as it will on
   * disk, but has no further consequences: the next record says how it ended.
   */
  abandon(): void {
    this.#part = null;
    if (this.#beginning !== null) this.parts.standing.begin(this.#beginning);
    this.#beginning = null;
  }

  flush(leader: Leader, { ballot, isLeaving }: GroupMessageOf<"flush">): void {
    const { standing, out } = this.parts;
    const part = this.#part;
    if (part !== null && part.leader === leader && isSameBallot(part.ballot, ballot)) {
      if (part.phase === "reported") this.#report(part);
      return;
    }
    if (compareBallots(ballot, standing.promised) <= 0) return this.#outdone(leader, ballot);
    this.parts.freeze();
    standing.promise(ballot, isLeaving);
    const fresh: Part = {
      ballot,
      leader,
      phase: "promising",
      levelling: null,
    };
    this.#part = fresh;
    // Earlier writes of held batches, and of an epoch that begins, are done before this one.
    out.storeThen([{ kind: "promised", ballot, isLeaving }], () => {
      if (this.#part !== fresh) return;
      fresh.phase = "reported";
      this.#report(fresh);
    });
  }

  #report({ leader, ballot }: Part): void {
    const { standing, held, self } = this.parts;
    this.parts.send(leader, {
      type: "report",
      ballot,
      begun: standing.begunBallot,
      levelled: standing.levelled,
      incarnation: self.incarnation,
      held: held.synced,
      log: held.log,
    });
  }

  #outdone(leader: Leader, ballot: Ballot): void {
    const { promised } = this.parts.standing;
    this.parts.send(leader, { type: "outdone", ballot, promised });
  }

  level(leader: Leader, { ballot, best, start, source }: GroupMessageOf<"level">): void {
    const part = this.#part;
    const { standing, held } = this.parts;
    if (part === null || part.leader !== leader || !isSameBallot(part.ballot, ballot)) {
      if (compareBallots(ballot, standing.promised) < 0) this.#outdone(leader, ballot);
      return;
    }
    if (part.phase !== "reported") return;
    part.phase = "levelling";
    if (held.digestAt(start.position) === start.digest) {
      return this.#settle(part, start.position, []);
    }
    part.levelling = {
      start,
      fetching: new Fetching(this.parts, source, start.position),
      from: isSameBallot(standing.levelled, best) ? "end" : "log",
      fork: held.fork("log"),
      staged: [],
      isAnew: false,
    };
    this.#stage(part.levelling);
  }

  /**
   * Fetches what is to follow: what we hold, where that is of the same ballot, else the log. Until everything is
   * there it replaces nothing: others may need what we have.
   */
  #stage(levelling: Levelling): void {
    const { start, fetching, from } = levelling;
    levelling.fork = this.parts.held.fork(from);
    levelling.staged = [];
    if (levelling.fork.position >= start.position) this.#unlike(levelling);
    else fetching.ask(levelling.fork.point);
  }

  /** What we have isn't the beginning of what the others have. */
  #unlike(levelling: Levelling): void {
    if (levelling.isAnew) {
      const { source } = levelling.fetching;
      return this.parts.offends(source, "its history doesn't lead where it should");
    }
    if (levelling.from === "log") {
      const { held } = this.parts;
      if (!this.#maySetAside) {
        return this.parts.differs(levelling.fetching.source, held.log.position);
      }
      levelling.isAnew = true;
      this.parts.startAnew();
      // Who has no log follows no round: see `Promises.mayFollow`.
      if (this.#part?.leader !== null) {
        this.#part = null;
        return;
      }
    }
    levelling.from = "log";
    this.#stage(levelling);
  }

  /**
   * Whether our log may be set aside. A member of a view holds what the group has: whoever says otherwise may be
   * wrong, or lie, and the coordinator finds that out. A newcomer's log, though, may come from a view that was given
   * up, or from elsewhere.
   */
  get #maySetAside(): boolean {
    const { begun, isOut, isLost } = this.parts.standing;
    return begun === null || isOut || isLost;
  }

  /** The source is there, or there again: what was asked before may be lost. */
  sourceUp(source: Source): void {
    const levelling = this.#part?.levelling ?? null;
    if (levelling?.fetching.source === source) levelling.fetching.ask(levelling.fork.point);
  }

  unlike(source: Source, { after }: GroupMessageOf<"unlike">): void {
    const levelling = this.#part?.levelling ?? null;
    if (levelling === null || levelling.fetching.source !== source) return;
    if (levelling.fetching.isAsked(after)) this.#unlike(levelling);
  }

  /** @returns Whether this answer was awaited here. */
  history(source: Source, message: GroupMessageOf<"history">): boolean {
    const part = this.#part;
    const levelling = part?.levelling ?? null;
    if (part === null || levelling === null || levelling.fetching.source !== source) return false;
    const { fetching, start } = levelling;
    const checked = fetching.check(message, () => false);
    if (checked === null) return true;
    const fault = this.#take(levelling, checked) ?? checked.fault;
    if (fault !== null) {
      this.parts.offends(source, `history: ${fault}`);
      return true;
    }
    const { point } = levelling.fork;
    if (point.position < start.position) {
      if (checked.isLast && fetching.hasCome) fetching.ask(point);
    } else if (point.digest !== start.digest) this.#unlike(levelling);
    else {
      const { held } = this.parts;
      const from = levelling.from === "end" ? held.position : held.log.position;
      this.#settle(part, from, levelling.staged);
    }
    return true;
  }

  /** Batches that are stable at the source go to the log at once; the rest waits for the end. */
  #take(levelling: Levelling, { batches, stable }: Fetched): string | null {
    const { staged, from } = levelling;
    const records: MemberRecord[] = [];
    const logged: HeldBatch[] = [];
    let fault: string | null = null;
    for (const signed of batches) {
      fault = levelling.fork.fault(signed) ?? this.parts.consentFault(signed, levelling.fork);
      if (fault !== null) break;
      levelling.fork.append(signed);
      const isStable = levelling.fork.position <= stable && from === "log" && staged.length === 0;
      if (isStable) fault = takeStable(this.parts, signed, records, logged);
      else staged.push(signed);
      if (fault !== null) break;
    }
    storeTaken(this.parts, records, logged);
    return fault;
  }

  /** Replaces what is held beyond a position, in one write: everything up to the level is on disk then. */
  #settle(part: Part, from: number, staged: readonly SignedBatch[]): void {
    const { held, out, standing } = this.parts;
    const { ballot, leader } = part;
    held.truncate(from);
    const records: MemberRecord[] = [{ kind: "levelling", position: from }];
    for (const batch of staged) {
      const { before } = held.append(batch);
      records.push({ kind: "held", after: before.position, batch });
    }
    records.push({ kind: "levelled", ballot });
    part.levelling = null;
    const { end } = held;
    // Anybody who is told hears it after this write; what is lost meanwhile stays lost.
    standing.levelled = ballot;
    out.storeThen(records, () => {
      if (held.digestAt(end.position) === end.digest) held.setSynced(end);
      if (this.#part !== part) return;
      part.phase = "ready";
      this.parts.send(leader, { type: "ready", ballot });
    });
  }

  // Beginning.

  /**
   * @param from Who says so: the leader, or a member for which the epoch has begun. @returns Whether it begins here,
   * or has begun already.
   */
  begin(from: Leader, signed: SignedEpoch): boolean {
    const { self, standing, held, group, out } = this.parts;
    const epoch = signed.epoch.value;
    const { ballot } = epoch;
    if (isSameBallot(standing.begunBallot, ballot)) return true;
    if (this.#beginning !== null && isSameBallot(this.#beginning.epoch.value.ballot, ballot)) {
      return true;
    }
    const own = epoch.members.find(({ key }) => key === self.key);
    if (epoch.group !== group || own?.incarnation.toHex() !== self.incarnationId) return false;
    // A part that was dropped isn't begun any more, however late a member says that the others have: they went on.
    if (this.#part === null || !isSameBallot(ballot, this.#part.ballot)) {
      if (from === null && compareBallots(ballot, standing.promised) < 0) {
        this.#outdone(from, ballot);
      }
      return false;
    }
    if (!this.isDecided(signed)) {
      this.parts.offends(from, `epoch ${ballotText(ballot)} isn't signed by who may decide it`);
      return false;
    }
    const { start } = epoch;
    const { synced, position } = held;
    if (synced.position !== start.position || synced.digest !== start.digest) return false;
    if (position !== start.position) return false; // more is being written: we were never ready
    this.#part = null;
    this.#beginning = signed;
    this.parts.freeze();
    const records: MemberRecord[] = [...this.parts.becomeMember(ballot)];
    const laterView = this.parts.laterView();
    if (ballot.round > 0 && laterView?.epoch.value.view === epoch.view) {
      standing.view = laterView;
      records.push({ kind: "view", signed: laterView });
    }
    records.push({ kind: "begun", signed });
    out.storeThen(records, () => {
      if (this.#beginning !== signed) return; // we are out of it, or in another group
      this.#beginning = null;
      standing.begin(signed);
      this.parts.begun(signed);
    });
    return true;
  }

  /** Whether the epoch is signed by whoever may decide it. */
  isDecided(signed: SignedEpoch): boolean {
    const { standing, crypto } = this.parts;
    const { ballot, view, members, group } = signed.epoch.value;
    if (group !== standing.group || members.length === 0) return false;
    if (ballot.round === 0) {
      const { coordinator } = standing;
      return view === ballot.number && coordinator !== null &&
        isSignedBy(crypto, coordinator, signed);
    }
    const roundView = this.parts.roundView();
    if (roundView === null || roundView.view !== view) return false;
    // Its names are recorded in the history, as the coordinator signed them.
    const known = this.parts.laterView() ?? standing.view;
    if (known?.epoch.value.view !== view) return false;
    return hasSameKeys(roundView, signed.epoch.value) &&
      isSignedBy(crypto, roundView.members[0]!.key, signed);
  }
}

function hasSameKeys(a: Epoch, b: Epoch): boolean {
  return a.members.length === b.members.length &&
    a.members.every(({ key }, index) => key === b.members[index]!.key);
}
