/**
 * What was said and what happened, in a place. Chunks near what is seen are drawn. What is seen stays where it is, whatever
 * comes above or below it, unless the end is seen: then it stays the end.
 */

import { Component, h } from "preact";
import { countText } from "../../../base/text/words.ts";
import { button, dom, icon } from "./html.js";
import { answered, Body, bodyOf, clock, day, dayNumber, isAction, Line, plain } from "./line.js";
import { Offer } from "./files.js";
import { GoodFor } from "./questions.js";
import { Steady } from "./steady.js";
import { isToLogIn } from "./typed.js";

const DELIVERIES = { queued: ["…", "Sent, not delivered yet"], delivered: ["✓", "Delivered"] };

/** Who says, or offers, something, and when. */
function Spoken({ item, isRun, model, kind = "", children }) {
  const { ref, author, key, self, seq, at, delivery } = item;
  const whose = self ? "own" : "hue";
  const hue = model.hueOf(author, key);
  const [sign, how] = DELIVERIES[delivery] ?? [];
  const more = [kind, self && "is-own", isRun && "is-run", item.isMention && "is-mention"];
  const time = clock(Date.parse(at));
  const number = seq && `#${seq}`;
  const aside = number ?? item.mark;
  const head = isRun
    ? dom`<span class="unseen">${author}: </span>
      <span class="said-gutter" aria-hidden=${String(!seq)}>${number ?? time}</span>`
    : dom`<span class="avatar ${whose}" style=${hue} aria-hidden="true">${[...author][0]}</span>
      <header><bdi class="said-name ${whose}" style=${hue}>${author}</bdi>
        <time class="said-time" datetime=${at}>${time}</time>
        ${aside && dom`<span class="faint">${aside}</span>`}</header>`;
  return dom`<article class=${`said ${more.filter((one) => one).join(" ")}`} data-key=${ref}
      tabindex=${model.found?.ref === ref ? -1 : null}>
    ${head}${children}
    ${
    self && sign &&
    dom`<span class="said-delivery" role="img" aria-label=${how} title=${how}>${sign}</span>`
  }
    ${delivery === "failed" && dom`<p class="said-mark is-failed">not delivered</p>`}
  </article>`;
}

function Said({ item, isRun, act, model }) {
  const { changed, seq, ref } = item;
  const [said] = changed === undefined ? item.lines : [[["body", changed.text]]];
  const line = model.found?.ref === ref && model.found.line || said;
  const author = isAction(line) ? item.author : null;
  const isEdited = changed !== undefined || item.isEdited;
  const tool = (label, run) => {
    const more = { tabindex: -1, "aria-label": `${label} entry ${seq}` };
    return button(label.split(" ")[0], run, null, more);
  };
  const edit = () => {
    const text = plain(bodyOf(line));
    act.put(`/edit ${text} - ${seq}`, ["/edit ".length, "/edit ".length + text.length]);
  };
  const change = tool("Change", edit);
  const versions = isEdited && tool("Versions of", () => act.line(`/entry ${seq}`));
  return dom`<${Spoken} item=${item} isRun=${isRun} model=${model} kind=${author && "is-action"}>
    <${Body} line=${line} model=${model} author=${author} />
    ${isEdited && dom`<p class="said-mark">edited</p>`}
    ${seq !== undefined && dom`<div class="said-tools">${change}${versions}</div>`}
  <//>`;
}

/** They may be hundreds, and are one stop of Tab: where one is, or was, or else at the last entry that is seen. */
function keepOneStop(view) {
  const all = [...view.querySelectorAll(".said-tools button")];
  const { top, bottom } = view.getBoundingClientRect();
  const isSeen = (one) => {
    const rect = one.getBoundingClientRect();
    return rect.bottom > top && rect.top < bottom;
  };
  const stop = all.find((one) => one === document.activeElement) ??
    all.find((one) => one.tabIndex === 0 && isSeen(one)) ??
    all.findLast((one) => one.previousElementSibling === null && isSeen(one));
  for (const button of all) button.tabIndex = button === stop ? 0 : -1;
}

