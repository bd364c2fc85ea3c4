/** Who says several things one soon after the other is named above the first of them, and again now and then. */

import { startsDay } from "./days.js";

/** What is said within so many ms of what the same person said before stands under it, without their name. */
const TOGETHER_MS = 5 * 60_000;
/** After so long, or so many of them, name and time are shown again: else none may be in view. */
const RUN_MS = 10 * 60_000;
const RUN_ITEMS = 20;

function isTogether(item, before) {
  return before?.author !== undefined && before.author === item.author &&
    before.from === item.from && before.toAll === item.toAll && !startsDay(item, before) &&
    Math.abs(Date.parse(item.at) - Date.parse(before.at)) < TOGETHER_MS;
}

/** Those of the items that stand under a name further above. @param above The items of the chunk above. */
export function unnamed(items, above = []) {
  const found = new Set();
  let [before, first, count] = [null, null, 0];
  for (const item of [...above, ...items]) {
    const isUnder = isTogether(item, before) && count < RUN_ITEMS &&
      Date.parse(item.at) - Date.parse(first.at) < RUN_MS;
    if (isUnder) found.add(item);
    [first, count] = isUnder ? [first, count + 1] : [item, 1];
    before = item;
  }
  return found;
}
