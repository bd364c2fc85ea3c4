/**
 * The views that the coordinator has decided, as its disk has them, and the one rule of safety: whose say the next
 * view needs.
 *
 * A view is open while its members may have shown what nobody else has: from its decision until a later view has
 * begun at all its members. The next view needs, from each open view, a member that stays. That member has promised
 * not to begin anything older any more, and without it neither that view nor a round of it can go on. So of two views
 * that may be the group's, at most one shows anything. This corresponds to the intersecting quorums of Paxos
 * (Lamport, TOCS 1998); here the quorums are "all" for showing, and so "any one" for going on.
 *
 * In an empty view the coordinator itself is the one member: its own log goes on. The view has begun when all members
 * of the view before are known to be out, on their disks.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  type Ballot,
  compareBallots,
  isSameBallot,
  type Member,
  NO_BALLOT,
  type SignedEpoch,
} from "../schema/epoch.ts";
import type { HistoryPoint } from "../schema/history.ts";
import {
  NUMBER_GAP,
  NUMBER_JUMP_MAX,
  PROMISE_JUMP_MAX,
  WERE_MEMBERS_MAX,
} from "../schema/limits.ts";
import type { CoordinatorRecord } from "../schema/records.ts";

/** What an attendee says of itself. */
export interface Voice {
  readonly key: PeerKey;
  readonly begun: Ballot;
  readonly promised: Ballot;
}

export class Views {
  /** Oldest first; few, as each view waits for the one before to begin, unless a member is gone. */
  #open: SignedEpoch[] = [];
  /** Whether the first open view has begun at all its members. */
  #isFirstConfirmed = false;
  /** The last empty view. */
  #empty: SignedEpoch | null = null;
  #number = 0;
  /** Ballot of the last view that was ever decided. */
  #latest = NO_BALLOT;
  /** The view that members knew after this disk was lost, until a later view has begun at all its members. */
  #recounted: SignedEpoch | null = null;
  /** Members of that view that have told what they knew, and have no say in the next one: their logs are lost. */
  readonly #accounted = new Set<PeerKey>();
  #group: Hash | null = null;
  /** Keys that were ever in a decided view of this group, who was last in one last; at most `WERE_MEMBERS_MAX`. */
  readonly #were = new Set<PeerKey>();

  /** @param isGivenUp Whether the operator goes on without what this member alone may know. */
  constructor(readonly isGivenUp: (key: PeerKey) => boolean = () => false) {}

  /** As the coordinator's disk has them. */
  static of(records: readonly CoordinatorRecord[]): Views {
    const views = new Views();
    for (const record of records) views.restore(record);
    return views;
  }

  /** Ballots up to this number have been used, by us or as members told us. */
  get number(): number {
    return this.#number;
  }

  /** The ballot of the last view that was ever decided, as far as this disk knows, given up or not. */
  get latest(): Ballot {
    return this.#latest;
  }

  get open(): readonly SignedEpoch[] {
    return this.#open;
  }

  /** The last view that was decided; null before the first, and where all views were given up. */
  get present(): SignedEpoch | null {
    return this.#open.at(-1) ?? null;
  }

