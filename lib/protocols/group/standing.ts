/** Where a member stands, as its disk has it: whose group, what it promised, what has begun. */

import type { Hash, PeerKey } from "../../base/ids.ts";
import { type Ballot, compareBallots, NO_BALLOT } from "./ballot.ts";
import type { Epoch, SignedEpoch } from "./epoch.ts";
import type { SignedFormerKeys } from "./former_keys.ts";

export class Standing {
  /** Null before it was ever in a group. */
  group: Hash | null = null;
  /**
   * How the incarnations begin, in hexadecimal, under which this disk and its copies may have spoken in this group: a
   * part that later processes draw theirs with, and that of the process that came into it, where it begins otherwise.
   * Empty where a program did that which didn't write it down.
   */
  starts: readonly string[] = [];
  /** Who decides views. */
  coordinator: PeerKey | null = null;
  /** Its former keys, as it signed them; null where it named none. */
  former: SignedFormerKeys | null = null;
  /** Takes part in nothing under a lower one. */
  promised: Ballot = NO_BALLOT;
  /** Number of the last flush of the coordinator's that was promised; rounds that were promised since don't count. */
  flushed = 0;
  /** That was to be in no view: no round is taken part in either. */
  isLeaving = false;
  /** Under which ballot what it holds was brought to one level with others'; its own epoch's, or a higher one. */
  levelled: Ballot = NO_BALLOT;
  /** The last epoch that began, of this process or an earlier one. */
  begun: SignedEpoch | null = null;
  /** The epoch of its view, as the coordinator signed it; that itself, where it is no round. Null where it isn't known. */
  view: SignedEpoch | null = null;
  /** It was told that it is in no view any more, after that; it still has a say where its last view is needed. */
  isOut = false;
  /** It lacks what it held in that epoch: it has no say. */
  isLost = false;
  /** It is so as the log was set aside for another copy of the same history. */
  isRecovering = false;

  /** Whether what that key signed on edits is the coordinator's word. */
  mayDecide(key: PeerKey): boolean {
    return key === this.coordinator || this.former?.former.value.keys.includes(key) === true;
  }

  promise(ballot: Ballot, isLeaving: boolean): void {
    this.promised = ballot;
    this.isLeaving = isLeaving;
    if (ballot.round === 0) this.flushed = ballot.number;
  }

  /** An epoch begins: that is all that counts from now on. */
  begin(signed: SignedEpoch): void {
    const { ballot, view } = signed.epoch.value;
    if (ballot.round === 0) this.view = signed;
    else if (this.view?.epoch.value.view !== view) this.view = null;
    this.begun = signed;
    this.levelled = ballot;
    this.isOut =
      this.isLost =
      this.isRecovering =
      this.isLeaving =
        false;
  }

  /** Whether it ever held what a view needs: it has begun one, or was ready to. */
  get hasHeld(): boolean {
    return this.begun !== null || compareBallots(this.levelled, NO_BALLOT) > 0;
  }

  /** What it held isn't there any more. */
  lose(): void {
    this.isLost = true;
    this.isRecovering = false;
    this.levelled = NO_BALLOT;
  }

  /** The same, and what was said in that history stays said. */
  recover(): void {
    this.lose();
    this.isRecovering = true;
  }

  /**
   * Whether a view that has begun elsewhere, and can't here, may be followed by its rounds: not where more was
   * promised to the coordinator, which may have gone on without that view's members.
   */
  mayFollow(view: number): boolean {
    return this.flushed === view;
  }

  /** What is reported as begun. */
  get begunBallot(): Ballot {
    return this.isLost ? NO_BALLOT : this.begun?.epoch.value.ballot ?? NO_BALLOT;
  }

  /** The epoch that rounds may go on with. */
  get lastEpoch(): Epoch | null {
    return this.isOut || this.isLost ? null : this.begun?.epoch.value ?? null;
  }

  /** Another group: what was promised in the one before says nothing here. */
  enter(group: Hash, coordinator: PeerKey): void {
    if (this.group !== group) {
      this.starts = [];
      this.promised = NO_BALLOT;
      this.flushed = 0;
      this.isLeaving = false;
      this.levelled = NO_BALLOT;
      this.begun = this.view = null;
      this.isOut = this.isLost = this.isRecovering = false;
    }
    if (this.group !== group || this.coordinator !== coordinator) this.former = null;
    this.group = group;
    this.coordinator = coordinator;
  }
}
