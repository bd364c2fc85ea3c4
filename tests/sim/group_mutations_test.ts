// Each bug put into the group is found by some seed that the group without it passes. Bugs that only a chain of
// crashes reveals are in group_rules_test.ts.

import { EDIT_MUTATIONS } from "./group/edit_mutations.ts";
import { type Mutation, MUTATIONS } from "./group/mutations.ts";
import { runGroup } from "./group/run.ts";
import { hunt } from "./hunt.ts";
import type { Scenario } from "./group/scenario.ts";

interface GroupHunt {
  readonly mutation: Mutation;
  /** The violations by which the bug is found. */
  readonly finding: RegExp;
  /** The first seed to try, if the bug is found only after many seeds; by default 1. */
  readonly from?: number;
  /** By default 60. */
  readonly steps?: number;
  readonly scenario?: Partial<Scenario>;
}

/** Many edits, slow datagrams and many deaths: decisions are in flight when somebody dies. */
const EDITING: Partial<Scenario> = {
  members: 3,
  founders: 3,
  editing: 60,
  edits: "auto",
  gapMs: 100,
  lateChance: 0.2,
  delayMs: 50,
  jitterMs: 10,
  bytesPerMs: Infinity,
  troubles: new Set([
    "coordinatorKill",
    "coordinatorKillSoon",
    "coordinatorPowerLoss",
    "kill",
    "killSoon",
    "powerLoss",
    "sever",
    "cutTcp",
    "cutUdp",
  ]),
};

/** A member may be away each time that the coordinator asks. */
const MANY: Partial<Scenario> = { members: 16, founders: 4 };

const HUNTS: readonly GroupHunt[] = [
  { mutation: MUTATIONS.acknowledgesBeforeStored, finding: /^G2/ },
  { mutation: MUTATIONS.keepsFetchedUnsynced, finding: /^G2/ },
  { mutation: MUTATIONS.believesOne, finding: /^G[12]/ },
  { mutation: MUTATIONS.forgetsHeld, finding: /^G[12]/, from: 9 },
  { mutation: MUTATIONS.forgetsSaid, finding: /^G4/ },
  // The coordinator takes a member for another, and waits for its answer in vain.
  { mutation: MUTATIONS.forgetsPromise, finding: /^G4|no view/, from: 50 },
  { mutation: MUTATIONS.forgetsDecided, finding: /^G[12]|another epoch/, from: 4 },
  { mutation: MUTATIONS.neverStops, finding: /^G[12]|protocol/, from: 7 },
  { mutation: MUTATIONS.beginsWithLess, finding: /^G[12]/ },
  { mutation: MUTATIONS.forwardsNothing, finding: /^G4/ },
  { mutation: MUTATIONS.servesAnybody, finding: /^G10/, from: 792 },
  { mutation: MUTATIONS.needsNobody, finding: /^G[12]/, from: 1_581 },
  // If two requests have one number, members answer only once.
  {
    mutation: MUTATIONS.numbersBeforeStored,
    finding: /^G4|The last view/,
    steps: 20,
    scenario: MANY,
    from: 6,
  },
  { mutation: MUTATIONS.sameIncarnation, finding: /^G[34]/, from: 14 },
  { mutation: MUTATIONS.tellsOfOneView, finding: /are in the view, not/ },
  { mutation: MUTATIONS.tellsNotThatUp, finding: /isn't told that the coordinator is up/ },
  { mutation: MUTATIONS.tellsNotOfShared, finding: /the operator is told that 0 of/ },
  { mutation: MUTATIONS.showsOldAsNew, finding: /as new before it is in a view/ },
  { mutation: MUTATIONS.showsNewAsOld, finding: /said since it is in a view, as old/ },
  { mutation: EDIT_MUTATIONS.votesBeforeStored, finding: /^E1.*isn't on its disk/, from: 3 },
  { mutation: EDIT_MUTATIONS.commitsBeforeStored, finding: /^E1.*isn't on its disk/, from: 3 },
  { mutation: EDIT_MUTATIONS.agreesForUser, finding: /^E3.*is said to be agreed/, from: 20 },
  { mutation: EDIT_MUTATIONS.firstAppliedIsEnough, finding: /^E1/, scenario: EDITING, from: 107 },
  { mutation: EDIT_MUTATIONS.forgetsNoneApplied, finding: /^E1.*repeats edits [0-9].*all have/ },
  { mutation: EDIT_MUTATIONS.forgetsCommitted, finding: /^E1/, scenario: EDITING, from: 64 },
  { mutation: EDIT_MUTATIONS.forgetsNumbers, finding: /^E3: two edits/, from: 8 },
  { mutation: EDIT_MUTATIONS.acceptsLocked, finding: /^E2: edit/, scenario: EDITING },
  { mutation: EDIT_MUTATIONS.forgetsPrepared, finding: /^E4/, scenario: EDITING, from: 806 },
  { mutation: EDIT_MUTATIONS.forgetsAsked, finding: /^E3/, from: 20 },
  { mutation: EDIT_MUTATIONS.presumesCommit, finding: /^E3/, from: 5 },
  { mutation: EDIT_MUTATIONS.ordersTwice, finding: /^E1.*twice/, from: 5 },
  { mutation: EDIT_MUTATIONS.refusesAgreed, finding: /^E4/, from: 154 },
];
const SEEDS_MAX = 300;
const STEPS = 60;

/** The error that ended a run; null where every promise held. */
function failureOf(
  seed: number,
  steps: number,
  scenario: Partial<Scenario>,
  mutation?: Mutation,
): Error | null {
  try {
    runGroup({ seed, steps, scenario, ...(mutation === undefined ? {} : { mutation }) });
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

for (const { mutation, finding, steps = STEPS, scenario = {}, ...seeds } of HUNTS) {
  hunt({
    title: `the simulation finds a group that ${mutation.name}`,
    seedsMax: SEEDS_MAX,
    ...seeds,
    finds(seed) {
      const failure = failureOf(seed, steps, scenario, mutation);
      if (failure === null || failure.name !== "Violation") return false;
      // The seed counts only if it passes without the mutation.
      return finding.test(failure.message) && failureOf(seed, steps, scenario) === null;
    },
  });
}
