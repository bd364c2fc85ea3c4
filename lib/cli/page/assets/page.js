/** The page: keeps what is known, draws it, and does what the user asks. */

import { renderAnswers, spokenOf } from "./answer_panel.js";
import { Asking, mayAsk } from "./asking.js";
import { Asks } from "./asks.js";
import { attentionOf } from "./attention.js";
import { itemsOf } from "./chunks.js";
import { Composer } from "./composer.js";
import { Connection, windowId } from "./connection.js";
import { listenToControls } from "./controls.js";
import { Dialogs } from "./dialogs.js";
import { Entering, hint, takeBack } from "./entering.js";
import { emptyElement, renderEnd, renderFrame, renderLink } from "./frame.js";
import { visible } from "./harmless.js";
import { markKey, SeenMarks } from "./marks.js";
import { pressed } from "./keyboard.js";
import { Notifier } from "./notifier.js";
import { personActions } from "./person_actions.js";
import { homeOf, mainPlace, NOTHING } from "./places.js";
import { reduce } from "./reduce.js";
import { parsedRef, refOf } from "./refs.js";
import { Seeking } from "./seeking.js";
import { closeSide, isSideOpen } from "./side.js";
import { orderedPlaces, renderPeople, renderPlaces, titleOf } from "./sidebar.js";
import { SteadyButtons } from "./steady.js";
import { isText, listIn, ofWindow } from "./storage.js";
import { alarm, tell } from "./telling.js";
import { Timeline } from "./timeline.js";
import { isCallWith, questionsIn, roomOf, tooLong } from "./typed.js";
import { Uploads } from "./uploads.js";

const $ = (id) => document.getElementById(id);
const CLOCK_MS = 500;
/** A picture that hasn't come by then may not come: the page is hidden, or was before it came. */
const UNDRAWN_MS = 50;
/** Where more is new, a page begins at the end of it. */
const READ_MAX = 200;
/** So often it is kept what was seen. */
const MARKS_MS = 1_000;
const UNCONNECTED = "Not sent: there is no connection with the program. Your text is still here.";
const CUT_OFF = "There is no connection with the program. Once it is back, try again.";

/** Where the names of files are kept that weren't sent yet when the page was left. */
const UNSENT = "unsent";

let state = NOTHING;
let isDrawing = false;
/** The place in which this window was before it was loaded again; null: there is none, or it is there. */
let wanted = ofWindow.get("place");
/** Whether a place was chosen, by the user or because there is only one. */
let hasChosen = wanted !== null;
/** Whether all that there was when the page came in is here, and what is new of it is still to be led to. */
let [isCaughtUp, isNewToBeShown] = [false, false];
/** The last event of those that were there before this page, and are told of to nobody. */
let untoldId = 0;
const marks = new SeenMarks();
const asking = new Asking((command, place, kind) => run({ command }, "", place, kind));
/** By ref: the forms that wait for what comes of what was given in them. */
const tried = new Map();
/** Questions of which the program knows that they are shown. */
const told = new Set();
let refs = 0;
const start = Date.now().toString(36);

function act(action) {
  const before = state;
  state = reduce(state, action);
  if (state.asks.length > 0) askAll();
  const unsaid = state.unsaid.at(-1);
  if (unsaid !== undefined && unsaid !== before.unsaid.at(-1) && !before.unsaid.includes(unsaid)) {
    alarm(`${unsaid.why} ${visible(unsaid.said)}`);
  }
  if (state === before) return;
  const answer = current().answers.at(-1);
  const known = before.places.get(state.current)?.answers.at(-1);
  if (answer !== undefined && action.type === "events" && answer !== known) {
    tell(spokenOf(answer, state));
  }
  if (before.current !== state.current && document.activeElement === $("text")) {
    tell(titleOf(state, current())); // of what stays in focus no reader says that it has another name now
  }
  drawSoon();
}

