/**
 * What the coordinator observes of a member: where its log ends (`states/reporting.ts`), and its part in snapshots
 * (`snapshot/cut_part.ts`). Neither changes anything in the member.
 */

import type { Environment } from "../../base/environment.ts";
import type { Ballot } from "./ballot.ts";
import type { SignedEpoch } from "./epoch.ts";
import type { Held } from "./held.ts";
import { LOCKS_MAX } from "./limits.ts";
import type { MemberOutput } from "./member_output.ts";
import type { GroupMessage } from "./messages.ts";
import type { Ordering } from "./ordering.ts";
import type { Saying } from "./saying.ts";
import { CutPart, type CutPartOwner } from "./snapshot/cut_part.ts";
import { Reporting, type ReportingOwner } from "./states/reporting.ts";
import type { Telling } from "./telling.ts";
import type { Voting } from "./voting.ts";

/** The membership that is observed. */
export interface ObservedOwner {
  readonly held: Held;
  readonly ordering: Ordering | null;
  readonly epoch: SignedEpoch | null;
  readonly telling: Telling;
  readonly voting: Voting;
  readonly owner: {
    readonly out: MemberOutput;
    readonly environment: Environment;
    readonly saying: Saying;
    readonly isCoordinatorUp: boolean;
    toCoordinator(message: GroupMessage): void;
    reportsLater(delayMs: number): void;
  };
}

export class Observed implements ReportingOwner, CutPartOwner {
  readonly reporting: Reporting;
  readonly cutPart: CutPart;

  constructor(readonly membership: ObservedOwner) {
    this.reporting = new Reporting(this);
    this.cutPart = new CutPart(this);
  }

  get out(): MemberOutput {
    return this.membership.owner.out;
  }

  get environment(): Environment {
    return this.membership.owner.environment;
  }

  get held(): Held {
    return this.membership.held;
  }

  get ordering(): Ordering | null {
    return this.membership.ordering;
  }

  get ballot(): Ballot | null {
    return this.membership.epoch?.epoch.value.ballot ?? null;
  }

  get isCoordinatorUp(): boolean {
    return this.membership.owner.isCoordinatorUp;
  }

  get loggedTexts(): number {
    return this.membership.owner.saying.loggedTexts;
  }

  get tellings(): number {
    return this.membership.telling.messages;
  }

  get locks(): readonly number[] {
    return this.membership.voting.locks.slice(0, LOCKS_MAX);
  }

  toCoordinator(message: GroupMessage): void {
    this.membership.owner.toCoordinator(message);
  }

  reportsLater(delayMs: number): void {
    this.membership.owner.reportsLater(delayMs);
  }

  /** The coordinator has let us in: on this link it knows nothing of us. */
  welcomed(): void {
    this.cutPart.lost();
    this.reporting.welcomed();
  }
}
