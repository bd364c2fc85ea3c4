import { assert } from "@std/assert";
import { runDatagrams } from "./datagrams/run.ts";

const SEEDS = 20;

Deno.test(`datagrams keep every promise in ${SEEDS} troubled worlds`, () => {
  let forged = 0;
  let datagrams = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      const world = runDatagrams({ seed, steps: 120 });
      forged += world.forged;
      datagrams += world.datagrams;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert(forged > 1_000 && datagrams > 10_000, `${forged} forged of ${datagrams}`);
});
