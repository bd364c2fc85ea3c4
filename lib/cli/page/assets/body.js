/** What people say, and sentences about them, as nodes of the page: text, whatever it looks like. */

import { h, nameOf } from "./dom.js";
import { actionIn, foldedBody, partsOf, visible, visibleBody } from "./harmless.js";
import { listed, namePart, othersText } from "./phrases.js";
import { fullText, timeText } from "./times.js";

/** A text with links, mentions and breaks; of a long one the beginning, and a button for the rest. */
export function bodyElement({ text: raw, from }, { state }, kind) {
  const action = actionIn(raw);
  const text = visibleBody(action ?? raw);
  const { head, more } = foldedBody(text);
  const who = action === null ? [] : [nameOf(from, state), " "];
  const element = h(
    "div",
    { class: action === null ? kind : `${kind} is-action`, dir: "auto" },
    who,
    pieces(head, state.self),
  );
  if (more === null) return element;
  const button = h("button", { type: "button", class: "more" }, `Show ${more}`);
  button.addEventListener("click", () => {
    element.replaceChildren(...who, ...pieces(text, state.self));
    button.remove();
  });
  return h("div", {}, element, button);
}

function pieces(text, self) {
  return partsOf(text, self).map(({ text: part, href, isMention }) => {
    if (href !== undefined) {
      return h(
        "a",
        { href, rel: "noopener noreferrer nofollow", target: "_blank", title: href },
        part,
      );
    }
    return isMention ? h("span", { class: "mention" }, part) : part;
  });
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
  const onclick = (event) => {
    event.target.replaceWith(...sentence(listed(names.map(namePart)), context));
  };
  return h("button", { type: "button", class: "link", onclick }, othersText(names));
}
