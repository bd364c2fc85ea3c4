/** Where a member stands, as its disk has it: whose group, what it promised, what has begun. */

import type { Hash, PeerKey } from "../../base/ids.ts";
import { type Ballot, NO_BALLOT } from "./ballot.ts";
import type { Epoch, SignedEpoch } from "./epoch.ts";

export class Standing {
  /** Null before it was ever in a group. */
  group: Hash | null = null;
  /** Who decides views. */
  coordinator: PeerKey | null = null;
  /** Takes part in nothing under a lower one. */
  promised: Ballot = NO_BALLOT;
  /** The last epoch that began, of this process or an earlier one. */
  begun: SignedEpoch | null = null;
  /** It was told that it is in no view any more, after that; it still has a say where its last view is needed. */
  isOut = false;
  /** It lacks what it held in that epoch: it has no say. */
  isLost = false;

  /** What is reported as begun. */
  get begunBallot(): Ballot {
    return this.isLost ? NO_BALLOT : this.begun?.epoch.value.ballot ?? NO_BALLOT;
  }

  /** The epoch that rounds may go on with. */
  get lastEpoch(): Epoch | null {
    return this.isOut || this.isLost ? null : this.begun?.epoch.value ?? null;
  }

  begin(signed: SignedEpoch): void {
    this.begun = signed;
    this.isOut = this.isLost = false;
  }

  /** Another group: what was promised in the one before says nothing here. */
  enter(group: Hash, coordinator: PeerKey): void {
    if (this.group !== group) {
      this.promised = NO_BALLOT;
      this.begun = null;
      this.isOut = this.isLost = false;
    }
    this.group = group;
    this.coordinator = coordinator;
  }
}
