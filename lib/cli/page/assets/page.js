/** The page: keeps what is known, draws it, and does what the user asks. */

import { renderAnswers, spokenOf } from "./answer_panel.js";
import { Asking, mayAsk } from "./asking.js";
import { renderAsks } from "./asks.js";
import { attentionOf } from "./attention.js";
import { itemsOf } from "./chunks.js";
import { Composer } from "./composer.js";
import { Connection, randomWord } from "./connection.js";
import { Dialogs } from "./dialogs.js";
import { fill, h, icon, setText } from "./dom.js";
import { listenToDrops } from "./drops.js";
import { barTools, emptyElement, renderEnd, renderLink, renderPerson } from "./frame.js";
import { placeholderOf, subtitleOf } from "./headings.js";
import { visible } from "./harmless.js";
import { markKey, SeenMarks } from "./marks.js";
import { pressed } from "./keyboard.js";
import { Notifier } from "./notifier.js";
import { personActions } from "./person_actions.js";
import { placeActions } from "./place_menu.js";
import { homeOf, mainPlace, NOTHING, peopleOf, unseenIn } from "./places.js";
import { reduce } from "./reduce.js";
import { refOf } from "./refs.js";
import { Seeking } from "./seeking.js";
import { closeSide, followWidth, isSideOpen, openSide } from "./side.js";
import { orderedPlaces, renderPeople, renderPlaces, titleOf } from "./sidebar.js";
import { ofWindow } from "./storage.js";
import { Timeline } from "./timeline.js";
import { isCallWith, leaves, meant, roomOf, tooLong } from "./typed.js";
import { Uploads } from "./uploads.js";

const $ = (id) => document.getElementById(id);
const CLOCK_MS = 500;
/** Where more is new, a page begins at the end of it. */
const READ_MAX = 200;
/** So often it is kept what was seen. */
const MARKS_MS = 1_000;

let state = NOTHING;
let isDrawing = false;
/** What is being changed: `{seq}` of an entry; null: nothing. */
let editing = null;
/** The place in which this window was before it was loaded again; null: there is none, or it is there. */
let wanted = ofWindow.get("place");
/** Whether a place was chosen, by the user or because there is only one. */
let hasChosen = wanted !== null;
/** Whether all that there was when the page came in is here, and what is new of it is still to be led to. */
let [isCaughtUp, isNewToBeShown] = [false, false];
const marks = new SeenMarks();
const asking = new Asking((command, place, kind) => run({ command }, "", place, kind));
let refs = 0;
const start = Date.now().toString(36);

function act(action) {
  const before = state;
  state = reduce(state, action);
  if (state.asks.length > 0) askAll();
  const unsaid = state.unsaid.at(-1);
  if (unsaid !== undefined && unsaid !== before.unsaid.at(-1) && !before.unsaid.includes(unsaid)) {
    setText($("alarm"), `${unsaid.why} ${visible(unsaid.said)}`);
  }
  if (state === before) return;
  const answer = current().answers.at(-1);
  const known = before.places.get(state.current)?.answers.at(-1);
  if (answer !== undefined && action.type === "events" && answer !== known) tell(spokenOf(answer));
  drawSoon();
}