  get ballot(): Ballot {
    return (this.present ?? this.#empty)?.epoch.value.ballot ?? NO_BALLOT;
  }

  /** Members of the present view, the oldest first. */
  get members(): readonly Member[] {
    return this.present?.epoch.value.members ?? [];
  }

  /** Whether the present view has begun at all its members. */
  get isConfirmed(): boolean {
    return this.#open.length === 0 || (this.#open.length === 1 && this.#isFirstConfirmed);
  }

  member(key: PeerKey): Member | null {
    return this.members.find((member) => member.key === key) ?? null;
  }

  /** What every member holds that was ever in a confirmed view: a member that denies it has lost it. */
  get floor(): { readonly ballot: Ballot; readonly start: HistoryPoint } | null {
    const [first] = this.#open;
    return first === undefined || !this.#isFirstConfirmed ? null : first.epoch.value;
  }

  /** The ballot under which our own log was taken over; none where the log is shorter than it was then. */
  ownBegun(log: HistoryPoint): Ballot {
    const epoch = this.#empty?.epoch.value;
    return epoch === undefined || log.position < epoch.start.position ? NO_BALLOT : epoch.ballot;
  }

  /**
   * Whether an attendee that says this of itself speaks for an open view: it was in it, and its disk still knows. All
   * members of a decided view have promised it; all members of a confirmed one have begun it.
   */
  isVoiceOf({ epoch: { value } }: SignedEpoch, { key, begun, promised }: Voice): boolean {
    const isConfirmed = this.#isFirstConfirmed && value === this.#open[0]?.epoch.value;
    return compareBallots(isConfirmed ? begun : promised, value.ballot) >= 0 &&
      value.members.some((member) => member.key === key);
  }

  /**
   * Whether the next view needs all members of the present one, except for those that have told and have no say:
   * later views that nobody has told of may have been decided. Each of those has a member of the present view that
   * promised it; see `recount.ts`.
   */
  get needsAll(): boolean {
    return this.#recounted !== null && this.present === this.#recounted;
  }

  /**
   * Whether an attendee has more of the history than our own log, now that what its last members had is given up: an
   * earlier view had begun for it, while somebody was in the group.
   */
  outlives(begun: Ballot): boolean {
    return this.#open.every(({ epoch: { value } }) => value.members.length === 0) &&
      compareBallots(begun, this.ballot) > 0 && begun.number <= this.#latest.number;
  }

  /** Whether the member is in an open view. */
  isInOpen(key: PeerKey): boolean {
    return this.#open.some(({ epoch }) => epoch.value.members.some((member) => member.key === key));
  }

  /** Whether the key was ever in a decided view of this group, also if it was removed since. */
  wasMember(key: PeerKey): boolean {
    return this.#were.has(key);
  }

  /** Open views that none of these speaks for; where all members must speak, all open views if one doesn't. */
  lacking(voices: readonly Voice[]): readonly SignedEpoch[] {
    if (this.needsAll) return this.absent(voices).length > 0 ? this.#open : [];
    return this.#open.filter((view) =>
      view.epoch.value.members.length > 0 && !voices.some((voice) => this.isVoiceOf(view, voice))
    );
  }

  /**
   * Members of the present view that don't speak for it and weren't given up. Whoever has told all it knew, and lost its
   * log, isn't needed as long as another one speaks, which has what the view had.
   */
  absent(voices: readonly Voice[]): readonly Member[] {
    const { present } = this;
    if (present === null) return [];
    const speaking = voices.filter((voice) => this.isVoiceOf(present, voice));
    return this.members.filter(({ key }) =>
      !this.isGivenUp(key) && !speaking.some((voice) => voice.key === key) &&
      !(speaking.length > 0 && this.#hasAccounted(key))
    );
  }

  #hasAccounted(key: PeerKey): boolean {
    return this.needsAll && this.#accounted.has(key);
  }

