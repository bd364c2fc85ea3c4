/** What waits for an answer within some time, above the message box: calls, and votes. */

import { changeOf } from "./changes.js";
import { fill, h, nameOf } from "./dom.js";
import { visibleBody } from "./harmless.js";
import { titleOf } from "./sidebar.js";
import { clockText } from "./times.js";

const NEVER_MS = 24 * 3_600_000;

/** So many of what wasn't said are shown at once; the others follow. */
const UNSAID_SHOWN_MAX = 3;

/** What wasn't said, or may not have been: in view until the user has decided. */
function unsaidOf(state, act) {
  return state.unsaid.slice(0, UNSAID_SHOWN_MAX).map((one) => {
    const place = state.places.get(one.place);
    const where = place === undefined || place.id === state.current
      ? ""
      : ` (${titleOf(state, place)})`;
    return {
      key: `unsaid ${one.id}${where}`,
      text: () => [`${one.why}${where} `, h("q", {}, h("bdi", {}, startOf(one.said)))],
      buttons: [
        ["Put it into the message box", () => act.putBack(one), true],
        ["Leave it", () => act.settle(one)],
      ],
    };
  });
}

/** More of it is in the message box, once it is put there. */
const START_MAX = 160;

function startOf(text) {
  const shown = visibleBody(text);
  return shown.length <= START_MAX ? shown : `${shown.slice(0, START_MAX)}\u2026`;
}

/** @returns The open questions: `key`, `text` and `buttons` each, and until when; `isCalling`: somebody rings. */
function questionsOf(state, act) {
  const questions = [...state.votes.values()].map((
    { edit, seq, by, old, new: text, deadlineMs },
  ) => ({
    key: `vote ${edit}`,
    text: () => [nameOf(by, state), ` wants to change entry ${seq}`],
    more: () => versionsElement(old, text),
    deadlineMs,
    buttons: [
      ["Agree", () => act.command({ command: "go", edit }), true],
      ["Refuse", () => act.command({ command: "abort", edit })],
    ],
  }));
  const { call } = state;
  if (call === null) return questions;
  const peer = () => nameOf(call.peer, state);
  if (call.state === "incoming") {
    return [{
      key: `incoming ${call.id}`,
      text: () => [peer(), call.guest ? " (a guest) is calling you" : " is calling you"],
      deadlineMs: call.deadlineMs,
      isCalling: true,
      buttons: [
        ["Accept", () => act.command({ command: "accept", name: call.peer }), true],
        ["Decline", () => act.command({ command: "decline" })],
      ],
    }, ...questions];
  }
  if (call.state === "ringing") {
    return [{
      key: `ringing ${call.id}`,
      text: () => ["Calling ", peer(), "\u2026"],
      isCalling: true,
      buttons: [["Withdraw", () => act.command({ command: "cancel" })]],
    }, ...questions];
  }
  return [{
    key: `call ${call.id}`,
    text: () => ["In a call with ", peer()],
    sinceMs: call.sinceMs,
    buttons: [["Hang up", () => act.command({ command: "hangup" }), false, true]],
  }, ...questions];
}

/** Both texts, whole: who agrees does so to every word. What differs is marked. */
function versionsElement(old, text) {
  const [start, before, after, end] = changeOf(visibleBody(old), visibleBody(text));
  const version = (label, kind, part) =>
    h(
      "div",
      { class: "version" },
      h("span", { class: "version-label" }, label),
      h("p", {}, start, ...marked(kind, part), end),
    );
  return h(
    "div",
    { class: "versions", tabindex: "0", role: "group", "aria-label": "The change" },
    version("It reads", "del", before),
    version("It would read", "ins", after),
  );
}

/** A blank at either end is left as it is: a line under it looks like a mistake. */
function marked(kind, part) {
  const text = part.trim();
  if (text === "") return [part];
  const start = part.indexOf(text);
  return [part.slice(0, start), h(kind, {}, text), part.slice(start + text.length)];
}

/** Draws them, and their clocks; those that are out of time go. */
export function renderAsks(element, state, act, nowMs) {
  const all = [...unsaidOf(state, act), ...questionsOf(state, act)];
  const open = all.filter(({ deadlineMs = NEVER_MS + nowMs }) => deadlineMs > nowMs);
  const keys = [...open.map(({ key }) => key), state.marked.size].join("\n");
  element.hidden = open.length === 0;
  if (element.dataset.keys !== keys) {
    element.dataset.keys = keys;
    const hadFocus = element.contains(document.activeElement);
    fill(element, open.map(questionElement));
    if (hadFocus) act.lostFocus();
  }
  for (const [at, { deadlineMs, sinceMs }] of open.entries()) {
    const left = element.children[at].querySelector(".ask-left");
    const text = deadlineMs !== undefined
      ? `${clockText(Math.ceil((deadlineMs - nowMs) / 1_000))} left`
      : sinceMs === undefined
      ? ""
      : clockText(Math.floor((nowMs - sinceMs) / 1_000));
    if (left.textContent !== text) left.textContent = text;
  }
  return open.length > 0;
}

function questionElement({ text, more = () => null, buttons, isCalling }) {
  return h(
    "div",
    { class: isCalling ? "ask is-calling" : "ask" },
    h(
      "p",
      { class: "ask-text" },
      text(),
      h("span", { class: "ask-left", role: "timer", "aria-live": "off" }),
    ),
    more(),
    h(
      "div",
      { class: "actions" },
      buttons.map(([label, run, isMain, isGrave]) =>
        h("button", {
          type: "button",
          class: `button${isMain ? " is-main" : ""}${isGrave ? " is-grave" : ""}`,
          onclick: run,
        }, label)
      ),
    ),
  );
}
