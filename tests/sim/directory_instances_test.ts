/** A directory of three instances over an engine, while those, and the engine, fail. */

import { assert } from "@std/assert";
import { amount } from "../given.ts";
import { Violation } from "./directory/violation.ts";
import { MUTATIONS } from "./directory_instances/mutations.ts";
import {
  type InstancesRun,
  runCalls,
  runInstances,
  runKilled,
  runSignUps,
  runWoken,
} from "./directory_instances/run.ts";
import { simulated } from "./engine.ts";

const SEEDS = amount(8, 100);
const CALLS_SEEDS = amount(1, 20);
const STEPS = 120;
/** One of so many seeds shows what is broken. */
const MUTATED_SEEDS_MAX = 150;

Deno.test(`directory of several instances: ${SEEDS} seeds of moves, broadcasts and trouble break no promise`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await simulated(() => runInstances({ seed, steps: STEPS }));
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

Deno.test(`directory of several instances: ${SEEDS} seeds of one that stands still for longer than its lease, and wakes to nobody`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await simulated(() => runWoken({ seed }));
});

Deno.test(`directory of several instances: ${SEEDS} seeds of sign-ups beside guests, of whom one has the name`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await simulated(() => runSignUps({ seed }));
});

Deno.test(`directory of several instances: ${SEEDS} seeds of one that is killed as all broadcast, of whom each is told how many have it, and nobody misses any`, async () => {
  let count = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { reported } = await simulated(() => runKilled({ seed }));
    count += reported.size;
  }
  assert(count > 4 * SEEDS, `${count}`);
});

Deno.test("directory of several instances: of 1,000 calls between them, one killed meanwhile, each ends for both, and nobody is in two", async () => {
  for (let seed = 1; seed <= CALLS_SEEDS; seed++) {
    const { outcomes } = await simulated(() => runCalls(seed, 1_000));
    for (
      const end of ["direct: hung up there", "relay elsewhere: hung up there", "ringing: busy"]
    ) {
      assert((outcomes.get(end) ?? 0) > 10, `${end}: ${outcomes.get(end)}`);
    }
  }
});

for (const { name, mutation, finding, run } of MUTATIONS) {
  Deno.test(`directory of several instances: the simulation finds one that ${name}`, async () => {
    for (let seed = 1; seed <= MUTATED_SEEDS_MAX; seed++) {
      const found = await violationOf({ seed, steps: STEPS, mutation }, run);
      if (found === null) continue;
      assert(finding.test(found), found);
      return;
    }
    throw new Error("no seed shows it");
  });
}

/** Which promise is broken; null: none. */
async function violationOf(
  given: InstancesRun,
  run: (run: InstancesRun) => unknown = runInstances,
): Promise<string | null> {
  try {
    await simulated(() => run(given));
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
}
