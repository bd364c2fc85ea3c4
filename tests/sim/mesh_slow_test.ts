/** Where all programs of a room are slow, nobody who lives is shown as lost, and who dies is. */

import { Slowness } from "../../lib/base/machine/slowness.ts";
import { amount, eachSeed } from "../given.ts";
import { hunt } from "./hunt.ts";
import { Violation } from "./mesh/checker.ts";
import type { EvenWorld } from "./mesh/even_world.ts";
import { areSlow, oneDies, slowRoom } from "./mesh/slow_hosts.ts";
import { Random } from "./random.ts";
import { replacedValue } from "./replaced.ts";
import { turnMs } from "./turns.ts";

const SEEDS = amount(1, 10);
const HUNTED_SEEDS = 5;
const MEMBERS = 30;

type Fault = (world: EvenWorld, random: Random, turnMs: number) => void;

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["nobody is lost, though links break", areSlow],
  ["who dies is lost alone", oneDies],
];

function run(fault: Fault, seed: number): void {
  const random = new Random(seed);
  fault(slowRoom(seed, MEMBERS), random, turnMs(random));
}

for (const [name, fault] of FAULTS) {
  Deno.test(`mesh: where all of ${MEMBERS} are slow ${name}, ${SEEDS} seeds`, () => {
    eachSeed(SEEDS, (seed) => void run(fault, seed));
  });
}

hunt({
  title: "the simulation finds a room that doesn't see that all are slow",
  seedsMax: HUNTED_SEEDS,
  finds(seed) {
    const undo = replacedValue(Slowness.prototype, "lateMs", 0)();
    try {
      run(areSlow, seed);
      return false;
    } catch (error) {
      return error instanceof Violation && error.checker === "nobody lost";
    } finally {
      undo();
    }
  },
});
