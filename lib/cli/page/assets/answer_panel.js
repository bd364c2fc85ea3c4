/** What commands answer, above the message box: the latest few of a place, each to be closed; nothing of it piles up. */

import { answer } from "./cards.js";
import { fill, h, icon } from "./dom.js";
import { plainText } from "./phrases.js";

/** Draws the answers of the place that is shown, the latest first. @param context As of `itemElement`. */
export function renderAnswers(element, context) {
  const { place, act } = context;
  const { answers } = place;
  const { size: marked } = context.state.marked;
  if (element.answers === answers && element.marked === marked) return;
  [element.answers, element.marked] = [answers, marked];
  const hadFocus = element.contains(document.activeElement);
  element.hidden = answers.length === 0;
  fill(element, answers.toReversed().map((each) => answerElement(each, context)));
  element.scrollTop = 0;
  if (hadFocus) act.lostFocus();
}

function answerElement(item, context) {
  const title = plainText(item.card.title, context.state);
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
export function spokenOf({ card }, state) {
  return `${plainText(card.title, state)}. It is shown above the message box; Escape closes it.`;
}
