import { assert } from "@std/assert";
import { amount, eachSeed, slow } from "../given.ts";
import { hunt } from "./hunt.ts";
import { MUTATIONS } from "./transfer/mutations.ts";
import { runDrip } from "./transfer/run_drip.ts";
import { runFar } from "./transfer/run_far.ts";
import { runKill } from "./transfer/run_kill.ts";
import { runSlow } from "./transfer/run_slow.ts";
import { runTransfer } from "./transfer/run.ts";
import type { Mutation } from "./transfer/world.ts";

const SEEDS = amount(20, 200);
const KILLS = amount(10, 200);
const FAR = amount(10, 200);
const DRIPS = amount(20, 400);
const STEPS = 60;

slow.test(`transfer: ${SEEDS} seeds of files, faults and liars break no promise`, () => {
  eachSeed(SEEDS, (seed) => void runTransfer({ seed, steps: STEPS }));
});

Deno.test(`transfer: after each of ${KILLS} kills at most a tenth is sent again`, () => {
  let again = 0;
  eachSeed(KILLS, (seed) => {
    again += runKill(seed);
  });
  assert(again > 0, "kills cost something");
});

Deno.test(`transfer: in ${FAR} rooms the file comes to who is no neighbour of those who have it`, () => {
  eachSeed(FAR, runFar);
});

Deno.test("transfer: who gives a file drop by drop doesn't hold it up where another one has it", () => {
  eachSeed(DRIPS, runDrip);
});

Deno.test("transfer: who sends many files slowly doesn't hold up those of others", () => {
  eachSeed(DRIPS, runSlow);
});

interface TransferHunt {
  readonly mutation: Mutation;
  /** The violations by which the bug is found. */
  readonly finding: RegExp;
  readonly from?: number;
  readonly run?: (seed: number, mutation?: Mutation) => unknown;
}

const HUNTS: readonly TransferHunt[] = [
  { mutation: MUTATIONS.writesUnchecked, finding: /writes a leaf that isn't in the file/, from: 7 },
  { mutation: MUTATIONS.trustsParts, finding: /finished what isn't the file/, run: runKill },
  { mutation: MUTATIONS.neverSyncs, finding: /sent again/, from: 7, run: runKill },
  { mutation: MUTATIONS.fillsLanes, finding: /lane that is full/, from: 7 },
  { mutation: MUTATIONS.servesUnchecked, finding: /sends a leaf that isn't in the file/, from: 41 },
  { mutation: MUTATIONS.trustsNames, finding: /shows or saves a file as/, from: 4 },
  { mutation: MUTATIONS.tellsAlways, finding: /progress too often/, from: 5 },
  { mutation: MUTATIONS.mindsNoCredit, finding: /that it hasn't asked for/, from: 19 },
  { mutation: MUTATIONS.hasNoQuota, finding: /more than it may receive/, from: 17 },
  { mutation: MUTATIONS.asksLiars, finding: /asks a liar again/, from: 31 },
  { mutation: MUTATIONS.waitsForEver, finding: /never gets/, from: 18 },
  { mutation: MUTATIONS.takesAllOffers, finding: /open offers/, from: 21 },
  { mutation: MUTATIONS.tellsNobody, finding: /never gets|never comes/, from: 38 },
  { mutation: MUTATIONS.tellsAll, finding: /shows a file to somebody/, from: 3 },
  { mutation: MUTATIONS.asksNobody, finding: /never gets/, from: 8 },
  { mutation: MUTATIONS.waitsForDrops, finding: /is held up/, run: runDrip },
  { mutation: MUTATIONS.sharesNoPlaces, finding: /holds up the files/, run: runSlow },
  { mutation: MUTATIONS.seeksNobody, finding: /never comes/, run: runFar },
  { mutation: MUTATIONS.seeksNoOthers, finding: /never comes/, run: runFar },
  { mutation: MUTATIONS.seeksAlways, finding: /links for a file stay/, run: runFar },
  {
    mutation: MUTATIONS.takesAnyRequest,
    finding: /more than it was asked for|sent again/,
    from: 5,
  },
];
const SEEDS_MAX = 100;

/** The error that ended a run; null where every promise held. */
function failureOf(
  run: (seed: number, mutation?: Mutation) => unknown,
  seed: number,
  mutation?: Mutation,
): Error | null {
  const undo = mutation?.install?.() ?? (() => {});
  try {
    run(seed, mutation);
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  } finally {
    undo();
  }
}

const runWith = (seed: number, mutation?: Mutation) =>
  runTransfer({ seed, steps: STEPS, ...(mutation === undefined ? {} : { mutation }) });

for (const { mutation, finding, run = runWith, ...seeds } of HUNTS) {
  hunt({
    title: `the simulation finds machines that ${mutation.name}`,
    seedsMax: SEEDS_MAX,
    ...seeds,
    finds(seed) {
      const failure = failureOf(run, seed, mutation);
      if (failure === null || failure.name !== "Violation") return false;
      if (!finding.test(failure.message)) return failure.message;
      // The seed counts only if it passes without the mutation.
      return failureOf(run, seed) === null;
    },
  });
}
