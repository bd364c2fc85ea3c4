/**
 * A member's part in beginning an epoch: it stops and promises, reports what it holds, is brought to the level of the
 * others, says so, and begins what its leader decided.
 *
 * What is on disk before what is said: the promise before `report`; all up to the level before `ready`; the epoch
 * before `begin` is passed on and anything is said in it.
 */

import type { Crypto } from "../../base/crypto.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { type Ballot, ballotText, compareBallots, isSameBallot } from "./ballot.ts";
import { type Epoch, isSignedBy, type SignedEpoch } from "./epoch.ts";
import { Fetching, type FetchingOwner, type Source } from "./fetching.ts";
import type { Held, HeldBatch } from "./held.ts";
import type { HistoryPoint, SignedBatch } from "./history.ts";
import type { MemberOutput } from "./member_output.ts";
import type { GroupMessage, GroupMessageOf } from "./messages.ts";
import type { MemberRecord, SaidRecord } from "./records.ts";
import type { Self } from "./saying.ts";
import type { Standing } from "./standing.ts";

/** Who leads: a member, or the coordinator (null). */
export type Leader = PeerKey | null;

export interface ParticipatingOwner {
  readonly self: Self & { readonly key: PeerKey };
  readonly standing: Standing;
  readonly held: Held;
  readonly out: MemberOutput;
  readonly crypto: Crypto;
  readonly group: Hash;
  /** The view that rounds may go on with: the one that has begun here, or a later one that we were told of. */
  readonly roundView: Epoch | null;
  answer(leader: Leader, message: GroupMessage): void;
  ask: FetchingOwner["ask"];
  /** Takes part in nothing any more until an epoch begins. */
  freeze(): void;
  /** The log has more: it is written. */
  logged(batches: readonly HeldBatch[]): void;
  /** What the first epoch of this process is written with. */
  becomeMember(): readonly SaidRecord[];
  begun(signed: SignedEpoch): void;
  /** Our log can't go on: it is set aside. */
  startAnew(): void;
  /** Whoever leads or supplies broke a rule. */
  offends(who: Source, text: string): void;
}

interface Part {
  readonly ballot: Ballot;
  readonly leader: Leader;
  phase: "promising" | "reported" | "levelling" | "ready";
  start: HistoryPoint | null;
  fetching: Fetching | null;
  /** The log was set aside for this level. */
  isAnew: boolean;
  /** Parts of what was fetched that are on their way to the disk. */
  writes: number;
}

export class Participating {
  #part: Part | null = null;
  /** Decided, and on its way to our disk. */
  #beginning: SignedEpoch | null = null;

  constructor(readonly owner: ParticipatingOwner) {}

  /** Whether an epoch is to begin, and the present one is over. */
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

  /** Nothing is promised to anybody who is there any more. */
  abandon(): void {
    this.#part = null;
  }

  flush(leader: Leader, { ballot }: GroupMessageOf<"flush">): void {
    const { standing, out } = this.owner;
    const part = this.#part;
    if (part !== null && part.leader === leader && isSameBallot(part.ballot, ballot)) {
      if (part.phase === "reported") this.#report(part);
      return;
    }
    if (compareBallots(ballot, standing.promised) <= 0) return this.#outdone(leader, ballot);
    this.owner.freeze();
    standing.promised = ballot;
    const fresh: Part = {
      ballot,
      leader,
      phase: "promising",
      start: null,
      fetching: null,
      isAnew: false,
      writes: 0,
    };
    this.#part = fresh;
    // A write of what is held, and of an epoch that begins, is done before this one.
    out.storeThen([{ kind: "promised", ballot }], () => {
      if (this.#part !== fresh) return;
      fresh.phase = "reported";
      this.#report(fresh);
    });
  }

  #report({ leader, ballot }: Part): void {
    const { standing, held, self } = this.owner;
    this.owner.answer(leader, {
      type: "report",
      ballot,
      begun: standing.begunBallot,
      incarnation: self.incarnation,
      held: held.synced,
      log: held.log,
    });
  }

