/** Where a member stands, according to its disk: its group, what it promised, and which epoch has begun. */

import type { Hash, PeerKey } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import {
  type Ballot,
  compareBallots,
  type Epoch,
  NO_BALLOT,
  type SignedEpoch,
} from "../schema/epoch.ts";
import type { SignedFormerKeys } from "../schema/former_keys.ts";
import type { Founding } from "../schema/founding.ts";
import type { GroupRecord } from "../schema/records.ts";

export class Promises {
  /** Null before the member was ever in a group. */
  group: Hash | null = null;
  /** How that group was founded; null like `group`. */
  founding: Founding | null = null;
  /**
   * How the incarnations begin, in hexadecimal, under which this disk and its copies may have spoken in this group:
   * the prefix that later processes draw their incarnations with and, if it begins otherwise, the incarnation of the
   * process that came into the group. Empty where the program that joined didn't record it.
   */
  starts: readonly string[] = [];
  /** The coordinator, which decides views. */
  coordinator: PeerKey | null = null;
  /** The coordinator's former keys, as it signed them; null where it named none. */
  former: SignedFormerKeys | null = null;
  /** The member takes part in nothing under a lower ballot. */
  promised: Ballot = NO_BALLOT;
  /** Number of the coordinator's last flush that was promised; rounds promised since then don't count. */
  flushed = 0;
  /** Whether the last promise was to be in no view: then it takes part in no round either. */
  isLeaving = false;
  /** The ballot under which what it holds was levelled with other members: its own epoch's, or a higher one. */
  levelled: Ballot = NO_BALLOT;
  /** The last epoch that began for this process or an earlier one. */
  begun: SignedEpoch | null = null;
  /** The epoch of its view, as the coordinator signed it; equal to `begun` unless that is a round. Null: not known. */
  view: SignedEpoch | null = null;
  /**
   * Whether it was told, after `begun`, that it is in no view any more; it still has a say where its last view is
   * needed.
   */
  isOut = false;
  /** Whether it lacks what it held in that epoch: then it has no say. */
  isLost = false;
  /** Whether it is lost because the log was set aside for another copy of the same history. */
  isRecovering = false;

  /** Whether decisions on edits that this key signed are the coordinator's. */
  mayDecide(key: PeerKey): boolean {
    return key === this.coordinator || this.former?.former.value.keys.includes(key) === true;
  }

  promise(ballot: Ballot, isLeaving: boolean): void {
    this.promised = ballot;
    this.isLeaving = isLeaving;
    if (ballot.round === 0) this.flushed = ballot.number;
  }

  /** An epoch begins: from now on only that counts. */
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

  /**
   * Whether the member may have held what a view needs: a view has begun for it, or it promised one, and may have been
   * ready to begin it. What it was brought up to doesn't tell: that goes with what is lost.
   */
  get mayHaveHeld(): boolean {
    return this.begun !== null || compareBallots(this.promised, NO_BALLOT) > 0;
  }

  /** What the member held isn't there any more. */
  lose(): void {
    this.isLost = true;
    this.isRecovering = false;
    this.levelled = NO_BALLOT;
  }

  /** Like `lose`, but what was said in that history stays said. */
  recover(): void {
    this.lose();
    this.isRecovering = true;
  }

  /** Whether the member has what it held, or what it was brought up to since that was lost. */
  get hasLog(): boolean {
    return !this.isLost || compareBallots(this.levelled, NO_BALLOT) > 0;
  }

  /**
   * Whether the member may follow the rounds of a view that has begun elsewhere but can't begin here: not if it has
   * promised more to the coordinator, which may have gone on without that view's members. Nor if it has lost what it
   * held: a coordinator that has lost its disk, too, may have gone on without this member (`recount.ts`).
   */
  mayFollow(view: number): boolean {
    return this.hasLog && this.flushed === view;
  }

  /** The group, to be written again where what was begun and held is lost. */
  lostRecord(): GroupRecord {
    const { group, founding, coordinator } = this;
    invariant(
      group !== null && founding !== null && coordinator !== null,
      "only what was in a group can be lost",
    );
    return { kind: "group", group, founding, coordinator };
  }

  /** The ballot that the member reports as begun. */
  get begunBallot(): Ballot {
    return this.isLost ? NO_BALLOT : this.begun?.epoch.value.ballot ?? NO_BALLOT;
  }

  /** The epoch that rounds may go on with. */
  get lastEpoch(): Epoch | null {
    return this.isOut || this.isLost ? null : this.begun?.epoch.value ?? null;
  }

  /** Enters a group: what was promised in another group says nothing here. */
  enter(group: Hash, founding: Founding, coordinator: PeerKey): void {
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
    this.founding = founding;
    this.coordinator = coordinator;
  }
}
