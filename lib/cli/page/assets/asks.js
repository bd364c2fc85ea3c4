/** What waits for an answer within some time, above the message box: calls, and votes. */

import { differenceOf } from "../../rendering/text_difference.ts";
import { h, nameOf } from "./dom.js";
import { shownName, visibleBody } from "./harmless.js";
import { unansweredIn } from "./reduce.js";
import { titleOf } from "./sidebar.js";
import { inPlace, isSteady, standing } from "./steady.js";
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
      key: `unsaid ${one.id}`,
      of: where,
      text: () => [`${one.why}${where} `, h("q", {}, h("bdi", {}, startOf(one.said)))],
      buttons: [
        ["Put it into the message box", () => act.putBack(one), true],
        ["Leave it", () => act.settle(one)],
      ],
    };
  });
}

/** An answer that comes sooner is seen by itself, ms. */
const PROMPT_MS = 1_000;

/** What was said, and isn't answered yet: the message box is empty, and it stands nowhere else. */
function onItsWay(state, nowMs) {
  return unansweredIn(state, nowMs - PROMPT_MS).slice(-UNSAID_SHOWN_MAX).map(([ref, { said }]) => ({
    key: `pending ${ref}`,
    text: () => ["On its way, not answered yet: ", h("q", {}, h("bdi", {}, startOf(said)))],
    buttons: [],
  }));
}

/** More of it is in the message box, once it is put there. */
const START_MAX = 160;

function startOf(text) {
  const shown = visibleBody(text);
  return shown.length <= START_MAX ? shown : `${shown.slice(0, START_MAX)}\u2026`;
}

/**
 * @returns The open questions: `key`, what they are `of` and `who` asks as it is shown (with another value they are drawn
 *   anew), `text` and `buttons` each, and until when; `isCalling`: somebody rings.
 */
function questionsOf(state, act) {
  const questions = [...state.votes.values()].map((vote) => ({
    key: `vote ${vote.edit}`,
    of: vote,
    who: shownName(vote.by, state.marked),
    deadlineMs: vote.deadlineMs,
    ...voteQuestion(vote, state, act),
  }));
  const { call } = state;
  if (call === null) return questions;
  const peer = () => nameOf(call.peer, state);
  const who = shownName(call.peer, state.marked);
  if (call.state === "incoming") {
    return [{
      key: `call ${call.id}`,
      who,
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
      who,
      text: () => ["Calling ", peer(), "\u2026"],
      isCalling: true,
      buttons: [["Withdraw", () => act.command({ command: "cancel" })]],
    }, ...questions];
  }
  return [{
    key: `talk ${call.id}`,
    who,
    text: () => ["In a call with ", peer()],
    sinceMs: call.sinceMs,
    buttons: [["Hang up", () => act.command({ command: "hangup" }), false, true]],
  }, ...questions];
}

/** Who agrees does so to every word: the program refuses that before the end of what differs was scrolled to. */
function voteQuestion({ edit, seq, by, old, new: text }, state, act) {
  return {
    text: () => [nameOf(by, state), ` wants to change entry ${seq} (edit ${edit})`],
    more: () => differenceElement(old, text),
    buttons: [
      ["Agree", () => act.command({ command: "go", edit }), true],
      ["Refuse", () => act.command({ command: "abort", edit })],
    ],
  };
}

/** All that differs. */
function differenceElement(old, text) {
  const rows = differenceOf(old, text).map((row) => {
    if ("told" in row) return h("p", { class: "version-label" }, row.told);
    const { sign } = row;
    return h("p", {}, h(sign === "-" ? "del" : "ins", {}, `${sign} ${visibleBody(row.text)}`));
  });
  const what = { tabindex: "0", role: "group", "aria-label": "The change" };
  return h("div", { class: "versions", ...what }, h("div", { class: "version" }, rows));
}

/** What is below the last row. */
const BELOW_PX = 16;

export class Asks {
  #element;
  #act;
  /** What is shown, from the top, by its key: `{of, who, node}`. */
  #shown = new Map();
  /** See `standing`. */
  #stands = new Map();

