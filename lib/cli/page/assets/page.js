/** The page: keeps what is known, draws it, and does what the user asks. */

import { renderAsks } from "./asks.js";
import { attentionOf } from "./attention.js";
import { itemsOf } from "./chunks.js";
import { Composer } from "./composer.js";
import { Connection, randomWord } from "./connection.js";
import { Dialogs } from "./dialogs.js";
import { fill, h, icon, setText } from "./dom.js";
import { listenToDrops } from "./drops.js";
import { emptyElement, renderEnd, renderLink, renderPerson } from "./frame.js";
import { visible } from "./harmless.js";
import { placeholderOf, subtitleOf } from "./headings.js";
import { Notifier } from "./notifier.js";
import { personActions } from "./person_actions.js";
import { mainPlace, NOTHING, peopleOf, unseenIn } from "./places.js";
import { reduce } from "./reduce.js";
import { refOf } from "./refs.js";
import { closeSide, isSideOpen, openSide } from "./side.js";
import { orderedPlaces, renderPeople, renderPlaces, titleOf } from "./sidebar.js";
import { ofWindow } from "./storage.js";
import { Timeline } from "./timeline.js";
import { leaves, meant, tooLong } from "./typed.js";
import { Uploads } from "./uploads.js";

const $ = (id) => document.getElementById(id);
/** So many earlier messages are asked for at once. */
const EARLIER_STEP = 200;
/** Where fewer were shown, so many are asked for when one comes there. */
const FIRST_MESSAGES = 50;
/** At most this many messages are kept by a program. */
const EARLIER_MAX = 10_000;
const CLOCK_MS = 500;

let state = NOTHING;
let isDrawing = false;
/** What is being changed: `{seq}` of an entry; null: nothing. */
let editing = null;
/** The place in which this window was before it was loaded again; null: there is none, or it is there. */
let wanted = ofWindow.get("place");
/** Whether a place was chosen, by the user or because there is only one. */
let hasChosen = wanted !== null;
/** The places in which it was asked what was said last, in this run of the program. */
const asked = new Set();
let refs = 0;
const start = Date.now().toString(36);

function act(action) {
  const before = state;
  state = reduce(state, action);
  if (state.asks.length > 0) askAll();
  if (state === before || isDrawing) return;
  isDrawing = true;
  // Before the next picture; where none is drawn, the title and the list are to be right all the same.
  const draw = () => {
    if (!isDrawing) return;
    isDrawing = false;
    render();
  };
  if (document.hidden) setTimeout(draw, 50);
  else requestAnimationFrame(draw);
}

const current = () => state.places.get(state.current) ?? mainPlace(state);

function newRef(kind, place) {
  return refOf(kind, place, `${start}${(refs++).toString(36)}`);
}

/** Runs what was typed or chosen. @returns Whether the program was given it. */
function run({ line, command, room, isChat }, text, place = state.current, kind = "a") {
  const ref = newRef(kind, place);
  const what = line === undefined ? { command } : { line, ...(room === undefined ? {} : { room }) };
  if (!connection.send({ type: "run", ...what, ref })) {
    if (kind === "a") {
      say("Not sent: there is no connection with the program. Your text is still here.");
    }
    return false;
  }
  if (kind === "a") act({ type: "sent", ref, place, text, isChat: isChat === true });
  return true;
}

function askAll() {
  const { asks } = state;
  state = reduce(state, { type: "asked" });
  for (const { command, place } of asks) run({ command }, "", place, "q");
}

/** What the page shows all the time, and may have missed. */
function askWhoIsHere() {
  const quietly = (command) => run({ command }, "", "main", "q");
  if (state.mode === "mesh") {
    quietly({ command: "rooms" });
    for (const { id, type, room } of state.places.values()) {
      if (type === "room") {
        run(
          { command: { command: "peers", ...(state.rooms.size > 1 ? { room } : {}) } },
          "",
          id,
          "q",
        );
      }
    }
  } else quietly({ command: "list" });
}

function say(text, place = state.current) {
  act({ type: "said", place, text, at: new Date().toISOString() });
  tell(visible(text));
}

