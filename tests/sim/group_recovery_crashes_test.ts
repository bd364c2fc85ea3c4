/**
 * Each row of the tables "Recovery" in docs/group-crashes.md. All promises are checked throughout, and in the end
 * all are one group.
 */

import { amount } from "../given.ts";
import { RECOVERY_SCENES } from "./group/recovery_scenes.ts";
import { Stage } from "./group/stage.ts";

const SEEDS = [1, 2, 3].slice(0, amount(1, 3));

for (const [table, scenes] of Object.entries(RECOVERY_SCENES)) {
  for (const [row, play] of Object.entries(scenes)) {
    Deno.test(`${table}: ${row}`, () => {
      for (const seed of SEEDS) {
        try {
          const stage = Stage.of(seed, 3, 3);
          play(stage);
          stage.unite();
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
    });
  }
}
