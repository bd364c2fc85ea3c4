// deno-lint-ignore-file no-console -- a program of its own
/**
 * Long runs of the datagram layer's simulator, and single runs to look at:
 *
 *     deno run --allow-env tests/sim/datagrams/main.ts SEED=1 SEEDS=1000 STEPS=120
 *     deno run --allow-env tests/sim/datagrams/main.ts SEED=7 TRACE=1
 */

import { runDatagrams } from "./run.ts";

const given = new Map(Deno.args.map((argument) => argument.split("=") as [string, string]));
const setting = (name: string, otherwise: number) =>
  Number(given.get(name) ?? Deno.env.get(name) ?? otherwise);

const first = setting("SEED", 1);
const seeds = setting("SEEDS", given.has("SEED") ? 1 : 100);
const steps = setting("STEPS", 120);
const trace = setting("TRACE", 0) === 1;
let failures = 0;
let datagrams = 0;
for (let seed = first; seed < first + seeds; seed++) {
  try {
    const options = { seed, steps };
    const world = runDatagrams(trace ? { ...options, print: console.log } : options);
    datagrams += world.datagrams;
  } catch (error) {
    failures += 1;
    console.log(`seed ${seed} failed: ${error instanceof Error ? error.stack : error}`);
    if (failures >= 10) break;
  }
}
console.log(`${seeds} seeds, ${datagrams} datagrams, ${failures} failures`);
if (failures > 0) Deno.exit(1);