/** Says something to screen readers. */
function tell(text) {
  const box = $("announcer");
  box.append(h("p", {}, text));
  while (box.childElementCount > 20) box.firstChild.remove();
}

async function submit(text) {
  if (text.trim() === "") return false;
  const place = current();
  const error = tooLong(text);
  if (error !== null) {
    say(error);
    return false;
  }
  if (editing !== null) {
    const isDone = run({ command: { command: "edit", text, n: editing.seq }, isChat: false }, text);
    if (isDone) stopEditing();
    return isDone;
  }
  const what = meant(state, place, text);
  if (what.error !== undefined) {
    say(what.error);
    return false;
  }
  if (leaves(state, place, text) && !await confirmLeaving()) return false;
  const isDone = run(what, text);
  if (isDone) timeline.scrollToEnd();
  return isDone;
}

function confirmLeaving() {
  const text =
    "You leave, here and in every other window and console of this program. To close this page alone, close the window.";
  return dialogs.ask("End p2pchat?", text, "End it");
}

function stopEditing() {
  editing = null;
  $("editing").hidden = true;
}

/** What buttons do. */
const acts = {
  line: (line) => run(meant(state, current(), line), line),
  command: (command) => run({ command: withRoom(command) }, ""),
  file: (item, command) => {
    const { room } = item.data;
    run({ command: room === undefined ? command : { ...command, room } }, "");
  },
  dismiss: ({ id }) => act({ type: "dismissed", place: state.current, id }),
  select: (place) => select(place),
  edit: (item) => {
    editing = item;
    composer.put(item.text);
    fill(
      $("editing"),
      h(
        "span",
        {},
        "Changing ",
        h("strong", {}, `entry ${item.seq}`),
        "; whoever has to agree is asked",
      ),
      h("button", {
        type: "button",
        class: "more",
        onclick: () => {
          stopEditing();
          composer.put("");
        },
      }, "Don\u2019t change it"),
    );
    $("editing").hidden = false;
  },
  showEntry: (seq) => {
    const found = [...itemsOf(current().chunks)].find((item) => item.seq === seq);
    if (found === undefined) acts.line(`/entry ${seq}`);
    else timeline.reveal(found.key);
  },
  putBack: (text) => composer.put(text),
  person: (person) =>
    state.mode === "friends" && !person.self ? acts.open(person.name) : acts.about(person),
  about: (person) => dialogs.person(person, state, personActions(person, state, acts)),
  open: (person) => {
    act({ type: "open", person, room: current().room ?? undefined });
    closeSide();
    composer.focus();
  },
  ask: (...question) => dialogs.ask(...question),
  sendFile: (person) => {
    acts.open(person);
    $("file").click();
  },
  lostFocus: () => composer.focus(),
};

function withRoom(command, { room } = current()) {
  return state.mode === "mesh" && state.rooms.size > 1 && room !== null
    ? { ...command, room }
    : command;
}

function select(place) {
  hasChosen = true;
  stopEditing();
  act({ type: "select", place });
  closeSide();
  composer.focus();
}

/** @param more So many more than there are, as far as they are kept. */
function askEarlier(place = current(), more = EARLIER_STEP) {
  const n = Math.min(EARLIER_MAX, saidIn(place) + more);
  const command = state.mode === "group" ? "log" : "history";
  const name = place.person === null ? {} : { name: place.person };
  run({ command: withRoom({ command, n, ...name }, place) }, "", place.id, "e");
}

function saidIn({ chunks }) {
  return [...itemsOf(chunks)].filter(({ kind }) => kind === "said").length;
}

/** What was said last, where a program that was started again hasn't shown it. */
function askWhatWasSaid() {
  const place = current();
  if (state.last < state.upTo || asked.has(place.id) || !canAskEarlier(place)) return;
  asked.add(place.id);
  if (saidIn(place) < FIRST_MESSAGES) askEarlier(place, FIRST_MESSAGES);
}

function canAskEarlier({ type }) {
  return state.link.state === "open" && type !== "lobby" && type !== "friends";
}