/** Draws what there is, soon. */
function drawSoon() {
  if (isDrawing) return;
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

/** Runs what was typed or chosen. @param text As it was typed. @returns Whether the program was given it. */
function run({ line, command, room, isChat }, text, place = state.current, kind = "a") {
  const ref = newRef(kind, place);
  const what = line === undefined ? { command } : { line, ...(room === undefined ? {} : { room }) };
  if (!connection.send({ type: "run", ...what, ref })) {
    if (kind === "a") {
      hint("Not sent: there is no connection with the program. Your text is still here.");
      connection.wake();
    }
    return false;
  }
  const isText = isChat === true && command?.text !== undefined;
  const said = isText ? command.text : text;
  const at = new Date().toISOString();
  if (kind === "a") act({ type: "sent", ref, place, text, said, isChat: isChat === true, at });
  return true;
}

function askAll() {
  const { asks } = state;
  state = reduce(state, { type: "asked" });
  for (const { command, place } of asks) run({ command }, "", place, "q");
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

/** What was typed: a line, or what an entry is to read. */
function entered(text, shown) {
  if (editing === null || text.trim() === "") return submit(text, shown);
  const error = tooLong(text);
  if (error !== null) {
    hint(error);
    return false;
  }
  const isDone = run({ command: { command: "edit", text, n: editing.seq }, isChat: false }, text);
  if (isDone) stopEditing();
  return isDone;
}

/** @param shown The id of the place that was shown when it was entered: nothing is said anywhere else. */
async function submit(text, shown) {
  if (text.trim() === "") return false;
  const place = state.places.get(shown);
  if (place === undefined) {
    hint("Not sent: this conversation isn\u2019t there any more. Choose another one.");
    return false;
  }
  const what = meant(state, place, text);
  if (what.error !== undefined) {
    hint(what.error);
    return false;
  }
  if (leaves(state, place, text) && !await confirmLeaving()) return false;
  // The title is to name whom it is for.
  if (what.to !== undefined && state.link.state === "open") acts.open(what.to);
  const isDone = what.to === undefined
    ? run(what, text, shown)
    : run(what, what.command.text.replace(/^\//, "//"), state.current);
  if (isDone) {
    hint(null);
    timeline.scrollToEnd();
  }
  return isDone;
}

/** Says above the message box why nothing was sent, until something else is done. */
function hint(text) {
  const box = $("hint");
  if (text === null && box.hidden) return;
  fill(box, text === null ? null : h("span", {}, text));
  box.hidden = text === null;
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
  line: (line) => submit(line, state.current),
  command: (command) => run({ command: withRoom(command) }, ""),
  file: (item, command) => {
    const { room } = item.data;
    run({ command: room === undefined ? withRoom(command) : { ...command, room } }, "");
  },
  close: (answer) => act({ type: "closed", place: state.current, answer }),
  jump: (found) => seeking.begin(found),
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
  putBack: (unsaid) => {
    acts.settle(unsaid);
    if (state.places.has(unsaid.place)) select(unsaid.place);
    render(); // its own draft is there now
    composer.put([unsaid.text, composer.value].filter((text) => text.trim() !== "").join("\n"));
  },
  settle: ({ id }) => act({ type: "settled", id }),
  person: (person) =>
    state.mode === "friends" && !person.self ? acts.open(person.name) : acts.about(person),
  about: (person) => dialogs.person(person, state, personActions(person, state, acts)),
  open: (person, room = current().room ?? undefined) => {
    act({ type: "open", person, room });
    closeSide();
    composer.focus();
  },
  ask: (...question) => dialogs.ask(...question),
  form: (...fields) => dialogs.form(...fields),
  sendFile: (person) => {
    acts.open(person);
    $("file").click();
  },
  lostFocus: () => composer.focus(),
};

function withRoom(command, place = current()) {
  return { ...command, ...roomOf(state, place) };
}

function select(place) {
  hasChosen = true;
  stopEditing();
  hint(null);
  act({ type: "select", place });
  closeSide();
  composer.focus();
}

const LINK_ACTS = {
  retry: () => connection.wake(),
  reopen: () => {
    const { room } = homeOf(state, current());
    run({ command: { command: "join", where: `--room=${room}` } }, "");
  },
};

// What is drawn.

function render() {
  const place = current();
  asking.whatWasSaid(state, place);
  const nowMs = Date.now();
  const context = {
    state,
    place,
    nowMs,
    act: acts,
    canAskEarlier: mayAsk(state, place),
    empty: () => emptyElement(state, place, acts),
  };
  timeline.show(context);
  showNew();
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
  renderLink(state, place, LINK_ACTS);
  renderAnswers($("answers"), context);
  renderAsks($("asks"), state, acts, nowMs);
  renderEnd(current(), timeline.isAtEnd);
  composer.show(state, place);
  const placeholder = placeholderOf(state, place);
  $("text").placeholder = placeholder;
  setText($("text-label"), placeholder);
  $("more").disabled = state.link.state !== "open";
  $("attach").disabled = state.link.state !== "open" ||
    (place.type === "call" ? !isCallWith(state, place) : homeOf(state, place).isOver);
  $("attach").hidden = state.mode === "group" || place.type === "lobby" || place.type === "friends";
  renderPerson(state, place);
  const { unread, mentions } = unseenIn(state);
  document.title = `${
    unread === 0 ? "" : `(${unread}${mentions > 0 ? "!" : ""}) `
  }${title} \u2013 p2pchat`;
}

/** What is new is led to, once it is drawn; or it is seen already. */
function showNew() {
  if (!isCaughtUp) return;
  if (isNewToBeShown) {
    isNewToBeShown = false;
    timeline.showNew();
  }
  looked();
  const place = current();
  if (state.isFocused && place.unread === 0) marks.note(markKey(state, place), place.lastAt);
}

// What happens.

function received(message) {
  const nowMs = Date.now();
  switch (message.type) {
    case "welcome":
      if (!message.resumed) asking.beginAnew();
      act({ type: "welcome", welcome: message, seenAt: marks.load(message.mode) });
      isCaughtUp = false;
      uploads.ticket = message.ticket;
      asking.whoIsHere(state);
      catchUp();
      return;
    case "events": {
      const before = state.current;
      act({ type: "events", events: message.events, nowMs });
      // What is being typed to somebody stays where it is: a call that begins has its own line above the message box.
      if (composer.value.trim() !== "") act({ type: "select", place: before });
      returnToPlace();
      catchUp();
      for (const { id, fields } of message.events) if (id > state.upTo) attend(fields);
      if (message.events.some(({ fields }) => String(fields.ref).startsWith("e."))) {
        seeking.goOn();
      }
      return;
    }
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
      if (message.ref !== undefined) act({ ...message, type: "refused" });
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

/** All that there was is here: what is new of it is led to, unless it is too much to be read from its beginning. */
function catchUp() {
  if (isCaughtUp || state.last < state.upTo) return;
  isCaughtUp = true;
  const { divider, unread } = current();
  isNewToBeShown = divider !== null && unread > 0 && unread <= READ_MAX;
  drawSoon();
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
  const { unread, below } = current();
  const isRead = isFocused && isCaughtUp && !isNewToBeShown && (unread > 0 || below > 0);
  if (isFocused !== state.isFocused || isRead) act({ type: "focus", isFocused });
  else renderEnd(current(), timeline.isAtEnd);
}

const KEY_ACTS = {
  select,
  places: () => orderedPlaces(state),
  current: () => state.current,
  keys: () => dialogs.keys(),
  escape: escaped,
};

function escaped() {
  if (isSideOpen()) return closeSide();
  if (current().answers.length > 0) {
    act({ type: "closed", place: state.current });
    return composer.focus();
  }
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
  $("bar-tools").append(...barTools({
    about: () => {
      const { person } = current();
      acts.about(peopleOf(state, current()).get(person) ?? { name: person });
    },
    search: () => composer.put("/search "),
    more: () => {
      const place = current();
      dialogs.menu(titleOf(state, place), placeActions(state, place, acts));
    },
  }));
  $("open-side").addEventListener("click", openSide);
  $("close-side").addEventListener("click", closeSide);
  $("shade").addEventListener("click", closeSide);
  followWidth();
  $("to-end").addEventListener("click", () => {
    timeline.scrollToEnd();
    composer.focus();
  });
  $("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address has the token where a link within the page would put its target
    composer.focus();
  });
  $("text").addEventListener("input", () => hint(null));
  $("attach").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    uploads.add($("file").files, state.current, state.fileBytes);
    $("file").value = "";
  });
  addEventListener("keydown", (event) => pressed(event, KEY_ACTS));
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
const timeline = new Timeline($("timeline"), {
  changed: looked,
  earlier: () => asking.earlier(state, current()),
});
const composer = new Composer({ form: $("composer"), text: $("text"), list: $("suggestions") }, {
  submit: entered,
  told: tell,
});
const seeking = new Seeking({
  state: () => state,
  current,
  select,
  open: (...who) => acts.open(...who),
  ask: (place, more) => asking.earlier(state, place, more),
  mayAsk: (place) => mayAsk(state, place),
  reveal: (key) => {
    render(); // it may have come just now
    timeline.reveal(key);
  },
  hint,
});
const notifier = new Notifier($("notify"));
const uploads = new Uploads($("uploads"), {
  done: ({ path, name: file }, id) => {
    const place = state.places.get(id);
    if (place === undefined || place.type === "call" && !isCallWith(state, place)) {
      return say(
        `${visible(file)} wasn\u2019t offered: whom it was for isn\u2019t there any more.`,
      );
    }
    const name = place.person === null ? {} : { name: place.person };
    run({ command: withRoom({ command: "send", file: path, ...name }, place) }, "", place.id);
  },
  failed: (text, place) => say(text, place),
  isOpen: () => state.link.state === "open",
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

addEventListener("pagehide", () => {
  ofWindow.set("place", state.current);
  marks.save();
});
document.addEventListener("visibilitychange", () => marks.save());
setInterval(() => marks.save(), MARKS_MS);
addEventListener("hashchange", () => location.reload());
listen();
render();
connection.start();
composer.focus();
