/** What is given behind `--` to a run of tests. */

/** Numbers, as a seed, and how many. */
export const NUMBERS: readonly number[] = Deno.args.filter((given) => /^\d+$/.test(given))
  .map(Number);

/**
 * For a test that takes long for what it tells: `make quick` and `make test` leave it out, `make test-all` doesn't.
 *
 *     Deno.test("a room of 500 is connected", SLOW, () => { ... });
 */
export const SLOW = { ignore: Deno.args.includes("--quick") };

/** Its `test` is `Deno.test` with `SLOW`. */
export const slow = {
  test(name: string, run: (test: Deno.TestContext) => void | Promise<void>): void {
    Deno.test(name, SLOW, run);
  },
};

/** Whether it is `make sim-long`. */
export const LONG = Deno.args.includes("--long");

/** How much of something a simulated test tries: little in `make test-all`, much in `make sim-long`. */
export function amount(little: number, much: number): number {
  return LONG ? much : little;
}

/** Runs it with each seed. @throws {Error} With the seed that failed. */
export function eachSeed(seeds: number, run: (seed: number) => void): void {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
}