/** By key: how many buttons, and how many entries further. */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function goOn(event) {
  const { key, target, altKey, currentTarget: view } = event;
  const here = target.closest(".said-tools");
  if (altKey || here === null || !Object.hasOwn(STEPS, key)) return;
  event.preventDefault();
  const [buttons, entries] = STEPS[key];
  const all = [...view.querySelectorAll(".said-tools")];
  const there = all[all.indexOf(here) + entries]?.children;
  const at = [...here.children].indexOf(target) + buttons;
  there?.[Math.min(at, there.length - 1)]?.focus();
  keepOneStop(view);
}

/** Of more who come or go together only the last is shown. */
const TOGETHER = 3;
const COMING = new Set(["joined", "left", "joining"]);

class Lines extends Component {
  render({ item, act, model }, { isWhole }) {
    const { event, lines, found, again, tone, ref, asked, untilMs } = item;
    if (event === "returned") {
      const [, since] = lines[0].find(([role]) => role === "moment");
      return dom`<p class="since" role="separator" data-key=${ref}>Away since ${since}</p>`;
    }
    const drawn = (line, at) => {
      const shown = dom`<${Line} line=${line} model=${model} />`;
      const one = found?.[at];
      if (one === undefined) return shown;
      const label = { "aria-label": `Go to it: what ${one.author} said` };
      const way = button("Go to it", () => act.jump({ ...one, line }), "more", label);
      return dom`<div class="found"><span class="found-text">${shown}</span>${way}</div>`;
    };
    const isAnswer = tone === "answer";
    const label = { "aria-label": "Close this answer" };
    const close = () => button(icon("close"), () => act.dismiss(item), "icon", label);
    const hidden = COMING.has(event) && !isWhole && lines.length > TOGETHER ? lines.length - 1 : 0;
    return dom`<div class="note is-${tone}" data-key=${ref}>
      ${isAnswer && dom`<p class="asked"><code>${asked}</code>${close()}</p>`}
      ${
      hidden > 0 && button(`${hidden} more who came or went`, () =>
        this.setState({ isWhole: true }), "more")
    }
      ${isAnswer ? answered(lines, drawn) : lines.slice(hidden).map(drawn)}
      ${untilMs && dom`<${GoodFor} untilMs=${untilMs} />`}
      ${
      again && model.call === null && button("Call again", () => act.line(`/call ${again}`), "more")
    }
    </div>`;
  }
}

const Offered = (props) => dom`<${Spoken} ...${props} kind="is-offer"><${Offer} ...${props} /><//>`;
const KINDS = { said: Said, lines: Lines, offer: Offered };

/** What is said so soon after what the same person said stands under it; their name is shown again in each chunk. */
const TOGETHER_MS = 5 * 60_000;

function isRunOn(item, last) {
  const isSame = item.author !== undefined && last?.author === item.author && last.key === item.key;
  return isSame && Math.abs(Date.parse(item.at) - Date.parse(last.at)) < TOGETHER_MS;
}

/** An item of which the given one isn't of another day. */
const isOfDay = (item, { at }) => dayNumber(Date.parse(item.at)) === dayNumber(Date.parse(at));

class Chunk extends Component {
  shouldComponentUpdate(next) {
    const isOther = (key) => next[key] !== this.props[key];
    return ["chunk", "newFrom", "before", "found", "look"].some(isOther) ||
      isOther("files") && next.chunk.items.some(({ kind }) => kind === "offer");
  }

  render({ chunk, before, newFrom, act, model }) {
    return dom`<div class="chunk">${
      chunk.items.map((item, at, items) => {
        const last = items[at - 1] ?? before;
        const isDay = item.at &&
          (last?.at ? !isOfDay(item, last) : item.author !== undefined && !last);
        // Since when one was away says that already.
        const isNew = item.ref === newFrom && last?.event !== "returned";
        const isRun = at > 0 && !isDay && !isNew && isRunOn(item, last);
        return [
          isDay && dom`<h2 class="day">${day(Date.parse(item.at))}</h2>`,
          isNew && dom`<p class="new-line" role="separator">New</p>`,
          h(KINDS[item.kind], { key: item.ref, item, isRun, act, model }),
        ];
      })
    }</div>`;
  }
}