/** Draws what there is, soon. */
function drawSoon() {
  if (isDrawing) return;
  isDrawing = true;
  // Before the next picture; where there is none, the title and the list are to be right all the same.
  const draw = () => {
    if (!isDrawing) return;
    isDrawing = false;
    render();
  };
  requestAnimationFrame(draw);
  setTimeout(draw, UNDRAWN_MS);
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
      hint(UNCONNECTED);
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

/** Runs what was given in a form. @returns Why it isn't done; null: it is. */
function tryLine(line) {
  const error = tooLong(line);
  if (error !== null) return error;
  const ref = newRef("f", state.current);
  if (!connection.send({ type: "run", line, ref })) {
    connection.wake();
    return CUT_OFF;
  }
  const { promise, resolve } = Promise.withResolvers();
  tried.set(ref, resolve);
  return promise;
}

/** @param why Null: what was given in that form is done. */
function cameOfIt(ref, why) {
  tried.get(ref)?.(why);
  return tried.delete(ref);
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

/** What buttons do. */
const acts = {
  line: (line) => entering.submit(line, state.current),
  tryLine,
  command: (command) => run({ command: withRoom(command) }, ""),
  file: (item, command) => {
    const { room } = item.data;
    run({ command: room === undefined ? withRoom(command) : { ...command, room } }, "");
  },
  close: (answer) => act({ type: "closed", place: state.current, answer }),
  jump: (found) => seeking.begin(found),
  select: (place) => select(place),
  edit: (item) => entering.edit(item),
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
  about: (person) => dialogs.person(person, state, personActions(person, state, current(), acts)),
  open: (person, room = current().room ?? undefined) => {
    act({ type: "open", person, room });
    write();
  },
  ask: (...question) => dialogs.ask(...question),
  form: (...fields) => dialogs.form(...fields),
  sendFile: (person) => {
    acts.open(person);
    $("file").click();
  },
  retry: () => connection.wake(),
  reopen: () => {
    const { room } = homeOf(state, current());
    run({ command: { command: "join", where: `--room=${room}` } }, "");
    composer.focus();
  },
  lostFocus: () => composer.focus(),
};

function withRoom(command, place = current()) {
  return { ...command, ...roomOf(state, place) };
}

function select(place) {
  hasChosen = true;
  entering.stopEditing();
  hint(null);
  act({ type: "select", place });
  write();
}

/** The user can write where they are now: at once, as what is typed before a place is drawn would go to the last one. */
function write() {
  render();
  closeSide();
  composer.focus();
}

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
    empty: () => state.paused === null ? emptyElement(state, place, acts) : null,
  };
  timeline.show(context);
  showNew();
  $("timeline").setAttribute("aria-busy", String(state.last < state.upTo));
  renderFrame(state, place);
  renderPlaces($("places"), state, acts);
  renderPeople(
    { word: $("people-word"), count: $("people-count"), list: $("people") },
    state,
    acts,
  );
  renderLink(state, place, acts);
  renderAnswers($("answers"), context);
  measured(nowMs);
  renderEnd(current(), timeline.isAtEnd);
  composer.show(state, place);
}

/** What waits for an answer is shown, and where every button stands then. */
function measured(nowMs) {
  asks.show(state, nowMs);
  if (!document.hidden) {
    for (const id of questionsIn(state, current(), nowMs)) if (!asks.hides(id)) shown(id);
  }
  for (const part of steady) part.measure();
}

