/** Intervals that differ a little each time, so that many who began, or lost the same peer, at once drift apart. */

/**
 * Three to five quarters of `ms`.
 * @param random In [0, 1).
 */
export function jittered(ms: number, random: number): number {
  return ms * (0.75 + random / 2);
}