/** What stands where nothing was said: `[title, text, actions]`. */
function emptyTexts(model, { type, people }) {
  const isAlone = [...people.values()].every(({ self }) => self);
  const [friends, none] = ["Your friends", "Nothing has been said yet"];
  if (type === "lobby") {
    const who = `${isAlone ? "Who comes online" : "Who is online"} is in the list, to be called.`;
    return ["The lobby", isToLogIn(model) ? "Log in at the console first." : who];
  }
  if (type === "friends" && isAlone) {
    const text =
      "Nobody is in your list yet. Friends give each other their cards: each adds the other's.";
    return [friends, text, [["Add a friend", "add"], ["Your card", "whoami"]]];
  }
  if (type === "friends") return [friends, "Choose one of them in the list to write to them."];
  if (type === "group") return [none, "What you say goes to all members."];
  return type === "room"
    ? [none, "Say hello, or let others in.", [["Invite others", "invite"]]]
    : [null, "What you write here goes to nobody else."];
}

function Empty({ model, place, act }) {
  const [title, text, actions = []] = emptyTexts(model, place);
  const offered = actions.filter(([, word]) => model.commands.some(({ name }) => name === word))
    .map(([label, word]) => button(label, () => act.choose(`/${word}`)));
  return dom`<div class="empty">${title && dom`<h2>${title}</h2>`}<p>${text}</p>
    <div class="actions">${offered}</div></div>`;
}

/** So many chunks are drawn; with so many others in their place where the user scrolls on. */
const SHOWN = 6;
const STEP = 3;
const NEAR_PX = 400;
const END_PX = 24;

export class Timeline extends Component {
  /** The first chunk that is drawn; null: as many as there is room for, up to the end. */
  state = { from: null };
  isAtEnd = true;
  /** The first item that is seen, and how far below the top of the view it stands; null: the end is seen. */
  #anchor = null;
  #width = 0;
  /** What is to have the focus once it is drawn. */
  #goal = null;

  componentDidMount() {
    const { place } = this.props;
    place.view = this;
    this.watch = new ResizeObserver(() => this.#settle());
    this.watch.observe(this.view);
    this.watch.observe(this.view.firstElementChild);
    this.steady = new Steady(
      this.view,
      ".card .actions :is(.is-main, .is-grave), .note > .more",
      true,
    );
    if (place.newFrom !== null) this.toNew();
    else if (place.left) this.goTo(place.left.key, place.left.top);
    else this.componentDidUpdate();
  }

  componentWillUnmount() {
    this.watch.disconnect();
    this.props.place.left = this.#anchor;
  }

  componentDidUpdate() {
    this.#settle();
    const goal = this.#goal === null ? null : this.#find(this.#goal);
    this.#goal = null;
    goal?.focus({ preventScroll: true });
    this.#note();
  }

  #find(key) {
    return this.view.querySelector(`[data-key="${key}"]`);
  }

