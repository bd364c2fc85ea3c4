/** A limit to waiting. */

import type { Clock } from "../base/clock.ts";

/** A reader that takes nothing for so long gets nothing more, when the program closes. */
export const CLOSE_MS_MAX = 2_000;

/** Resolves when `work` is done, or after `ms`: whether it was done. Rejects where it fails before. */
export async function isDoneWithin(
  clock: Clock,
  ms: number,
  work: Promise<unknown>,
): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = clock.at(clock.nowMs() + ms, () => late.resolve(false));
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    timer.cancel();
  }
}
