/** Intervals with jitter, so that programs that started at once, or lost the same peer at once, drift apart. */

/**
 * A duration from 0.75 to 1.25 times `ms`.
 * @param random In [0, 1).
 */
export function jittered(ms: number, random: number): number {
  return ms * (0.75 + random / 2);
}