// What is drawn.

function render() {
  askWhatWasSaid();
  const place = current();
  const nowMs = Date.now();
  const context = {
    state,
    place,
    nowMs,
    act: acts,
    canAskEarlier: canAskEarlier(place),
    empty: () => emptyElement(state, place),
  };
  timeline.show(context);
  $("timeline").setAttribute("aria-busy", String(state.last < state.upTo));
  const title = titleOf(state, place);
  setText($("title"), title);
  setText($("subtitle"), subtitleOf(state, place));
  setText($("own-name"), state.self ?? "p2pchat");
  renderPlaces($("places"), state, acts);
  renderPeople(
    { word: $("people-word"), count: $("people-count"), list: $("people") },
    state,
    acts,
  );
  renderLink(state, () => connection.wake());
  renderAsks($("asks"), state, acts, nowMs);
  renderEnd(current(), timeline.isAtEnd);
  composer.show(state, place);
  const placeholder = placeholderOf(state, place);
  $("text").placeholder = placeholder;
  setText($("text-label"), placeholder);
  $("attach").disabled = state.link.state !== "open" || place.isOver;
  $("attach").hidden = state.mode === "group" || place.type === "lobby" || place.type === "friends";
  renderPerson(state, place);
  const { unread, mentions } = unseenIn(state);
  document.title = `${
    unread === 0 ? "" : `(${unread}${mentions > 0 ? "!" : ""}) `
  }${title} \u2013 p2pchat`;
}

// What happens.

function received(message) {
  const nowMs = Date.now();
  switch (message.type) {
    case "welcome":
      if (!message.resumed) asked.clear();
      act({ type: "welcome", welcome: message });
      uploads.ticket = message.ticket;
      askWhoIsHere();
      return;
    case "events":
      act({ type: "events", events: message.events, nowMs });
      returnToPlace();
      for (const { id, fields } of message.events) if (id > state.upTo) attend(fields);
      return;
    case "prompt":
    case "marked":
      return act(message);
    case "names":
      return act({ type: "names", names: message.names, away: message.away });
    case "paused":
      return act({ type: "paused", reason: message.reason });
    case "progress":
      return act({ type: "progress", text: message.text });
    case "refused":
      if (message.ref !== undefined) act({ type: "forgotten", ref: message.ref });
      return say(message.text);
  }
}

/** After a reload: to where the window was, once that is known. */
function returnToPlace() {
  if (wanted === null) return openOnlyFriend();
  if (state.places.has(wanted)) act({ type: "select", place: wanted });
  else if (state.last < state.upTo) return;
  wanted = null;
}

/** Who has one friend writes to that one, as in the console. */
function openOnlyFriend() {
  if (state.mode !== "friends" || hasChosen) return;
  const friends = [...mainPlace(state).people.values()].filter(({ self }) => !self);
  if (friends.length === 0) return;
  hasChosen = true;
  if (friends.length === 1) act({ type: "open", person: friends[0].name });
}

function attend(event) {
  const { spoken, title, body, isUrgent } = attentionOf(event, state);
  if (spoken !== null) tell(spoken);
  if (isUrgent) setText($("alarm"), `${title}. ${body}`);
  if (title !== null && !document.hasFocus()) notifier.notify(title, body);
}

function isLooking() {
  return document.hasFocus() && !document.hidden && timeline.isAtEnd;
}

function looked() {
  const isFocused = isLooking();
  const isRead = isFocused && current().below > 0;
  if (isFocused !== state.isFocused || isRead) act({ type: "focus", isFocused });
  else renderEnd(current(), timeline.isAtEnd);
}

function goBy(step) {
  const places = orderedPlaces(state);
  const at = places.findIndex(({ id }) => id === state.current);
  select(places.at((at + step + places.length) % places.length).id);
}

