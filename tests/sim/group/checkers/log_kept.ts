/** No log is set aside, unless a disk was damaged or the operator has given up a history (G1). */

import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../../lib/protocols/group/schema/records.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import { MemberParty, type Party } from "../world.ts";

export class LogKept implements Checker {
  wrote(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    if (party.world.history.forksMax > 0) return;
    for (const record of records) {
      if (record.kind !== "new-log" || record.because === null) continue;
      // A lost log is fetched again, into another file.
      const isExpected = party instanceof MemberParty && party.hasLostLog &&
        record.because !== "unlike";
      if (isExpected) continue;
      // The coordinator's restored disk is from before there was a log: a newcomer can't prove that there was one.
      if (party.world.coordinator.outdatedView === 0) {
        party.world.history.forksMax++;
        return;
      }
      throw new Violation(`G1: ${party.name} sets its log aside: ${record.because}`);
    }
  }
}
