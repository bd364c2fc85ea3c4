/**
 * The number of a process start: higher than that of every earlier start with the same key, as far as anybody
 * knows, and else as late as the clock says.
 *
 * Two copies of a profile, or one that was put back to an old state, may know of the same last number while
 * their clocks are slow. If both took the next one, neither would give way to the other, and their messages
 * would have the same counters. So the lowest bits are left to chance.
 */

import type { Environment } from "../../../base/machine/environment.ts";

/** The highest: 256 incarnations in each ms since 1970, until the year 2527; 1 + each is still exact. */
export const INCARNATION_MAX = 2 ** 52;
/** One in 256 such pairs of starts collides; the other bits hold milliseconds for another five centuries. */
const CHANCES = 2 ** 8;
/** Ten years: far beyond what a clock is wrong by. */
const AHEAD_MS_MAX = 3_650 * 24 * 60 * 60 * 1_000;

/** @param atLeast 1 + the highest incarnation of our key that is known. */
export function freshIncarnation(env: Environment, atLeast: number): number {
  const slot = Math.max(Math.ceil(atLeast / CHANCES), Math.floor(env.wallMs()));
  const chance = Math.floor(env.random() * CHANCES);
  return Math.min(INCARNATION_MAX, slot * CHANCES + chance);
}

/**
 * The highest incarnation that is accepted from others, which may lie: were it the end of the range, no start
 * could follow. Honest ones exceed it only for a member whose clock was ten years ahead once.
 */
export function believableIncarnation(env: Environment): number {
  return Math.min(INCARNATION_MAX, Math.floor(env.wallMs() + AHEAD_MS_MAX) * CHANCES);
}
