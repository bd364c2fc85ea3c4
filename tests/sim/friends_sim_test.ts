import { runFriends } from "./friends/run.ts";

const SEEDS = 150;

Deno.test(`friends: ${SEEDS} seeds of talk and trouble break no promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runFriends({ seed, steps: 80 });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
