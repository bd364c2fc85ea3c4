/** What waits, above the message box: a call, a vote, what the program hasn't answered yet, and what may not have been said. */

import { Component } from "preact";
import { button, dom } from "./html.js";
import { Line, textOf, unstarred } from "./line.js";
import { Steady } from "./steady.js";
import { questionsIn } from "./typed.js";

/** So many messages that aren't answered yet are shown at once. */
const PENDING_SHOWN_MAX = 3;
const PENDING_CHARACTERS = 160;
/** An answer that comes sooner is seen by itself. */
const PROMPT_MS = 1_000;
/** What is below the last row of a change. */
const BELOW_PX = 16;

function left(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The answers to each kind: `[label, command, field]`, with the field of the question that the command has, too. */
const ANSWERS = {
  pending: [],
  unsaid: [["Leave it"]],
  vote: [["Agree", "go", "edit"], ["Refuse", "abort", "edit"]],
  code: [["Yes, it is", "verify", "name", { answer: "yes" }], ["No", "verify", "name", {
    answer: "no",
  }]],
  incoming: [["Accept", "accept", "name"], ["Decline", "decline"]],
  ringing: [["Withdraw", "cancel"]],
  call: [["Hang up", "hangup"]],
};

/** What stands below the time, where the rows of a change begin. */
const INDENT = 6;

/** A change as the program draws it: rows, many as one text, that begin with a sign. Those of one sign stand together. */
class Change extends Component {
  shouldComponentUpdate({ lines }) {
    return lines !== this.props.lines;
  }

  render({ lines: [, ...lines] }) {
    const blocks = [];
    for (const row of lines.map((line) => textOf(line).slice(INDENT)).join("\n").split("\n")) {
      const tag = { "-": "del", "+": "ins" }[row[0]] ?? "p";
      if (blocks.at(-1)?.tag === tag) blocks.at(-1).rows.push(row);
      else blocks.push({ tag, rows: [row] });
    }
    const drawn = blocks.map(({ tag, rows }) => dom`<${tag} class="line">${rows.join("\n")}<//>`);
    return dom`<div class="versions" tabindex="0" role="group" aria-label="The change">${drawn}</div>`;
  }
}

function Question({ question, act, nowMs, model }) {
  const { key, kind, lines, untilMs, sinceMs } = question;
  const [first] = lines;
  const [time, mark, ...rest] = first;
  const said = time[0] === "time" ? [unstarred(mark, /^ \? /), ...rest] : first;
  const clock = untilMs ? `${left(untilMs - nowMs)} left` : sinceMs ? left(nowMs - sinceMs) : "";
  const answer = ([label, command, field, more], at, { length }) => {
    const what = { command, ...(field && { [field]: question[field] }), ...more };
    const look = at === 0 && length > 1 ? "button is-main" : "button";
    const run = command === undefined ? () => act.settle(key) : () => act.command(what);
    return button(label, run, look);
  };
  return dom`<div class="ask is-${kind}" data-question=${question.id ? `call ${question.id}` : key}>
    <div class="ask-text"><${Line} line=${said} model=${model} />
      <span class="faint" role="timer" aria-live="off">${clock}</span></div>
    ${lines.length > 1 && dom`<${Change} lines=${lines} />`}
    <div class="actions">${ANSWERS[kind].map(answer)}</div>
  </div>`;
}

/** What is shown, by key. */
function open({ questions, asked, here }, nowMs) {
  const late = [...asked].filter(([, { isChat, sentMs }]) => isChat && nowMs - sentMs > PROMPT_MS);
  const pending = late.slice(-PENDING_SHOWN_MAX).map(([ref, { said }]) => {
    const text = said.slice(0, PENDING_CHARACTERS);
    return [`pending ${ref}`, { kind: "pending", lines: [["Not answered yet: ", text]] }];
  });
  const isOpen = ([, { untilMs = Infinity, place = here.id }]) =>
    untilMs > nowMs && place === here.id;
  return [...pending, ...[...questions].filter(isOpen)];
}

/** The element of a question of which what it is about is in view; null: it isn't. */
export function inView(id) {
  const ask = document.querySelector(`[data-question="${CSS.escape(id)}"]`);
  if (ask === null || document.hidden) return null;
  const [about, all] = [ask.querySelector(".versions") ?? ask, ask.parentElement]
    .map((one) => one.getBoundingClientRect());
  return about.top > all.top - 1 && about.bottom < all.bottom + 1 ? ask : null;
}

/** Whether what it is about is in view, and its end was scrolled to. */
function isRead(id) {
  const all = inView(id)?.querySelector(".versions"); // null: it has none; undefined: it isn't in view
  if (!all) return all === null && !id.startsWith("vote ");
  return all.scrollTop + all.clientHeight > all.scrollHeight - BELOW_PX;
}

export class Questions extends Component {
  /** What is shown, from the top, and how far the end of it is below what is seen. */
  #keys = [];
  #fromEnd = 0;
  #isOther = false;

  componentDidMount() {
    this.steady = new Steady(this.view, ".ask .actions button", false);
    this.componentDidUpdate();
  }

  componentDidUpdate() {
    const { view, props: { model, act } } = this;
    if (this.#isOther) view.scrollTop = view.scrollHeight - this.#fromEnd;
    this.#note();
    this.steady.measure();
    for (const id of questionsIn(model, model.here)) if (isRead(id)) act.shown(id);
  }

  #note() {
    this.#fromEnd = this.view.scrollHeight - this.view.scrollTop;
  }

  render({ model, act, nowMs }) {
    const all = new Map(open(model, nowMs));
    // The last one's place is fixed: new ones come above the others.
    const kept = this.#keys.filter((key) => all.has(key));
    const keys = [...[...all.keys()].filter((key) => !kept.includes(key)), ...kept];
    this.#isOther = keys.join() !== this.#keys.join();
    this.#keys = keys;
    const shown = keys.map((key) => {
      const question = { ...all.get(key), key };
      return dom`<${Question} key=${[key, question.kind, question.id].join()} ...${{
        question,
        act,
        nowMs,
        model,
      }} />`;
    });
    return dom`
      <section class="asks" id="asks" aria-label="Waiting for your answer"
        hidden=${keys.length === 0} ref=${(view) => this.view = view ?? this.view}
        onScroll=${() => this.#note()}>${shown}</section>
    `;
  }
}

/** How long a word code is still good, beside it. */
export class GoodFor extends Component {
  componentDidMount() {
    this.timer = setInterval(() => this.forceUpdate(), 1_000);
  }

  componentWillUnmount() {
    clearInterval(this.timer);
  }

  render({ untilMs }) {
    const ms = untilMs - Date.now();
    const text = ms > 0 ? `${left(ms)} left` : "These words are good no more";
    return dom`<p class="faint" role="timer" aria-live="off">${text}</p>`;
  }
}
