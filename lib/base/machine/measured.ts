/** What is measured, as others are told it. */

/** A measured time to a thousandth of a millisecond: further digits say nothing. */
export function measuredMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
