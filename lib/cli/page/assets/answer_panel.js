/** What commands answer, above the message box: the latest few of a place, each to be closed; nothing of it piles up. */

import { answer } from "./cards.js";
import { fill, h, icon } from "./dom.js";
import { plainText } from "./phrases.js";

/** Draws the answers of the place that is shown, the latest first. @param context As of `itemElement`. */
export function renderAnswers(element, context) {
  const { place, act } = context;
  const { answers } = place;
  if (element.answers === answers) return;
  element.answers = answers;
  const hadFocus = element.contains(document.activeElement);
  element.hidden = answers.length === 0;
  fill(element, answers.toReversed().map((each) => answerElement(each, context)));
  element.scrollTop = 0;
  if (hadFocus) act.lostFocus();
}

function answerElement(item, context) {
  const title = plainText(item.card.title);
  const close = h("button", {
    type: "button",
    class: "icon-button answer-close",
    "aria-label": `Close: ${title}`,
    title: "Close (Esc)",
    onclick: () => context.act.close(item),
  }, icon("close"));
  return h("div", { class: "answer" }, answer(item, null, context), close);
}

/** What a screen reader is told of an answer. */
export function spokenOf({ card }) {
  return `${plainText(card.title)}. It is shown above the message box; Escape closes it.`;
}
