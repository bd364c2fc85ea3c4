/** A wait by a clock, which is a virtual one in tests. */

import type { Clock } from "../base/machine/clock.ts";

/** Resolves after so long. */
export function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.at(clock.nowMs() + ms, resolve));
}
