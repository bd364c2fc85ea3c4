/** Of one bound that several share: who has the most gives first, so that nobody pushes out what others have. */

/**
 * The most that each keeps, so that all together keep `sumMax`: who has less keeps all of it (max-min fairness).
 * Infinity where nobody has to give anything.
 */
export function fairShare(sizes: Iterable<number>, sumMax: number): number {
  const sorted = [...sizes].sort((a, b) => a - b);
  let left = sumMax;
  for (const [at, size] of sorted.entries()) {
    const share = left / (sorted.length - at);
    if (size > share) return share;
    left -= size;
  }
  return Infinity;
}
