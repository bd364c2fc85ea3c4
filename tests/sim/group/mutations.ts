/** Bugs put into the group's machines from outside, one at a time: what their simulation must be able to find. */

import type { Machine } from "../../../lib/base/machine.ts";
import type { Coordinator } from "../../../lib/protocols/group/coordinator.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/coordinator_io.ts";
import type { Member } from "../../../lib/protocols/group/member.ts";
import type { MemberEffect, MemberInput } from "../../../lib/protocols/group/member_io.ts";
import type { CoordinatorRecord, MemberRecord } from "../../../lib/protocols/group/records.ts";

export interface Mutation {
  /** What the group does wrong, in words that follow "a group that". */
  readonly name: string;
  readonly wrapMember?: (member: Member) => Machine<MemberInput, MemberEffect>;
  readonly wrapCoordinator?: (
    coordinator: Coordinator,
  ) => Machine<CoordinatorInput, CoordinatorEffect>;
  /** What a member's process finds on its disk. */
  readonly memberRecords?: (records: readonly MemberRecord[]) => readonly MemberRecord[];
  readonly coordinatorRecords?: (
    records: readonly CoordinatorRecord[],
  ) => readonly CoordinatorRecord[];
  /** Replaces methods; what it returns puts them back. */
  readonly install?: () => () => void;
}