/** All of a question is in view: the program is told once. */
function shown(question) {
  if (!told.has(question) && connection.send({ type: "shown", question })) told.add(question);
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
      asking.welcomed(!message.resumed || message.missed);
      told.clear();
      // What came while the connection was away is told of now.
      untoldId = state.run === null ? message.last : message.resumed ? state.last : 0;
      act({ type: "welcome", welcome: message, seenAt: marks.load(message.mode) });
      takeBack(UNCONNECTED);
      isCaughtUp = false;
      uploads.ticket = message.ticket;
      catchUp();
      return;
    case "events": {
      const { current: before, call } = state;
      act({ type: "events", events: message.events, nowMs });
      // What is being typed to somebody stays where it is: a call that begins has its own line above the message box.
      if (composer.value.trim() !== "" && current().type === "call") {
        act({ type: "select", place: before });
      }
      returnToPlace();
      catchUp();
      for (const { id, fields } of message.events) if (id > untoldId) attend(fields, call);
      for (const { fields } of message.events) {
        answeredEarlier(fields);
        cameOfIt(fields.ref, fields.event === "error" ? fields.text : null);
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
      if (state.progress === null && message.text !== null) tell(visible(message.text));
      return act({ type: "progress", text: message.text });
    case "refused":
      if (message.ref !== undefined) act({ ...message, type: "refused" });
      if (cameOfIt(message.ref, message.text)) return;
      return say(message.text);
  }
}

/** An answer to what was asked of earlier messages: less is asked for of what is too long for one. */
function answeredEarlier({ event, ref, code, text }) {
  const asked = ref === undefined ? null : parsedRef(ref, state.places);
  if (asked?.kind !== "e") return;
  const place = state.places.get(asked.place);
  if (event !== "error") return seeking.goOn();
  if (code === "too-long" && place !== undefined && asking.fewer(state, place)) return;
  seeking.giveUp();
  hint(`Earlier messages aren't shown: ${visible(text)}`);
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
  asking.whoIsHere(state);
  tellUnsent();
  const { divider, unread } = current();
  // Who reads above the end isn't taken from there, where the connection was lost meanwhile.
  isNewToBeShown = timeline.isAtEnd && divider !== null && unread > 0 && unread <= READ_MAX;
  drawSoon();
}

/** Files whose sending ended with the page that was here before. */
function tellUnsent() {
  const names = listIn(ofWindow, UNSENT, isText);
  ofWindow.set(UNSENT, "[]");
  for (const name of names) {
    say(`${visible(name)} wasn't sent: the page was left or reloaded before it was there.`);
  }
}

/** Who has one friend writes to that one, as in the console. */
function openOnlyFriend() {
  if (state.mode !== "friends" || hasChosen) return;
  const friends = [...mainPlace(state).people.values()].filter(({ self }) => !self);
  if (friends.length === 0) return;
  hasChosen = true;
  if (friends.length === 1) act({ type: "open", person: friends[0].name });
}

function attend(event, call) {
  const { spoken, title, body, isUrgent } = attentionOf(event, state, call);
  if (spoken !== null) tell(spoken);
  if (isUrgent) alarm(`${title}. ${body}`);
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
  entering.giveUpEditing();
  timeline.scrollToEnd();
  composer.focus();
}

function listen() {
  const parts = { acts, dialogs, composer, timeline, uploads };
  listenToControls({ state: () => state, current, ...parts });
  addEventListener("keydown", (event) => pressed(event, KEY_ACTS));
  addEventListener("focus", looked);
  addEventListener("blur", looked);
  document.addEventListener("visibilitychange", looked);
  // Whoever was pointed at has kept their place in the list till then.
  for (const type of ["mouseleave", "focusout"]) $("people").addEventListener(type, drawSoon);
  setInterval(() => measured(Date.now()), CLOCK_MS);
}

const asks = new Asks($("asks"), acts);
const dialogs = new Dialogs($("dialog"), () => {
  closeSide();
  composer.focus();
}, say);
const timeline = new Timeline($("timeline"), {
  changed: looked,
  earlier: () => asking.earlier(state, current()),
});
const steady = [$("timeline"), $("answers")].map((part) => new SteadyButtons(part));
const composer = new Composer({ form: $("composer"), text: $("text"), list: $("suggestions") }, {
  submit: (...entry) => entering.entered(...entry),
  begins: (place) => {
    const question = place === null ? null : questionsIn(state, place)[0] ?? null;
    connection.send({ type: "begins", question });
    return question;
  },
  told: tell,
});
const entering = new Entering({
  state: () => state,
  run,
  open: (person) => acts.open(person),
  put: (text) => composer.put(text),
  ask: (...question) => dialogs.ask(...question),
  done: () => timeline.scrollToEnd(),
});
const seeking = new Seeking({
  state: () => state,
  current,
  select,
  open: (...who) => acts.open(...who),
  ask: (place, more) => asking.earlier(state, place, more),
  mayAsk: (place) => mayAsk(state, place),
  reveal: (...found) => {
    render(); // it may have come just now
    timeline.reveal(...found);
  },
  hint,
});
const notifier = new Notifier($("notify"));
const uploads = new Uploads($("uploads"), {
  done: ({ path, name: file }, id) => {
    const place = state.places.get(id);
    if (place === undefined || place.type === "call" && !isCallWith(state, place)) {
      return say(
        `${visible(file)} wasn't offered: whom it was for isn't there any more.`,
      );
    }
    const name = place.person === null ? {} : { name: place.person };
    run({ command: withRoom({ command: "send", file: path, ...name }, place) }, "", place.id);
  },
  failed: (text, place) => say(text, place),
  isOpen: () => state.link.state === "open",
  lostFocus: () => composer.focus(),
});

const connection = new Connection({
  token: location.hash.slice(1),
  window: windowId(),
  pass: received,
  link: (link) => {
    act({ type: "link", link });
    // An answer may still come: whoever tries again is told how it is then.
    if (link.state !== "open") { for (const ref of [...tried.keys()]) cameOfIt(ref, CUT_OFF); }
  },
  had: () => ({ run: state.run, last: state.last }),
});

addEventListener("beforeunload", (event) => {
  if (uploads.unsent.length > 0) event.preventDefault(); // the browser asks
});
addEventListener("pagehide", () => {
  ofWindow.set("place", state.current);
  ofWindow.set(UNSENT, JSON.stringify(uploads.unsent));
  marks.save();
});
document.addEventListener("visibilitychange", () => marks.save());
setInterval(() => marks.save(), MARKS_MS);
addEventListener("hashchange", () => location.reload());
listen();
render();
connection.start();
composer.focus();
