/**
 * The views that the coordinator has decided, as its disk has them, and the one rule of safety: whose say the next
 * view needs.
 *
 * A view is open while its members may have shown what nobody else has: from its decision until a later view has
 * begun at all its members. The next view needs, of each open view, a member that stays: it has promised to begin
 * nothing older any more, and without it neither that view nor a round of it can go on. So of two views that may be
 * the group's, one at most shows anything. As the intersecting quorums of Paxos (Lamport, TOCS 1998); the quorums
 * here are "all" for showing, and so "any one" for going on.
 *
 * In a view with nobody in it the coordinator itself is the one member: its own log goes on. It has begun when those
 * of the view before are known to be out, on their disks.
 */

import type { PeerKey } from "../../base/ids.ts";
import { type Ballot, compareBallots, isSameBallot, NO_BALLOT } from "./ballot.ts";
import type { Member, SignedEpoch } from "./epoch.ts";
import type { HistoryPoint } from "./history.ts";
import { NUMBER_GAP, NUMBER_JUMP_MAX, PROMISE_JUMP_MAX } from "./limits.ts";
import type { CoordinatorRecord } from "./records.ts";

/** What somebody says of itself. */
export interface Voice {
  readonly key: PeerKey;
  readonly begun: Ballot;
  readonly promised: Ballot;
}

export class Views {
  /** Oldest first; few, as a view waits for the one before to begin unless somebody is gone. */
  #open: SignedEpoch[] = [];
  /** Whether the first of those has begun at all its members. */
  #isFirstConfirmed = false;
  /** The last view with nobody in it. */
  #empty: SignedEpoch | null = null;
  #number = 0;
  /** Of the last view that was ever decided. */
  #latest = NO_BALLOT;
  /** What members knew after this disk was lost, until a later view has begun at all its members. */
  #recounted: SignedEpoch | null = null;

  /** @param isGivenUp Whether the operator goes on without what only somebody may know. */
  constructor(readonly isGivenUp: (key: PeerKey) => boolean = () => false) {}

  /** Ballots up to this number have been used, by us or so we heard. */
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

  /** The last view that was decided; null before the first, and where all were given up. */
  get present(): SignedEpoch | null {
    return this.#open.at(-1) ?? null;
  }

  get ballot(): Ballot {
    return (this.present ?? this.#empty)?.epoch.value.ballot ?? NO_BALLOT;
  }

  /** The present view's, the oldest first. */
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

  /** What all hold who were ever confirmed in a view: whoever says otherwise has lost it. */
  get floor(): { readonly ballot: Ballot; readonly start: HistoryPoint } | null {
    const [first] = this.#open;
    return first === undefined || !this.#isFirstConfirmed ? null : first.epoch.value;
  }

  /** Under which ballot our own log was taken over; as if never, where it is shorter than it was then. */
  ownBegun(log: HistoryPoint): Ballot {
    const epoch = this.#empty?.epoch.value;
    return epoch === undefined || log.position < epoch.start.position ? NO_BALLOT : epoch.ballot;
  }

  /**
   * Whether whoever says that of itself speaks for an open view: it was in it, and its disk still knows. All members
   * of a decided view have promised it; of a confirmed one, begun it.
   */
  isVoiceOf({ epoch: { value } }: SignedEpoch, { key, begun, promised }: Voice): boolean {
    const isConfirmed = this.#isFirstConfirmed && value === this.#open[0]?.epoch.value;
    return compareBallots(isConfirmed ? begun : promised, value.ballot) >= 0 &&
      value.members.some((member) => member.key === key);
  }

  /**
   * Views may have been decided after the present one that nobody has told of. Each has a member of it that promised
   * so: the next view needs all of them, see `recount.ts`.
   */
  get needsAll(): boolean {
    return this.#recounted !== null && this.present === this.#recounted;
  }

  /** Whether it is in a view that may go on. */
  isInOpen(key: PeerKey): boolean {
    return this.#open.some(({ epoch }) => epoch.value.members.some((member) => member.key === key));
  }

  /** Views for which none of these speaks; or not all of its members do, where they must. */
  lacking(voices: readonly Voice[]): readonly SignedEpoch[] {
    if (this.needsAll) return this.absent(voices).length > 0 ? this.#open : [];
    return this.#open.filter((view) =>
      view.epoch.value.members.length > 0 && !voices.some((voice) => this.isVoiceOf(view, voice))
    );
  }

  /** Members of the present view that don't speak for it, and weren't given up. */
  absent(voices: readonly Voice[]): readonly Member[] {
    const { present } = this;
    if (present === null) return [];
    const speaking = voices.filter((voice) => this.isVoiceOf(present, voice));
    return this.members.filter(({ key }) =>
      !this.isGivenUp(key) && !speaking.some((voice) => voice.key === key)
    );
  }

  raise(number: number): void {
    this.#number = Math.max(this.#number, number);
  }

  /** A member of an open view says that it has promised this. As often as that is said, it counts so far. */
  heard(number: number): void {
    this.raise(Math.min(number, this.#oldest + NUMBER_JUMP_MAX));
  }

  /** Whether somebody may have promised this, led by us before this disk was lost or old, or by the others. */
  isPossible(number: number): boolean {
    return number <= Math.max(this.#number + NUMBER_GAP, this.#oldest + PROMISE_JUMP_MAX);
  }

  /** Number of the oldest view that its members may go on with: from there they count what they believe, too. */
  get #oldest(): number {
    return (this.#open[0]?.epoch.value.ballot ?? this.#latest).number;
  }

  /** What was written just before a compaction stands in the file twice. */
  decided(signed: SignedEpoch): void {
    const { ballot, members } = signed.epoch.value;
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

  /** This disk was lost, or was old: that is the newest view which members know of. */
  recounted(signed: SignedEpoch): void {
    if (this.#recounted?.epoch.bytes.toHex() === signed.epoch.bytes.toHex()) return;
    const { ballot, members } = signed.epoch.value;
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

  /** What a compacted log holds of it. */
  records(): readonly CoordinatorRecord[] {
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
    return records;
  }
}
