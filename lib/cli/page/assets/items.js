/** Items of a timeline as elements. What comes from others is text, whatever it looks like. */

import { sentence } from "./body.js";
import { dayRule, startsDay } from "./days.js";
import { h, icon } from "./dom.js";
import { offer, said } from "./spoken.js";
import { fullText, timeText } from "./times.js";

/**
 * @param before The item above, or null. @param isUnnamed Whether the name of who says it stands further above.
 * @param context `state`, `place`, `nowMs`, and `act`: what buttons do.
 */
export function itemElement(item, before, isUnnamed, context) {
  const made = MAKERS[item.kind](item, isUnnamed, context);
  const above = [];
  if (startsDay(item, before)) above.push(dayRule(item.at, context));
  // Since when they were away says it, too.
  if (context.place.divider === item.key && before?.kind !== "since") {
    const { dividerAt } = context.place;
    const since = dividerAt === null ? "" : ` since ${timeText(dividerAt, context.nowMs)}`;
    above.push(h("div", { class: "new-line", role: "separator" }, `New${since}`));
  }
  made.dataset.key = item.key;
  if (above.length === 0) return made;
  return h("div", { class: "day-group", "data-key": item.key }, above, made);
}

const SIGNS = { warning: "warning", error: "warning" };

function line(item, _, context) {
  const sign = SIGNS[item.tone];
  return h(
    "div",
    { class: `item note is-${item.tone}` },
    h("span", { class: "note-sign" }, sign === undefined ? null : icon(sign)),
    h(
      "p",
      { class: "note-text" },
      sign === undefined
        ? null
        : h("span", { class: "unseen" }, item.tone === "error" ? "Error: " : "Warning: "),
      sentence(item.parts, context),
      item.at
        ? h(
          "time",
          { class: "note-time", datetime: item.at, title: fullText(item.at) },
          timeText(item.at),
        )
        : null,
    ),
  );
}

function since(item, _, { nowMs }) {
  return h(
    "div",
    { class: "since", role: "separator" },
    "Away since ",
    timeText(item.since, nowMs),
  );
}

const MAKERS = { said, line, since, offer };
