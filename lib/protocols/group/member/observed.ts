/**
 * What the coordinator observes of a member: where its log ends (`states/reporting.ts`), and its part in snapshots
 * (`snapshot/cut_part.ts`). Neither changes anything in the member.
 */

import type { Environment } from "../../../base/machine/environment.ts";
import type { Ballot } from "../schema/ballot.ts";
import type { SignedEpoch } from "../schema/epoch.ts";
import type { HeldBatches } from "../log/held_batches.ts";
import { LOCKS_MAX } from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessage } from "../schema/messages.ts";
import type { Sequencing } from "../log/sequencing.ts";
import type { SendQueue } from "../log/send_queue.ts";
import { type CutPartOwner, SnapshotProcess } from "../snapshot/snapshot_process.ts";
import { Reporting, type ReportingOwner } from "../states/reporting.ts";
import type { OrderReport } from "../catch_up/order_report.ts";
import type { EditParticipant } from "../edits/edit_participant.ts";

/** The membership that is observed. */
interface ObservedOwner {
  readonly held: HeldBatches;
  readonly ordering: Sequencing | null;
  readonly epoch: SignedEpoch | null;
  readonly telling: OrderReport;
  readonly voting: EditParticipant;
  readonly owner: {
    readonly out: MemberOutput;
    readonly environment: Environment;
    readonly saying: SendQueue;
    readonly isCoordinatorUp: boolean;
    toCoordinator(message: GroupMessage): void;
    reportsLater(delayMs: number): void;
  };
}

export class Observed implements ReportingOwner, CutPartOwner {
  readonly reporting: Reporting;
  readonly cutPart: SnapshotProcess;

  constructor(readonly membership: ObservedOwner) {
    this.reporting = new Reporting(this);
    this.cutPart = new SnapshotProcess(this);
  }

  get out(): MemberOutput {
    return this.membership.owner.out;
  }

  get environment(): Environment {
    return this.membership.owner.environment;
  }

  get held(): HeldBatches {
    return this.membership.held;
  }

  get ordering(): Sequencing | null {
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
