/** A group whose coordinator runs as three programs over an engine, while those and the engine fail. */

import { assertLess } from "@std/assert";
import { amount } from "../given.ts";
import { simulated } from "./engine.ts";
import { ENGINE_MUTATIONS } from "./group/engine_mutations.ts";
import {
  runCompacted,
  runCutLeader,
  runEngineGroup,
  runHeldUp,
  runTrustingLeader,
  runWokenLeader,
} from "./group/run_engine.ts";
import { Violation } from "./group/violation.ts";

const SEEDS = amount(3, 30);
const STEPS = 60;
const OTHER_SEEDS = amount(2, 10);
/** One of so many seeds shows what is broken. */
const MUTATED_SEEDS_MAX = 20;

Deno.test(`group in an engine: ${SEEDS} seeds of talk and trouble break no promise`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await simulated(() => runEngineGroup({ seed, steps: STEPS }));
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

Deno.test("group in an engine: who trusts its lease for too long changes nothing, who wakes says nothing, who is cut off is left, a compaction hides no change, and one that was cut short costs the next one nothing", async () => {
  for (let seed = 1; seed <= OTHER_SEEDS; seed++) {
    await simulated(() => runTrustingLeader({ seed, steps: 20 }));
    await simulated(() => runWokenLeader({ seed, steps: 10 }));
    await simulated(() => runCutLeader({ seed, steps: 0 }));
    await simulated(() => runCompacted({ seed, steps: 0 }));
    await simulated(() => runHeldUp({ seed, steps: 0 }));
  }
});

for (const [name, { mutation, run, steps }] of Object.entries(ENGINE_MUTATIONS)) {
  Deno.test(`group in an engine: found where ${name}`, async () => {
    for (let seed = 1;; seed++) {
      assertLess(seed, MUTATED_SEEDS_MAX, "no run shows it");
      try {
        await simulated(() => run({ seed, steps, mutation }));
      } catch (error) {
        if (error instanceof Violation) return;
        throw error;
      }
    }
  });
}
