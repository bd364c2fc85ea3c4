/** Where questions stand, and since when: a press on one that has only just come there was meant for another. */

/** Who presses sooner may have aimed at what was there before. */
export const STEADY_MS = 1_000;
/** Less is the same place. */
const SAME_PX = 2;

/**
 * Where each stands and since when, by its key.
 * @param before What this returned the last time; a Map that is empty at first.
 * @param tops Where each is now, by its key, px.
 */
export function standing(before, tops, nowMs) {
  return new Map([...tops].map(([key, top]) => {
    const known = before.get(key);
    const isThere = known !== undefined && Math.abs(known.top - top) < SAME_PX;
    return [key, isThere ? known : { top, sinceMs: nowMs }];
  }));
}

/** Whether a press on it counts. */
export function isSteady(stands, key, nowMs) {
  const known = stands.get(key);
  return known !== undefined && nowMs - known.sinceMs >= STEADY_MS;
}

/** Questions as they stand below one another: the last one's place is fixed, so that new ones come above the others. */
export function inPlace(shown, keys) {
  const open = new Set(keys);
  const before = new Set(shown);
  return [...keys.filter((key) => !before.has(key)), ...shown.filter((key) => open.has(key))];
}
