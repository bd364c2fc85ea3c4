/** Whether a program is idle. It isn't in `proc.ts`, as the benchmarks use that one without `@std/assert`. */

import { assert } from "@std/assert";
import { pause } from "./hostile_peer.ts";
import { processorMs } from "./proc.ts";

/** The most processor time of an idle program, as a share of one processor. */
const IDLE_SHARE_MAX = 0.05;
const IDLE_LOOKS_MAX = 5;

/**
 * Checks that the process `pid` is idle for one of several seconds. Short work such as garbage collection may
 * disturb some of them, but a program with endless work is never idle.
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
