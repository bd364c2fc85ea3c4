/** Where a directory and all its clients are slow, nobody who lives leaves the list, no call ends, and who dies is gone. */

import { Slowness } from "../../lib/base/machine/slowness.ts";
import { amount, eachSeed } from "../given.ts";
import { areSlow, oneDies, slowDirectory } from "./directory/slow_hosts.ts";
import { Violation } from "./directory/violation.ts";
import type { World } from "./directory/world.ts";
import { hunt } from "./hunt.ts";
import { Random } from "./random.ts";
import { replacedValue } from "./replaced.ts";
import { longTurnMs, turnMs } from "./turns.ts";

const SEEDS = amount(2, 20);
const HUNTED_SEEDS = 10;
const PEOPLE = 20;

type Fault = (world: World, random: Random) => void;

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["nobody leaves", (world, random) => areSlow(world, random, longTurnMs(random))],
  ["who dies leaves alone", (world, random) => oneDies(world, random, turnMs(random))],
];

function run(fault: Fault, seed: number): void {
  const random = new Random(seed);
  fault(slowDirectory(seed, PEOPLE, random), random);
}

for (const [name, fault] of FAULTS) {
  Deno.test(`directory: where all are slow ${name}, ${SEEDS} seeds`, () => {
    eachSeed(SEEDS, (seed) => void run(fault, seed));
  });
}

hunt({
  title: "the simulation finds a directory and clients that don't see that all are slow",
  seedsMax: HUNTED_SEEDS,
  finds(seed) {
    const undo = replacedValue(Slowness.prototype, "lateMs", 0)();
    try {
      run(FAULTS[0]![1], seed);
      return false;
    } catch (error) {
      if (error instanceof Violation) return / as all are slow$/.test(error.message);
      throw error;
    } finally {
      undo();
    }
  },
});
