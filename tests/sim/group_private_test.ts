// Private groups: invites, rotations, removals, and others who try to come in by invites that are void.

import { hunt } from "./hunt.ts";
import { MemberAdmission } from "../../lib/protocols/group/coordinator/member_admission.ts";
import { GroupSecrets } from "../../lib/protocols/group/schema/group_secrets.ts";
import { Views } from "../../lib/protocols/group/detector/views.ts";
import { Operator } from "../../lib/protocols/group/coordinator/operator.ts";
import { RebuildingCoordinator } from "../../lib/protocols/group/recovery/rebuilding_coordinator.ts";
import { type Mutation, replaced } from "./group/mutations.ts";
import { runGroup } from "./group/run.ts";

const SEEDS = 5;
const HUNTED_SEEDS = 40;
const STEPS = 60;

Deno.test(`group: ${SEEDS} seeds of private groups let in nobody who is removed or uninvited`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runGroup({ seed, steps: STEPS, private: true });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

/** Refuses nobody because the operator removed them. */
function refusesNoRemoved(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(MemberAdmission.prototype, "refusal")!;
  return replaced(MemberAdmission.prototype, "refusal", {
    value(this: MemberAdmission, ...args: Parameters<MemberAdmission["refusal"]>) {
      const refusal = (value as MemberAdmission["refusal"]).apply(this, args);
      return refusal?.code === "kicked" ? null : refusal;
    },
  })();
}

/** Removes without making another invite. */
function keepsInvite(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(Operator.prototype, "remove")!;
  return replaced(Operator.prototype, "remove", {
    value(this: Operator, ...args: Parameters<Operator["remove"]>) {
      const { ownKey, views, attendance, admission, out, actions } = this;
      const without = { ...actions, rotation: () => null };
      const other = new Operator(ownKey, views, attendance, admission, out, without);
      (value as Operator["remove"]).apply(other, args);
    },
  })();
}

/** What the group does wrong, by which violation it is found, and the first seed to try. */
const HUNTS: readonly (readonly [Mutation, RegExp, from?: number])[] = [
  [{ name: "refuses nobody whom it removed", install: refusesNoRemoved }, /which was removed/, 27],
  [{ name: "keeps the invite of whom it removes", install: keepsInvite }, /its invite stays/],
  [
    {
      name: "takes everybody for a former member",
      install: replaced(Views.prototype, "wasMember", { value: () => true }),
    },
    /void invite/,
    10,
  ],
  [
    {
      name: "lets in by earlier invites",
      install: replaced(RebuildingCoordinator.prototype, "admits", { value: () => true }),
    },
    /void invite/,
    10,
  ],
  [
    {
      name: "takes earlier invites for the present one",
      install: replaced(GroupSecrets.prototype, "isCurrent", { value: () => true }),
    },
    /void invite/,
    10,
  ],
  [{
    name: "tells its invite to whom it removed",
    install: replaced(MemberAdmission.prototype, "isOut", { value: () => false }),
  }, /sends secret to .*which was removed/],
];

for (const [mutation, finding, from = 1] of HUNTS) {
  hunt({
    title: `the simulation finds a private group that ${mutation.name}`,
    from,
    seedsMax: HUNTED_SEEDS,
    finds(seed) {
      try {
        runGroup({ seed, steps: STEPS, private: true, mutation });
        return false;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== "Violation") throw error;
        return finding.test(error.message) || error.message;
      }
    },
  });
}