  constructor(element, act) {
    [this.#element, this.#act] = [element, act];
    element.addEventListener("scroll", () => this.#measure(true), { passive: true });
  }

  /** Draws what is new, and the clocks; what is out of time goes. What stays keeps its place, as far as there is room. */
  show(state, nowMs) {
    const all = [
      ...unsaidOf(state, this.#act),
      ...onItsWay(state, nowMs),
      ...questionsOf(state, this.#act),
    ];
    const open = all.filter(({ deadlineMs = NEVER_MS + nowMs }) => deadlineMs > nowMs);
    const element = this.#element;
    element.hidden = open.length === 0;
    const fromEnd = element.scrollHeight - element.scrollTop;
    const isDrawn = this.#draw(new Map(open.map((question) => [question.key, question])));
    for (const { key, deadlineMs, sinceMs } of open) {
      const left = this.#shown.get(key).node.querySelector(".ask-left");
      const text = deadlineMs !== undefined
        ? `${clockText(Math.ceil((deadlineMs - nowMs) / 1_000))} left`
        : sinceMs === undefined
        ? ""
        : clockText(Math.floor((nowMs - sinceMs) / 1_000));
      if (left.textContent !== text) left.textContent = text;
    }
    if (isDrawn) element.scrollTop = element.scrollHeight - fromEnd; // with the clocks, each of which is a line
    this.#measure();
  }

  /** @returns Whether it wasn't there already. */
  #draw(open) {
    const kept = [...this.#shown.keys()].filter((key) =>
      isSame(this.#shown.get(key), open.get(key))
    );
    if (kept.length === this.#shown.size && kept.length === open.size) return false;
    const element = this.#element;
    const hadFocus = element.contains(document.activeElement);
    const before = this.#shown;
    this.#shown = new Map(
      inPlace([...before.keys()], [...open.keys()]).map((key) => {
        if (kept.includes(key)) return [key, before.get(key)];
        this.#stands.delete(key);
        const { of, who } = open.get(key);
        return [key, { of, who, node: this.#questionElement(open.get(key)) }];
      }),
    );
    for (const [key, { node }] of before) if (this.#shown.get(key)?.node !== node) node.remove();
    // What stays isn't taken out and put in again: it would lose the focus, and where it was scrolled to.
    let next = null;
    for (const { node } of [...this.#shown.values()].reverse()) {
      if (node.parentNode !== element) element.insertBefore(node, next);
      next = node;
    }
    if (hadFocus && !element.contains(document.activeElement)) this.#act.lostFocus();
    return true;
  }

  /** Whether some of what that question is about wasn't scrolled to. */
  hides(question) {
    const versions = this.#shown.get(question)?.node.querySelector(".versions") ?? null;
    if (versions === null) return false;
    const { scrollTop, clientHeight, scrollHeight } = versions;
    return scrollTop + clientHeight < scrollHeight - BELOW_PX;
  }

  /** Notes what has moved: its buttons do nothing for a while, unless the user has scrolled. */
  #measure(isScroll = false) {
    const nowMs = performance.now();
    const tops = [...this.#shown].map(([key, { node }]) => [key, topOf(node)]);
    this.#stands = standing(this.#stands, tops, nowMs, isScroll);
    for (const [key, { node }] of this.#shown) {
      const isInert = String(!isSteady(this.#stands, key, nowMs));
      for (const button of node.querySelectorAll(".actions button")) {
        if (button.ariaDisabled !== isInert) button.ariaDisabled = isInert;
      }
    }
  }

  #pressed(key, run) {
    this.#measure();
    if (isSteady(this.#stands, key, performance.now())) run();
  }

  #questionElement({ key, text, more = () => null, buttons, isCalling }) {
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
            "aria-disabled": "true",
            onclick: () => this.#pressed(key, run),
          }, label)
        ),
      ),
    );
  }
}

function topOf(node) {
  return node.querySelector(".actions").getBoundingClientRect().top;
}

function isSame(shown, question) {
  return shown.of === question?.of && shown.who === question?.who && question !== undefined;
}
