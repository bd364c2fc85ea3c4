/**
 * How the group goes on while the coordinator is away: with which view, when a round of it is wanted, and who is
 * asked to lead one. `view_change_leader.ts` is the round itself, at its leader.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { compareBallots, type Epoch, type SignedEpoch } from "../schema/epoch.ts";
import { isPossible, type ViewChangeLeader } from "./view_change_leader.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { ViewChangeParticipant } from "./view_change_participant.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { Peers } from "../detector/peers.ts";
import type { Promises } from "../log/promises.ts";

interface LeaderlessRoundsParts {
  readonly selfKey: PeerKey;
  readonly standing: Promises;
  readonly out: Pick<MemberOutput, "tell">;
  readonly peers: Pick<Peers, "get" | "isHeard">;
  readonly leading: Pick<
    ViewChangeLeader,
    "isUnderWay" | "begin" | "askAgain" | "abandon" | "hasAnswered"
  >;
  readonly participating: Pick<
    ViewChangeParticipant,
    "flush" | "isBeginning" | "isDecided" | "isUnderWay" | "leader" | "abandon"
  >;
  /** The epoch that this process is in; null while in none. */
  readonly epoch: () => SignedEpoch | null;
  readonly coordinator: Pick<CoordinatorPort, "isDown">;
  /** Stops taking part in anything until an epoch begins. */
  readonly freeze: () => void;
  /** A round may be wanted: asks for a call of `goOn`. */
  readonly stuck: () => void;
  /** The member broke a rule. */
  readonly offends: (who: PeerKey, text: string) => void;
}

export class LeaderlessRounds {
  /** A view later than our own last epoch, as its members told us. */
  #laterView: SignedEpoch | null = null;
  /** The last round that was begun while the coordinator was connected to us. */
  #deferred: { readonly key: PeerKey; readonly message: GroupMessageOf<"flush"> } | null = null;

  constructor(readonly parts: LeaderlessRoundsParts) {}

  /** The view that rounds may go on with, if we are a member of it; null otherwise. */
  get view(): Epoch | null {
    const { standing, selfKey } = this.parts;
    if (standing.isLeaving) return null;
    const view = this.#later ?? standing.lastEpoch;
    return view?.members.some(({ key }) => key === selfKey) ? view : null;
  }

  /**
   * A view of which we are a member, and which has begun elsewhere but can't begin here: then its rounds are ours,
   * and those of the view before can't be decided any more.
   */
  get #later(): Epoch | null {
    const later = this.#laterView?.epoch.value ?? null;
    return later !== null && this.parts.standing.mayFollow(later.view) ? later : null;
  }

  get laterView(): SignedEpoch | null {
    return this.#laterView;
  }

  /** An epoch begins, or we are in no view any more. */
  forget(): void {
    this.#laterView = null;
    this.#deferred = null;
  }

  /** A round of our view, led by its sequencer: it is deferred while the coordinator is connected. */
  flush(key: PeerKey, message: GroupMessageOf<"flush">): void {
    const { view } = this;
    if (view === null || message.ballot.round === 0) return;
    if (message.view < view.view) return this.#tellEpoch(key);
    if (message.view !== view.view || view.members[0]!.key !== key) return;
    if (!isPossible(message.ballot, view)) {
      return this.parts.offends(key, "it leads what never was");
    }
    if (this.parts.coordinator.isDown) this.parts.participating.flush(key, message);
    else this.#deferred = { key, message };
  }

  /** Rounds are wanted now. */
  coordinatorDown(): void {
    const deferred = this.#deferred;
    this.#deferred = null;
    if (deferred !== null) this.flush(deferred.key, deferred.message);
  }

  /** A member is behind: tells it which epoch has begun here. */
  #tellEpoch(key: PeerKey): void {
    const { begun, isOut } = this.parts.standing;
    if (begun !== null && !isOut) this.parts.out.tell([key], { type: "begin", signed: begun });
  }

  /** A member was started again, and hasn't heard of the coordinator. */
  returned(key: PeerKey, { begun }: GroupMessageOf<"returned">): void {
    const { standing, selfKey, coordinator, participating } = this.parts;
    const { view } = this;
    if (compareBallots(begun, standing.begunBallot) < 0) this.#tellEpoch(key);
    if (!coordinator.isDown || view === null || view.members[0]!.key !== selfKey) return;
    if (!view.members.some((member) => member.key === key) || participating.isBeginning) return;
    this.#lead(view);
  }

  #lead(view: Epoch): void {
    const { leading } = this.parts;
    if (leading.isUnderWay) leading.askAgain();
    else leading.begin(view);
  }

  /**
   * Members of a later view, of which we are one, say that it has begun: so no round of our own view will ever begin,
   * and we follow into the later one by its next round. Only if nothing was promised to the coordinator since: it may
   * have gone on without them.
   */
  heardOf(signed: SignedEpoch): void {
    const { selfKey, standing, leading, participating } = this.parts;
    const { ballot, view, members } = signed.epoch.value;
    const known = this.view?.view ?? 0;
    if (ballot.round !== 0 || view <= known) return;
    if (!members.some(({ key }) => key === selfKey)) return;
    if (!standing.mayFollow(view) || participating.isBeginning) return;
    if (!participating.isDecided(signed)) return;
    this.#laterView = signed;
    this.parts.freeze();
    leading.abandon();
    if (participating.leader !== null) participating.abandon();
    this.parts.stuck();
  }

  /**
   * Called while the coordinator is away. If the view can't go on as it is, its sequencer leads a round; the other
   * members ask it to. @returns Whether a round is wanted, so that this should be called again.
   */
  goOn(): boolean {
    const { selfKey, standing, peers, out, participating, epoch, coordinator } = this.parts;
    const { view } = this;
    if (!coordinator.isDown || view === null || participating.isBeginning) return false;
    if (!this.#isWanted(view)) return false;
    const [first, ...rest] = view.members.map(({ key }) => key);
    if (first === selfKey) {
      this.#lead(view);
      return true;
    }
    if (participating.leader === first && peers.isHeard(first!)) return true; // the round is under way
    const others = rest.filter((key) => key !== selfKey);
    const asked = epoch() === null ? [first!, ...others] : [first!];
    out.tell(asked, { type: "returned", begun: standing.begunBallot });
    return true;
  }

  /**
   * Only broken channels with members of the epoch count: anybody may claim to have begun it, and come as another
   * process.
   */
  #isWanted({ members }: Epoch): boolean {
    const { epoch, participating, peers } = this.parts;
    if (epoch() === null || participating.isUnderWay || this.#later !== null) return true;
    return members.some(({ key }) => {
      const peer = peers.get(key);
      return peer !== null && peer.isBroken && peer.isUp;
    });
  }

  /** A member is connected, perhaps again: what it was asked may be lost, or another process of it answers now. */
  peerUp(key: PeerKey): void {
    const { leading } = this.parts;
    if (leading.isUnderWay && this.view?.members.some((member) => member.key === key)) {
      if (!leading.hasAnswered(key)) leading.askAgain();
      else leading.abandon();
    }
    this.parts.stuck();
  }
}
