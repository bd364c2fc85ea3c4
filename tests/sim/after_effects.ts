/** A run is repeated with a fault after one of its effects, then with the fault after a later one, up to its end. */

import { amount } from "../given.ts";

/**
 * In `make sim-long` each fault comes after each effect. In `make test-all` it comes after a few; the faults of a list take
 * turns, so that together they come after every fourth one.
 * @param fails Runs with the fault after so many effects. Returns false if the run was over before.
 * @returns After how many effects the run is over.
 */
export function afterEffects<Fault>(
  faults: readonly Fault[],
  fault: Fault,
  fails: (effects: number) => boolean,
): number {
  const step = amount(4 * faults.length, 1);
  let effects = 1 + (4 * faults.indexOf(fault)) % step;
  while (fails(effects)) effects += step;
  return effects;
}
