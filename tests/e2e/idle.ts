/** Whether a program has nothing to do. Apart from `proc.ts`: the benchmarks, which use that, have no `@std/assert`. */

import { assert } from "@std/assert";
import { pause } from "./hostile_peer.ts";
import { processorMs } from "./proc.ts";

/** Of one processor, of a program that has nothing to do. */
const IDLE_SHARE_MAX = 0.05;
const IDLE_LOOKS_MAX = 5;

/**
 * Checks that the process `pid` does nothing for a second: whoever goes on with something never does. That it tidies
 * up for a moment, collects garbage say, is no work that goes on.
 */
export async function assertIdle(pid: number): Promise<void> {
  const shares: number[] = [];
  do {
    const [usedMs, fromMs] = [await processorMs(pid), performance.now()];
    await pause(1_000);
    shares.push((await processorMs(pid) - usedMs) / (performance.now() - fromMs));
  } while (shares.at(-1)! >= IDLE_SHARE_MAX && shares.length < IDLE_LOOKS_MAX);
  const said = shares.map((share) => (100 * share).toFixed(1)).join(", ");
  assert(shares.at(-1)! < IDLE_SHARE_MAX, `second by second it uses ${said} % of a processor`);
}