function pressed(event) {
  const { key, altKey, ctrlKey, metaKey } = event;
  if (document.querySelector("dialog[open]") !== null) return;
  const places = orderedPlaces(state);
  if (altKey && (key === "ArrowUp" || key === "ArrowDown")) goBy(key === "ArrowUp" ? -1 : 1);
  else if (altKey && /^[1-9]$/.test(key) && places[key - 1] !== undefined) {
    select(places[key - 1].id);
  } else if (altKey && key.toLowerCase() === "a") {
    const next = places.find(({ unread }) => unread > 0);
    if (next === undefined) return;
    select(next.id);
  } else if ((ctrlKey || metaKey) && key === "/") dialogs.keys();
  else if (key === "Escape") escaped();
  else if ((key === "PageUp" || key === "PageDown") && event.target === $("text")) {
    const view = $("timeline");
    view.scrollBy(0, (key === "PageUp" ? -0.9 : 0.9) * view.clientHeight);
  } else return;
  event.preventDefault();
}

function escaped() {
  if (isSideOpen()) return closeSide();
  if (editing !== null) {
    stopEditing();
    composer.put("");
  }
  timeline.scrollToEnd();
  composer.focus();
}

function listen() {
  for (
    const [id, name] of Object.entries({
      "close-side": "close",
      "open-side": "menu",
      attach: "attach",
      send: "send",
    })
  ) {
    $(id).append(icon(name));
  }
  fill($("help"), icon("help"), "Keys");
  $("help").addEventListener("click", () => dialogs.keys());
  const search = h("button", {
    type: "button",
    class: "icon-button",
    "aria-label": "Search what was said",
    title: "Search",
  }, icon("search"));
  search.addEventListener("click", () => composer.put("/search "));
  const about = h("button", {
    type: "button",
    class: "icon-button",
    id: "about",
    "aria-haspopup": "dialog",
    hidden: true,
  }, icon("person"));
  about.addEventListener("click", () => {
    const { person } = current();
    acts.about(peopleOf(state, current()).get(person) ?? { name: person });
  });
  $("bar-tools").append(about, search);
  $("open-side").addEventListener("click", openSide);
  $("close-side").addEventListener("click", closeSide);
  $("shade").addEventListener("click", closeSide);
  $("to-end").addEventListener("click", () => {
    timeline.scrollToEnd();
    composer.focus();
  });
  $("attach").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    uploads.add($("file").files, state.current, state.fileBytes);
    $("file").value = "";
  });
  addEventListener("keydown", pressed);
  addEventListener("focus", looked);
  addEventListener("blur", looked);
  document.addEventListener("visibilitychange", looked);
  setInterval(() => renderAsks($("asks"), state, acts, Date.now()), CLOCK_MS);
  listenToDrops(
    () => {
      if ($("attach").disabled || $("attach").hidden) return null;
      return current().person === null ? "everybody here" : titleOf(state, current());
    },
    (files) => uploads.add(files, state.current, state.fileBytes),
  );
}

const dialogs = new Dialogs($("dialog"));
const timeline = new Timeline($("timeline"), { changed: looked, earlier: () => askEarlier() });
const composer = new Composer({ form: $("composer"), text: $("text"), list: $("suggestions") }, {
  submit,
  told: tell,
});
const notifier = new Notifier($("notify"));
const uploads = new Uploads($("uploads"), {
  done: ({ path }, id) => {
    const place = state.places.get(id) ?? mainPlace(state);
    const name = place.person === null || state.mode === "directory" ? {} : { name: place.person };
    const room = state.rooms.size > 1 && place.room !== null ? { room: place.room } : {};
    run({ command: { command: "send", file: path, ...name, ...room } }, "", place.id);
  },
  failed: (text, place) => say(text, place),
});

/** Kept over a reload: the same window comes in again. */
function windowId() {
  const id = ofWindow.get("window") ?? randomWord();
  ofWindow.set("window", id);
  return id;
}

const connection = new Connection({
  token: location.hash.slice(1),
  window: windowId(),
  pass: received,
  link: (link) => act({ type: "link", link }),
  had: () => ({ run: state.run, last: state.last }),
});

addEventListener("pagehide", () => ofWindow.set("place", state.current));
addEventListener("hashchange", () => location.reload());
listen();
render();
connection.start();
composer.focus();