  #outdone(leader: Leader, ballot: Ballot): void {
    const { promised } = this.owner.standing;
    this.owner.answer(leader, { type: "outdone", ballot, promised });
  }

  level(leader: Leader, { ballot, best, start, source }: GroupMessageOf<"level">): void {
    const part = this.#part;
    if (part === null || part.leader !== leader || !isSameBallot(part.ballot, ballot)) {
      if (compareBallots(ballot, this.owner.standing.promised) < 0) this.#outdone(leader, ballot);
      return;
    }
    if (part.phase !== "reported") return;
    const { standing, held } = this.owner;
    part.phase = "levelling";
    part.start = start;
    part.fetching = new Fetching(this.owner, source, start.position);
    if (start.position >= held.log.position && held.digestAt(start.position) === start.digest) {
      this.#drop(start.position);
      return this.#ready(part);
    }
    if (!isSameBallot(standing.begunBallot, best)) this.#drop(held.log.position);
    const { end } = held;
    if (end.position >= start.position) return this.#unlike(part);
    part.fetching.ask(end);
  }

  /** What is held beyond a position was ordered in an epoch that nobody goes on with. */
  #drop(position: number): void {
    const { held, out } = this.owner;
    if (held.position === position) return;
    held.truncate(position);
    out.store({ kind: "dropped", position });
  }

  /** Our log isn't the beginning of the others'. */
  #unlike(part: Part): void {
    if (part.isAnew) {
      return this.owner.offends(part.fetching!.source, "its history doesn't lead where it should");
    }
    part.isAnew = true;
    this.owner.startAnew();
    part.fetching!.ask(this.owner.held.end);
  }

  unlike(source: Source): void {
    const part = this.#part;
    if (part?.phase === "levelling" && part.fetching?.source === source) this.#unlike(part);
  }

  /** @returns Whether that was awaited here. */
  history(source: Source, message: GroupMessageOf<"history">): boolean {
    const part = this.#part;
    if (part?.phase !== "levelling" || part.fetching?.source !== source) return false;
    const checked = part.fetching.check(message, () => false);
    if (checked === null) return true;
    if (typeof checked === "string") {
      this.owner.offends(source, `history: ${checked}`);
      return true;
    }
    const start = part.start!;
    for (const signed of checked.batches) {
      const fault = this.#take(signed, checked.stable);
      if (fault !== null) {
        this.owner.offends(source, `history: ${fault}`);
        return true;
      }
    }
    this.#store(part);
    const { end } = this.owner.held;
    if (end.position > start.position) this.#unlike(part);
    else if (end.position === start.position) {
      if (end.digest !== start.digest) this.#unlike(part);
    } else if (checked.isLast && part.fetching.hasCome) part.fetching.ask(end);
    return true;
  }

  readonly #taken: MemberRecord[] = [];
  readonly #stable: HeldBatch[] = [];

  #take(signed: SignedBatch, stable: number): string | null {
    const { held } = this.owner;
    const fault = held.fault(signed);
    if (fault !== null) return fault;
    const isNext = held.position === held.log.position;
    const batch = held.append(signed);
    if (isNext && batch.point.position <= stable) {
      this.#stable.push(held.shift());
      this.#taken.push({ kind: "log", batch: signed });
    } else this.#taken.push({ kind: "held", after: batch.before.position, batch: signed });
    return null;
  }

  #store(part: Part): void {
    const { out, held } = this.owner;
    const { end } = held;
    const records = this.#taken.splice(0);
    if (records.length === 0) return;
    part.writes++;
    out.storeThen(records, () => {
      part.writes--;
      if (held.digestAt(end.position) === end.digest) held.setSynced(end);
      this.#ready(part);
    });
    this.owner.logged(this.#stable.splice(0));
  }

  /** All up to the level is on disk, if it is. */
  #ready(part: Part): void {
    const { held } = this.owner;
    const { start } = part;
    if (this.#part !== part || part.phase !== "levelling" || start === null) return;
    if (part.writes > 0) return;
    if (held.synced.position !== start.position || held.synced.digest !== start.digest) return;
    part.phase = "ready";
    part.fetching = null;
    this.owner.answer(part.leader, { type: "ready", ballot: part.ballot });
  }

  // Beginning.

  /**
   * @param from Who says so: its leader, or a member for which it has begun.
   * @returns Whether it begins here, or did already.
   */
  begin(from: Leader, signed: SignedEpoch): boolean {
    const { self, standing, held, group, out } = this.owner;
    const epoch = signed.epoch.value;
    const { ballot } = epoch;
    if (isSameBallot(standing.begunBallot, ballot)) return true;
    if (this.#beginning !== null && isSameBallot(this.#beginning.epoch.value.ballot, ballot)) {
      return true;
    }
    const own = epoch.members.find(({ key }) => key === self.key);
    if (epoch.group !== group || own?.incarnation.toHex() !== self.incarnationId) return false;
    if (compareBallots(ballot, standing.begunBallot) <= 0) return false;
    if (!isSameBallot(ballot, standing.promised)) {
      if (from === null && compareBallots(ballot, standing.promised) < 0) {
        this.#outdone(from, ballot);
      }
      return false;
    }
    if (!this.isDecided(signed)) {
      this.owner.offends(from, `epoch ${ballotText(ballot)} isn't signed by who may decide it`);
      return false;
    }
    const { start } = epoch;
    if (held.synced.position !== start.position || held.synced.digest !== start.digest) {
      return false;
    }
    invariant(held.position === start.position, "nothing is held beyond an epoch's start");
    this.#part = null;
    this.#beginning = signed;
    this.owner.freeze();
    const records = [...this.owner.becomeMember(), { kind: "begun" as const, signed }];
    out.storeThen(records, () => {
      this.#beginning = null;
      standing.begin(signed);
      this.owner.begun(signed);
    });
    return true;
  }

  /** Whether whoever may decide it has signed the epoch. */
  isDecided(signed: SignedEpoch): boolean {
    const { standing, crypto, roundView } = this.owner;
    const { ballot, view, members, group } = signed.epoch.value;
    if (group !== standing.group || members.length === 0) return false;
    if (ballot.round === 0) {
      const { coordinator } = standing;
      return view === ballot.number && coordinator !== null &&
        isSignedBy(crypto, coordinator, signed);
    }
    if (roundView === null || roundView.view !== view) return false;
    return hasSameKeys(roundView, signed.epoch.value) &&
      isSignedBy(crypto, roundView.members[0]!.key, signed);
  }
}

function hasSameKeys(a: Epoch, b: Epoch): boolean {
  return a.members.length === b.members.length &&
    a.members.every(({ key }, index) => key === b.members[index]!.key);
}
