/** One input, tried within its bounds of time and memory. */

import process from "node:process";
import { getHeapStatistics } from "node:v8";
import { INPUT_HEAP_BYTES_MAX, INPUT_MS_MAX, type Target } from "./target.ts";
import { Watched } from "./watch.ts";

/** The input that is tried now. */
export const onTrial = new Watched();

/** An input that breaks a promise. */
export class Finding extends Error {
  constructor(readonly target: Target, readonly input: Uint8Array, options: ErrorOptions) {
    super(`${target.name}: a promise is broken`, options);
  }
}

/** What is beyond a bound is measured so often, and the least counts: the machine has other work, too. */
const MEASURED = 3;

interface Cost {
  readonly ms: number;
  readonly heapBytes: number;
}

/** For one input of any length, on a machine that others use too. */
const COST_MAX: Cost = { ms: INPUT_MS_MAX, heapBytes: INPUT_HEAP_BYTES_MAX };

/**
 * @returns Whether the input was taken.
 * @throws {Finding}
 */
export async function tried(
  target: Target,
  input: Uint8Array,
  costMax = COST_MAX,
): Promise<boolean> {
  const isBeyond = ({ ms, heapBytes }: Cost) => ms > costMax.ms || heapBytes > costMax.heapBytes;
  onTrial.begin(input);
  try {
    let taken = false;
    let cost = await costOf(async () => taken = await target.check(input));
    for (let times = 1; times < MEASURED && isBeyond(cost); times++) {
      const again = await costOf(() => target.check(input));
      cost = {
        ms: Math.min(cost.ms, again.ms),
        heapBytes: Math.min(cost.heapBytes, again.heapBytes),
      };
    }
    if (isBeyond(cost)) {
      throw new Error(
        `${input.length} bytes took ${
          Math.round(cost.ms)
        } ms and ${cost.heapBytes} bytes of memory`,
      );
    }
    return taken;
  } catch (cause) {
    throw new Finding(target, input, { cause });
  }
}

async function costOf(check: () => boolean | Promise<boolean>): Promise<Cost> {
  const before = { bytes: heapBytes(), ms: performance.now(), usage: process.cpuUsage() };
  await check();
  const { user, system } = process.cpuUsage(before.usage);
  return {
    ms: Math.min(performance.now() - before.ms, (user + system) / 1_000),
    heapBytes: heapBytes() - before.bytes,
  };
}

function heapBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
