/**
 * The hunt for a bug that was put into a machine: some seed must find it. A bug that no seed finds would say that the
 * checkers see nothing.
 *
 * With `HUNTS=FILE`, and all rights (`-A`), that file lists which seed found each one: where that is far from the first one tried, `from` is to be set anew, as
 * every run before is wasted. Any change of what machines send or wait for may move it.
 */

import { SLOW } from "../given.ts";

export interface Hunt {
  /** What finds it, and what the bug is: the name of the test. */
  readonly title: string;
  /** The first seed to try; by default 1. */
  readonly from?: number;
  readonly seedsMax: number;
  /** Whether this seed finds the bug; a text: what was found instead. */
  readonly finds: (seed: number) => boolean | string;
}

/** Registers the test of one hunt. */
export function hunt({ title, from = 1, seedsMax, finds }: Hunt): void {
  Deno.test(`${title}, within ${seedsMax} seeds`, SLOW, () => {
    const others: string[] = [];
    for (let seed = from; seed < from + seedsMax; seed++) {
      const found = finds(seed);
      if (found === true) {
        noteSeed(`${title}: seed ${seed}, from ${from}\n`);
        return;
      }
      if (found !== false) others.push(`${seed}: ${found}`);
    }
    throw new Error(`No seed of ${seedsMax} from ${from} on found it; ${others.join("; ")}`);
  });
}

/** Without `-A`, as `make test-all` runs it, nothing is noted. */
function noteSeed(line: string): void {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "HUNTS" });
  const list = state === "granted" ? Deno.env.get("HUNTS") : undefined;
  if (list !== undefined) Deno.writeTextFileSync(list, line, { append: true });
}
