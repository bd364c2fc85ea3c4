/** Where a day begins in a list of what was said. */

import { h } from "./dom.js";
import { dayNumber, dayText } from "./times.js";

/** @param before The item above, or null. */
export function startsDay(item, before) {
  if (!item.at || before !== null && !before?.at) return false;
  const last = before?.at ? dayNumber(Date.parse(before.at)) : null;
  return last !== dayNumber(Date.parse(item.at)) && (last !== null || item.from !== undefined);
}

export function dayRule(at, { nowMs }) {
  return h(
    "div",
    { class: "day", role: "separator" },
    h("time", { datetime: at.slice(0, 10) }, dayText(at, nowMs)),
  );
}
