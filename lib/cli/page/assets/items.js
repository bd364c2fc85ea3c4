/** Items of a timeline as elements. What comes from others is text, whatever it looks like. */

import { bodyElement, sentence } from "./body.js";
import { answer } from "./cards.js";
import { dayRule, startsDay } from "./days.js";
import { h, icon } from "./dom.js";
import { offer, said } from "./spoken.js";
import { fullText, timeText } from "./times.js";

/**
 * @param before The item above, or null.
 * @param context `state`, `place`, `nowMs`, and `act`: what buttons do.
 */
export function itemElement(item, before, context) {
  const made = MAKERS[item.kind](item, before, context);
  const above = [];
  if (startsDay(item, before)) above.push(dayRule(item.at, context));
  if (context.place.divider === item.key) {
    above.push(h("div", { class: "new-line", role: "separator" }, "New"));
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
    "You were away since ",
    timeText(item.since, nowMs),
  );
}

/** What was sent just as the program ended: nobody knows whether it was said. */
function unsaid(item, _, context) {
  return h(
    "div",
    { class: "item note is-warning" },
    h("span", { class: "note-sign" }, icon("warning")),
    h(
      "div",
      { class: "note-text" },
      "The program ended before it answered: this may not have been said.",
      bodyElement(item.text, context, "said-text"),
      h(
        "button",
        { type: "button", class: "more", onclick: () => context.act.putBack(item.text) },
        "Put it into the message box",
      ),
    ),
  );
}

const MAKERS = { said, line, since, answer, offer, unsaid };
