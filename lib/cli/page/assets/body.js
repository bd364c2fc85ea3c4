/** What people say, and sentences about them, as nodes of the page: text, whatever it looks like. */

import { goOnAt, h, nameOf } from "./dom.js";
import { actionIn, foldedBody, foundParts, partsOf, visible, visibleBody } from "./harmless.js";
import { listed, namePart, othersText } from "./phrases.js";
import { fullText, timeText } from "./times.js";

/**
 * A text with links, mentions and breaks, and marks where `searched` stands; of a long one the beginning, and a button for
 * the rest. Of one's own name nothing is to be seen in what one says oneself, nor where one is talked to in any case.
 */
export function bodyElement({ text: raw, from, self, searched }, { state, place }, kind) {
  const action = actionIn(raw);
  const text = visibleBody(action ?? raw);
  const { head, more } = foldedBody(text);
  const who = action === null ? [] : [nameOf(from, state), " "];
  const called = self || place.person !== null ? null : state.self;
  const element = h(
    "div",
    { class: action === null ? kind : `${kind} is-action`, dir: "auto" },
    who,
    pieces(head, called, searched),
  );
  if (more === null) return element;
  const button = h("button", { type: "button", class: "more" }, `Show ${more}`);
  button.addEventListener("click", () => {
    element.replaceChildren(...who, ...pieces(text, called, searched));
    goOnAt(element);
    button.remove();
  });
  return h("div", {}, element, button);
}

function pieces(text, called, searched) {
  return partsOf(text, called).map(({ text: part, href, isMention }) => {
    const shown = marked(part, searched);
    if (href !== undefined) {
      return h(
        "a",
        { href, rel: "noopener noreferrer nofollow", target: "_blank", title: href },
        shown,
      );
    }
    return isMention ? h("span", { class: "mention" }, shown) : shown;
  });
}

function marked(text, searched = "") {
  return foundParts(text, searched).map(({ text: part, isFound }) =>
    isFound ? h("mark", {}, part) : part
  );
}

/** Parts of a sentence as nodes. */
export function sentence(parts, context) {
  return parts.map((part) =>
    typeof part === "string" ? visibleBody(part) : partNode(part, context)
  );
}

function partNode(part, context) {
  const { state, nowMs, act } = context;
  if (part.name !== undefined) return nameOf(part.name, state);
  if (part.code !== undefined) return h("code", { class: "inline-code" }, visible(part.code));
  if (part.time !== undefined) {
    const attributes = { datetime: part.time, title: fullText(part.time) };
    return h("time", attributes, timeText(part.time, nowMs));
  }
  if (part.entry !== undefined) {
    const onclick = () => act.showEntry(part.entry);
    return h("button", { type: "button", class: "link", onclick }, `entry ${part.entry}`);
  }
  if (part.line !== undefined) {
    const onclick = () => act.line(part.line);
    return h("button", { type: "button", class: "link", onclick }, part.label);
  }
  if (part.others !== undefined) return othersNode(part.others, context);
  return h("q", {}, h("bdi", {}, foldedBody(visibleBody(part.quote)).head));
}

/** How many others there are; who they are, once one asks. */
function othersNode(names, context) {
  const onclick = ({ target }) => {
    goOnAt(target.parentElement);
    target.replaceWith(...sentence(listed(names.map(namePart)), context));
  };
  return h("button", { type: "button", class: "link", onclick }, othersText(names));
}
