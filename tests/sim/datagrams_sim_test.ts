import { assert } from "@std/assert";
import { amount } from "../given.ts";
import { runDatagrams } from "./datagrams/run.ts";

const SEEDS = amount(3, 20);

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
  assert(forged > 50 * SEEDS && datagrams > 500 * SEEDS, `${forged} forged of ${datagrams}`);
});
