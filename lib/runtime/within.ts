/** Waiting with a timeout. */

import type { Clock } from "../base/machine/clock.ts";

/** How long a closing program waits for a reader that takes nothing; what isn't read by then isn't output any more. */
export const CLOSE_MS_MAX = 2_000;

/** Resolves to true when `work` is done, or to false after `ms`. Rejects if `work` fails before that. */
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
