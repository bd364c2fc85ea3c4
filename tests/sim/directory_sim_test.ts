import { assert } from "@std/assert";
import { amount, slow } from "../given.ts";
import { afterEffects } from "./after_effects.ts";
import { hunt } from "./hunt.ts";
import { ENTRY_MUTATIONS } from "./directory/entry_mutations.ts";
import { FAULTS, runFault, SCENES, VICTIMS } from "./directory/every_step.ts";
import { MUTATIONS } from "./directory/mutations.ts";
import { type DirectoryRun, runDirectory } from "./directory/run.ts";
import { runLies } from "./directory/run_lies.ts";
import { TRUST_MUTATIONS } from "./directory/trust_mutations.ts";
import type { Mutation } from "./directory/world.ts";

const SEEDS = amount(6, 50);
const STEPS = 80;

Deno.test(`directory: ${SEEDS} seeds of calls, broadcasts and trouble break no promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runDirectory({ seed, steps: STEPS });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

/** An upper bound of the effects in any run of a scene. */
const EFFECTS_MAX = 500;

for (const fault of FAULTS) {
  slow.test(`directory: ${fault} after any effect of a scene, at each who has a part in it, breaks no promise`, () => {
    for (const scene of SCENES) {
      for (const victim of VICTIMS) {
        const effects = afterEffects(FAULTS, fault, (effects) => {
          try {
            return runFault(fault, victim, effects, scene);
          } catch (error) {
            throw new Error(`${scene}, ${victim}, ${effects} effects`, { cause: error });
          }
        });
        assert(effects > 10 && effects < EFFECTS_MAX, `${effects} effects were tried`);
      }
    }
  });
}

Deno.test(`directory: ${SEEDS} seeds of a directory that lies deceive no user`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runLies({ seed, steps: STEPS });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

/** Seeds that once found something, and what it was. */
const FOUND: readonly (DirectoryRun & { readonly what: string })[] = [
  {
    seed: 70,
    steps: 100,
    people: 7,
    what: "a copied profile's owner hears that others have what they weren't shown",
  },
  {
    seed: 665,
    steps: 100,
    people: 7,
    what: "a broadcast is missed that a directory stored as it was killed, unless its time is over",
  },
];

for (const { what, ...run } of FOUND) {
  Deno.test(`directory: it doesn't happen that ${what}`, () => void runDirectory(run));
}

interface DirectoryHunt {
  readonly run?: typeof runLies;
  readonly mutation: Mutation;
  /** The violations by which the bug is found. */
  readonly finding: RegExp;
  /** The first seed to try, if the bug is found only after many seeds; by default 1. */
  readonly from?: number;
}

