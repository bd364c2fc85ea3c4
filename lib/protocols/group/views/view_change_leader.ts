/**
 * Rounds that the sequencer leads while the coordinator is away: all members of the view report, are brought to one
 * level, and begin the view's next epoch, with their present processes.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { Agreement, type Holding, reportFault } from "./agreement.ts";
import {
  type Ballot,
  compareBallots,
  type Epoch,
  isSameBallot,
  NO_BALLOT,
  signEpoch,
} from "../schema/epoch.ts";
import { PROMISE_JUMP_MAX, ROUND_MAX } from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessage, GroupMessageOf } from "../schema/messages.ts";
import type { ViewChangeParticipant } from "./view_change_participant.ts";
import type { Promises } from "../log/promises.ts";

interface ViewChangeLeaderParts {
  readonly selfKey: PeerKey;
  readonly standing: Pick<Promises, "promised">;
  readonly out: Pick<MemberOutput, "tell">;
  readonly signer: Signer;
  readonly participating: Pick<ViewChangeParticipant, "flush" | "level" | "begin">;
  /** The member broke a rule. */
  readonly offends: (who: PeerKey, text: string) => void;
}

interface Round {
  readonly view: Epoch;
  readonly agreement: Agreement;
  readonly others: readonly PeerKey[];
}

export class ViewChangeLeader {
  #round: Round | null = null;
  /** The highest ballot that members said they have promised, since the view or those present changed. */
  #highest: Ballot = NO_BALLOT;

  constructor(readonly parts: ViewChangeLeaderParts) {}

  get isUnderWay(): boolean {
    return this.#round !== null;
  }

  /** Members that the round waits for. */
  get awaited(): readonly PeerKey[] {
    return this.#round?.agreement.awaited ?? [];
  }

  /** Leads a round of a view whose sequencer we are; gives up another round that is under way. */
  begin(view: Epoch): void {
    const { standing, selfKey, out } = this.parts;
    for (const known of [standing.promised, view.ballot]) this.#heardOf(known);
    const { number, round } = this.#highest;
    if (round === ROUND_MAX) return; // somebody lied: the coordinator's next view has another number
    const ballot = { number, round: round + 1 };
    this.#highest = ballot;
    const participants = view.members.map(({ key }) => key);
    const others = participants.filter((key) => key !== selfKey);
    this.#round = { view, agreement: new Agreement(ballot, participants), others };
    const flush = { type: "flush" as const, ballot, view: view.view, isLeaving: false };
    out.tell(others, flush);
    this.parts.participating.flush(selfKey, flush);
  }

  /** Asks members again that haven't answered: an earlier question may be lost if they weren't there. */
  askAgain(): void {
    const round = this.#round;
    if (round === null || round.agreement.phase !== "reporting") return;
    const { selfKey, out } = this.parts;
    const { ballot } = round.agreement;
    const awaited = round.agreement.awaited.filter((key) => key !== selfKey);
    out.tell(awaited, { type: "flush", ballot, view: round.view.view, isLeaving: false });
  }

  /** Whether the member has reported in the round that is under way. */
  hasAnswered(key: PeerKey): boolean {
    return (this.#round?.agreement.holding(key) ?? null) !== null;
  }

  abandon(): void {
    this.#round = null;
    this.#highest = NO_BALLOT; // what members said isn't proven
  }

  #heardOf(ballot: Ballot): void {
    if (compareBallots(ballot, this.#highest) > 0) this.#highest = ballot;
  }

  report(key: PeerKey, report: GroupMessageOf<"report">): void {
    const round = this.#round;
    if (round === null) return;
    const { ballot, begun, levelled, incarnation, held, log } = report;
    const holding: Holding = { begun, levelled, incarnation: incarnation.toHex(), held, log };
    const fault = reportFault(report);
    if (fault !== null) return this.parts.offends(key, fault);
    if (!round.agreement.reported(key, ballot, holding)) return;
    const wrong = round.agreement.wrong(() => true);
    if (wrong.length > 0) {
      // Nobody can be left out of a round: the coordinator must decide.
      this.#round = null;
      for (const one of wrong) this.parts.offends(one, "it reports what can't be");
      return;
    }
    const level = { type: "level" as const, ballot, ...round.agreement.level };
    this.#toAll(round, level, () => this.parts.participating.level(this.parts.selfKey, level));
  }

  ready(key: PeerKey, { ballot }: GroupMessageOf<"ready">): void {
    const round = this.#round;
    if (round === null || !round.agreement.isReady(key, ballot)) return;
    const { view, agreement } = round;
    const members = view.members.map((member) => {
      const incarnation = Uint8Array.fromHex(agreement.holding(member.key)!.incarnation);
      return { ...member, incarnation };
    });
    const { start } = agreement.level;
    const epoch = { group: view.group, view: view.view, ballot, members, start };
    this.#round = null;
    // It is passed on to the others once it is on our disk, as every member does.
    this.parts.participating.begin(this.parts.selfKey, signEpoch(this.parts.signer, epoch));
  }

  /** @returns Whether the round lost to a higher ballot, so that the next one should begin. */
  outdone(key: PeerKey, { ballot, promised }: GroupMessageOf<"outdone">): boolean {
    const round = this.#round;
    if (round === null || !isSameBallot(ballot, round.agreement.ballot)) return false;
    if (!round.agreement.participants.includes(key)) return false;
    // What it says isn't proven, and all members would promise the next round's ballot.
    if (!isPossible(promised, round.view)) {
      this.parts.offends(key, "it promised what never was");
      return false;
    }
    this.#heardOf(promised);
    this.#round = null;
    return true;
  }

  #toAll(round: Round, message: GroupMessage, self: () => void): void {
    this.parts.out.tell(round.others, message);
    self();
  }
}

/** Whether a ballot may have been used while this view goes on: the coordinator refuses members that promised more. */
export function isPossible({ number }: Ballot, { view }: Epoch): boolean {
  return number <= view + PROMISE_JUMP_MAX;
}
