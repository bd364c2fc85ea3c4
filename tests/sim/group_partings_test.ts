/** A member at fault causes at most one other member to be evicted, and the group goes on without the one at fault. */

import { amount } from "../given.ts";
import { hunt } from "./hunt.ts";
import { Patience, Separations } from "../../lib/protocols/group/detector/complaints.ts";
import { Attendance } from "../../lib/protocols/group/detector/attendance.ts";
import { allCheckers } from "./group/checkers/all.ts";
import { replaced } from "./group/mutations.ts";
import {
  fallsSilentAtOnce,
  fallsSilentInTurn,
  PARTINGS_MIN,
  standsStill,
} from "./group/partings.ts";
import { scenarioOf } from "./group/scenario.ts";
import { unite } from "./group/settling.ts";
import { World } from "./group/world.ts";
import { Random } from "./random.ts";

const SEEDS = amount(2, 6);
const HUNTED_SEEDS = 100;
const MEMBERS_MAX = 8;

type Fault = (world: World, random: Random) => void;

function inTurn(world: World, random: Random): void {
  fallsSilentInTurn(world, random, 1);
}

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["falls silent towards one after the other", inTurn],
  ["falls silent towards all others", fallsSilentAtOnce],
  ["stands still again and again", standsStill],
];

function run(fault: Fault, seed: number, print: ((line: string) => void) | null = null): void {
  const random = new Random(seed);
  const members = PARTINGS_MIN + random.below(MEMBERS_MAX - PARTINGS_MIN + 1);
  const scenario = scenarioOf(seed, 0, { members });
  const calm = { disk: { syncMs: 0.2, slowChance: 0 }, snapshotEveryMs: null };
  const world = new World({ ...scenario, ...calm, print, mutation: null }, allCheckers());
  world.startCoordinator();
  for (const party of world.members) world.start(party);
  unite(world);
  world.time.runUntil(world.time.nowMs + 2 * scenario.failAfterMs);
  fault(world, random);
  unite(world);
}

for (const [name, fault] of FAULTS) {
  Deno.test(`group: a member ${name} and costs the others little, ${SEEDS} seeds`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        run(fault, seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}

/** What the group does wrong, the fault that reveals it, the function that installs the bug, and the first seed to try. */
const MUTATIONS: readonly (readonly [string, Fault, () => () => void, from?: number])[] = [
  [
    "forgets who didn't hear whom",
    inTurn,
    replaced(Separations.prototype, "of", { value: () => 0 }),
    5,
  ],
  [
    "doesn't wait for others to complain",
    fallsSilentAtOnce,
    replaced(Patience.prototype, "undecidedMs", {
      get(this: Patience) {
        return this.lastingMs;
      },
    }),
    40,
  ],
  [
    "lets everybody stand still again and again",
    standsStill,
    replaced(Attendance.prototype, "silencesOf", { value: () => 0 }),
    83,
  ],
];

for (const [name, fault, install, from = 1] of MUTATIONS) {
  hunt({
    title: `the simulation finds a group that ${name}`,
    from,
    seedsMax: HUNTED_SEEDS,
    finds(seed) {
      const undo = install();
      try {
        run(fault, seed);
        return false;
      } catch (error) {
        if (error instanceof Error && error.name === "Violation") return true;
        throw error;
      } finally {
        undo();
      }
    },
  });
}
