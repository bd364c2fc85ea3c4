/**
 * The sequencer's rounds, while the coordinator is away: all members of the view report, are brought to one level, and
 * begin the view's next epoch, with the processes that they are now.
 */

import type { Signer } from "../../base/crypto.ts";
import type { PeerKey } from "../../base/ids.ts";
import { Agreement, type Holding, reportFault } from "./agreement.ts";
import { type Ballot, compareBallots, isSameBallot, NO_BALLOT } from "./ballot.ts";
import { type Epoch, signEpoch } from "./epoch.ts";
import { PROMISE_JUMP_MAX, ROUND_MAX } from "./limits.ts";
import type { MemberOutput } from "./member_output.ts";
import type { GroupMessage, GroupMessageOf } from "./messages.ts";
import type { Participating } from "./participating.ts";
import type { Standing } from "./standing.ts";

export interface LeadingOwner {
  readonly selfKey: PeerKey;
  readonly standing: Standing;
  readonly out: MemberOutput;
  readonly signer: Signer;
  readonly participating: Participating;
  /** Somebody broke a rule. */
  offends(who: PeerKey, text: string): void;
}

interface Round {
  readonly view: Epoch;
  readonly agreement: Agreement;
  readonly others: readonly PeerKey[];
}

export class Leading {
  #round: Round | null = null;
  /** The highest ballot that any member has promised, as far as was told since the view, or whoever is there, changed. */
  #highest: Ballot = NO_BALLOT;

  constructor(readonly owner: LeadingOwner) {}

  get isUnderWay(): boolean {
    return this.#round !== null;
  }

  /** Whom the round waits for. */
  get awaited(): readonly PeerKey[] {
    return this.#round?.agreement.awaited ?? [];
  }

  /** Leads a round of a view, whose oldest member one is; another one that is under way is given up. */
  begin(view: Epoch): void {
    const { standing, selfKey, out } = this.owner;
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
    this.owner.participating.flush(selfKey, flush);
  }

  /** Asks those again who haven't answered: what was told to who wasn't there may be lost. */
  askAgain(): void {
    const round = this.#round;
    if (round === null || round.agreement.phase !== "reporting") return;
    const { selfKey, out } = this.owner;
    const { ballot } = round.agreement;
    const awaited = round.agreement.awaited.filter((key) => key !== selfKey);
    out.tell(awaited, { type: "flush", ballot, view: round.view.view, isLeaving: false });
  }

  /** Whether a member has said something in the round that is under way. */
  hasAnswered(key: PeerKey): boolean {
    return (this.#round?.agreement.holding(key) ?? null) !== null;
  }

  abandon(): void {
    this.#round = null;
    this.#highest = NO_BALLOT; // what was told isn't proven
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
    if (fault !== null) return this.owner.offends(key, fault);
    if (!round.agreement.reported(key, ballot, holding)) return;
    const wrong = round.agreement.wrong(() => true);
    if (wrong.length > 0) {
      // Nobody can be left out of a round: it is for the coordinator to decide.
      this.#round = null;
      for (const one of wrong) this.owner.offends(one, "it reports what can't be");
      return;
    }
    const level = { type: "level" as const, ballot, ...round.agreement.level };
    this.#toAll(round, level, () => this.owner.participating.level(this.owner.selfKey, level));
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
    const epoch: Epoch = { group: view.group, view: view.view, ballot, members, start };
    this.#round = null;
    // It is passed on to all others when it is on our disk, as everybody does.
    this.owner.participating.begin(this.owner.selfKey, signEpoch(this.owner.signer, epoch));
  }

  /** @returns Whether the round lost to another, and the next one is to begin. */
  outdone(key: PeerKey, { ballot, promised }: GroupMessageOf<"outdone">): boolean {
    const round = this.#round;
    if (round === null || !isSameBallot(ballot, round.agreement.ballot)) return false;
    if (!round.agreement.participants.includes(key)) return false;
    // It isn't proven, and all promise what is led next.
    if (!isPossible(promised, round.view)) {
      this.owner.offends(key, "it promised what never was");
      return false;
    }
    this.#heardOf(promised);
    this.#round = null;
    return true;
  }

  #toAll(round: Round, message: GroupMessage, self: () => void): void {
    this.owner.out.tell(round.others, message);
    self();
  }
}

/** Whether a ballot may have been used while a view goes on: the coordinator believes nobody who promised more. */
export function isPossible({ number }: Ballot, { view }: Epoch): boolean {
  return number <= view + PROMISE_JUMP_MAX;
}
