import { assert } from "@std/assert";
import { FAULTS, runFault } from "./friends/every_step.ts";
import { runFriends } from "./friends/run.ts";

const SEEDS = 500;

Deno.test(`friends: ${SEEDS} seeds of talk and trouble break no promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runFriends({ seed, steps: 80 });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

/** More than any run of the exchange has effects. */
const EFFECTS_MAX = 500;

for (const fault of FAULTS) {
  Deno.test(`friends: ${fault} after each effect of an exchange, at either side, breaks no promise`, () => {
    for (const seed of [1, 2]) {
      for (const index of [0, 1]) {
        let effects = 1;
        while (runFault(fault, index, effects, seed)) effects++;
        assert(effects > 30 && effects < EFFECTS_MAX, `${effects} effects were tried`);
      }
    }
  });
}