  #topOf(element) {
    return element.getBoundingClientRect().top - this.view.getBoundingClientRect().top;
  }

  /** What was seen is put back where it was. */
  #settle() {
    const { view } = this;
    this.#width = view.clientWidth;
    const seen = this.#anchor === null ? null : this.#find(this.#anchor.key);
    if (this.isAtEnd) view.scrollTop = view.scrollHeight;
    else if (seen !== null) {
      const moved = this.#topOf(seen) - this.#anchor.top;
      if (Math.abs(moved) >= 1) view.scrollTop += moved;
    }
    this.steady.measure();
  }

  /** Notes what is seen, and draws on where that is near the first or the last that is drawn. */
  #note() {
    const { view, props: { place, act } } = this;
    const { scrollTop, scrollHeight, clientHeight } = view;
    const below = scrollHeight - scrollTop - clientHeight;
    const [start, end] = this.#drawn();
    const { chunks } = place;
    const isAtEnd = end >= chunks.length && below < END_PX;
    const seen = isAtEnd
      ? undefined
      : [...view.querySelectorAll("[data-key]")].find((one) =>
        this.#topOf(one) + one.offsetHeight > 1
      );
    if (seen === undefined) this.#anchor = null;
    else {
      const top = this.#topOf(seen);
      const isSame = this.#anchor?.key === seen.dataset.key && Math.abs(this.#anchor.top - top) < 1;
      if (!isSame) this.#anchor = { key: seen.dataset.key, top };
    }
    const wasAtEnd = this.isAtEnd;
    this.isAtEnd = isAtEnd;
    const from = isAtEnd
      ? null
      : scrollTop < NEAR_PX && start > 0
      ? chunks[Math.max(0, start - STEP)].key
      : below < NEAR_PX && end < chunks.length
      ? chunks[start + STEP].key
      : chunks[start]?.key ?? null;
    if (from !== this.state.from) this.setState({ from });
    if (scrollTop < NEAR_PX && start === 0 && chunks.length > 0) act.earlier(place);
    if (isAtEnd !== wasAtEnd) act.looked();
    keepOneStop(view);
  }

  #scrolled() {
    // Another width has moved all: before anything is measured in it, what was seen is put back.
    if (this.view.clientWidth !== this.#width) this.#settle();
    else this.#note();
  }

  /** The first chunk that is drawn, and the first behind it that isn't. */
  #drawn() {
    const { chunks } = this.props.place;
    const { from } = this.state;
    const start = from === null
      ? Math.max(0, chunks.length - SHOWN)
      : Math.max(0, chunks.findIndex(({ key }) => key === from));
    return [start, start + SHOWN];
  }

  /** To an item, which is to stand so far below the top of the view. @param hasFocus Whether one goes on from there. */
  goTo(key, top, hasFocus = false) {
    const { chunks } = this.props.place;
    const at = chunks.findIndex(({ items }) => items.some(({ ref }) => String(ref) === key));
    if (at < 0) return;
    this.isAtEnd = false;
    this.#anchor = { key, top };
    if (hasFocus) this.#goal = key;
    this.setState({ from: chunks[Math.max(0, at - 1)].key });
    this.props.act.looked();
  }

  /** To the line above what is new. */
  toNew() {
    this.goTo(String(this.props.place.newFrom), this.view.clientHeight / 4);
  }

  reveal(key) {
    this.goTo(String(key), this.view.clientHeight / 3, true);
  }

  toEnd() {
    [this.isAtEnd, this.#anchor] = [true, null];
    this.setState({ from: null });
    this.props.act.looked();
  }

  render({ model, place, act }) {
    const { chunks } = place;
    const [start, end] = this.#drawn();
    let before = chunks[start - 1]?.items.at(-1);
    const isBusy = model.last < model.upTo;
    const isEmpty = !isBusy && model.mode !== null && model.paused === null &&
      !chunks.some(({ items }) => items.some(({ author }) => author !== undefined));
    const peer = model.home(place).people.get(place.person);
    const look = [dayNumber(Date.now()), model.marked.size, peer?.connected, model.call?.state]
      .join();
    const news = place.unread > 0 ? countText(place.unread, "new message") : "Latest";
    const drawn = chunks.slice(start, end).map((chunk) => {
      const { newFrom } = place;
      const given = { key: chunk.key, chunk, before, look, newFrom, act, model };
      before = chunk.items.at(-1);
      return h(Chunk, { ...given, found: model.found, files: model.files });
    });
    return dom`<div class="view">
      <div class="timeline" id="timeline" role="log" aria-live="off" aria-label="Messages"
        tabindex="0" aria-busy=${String(isBusy)} ref=${(view) => this.view = view ?? this.view}
        onScroll=${() => this.#scrolled()} onKeyDown=${goOn}><div>
          ${isEmpty && dom`<${Empty} model=${model} place=${place} act=${act} />`}${drawn}
        </div></div>
      ${!this.isAtEnd && button(news, act.toEnd, "to-end", { id: "to-end" })}
    </div>`;
  }
}