const HUNTS: readonly DirectoryHunt[] = [
  { mutation: MUTATIONS.clientAcknowledgesBeforeStored, finding: /never been shown/, from: 94 },
  { mutation: MUTATIONS.directoryTakesBeforeStored, finding: /never been shown/, from: 54 },
  { mutation: MUTATIONS.clientForgetsWhatItHeard, finding: /twice/, from: 14 },
  { mutation: MUTATIONS.directoryForgetsWhoHeard, finding: /twice/ },
  { mutation: MUTATIONS.staysBusy, finding: /sees \[/ },
  { mutation: MUTATIONS.forgetsTalking, finding: /sees \[/ },
  { mutation: MUTATIONS.makesTwoOfGlare, finding: /call each other in vain/, from: 3 },
  {
    mutation: MUTATIONS.withdrawsSilently,
    finding: /withdraws a call, which is going on/,
    from: 2,
  },
  {
    mutation: MUTATIONS.takesWithdrawingForNo,
    finding: /withdraws a call, which is declined/,
    from: 2,
  },
  { mutation: MUTATIONS.declinesAll, finding: /\d calls \S+ in vain/ },
  { mutation: MUTATIONS.dropsChanges, finding: /sees \[/ },
  { mutation: MUTATIONS.saysNothingAgain, finding: /sees \[/, from: 75 },
  { mutation: MUTATIONS.takesRepeated, finding: /repeated datagram/ },
  { mutation: MUTATIONS.holdsOn, finding: /isn't told that .* is dead/, from: 9 },
  { mutation: MUTATIONS.keepsTheLost, finding: /is dead, and still/, from: 61 },
  { mutation: MUTATIONS.endsWithoutAWord, finding: /isn't told what becomes/, from: 59 },
  { mutation: MUTATIONS.ringsForEver, finding: /waits for the outcome/, from: 3 },
  { mutation: MUTATIONS.doesNotHearItself, finding: /doesn't hear itself/, from: 48 },
  { mutation: MUTATIONS.losesSilently, finding: /loses \d+ lines/, from: 11 },
  { mutation: MUTATIONS.relaysAlways, finding: /relays nothing/, from: 13 },
  { mutation: MUTATIONS.takesAnyKey, finding: /whose key is another/, from: 38 },
  { mutation: MUTATIONS.countsTooMany, finding: /is told that \d+ have/ },
  { mutation: MUTATIONS.countsTooFew, finding: /is told that \d+ of \d+ have/ },
  { mutation: MUTATIONS.countsNobody, finding: /isn't told whom/ },
  { mutation: MUTATIONS.tellsTooLate, finding: /too late/, from: 3 },
  { mutation: MUTATIONS.keepsNothing, finding: /never been shown/ },
  { mutation: MUTATIONS.tellsGuestsAll, finding: /from before/, from: 7 },
  { mutation: MUTATIONS.letsAllTell, finding: /may not/, from: 25 },
  { mutation: MUTATIONS.countsNoBroadcasts, finding: /tells too much/, from: 9 },
  { mutation: MUTATIONS.saysNotWhen, finding: /not for how long/, from: 9 },
  { mutation: ENTRY_MUTATIONS.letsGuestsIn, finding: /as a guest/, from: 14 },
  { mutation: ENTRY_MUTATIONS.letsKickedIn, finding: /thrown out/ },
  { mutation: ENTRY_MUTATIONS.letsTooManyIn, finding: /more are in/, from: 35 },
  { mutation: ENTRY_MUTATIONS.letsTooFewIn, finding: /of \d+ are in/ },
  { mutation: ENTRY_MUTATIONS.holdsNoNames, finding: /another guest's name/, from: 81 },
  { mutation: ENTRY_MUTATIONS.givesNamesAway, finding: /another guest's name/, from: 42 },
  { mutation: ENTRY_MUTATIONS.takesCopiesForOne, finding: /which isn't told/, from: 16 },
  { mutation: ENTRY_MUTATIONS.knowsAllDevices, finding: /which it isn't/ },
  { mutation: ENTRY_MUTATIONS.keepsTheForgotten, finding: /account that is gone/, from: 14 },
  { mutation: ENTRY_MUTATIONS.letsGuess, finding: /guessed at/, from: 64 },
  { mutation: ENTRY_MUTATIONS.amplifies, finding: /more bytes/, from: 67 },
  { mutation: ENTRY_MUTATIONS.tellsStrangers, finding: /isn't in, and is told/ },
  { run: runLies, mutation: TRUST_MUTATIONS.provesNothing, finding: /sees a line/, from: 532 },
  { run: runLies, mutation: TRUST_MUTATIONS.believesKeys, finding: /key has changed/, from: 13 },
  {
    run: runLies,
    mutation: TRUST_MUTATIONS.keepsKeysToItself,
    finding: /key has changed/,
    from: 76,
  },
  {
    run: runLies,
    mutation: TRUST_MUTATIONS.believesNames,
    finding: /of another key under/,
    from: 43,
  },
  { run: runLies, mutation: TRUST_MUTATIONS.checksNoSignature, finding: /never said/, from: 337 },
  { run: runLies, mutation: TRUST_MUTATIONS.hearsAgain, finding: /again/, from: 404 },
];
const SEEDS_MAX = 1_000;

/** The error that ended a run; null where every promise held. */
function failureOf(run: typeof runDirectory, seed: number, mutation?: Mutation): Error | null {
  const undo = mutation?.install?.() ?? (() => {});
  try {
    run({ seed, steps: STEPS, ...(mutation === undefined ? {} : { mutation }) });
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  } finally {
    undo();
  }
}

for (const { run = runDirectory, mutation, finding, ...seeds } of HUNTS) {
  hunt({
    title: `the simulation finds a directory, or a client, that ${mutation.name}`,
    seedsMax: SEEDS_MAX,
    ...seeds,
    finds(seed) {
      const failure = failureOf(run, seed, mutation);
      if (failure === null || failure.name !== "Violation") return false;
      // The seed counts only if it passes without the mutation.
      return finding.test(failure.message) && failureOf(run, seed) === null;
    },
  });
}