  /**
   * Where that view can't go on: whom it waits for. Those that haven't told; if all have, and nobody speaks, those whose
   * log isn't known to be lost, as the operator has removed them; if there are none, all that aren't removed.
   */
  awaited(voices: readonly Voice[]): readonly Member[] {
    const absent = this.absent(voices);
    const untold = absent.filter(({ key }) => !this.#hasAccounted(key));
    if (untold.length > 0) return untold;
    const removed = this.members.filter(({ key }) =>
      this.isGivenUp(key) && !this.#hasAccounted(key)
    );
    return removed.length > 0 ? removed : absent;
  }

  /** After a recount: members that aren't removed, if all of them have told what they knew, and lost their logs. */
  get lostLogs(): readonly Member[] | null {
    const staying = this.members.filter(({ key }) => !this.isGivenUp(key));
    return staying.length > 0 && staying.every(({ key }) => this.#hasAccounted(key))
      ? staying
      : null;
  }

  /** After a recount: this member of that view has told what it knew, and has no say. Of others that is nothing. */
  accounted(key: PeerKey): void {
    if (this.needsAll && this.member(key) !== null) this.#accounted.add(key);
  }

  raise(number: number): void {
    this.#number = Math.max(this.#number, number);
  }

  /**
   * A member of an open view says that it has promised this number. It counts up to a limit, however often it is
   * said.
   */
  heard(number: number): void {
    this.raise(Math.min(number, this.#oldest + NUMBER_JUMP_MAX));
  }

  /**
   * Whether a member may have promised this number, under us before this disk was lost or old, or under other
   * members.
   */
  isPossible(number: number): boolean {
    return number <= Math.max(this.#number + NUMBER_GAP, this.#oldest + PROMISE_JUMP_MAX);
  }

  /** Number of the oldest open view: members, too, count from there which numbers they believe. */
  get #oldest(): number {
    return (this.#open[0]?.epoch.value.ballot ?? this.#latest).number;
  }

  /** Restores the views from a record of the coordinator; other records are none of theirs. */
  restore(record: CoordinatorRecord): void {
    switch (record.kind) {
      case "group":
        // Members may have told of another group than a disk that was lost or old had.
        if (record.group !== this.#group) this.#were.clear();
        this.#group = record.group;
        return;
      case "member":
        return this.#met(record.key);
      case "number":
        return this.raise(record.number);
      case "decided":
        return this.decided(record.signed);
      case "confirmed":
        return this.confirmed(record.ballot);
      case "given-up":
        return this.givenUp(record.ballot);
      case "recounted":
        return this.recounted(record.signed);
    }
  }

  #met(key: PeerKey): void {
    this.#were.delete(key);
    this.#were.add(key);
    dropOldest(this.#were, WERE_MEMBERS_MAX);
  }

  /** A record that was written just before a compaction is in the file twice. */
  decided(signed: SignedEpoch): void {
    const { ballot, members } = signed.epoch.value;
    for (const { key } of members) this.#met(key);
    if (compareBallots(ballot, this.ballot) <= 0) return;
    this.#decidedAs(ballot);
    if (members.length === 0) this.#empty = signed;
    if (this.#open.push(signed) === 1) this.#isFirstConfirmed = false;
  }

  #decidedAs(ballot: Ballot): void {
    this.raise(ballot.number);
    if (compareBallots(ballot, this.#latest) > 0) this.#latest = ballot;
  }

  confirmed(ballot: Ballot): void {
    const at = this.#open.findIndex(({ epoch }) => isSameBallot(epoch.value.ballot, ballot));
    if (at === -1) return;
    this.#open.splice(0, at);
    this.#isFirstConfirmed = true;
    this.#recounted = null;
  }

  /**
   * This disk was lost or old; `signed` is the newest view that members know of. Of those that were in views of an old
   * disk alone, nobody knows who was removed since.
   */
  recounted(signed: SignedEpoch): void {
    const { ballot, members } = signed.epoch.value;
    if (!isSameView(this.present, signed)) this.#were.clear();
    for (const { key } of members) this.#met(key);
    if (isSameView(this.#recounted, signed)) return;
    this.#decidedAs(ballot);
    this.#open = [signed];
    this.#isFirstConfirmed = false;
    this.#recounted = signed;
    if (members.length === 0) this.#empty = signed;
  }

  givenUp(ballot: Ballot): void {
    this.#decidedAs(ballot);
    if (this.#open.length > 0 && isSameBallot(this.#open[0]!.epoch.value.ballot, ballot)) {
      this.#isFirstConfirmed = false;
    }
    this.#open = this.#open.filter(({ epoch }) => !isSameBallot(epoch.value.ballot, ballot));
  }

  /** The records of a compacted log. */
  records(): readonly CoordinatorRecord[] {
    const views = [...this.#open, ...this.#empty === null ? [] : [this.#empty]];
    const told = views.flatMap(({ epoch }) => epoch.value.members.map(({ key }) => key));
    const former = this.#were.difference(new Set(told));
    const records: CoordinatorRecord[] = [{ kind: "number", number: this.#number }];
    if (compareBallots(this.#latest, this.ballot) > 0) {
      records.push({ kind: "given-up", ballot: this.#latest });
    }
    if (this.#empty !== null && !this.#open.includes(this.#empty)) {
      records.push({ kind: "decided", signed: this.#empty });
    }
    this.#open.forEach((signed, index) => {
      records.push({ kind: signed === this.#recounted ? "recounted" : "decided", signed });
      if (index > 0 || !this.#isFirstConfirmed) return;
      records.push({ kind: "confirmed", ballot: signed.epoch.value.ballot });
    });
    for (const key of former) records.push({ kind: "member", key });
    return records;
  }
}

export function isSameView(one: SignedEpoch | null, other: SignedEpoch): boolean {
  return one !== null && sameBytes(one.epoch.bytes, other.epoch.bytes);
}
