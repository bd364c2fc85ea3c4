/** Where all programs of a group are slow, nobody who lives is removed, and who dies is. */

import { Slowness } from "../../lib/base/machine/slowness.ts";
import { amount, eachSeed } from "../given.ts";
import { hunt } from "./hunt.ts";
import { allCheckers } from "./group/checkers/all.ts";
import { scenarioOf } from "./group/scenario.ts";
import { unite } from "./group/settling.ts";
import { areSlow, oneDies } from "./group/slow_hosts.ts";
import { World } from "./group/world.ts";
import { Random } from "./random.ts";
import { replacedValue } from "./replaced.ts";
import { turnMs } from "./turns.ts";

const SEEDS = amount(3, 30);
const HUNTED_SEEDS = 10;
/** Enough that most aren't one. */
const MEMBERS_MIN = 3;
const MEMBERS_MAX = 8;
const SLOW_MS = 60_000;
const CALM_MS = 5_000;

type Fault = (world: World, random: Random, turnMs: number) => void;

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["nobody is removed", (world, random, turnMs) => areSlow(world, random, SLOW_MS, turnMs)],
  ["who dies is removed alone", oneDies],
];

function run(fault: Fault, seed: number): void {
  const random = new Random(seed);
  const members = MEMBERS_MIN + random.below(MEMBERS_MAX - MEMBERS_MIN + 1);
  const scenario = scenarioOf(seed, 0, { members, loss: random.chance(0.5) ? 0 : 0.01 });
  const calm = {
    disk: { syncMs: 0.2, slowChance: 0 },
    snapshotEveryMs: null,
    failAfterMs: random.pick([1_000, 3_000]),
    bytesPerMs: Infinity,
    members,
  };
  const world = new World(
    { ...scenario, ...calm, print: null, mutation: null },
    allCheckers(),
  );
  world.startCoordinator();
  for (const party of world.members) world.start(party);
  unite(world);
  world.time.runUntil(world.time.nowMs + CALM_MS);
  fault(world, random, turnMs(random));
  unite(world);
}

for (const [name, fault] of FAULTS) {
  Deno.test(`group: where all are slow ${name}, ${SEEDS} seeds`, () => {
    eachSeed(SEEDS, (seed) => void run(fault, seed));
  });
}

hunt({
  title: "the simulation finds a group that doesn't see that all are slow",
  seedsMax: HUNTED_SEEDS,
  finds(seed) {
    const undo = replacedValue(Slowness.prototype, "lateMs", 0)();
    try {
      run(FAULTS[0]![1], seed);
      return false;
    } catch (error) {
      if (error instanceof Error && error.name === "Violation") return true;
      throw error;
    } finally {
      undo();
    }
  },
});
