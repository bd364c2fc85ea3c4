/** Elements, made of text alone: nothing here takes markup. */

import { shownName } from "./harmless.js";
import { hueOf } from "./hues.js";

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  check: [
    "M12 3l2.3 1.9 3-.2.8 2.9 2.5 1.6-1.1 2.8 1.1 2.8-2.5 1.6-.8 2.9-3-.2L12 21l-2.3-1.9-3 .2-.8-2.9-2.5-1.6 1.1-2.8-1.1-2.8 2.5-1.6.8-2.9 3 .2z",
    "M8.8 12.200l2.2 2.2 4.2-4.6",
  ],
  tick: ["M6.500 12.700l3.600 3.600 7.400-8.300"],
  clock: ["M12 20a8 8 0 100-16 8 8 0 000 16z", "M12 8v4.200l2.700 1.800"],
  warning: ["M12 4.500l8.5 15h-17z", "M12 10v4.2", "M12 17v.1"],
  room: ["M4 5.500h16v10.500h-8.500L7 19.500V16H4z"],
  lock: ["M6.5 11h11v8.500h-11z", "M8.8 11V8.200a3.2 3.2 0 016.4 0V11"],
  person: [
    "M12 12.200a3.7 3.7 0 100-7.4 3.7 3.7 0 000 7.400z",
    "M4.8 19.700c1-3.4 3.7-5 7.2-5s6.2 1.6 7.2 5",
  ],
  call: [
    "M7 4.500h3l1.4 4-2 1.500a11 11 0 004.6 4.600l1.5-2 4 1.400v3c0 1-.8 1.8-1.8 1.700C11 18.2 5.8 13 5.3 6.3 5.2 5.3 6 4.5 7 4.500z",
  ],
  attach: [
    "M19 11.500l-7 7a4.6 4.6 0 01-6.5-6.500l7.5-7.500a3 3 0 014.3 4.300l-7.3 7.300a1.5 1.5 0 01-2.1-2.100l6.6-6.6",
  ],
  send: ["M12 19V5.5", "M6 11.200l6-5.9 6 5.9"],
  down: ["M12 5v13.5", "M6 12.700l6 5.9 6-5.9"],
  more: [5.5, 12, 18.5].map((x) => `M${x - 0.8} 12a.8.8 0 101.6 0 .8.8 0 10-1.6 0`),
  add: ["M12 5.500v13", "M5.500 12h13"],
  invite: ["M4.500 6.500h15v11h-15z", "M5 7l7 6 7-6"],
  menu: ["M4.5 7h15", "M4.5 12h15", "M4.5 17h15"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  search: ["M10.8 17.300a6.5 6.5 0 100-13 6.5 6.5 0 000 13z", "M15.7 15.700l4.5 4.5"],
  bell: ["M6.5 16.500V11a5.5 5.5 0 0111 0v5.500l1.5 1.500H5z", "M10.3 20.500h3.4"],
  help: [
    "M12 21a9 9 0 100-18 9 9 0 000 18z",
    "M9.6 9.500a2.5 2.5 0 114 2c-1 .7-1.6 1.2-1.6 2.3",
    "M12 16.800v.1",
  ],
  file: ["M6.5 3.500h7.500l4 4v13h-11.500z", "M13.5 3.500v4.500h4.5"],
  edit: ["M5 19l.8-3.600L16 5.200a2 2 0 012.8 2.800L8.6 18.200z"],
  question: ["M12 21a9 9 0 100-18 9 9 0 000 18z", "M12 7.500v5.5", "M12 16.500v.1"],
  leave: ["M14 4.500H6v15h8", "M10.5 12h9.5", "M16.5 8.500L20 12l-3.5 3.5"],
  mute: ["M12 21a9 9 0 100-18 9 9 0 000 18z", "M5.8 5.800l12.4 12.4"],
};

export function icon(name) {
  return svg("0 0 24 24", PATHS[name]);
}

/** A drawing of paths, which says nothing to a screen reader: what is around it does. */
export function svg(viewBox, paths) {
  const element = document.createElementNS(SVG, "svg");
  element.setAttribute("viewBox", viewBox);
  element.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    element.append(path);
  }
  return element;
}

/**
 * An element with attributes (`class`, `aria-label`; `onclick` and the like are listeners; null and false are left out)
 * and children: elements, texts, lists of these, or null.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodesOf(children));
  return element;
}

/** Gives an element these children, as `h` takes them, in place of those that it has. */
export function fill(element, ...children) {
  element.replaceChildren(...nodesOf(children));
}

function nodesOf(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What had the focus is gone: whoever goes on with the keyboard, or reads on, does so here. */
export function goOnAt(element) {
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

/** A person's name, apart from what stands beside it. */
export function nameOf(name, state) {
  return h("bdi", { class: "name" }, shownName(name, state));
}

/** A circle with the first letter of a name, in the colour of the person. @param who Their key, or their name. */
export function avatar(name, state, isOwn = false, who = name) {
  const [first = "?"] = shownName(name, state);
  const element = h(
    "span",
    { class: isOwn ? "avatar is-own" : "avatar", "aria-hidden": "true" },
    first.toUpperCase(),
  );
  if (!isOwn) colour(element, name, who, state);
  return element;
}

/** Gives an element a person's colour. */
export function colour(element, name, who, state) {
  element.style.setProperty("--hue", hueOf(state, name, who));
}

/** The sign of a person whose key was compared, or isn't the right one; null: there is nothing to say. */
export function verifiedSign({ verified, changed, refused, verifiedAs = [] }) {
  if (verified) return signOf("check", "verified", "Verified: you have compared the keys");
  if (changed === undefined && !refused && verifiedAs.length === 0) return null;
  const text = refused || changed !== undefined
    ? "Not the key that was expected"
    : `The key that you verified as ${verifiedAs.join(" and ")}`;
  return signOf("warning", "suspicious", text);
}

function signOf(name, kind, text) {
  return h("span", { class: kind, role: "img", "aria-label": text, title: text }, icon(name));
}

/** A button that puts a text on the clipboard. @param what Whose that is, where the label isn't enough. */
export function copyButton(text, what, label = "Copy") {
  const button = h("button", { type: "button", class: "copy" });
  const show = (word) => {
    button.textContent = word;
    button.ariaLabel = `${word}: ${what}`;
  };
  show(label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      show("Copied");
    } catch {
      // The browser refuses where it wasn't asked by a person, or the user has forbidden it.
      show("Select and copy it yourself");
    }
    setTimeout(() => show(label), 2_000);
  });
  return button;
}
