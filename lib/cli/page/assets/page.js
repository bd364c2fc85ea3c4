/** The page: what there is, drawn; and what the user does, given to the program. */

import { render } from "preact";
import { MESSAGE_BYTES_MAX } from "../../../base/text/text.ts";
import { chooseFiles, Composer } from "./composer.js";
import { Connection, windowId } from "./connection.js";
import { actionsAbout, actionsIn, Dialog, FORMS, helpOf, QUESTIONS } from "./dialogs.js";
import { Upload, Uploads } from "./files.js";
import { button, dom, icon } from "./html.js";
import { bodyOf, dayNumber, plain } from "./line.js";
import { Model } from "./model.js";
import { badge, newsText, ordered, People, Places, subtitleOf, titleOf } from "./people.js";
import { inView, Questions } from "./questions.js";
import { STEADY_MS } from "./steady.js";
import { isPair, listIn, ofBrowser, ofWindow } from "./storage.js";
import { Timeline } from "./timeline.js";
import { commandIn, isClosed, leaves, meant, questionsIn, roomOf, takesFiles } from "./typed.js";

const CLOCK_MS = 500;
/** So often what there was is drawn while it comes: most of it would be out of view at once. */
const COMING_MS = 250;
/** Where more is new, a page begins at the end of it. */
const READ_MAX = 200;
/** So often what was said earlier is asked for, to find a line; then it isn't kept any more. */
const STEPS_MAX = 125;
const NOT_KEPT = "That line can't be shown: its room isn't open, or it isn't kept any more.";
const NO_FILES = "Not sent: files go to a room, a friend or a call.";
const CLOSED = "You aren't in this room now. What was said here stays.";
const SPOKEN_MAX = 300;
const UNCONNECTED = "Not sent: there is no connection with the program. Your text is still here.";
const ENDS =
  "You leave, here and in every other window and console of this program. To close this page alone, close the window.";
const CUT_OFF = "There is no connection with the program. Once it is back, try again.";
/** The program would cut the connection. */
const TOO_LONG = "Not sent: this is too long for one message. Send it in parts.";
const GONE = "Not sent: this conversation isn't there any more. Choose another one.";
/** As in `page.css`: up to this width the list is above the page. */
const NARROW = "(max-width: 699.98px)";

const start = Date.now().toString(36);
let refs = 0;
let [isDrawing, drawnMs] = [false, 0];
let dialog = null;
/** What a screen reader is still to be told, one after the other. */
let spoken = [];
let isSideOpen = false;
let wanted = ofWindow.get("place");
let isCaughtUp = false;
/** Whether it ever was: what there was before the page isn't read out. */
let isListening = false;
let hasChosen = wanted !== null;
/** What was entered before there was a connection: `[text, place, begun]` each. */
const early = [];
/** Questions of which the program knows that they were shown. */
const shown = new Set();

const model = new Model(told);
const drafts = new Map(listIn(ofWindow, "drafts", isPair));

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  const now = () => isDrawing && drawNow();
  if (model.last < model.upTo) return void setTimeout(now, COMING_MS);
  // What comes alone is there at once, and what comes in a flood once for each picture.
  if (performance.now() - drawnMs > 16) return queueMicrotask(now);
  requestAnimationFrame(now);
  setTimeout(now, 50); // a page that isn't seen gets no pictures
}

function drawNow() {
  [isDrawing, drawnMs] = [false, performance.now()];
  render(dom`<${App} />`, document.getElementById("app"));
}

/** @param more As in `Model.asked`. @returns Whether it was given to the program. */
function ask(what, place, more = {}) {
  const ref = `${more.kind === undefined ? "a" : "q"}.${start}${refs++}`; // asked by the user, or by the page
  if (!connection.send({ type: "run", ...what, ref })) return false;
  const text = more.text ?? "";
  const said = what.command?.text ?? text;
  model.sent(ref, { isChat: false, ...more, place: place.id, text, said });
  return true;
}

function say(text) {
  spoken = [...spoken, [refs++, text.slice(0, SPOKEN_MAX)]].slice(-50);
}

/** What is said is read out; what is for the user is told of on the desktop, where they look elsewhere. */
function told({ kind, author, lines, isForUser }, place) {
  if (!isListening) return;
  const isSaid = kind === "said";
  const text = lines.map((line) => plain(isSaid ? bodyOf(line) : line).replace(/^[*!?] /, ""))
    .join(" ");
  const isElsewhere = model.home(place) !== model.home();
  const where = place.person !== null
    ? " to you"
    : isElsewhere
    ? ` in ${titleOf(model, place)}`
    : "";
  say(isSaid ? `${author}${where}: ${text}` : text);
  if (isForUser !== true || document.hasFocus() || ofBrowser.get("notify") !== "on") return;
  const body = text.slice(0, SPOKEN_MAX);
  const more = { body, icon: "icon.svg", tag: place.id, renotify: true };
  new Notification(titleOf(model, place), more);
}

const withRoom = (place, command) => ({ ...command, ...roomOf(model, place) });

const act = {
  hint: null,
  refuse(why) {
    act.hint = why;
    say(why);
    draw();
    return false;
  },
  /** @returns Whether the text is done with. */
  async enter(text, place, begun = null) {
    act.hint = null;
    if (text.trim() === "") return false;
    if (text.length > MESSAGE_BYTES_MAX) return act.refuse(TOO_LONG);
    if (model.run === null) {
      early.push([text, place, begun]);
      return true;
    }
    if (model.places.get(place.id) !== place) return act.refuse(GONE);
    const { name, rest } = commandIn(model, text);
    if (name === "help" && rest === "") return act.help(), true;
    const { error, isChat = false, ...what } = meant(model, place, text, begun);
    if (error !== undefined) return act.refuse(error);
    if (leaves(model, what) && !await act.sure("End p2pchat?", ENDS, "End it")) return false;
    if (!ask(what, place, { text, isChat })) {
      connection.wake();
      return act.refuse(UNCONNECTED);
    }
    place.newFrom = null;
    act.toEnd();
    return true;
  },
  /** A line to be gone on with, in the message box. @param selected `[start, end]` of it; by default its end. */
  put(line, selected = [line.length, line.length]) {
    model.here.put = [line, ...selected];
    draw();
  },
  /** A text is begun: which question it may answer. */
  begins(place) {
    const question = place === null ? null : questionsIn(model, place).find(inView) ?? null;
    connection.send({ type: "begins", question });
    return question;
  },
  redraw: draw,
  say: (text) => (say(text), draw()),
  mayFocus: () => dialog === null && !isSideOpen,
  line: (line) => void act.enter(line, model.here),
  command: (command) => void ask({ command: withRoom(model.here, command) }, model.here),
  earlier(place) {
    const isOf = place.type !== "lobby" && place.type !== "friends" && !model.home(place).isOver;
    if (place.hasAll || place.isAsking || !isOf || model.last < model.upTo) return;
    const said = itemsOf(place).find(({ kind, id }) => kind === "said" && id !== undefined);
    const isGroup = model.mode === "group";
    if (isGroup && said?.seq === 1) return;
    const before = isGroup ? said?.seq : said?.id;
    const name = place.person === null ? {} : { name: place.person };
    const until = before === undefined ? {} : { before };
    const command = { command: isGroup ? "log" : "history", n: place.step, ...name, ...until };
    place.isAsking = ask({ command: withRoom(place, command) }, place, { kind: "earlier" });
  },
  /** Whether somebody looks at the end of what was said here. */
  looked() {
    const isAtEnd = model.here.view?.isAtEnd ?? false;
    const isSeen = document.hasFocus() && !document.hidden && isAtEnd && model.last >= model.upTo;
    model.looks(isSeen);
    draw();
  },
  toEnd() {
    model.found = null;
    model.here.view?.toEnd();
    draw();
  },
  reveal(ref, line) {
    model.found = { ref, line };
    model.here.view.reveal(ref);
    draw();
  },
  showEntry(seq) {
    const item = itemsOf(model.here).find((one) => one.seq === seq);
    if (item === undefined) act.line(`/entry ${seq}`);
    else act.reveal(item.ref);
  },
  /** To the line of what was found, which may have to be fetched first. */
  jump({ id, room, person, line }) {
    const home = room === undefined
      ? model.home()
      : [...model.places.values()].find((place) => place.room === room);
    if (home === undefined) return act.refuse(NOT_KEPT);
    act.open(person === undefined ? home : model.direct(person, home));
    model.sought = { place: model.here, id, line, steps: STEPS_MAX };
    act.seek();
  },
  /** More may have come: shows what is sought, or asks for more still. */
  seek() {
    if (model.sought === null) return;
    const { place, id, line } = model.sought;
    const item = itemsOf(place).find((one) => one.id === id);
    const isHere = place === model.here; // or the user has gone elsewhere
    if (isHere && item === undefined) {
      if (!place.isAsking && model.sought.steps-- > 0) act.earlier(place);
      if (place.isAsking) return;
      act.refuse(NOT_KEPT);
    } else if (isHere) requestAnimationFrame(() => act.reveal(item.ref, line)); // it may only just be drawn
    model.sought = null;
  },
  /** What the page itself says of a place. */
  tell(text, place = model.here) {
    model.tell(place, text, "warning");
    say(text);
    draw();
  },
  reopen() {
    const { room } = model.home();
    ask({ command: { command: "join", where: `--room=${room}` } }, model.here);
    document.getElementById("text").focus();
  },
  open(place) {
    model.open(place);
    act.hint = null;
    ofWindow.set("place", model.markOf(place));
    dialog = null;
    if (place.chunks.length === 0) act.earlier(place);
    act.write();
  },
  dismiss({ ref }) {
    model.change(model.here, (item) => item.ref === ref, null);
    draw();
  },
  more: () =>
    act.dialog({ title: titleOf(model, model.here), actions: actionsIn(model, model.here, act) }),
  help: () => act.dialog(helpOf(model)),
  about(person) {
    if (model.mode === "friends" && !person.self && model.here.person !== person.name) {
      return act.open(model.direct(person.name));
    }
    const title = model.shown(person.shown ?? person.name);
    const body = dom`<p>Key: <code>${person.key ?? "not known yet"}</code></p>`;
    act.dialog({ title, body, actions: actionsAbout(model, person, act) });
  },
  /** At once: the next key is for it. */
  dialog(shown) {
    dialog = { key: refs++, ...shown };
    model.isHeld = true;
    drawNow();
  },
  /** @param run What was chosen in it; absent: it was only closed. */
  over(closed, run) {
    if (dialog !== closed) return; // it is told when something was chosen, and again when that has closed it
    dialog = null;
    model.isHeld = false;
    run?.();
    closed.closed?.();
    const { activeElement: focused, body } = document;
    const isLost = focused === body || focused.closest("dialog") !== null; // what opened it is gone
    if (dialog === null && (run !== undefined || isLost)) act.write();
    draw();
  },
  /** One types on. */
  write() {
    isSideOpen = false;
    drawNow();
    document.getElementById("text").focus();
  },
  /** What a button is for: a form, or a command, before which some ask. */
  async choose(line) {
    const question = QUESTIONS[line];
    if (FORMS[line] !== undefined) act.dialog({ ...FORMS[line], line });
    else if (question === undefined || await act.sure(...question)) act.line(line);
  },
  /** Of what was given in a form, which waits for it. @returns Why it isn't done; null: it is. */
  tried(line) {
    const { promise, resolve } = Promise.withResolvers();
    const form = dialog;
    const done = (why) => {
      resolve(why === null || model.link.state === "open" ? why : CUT_OFF);
      return dialog === form;
    };
    if (ask(withRoom(model.here, { line }), model.here, { text: line, done })) {
      return promise;
    }
    connection.wake();
    return CUT_OFF;
  },
  sendFile(name) {
    act.open(model.direct(name, model.home()));
    chooseFiles(model.here);
  },
  sure(title, text, yes) {
    const { promise, resolve } = Promise.withResolvers();
    const actions = [[yes, () => resolve(true), true]];
    act.dialog({ title, text, actions, isAsked: true, closed: () => resolve(false) });
    return promise;
  },
  settle(key) {
    model.questions.delete(key);
    draw();
  },
  /** All of a question is in view. */
  shown(question) {
    if (shown.has(question) || !act.mayFocus()) return;
    if (connection.send({ type: "shown", question })) shown.add(question);
  },
  /** On a narrow screen: the list, above the page. */
  side(isOpen) {
    if (isOpen === isSideOpen) return;
    isSideOpen = isOpen;
    drawNow();
    document.getElementById(isOpen ? "close-side" : "open-side").focus();
  },
  async notify() {
    const isOn = ofBrowser.get("notify") !== "on" &&
      await Notification.requestPermission() === "granted";
    ofBrowser.set("notify", isOn ? "on" : "off");
    draw();
  },
  files(files, place) {
    if (!takesFiles(place)) return act.refuse(NO_FILES);
    uploads.add(files, place, model.fileBytes);
    act.toEnd();
  },
  pasted(event, place) {
    const { files } = event.clipboardData;
    if (files.length === 0) return;
    event.preventDefault();
    act.files([...files], place);
  },
};

const uploads = new Uploads({
  ticket: () => model.ticket,
  changed: draw,
  isOpen: () => model.link.state === "open",
  failed: (text, place) => act.tell(text, place),
  done: ({ path: file }, place) => {
    const to = place.person === null ? {} : { name: place.person };
    ask({ command: withRoom(place, { command: "send", file, ...to }) }, place);
  },
});

/** What is said above the messages: `[text, label, run]`. */
function bannerOf({ link, paused, progress }, place) {
  const stopped = link.text === null ? "" : `${link.text.replace(/[.!?…]$/, "")}. `;
  switch (link.state) {
    case "lost":
      return [`${stopped || "No connection with the program. "}This page tries again by itself.`];
    case "refused":
      return [link.text, "Try again", () => connection.wake()];
    case "ended":
      return [`${stopped}The program has ended. Once it is started again, this page goes on.`];
  }
  if (isClosed(model, place)) return [CLOSED, "Open it", act.reopen];
  return [paused === null ? progress : `What you write waits: ${paused}`];
}

function Banner({ place }) {
  const [text, label, run] = bannerOf(model, place);
  if (!text) return null;
  const isQuiet = model.link.state === "open" && model.paused === null;
  return dom`<p class=${isQuiet ? "ask" : "banner"} id="banner" role="status" aria-live=${
    isQuiet ? "off" : "polite"
  }>
    ${text} ${label && button(label, run, "more")}</p>`;
}

/** The list, where it lies above the page. */
const ABOVE = { role: "dialog", "aria-modal": "true", "aria-label": "Conversations and people" };

/** The address keeps the token. */
function toText(event) {
  event.preventDefault();
  document.getElementById("text").focus();
}

function App() {
  const place = model.here;
  const { link, mode } = model;
  const props = { model, place, act };
  const banner = dom`<${Banner} place=${place} />`;
  if (mode === null && link.state === "refused") return dom`<main>${banner}</main>`;
  const title = titleOf(model, place);
  const places = [...model.places.values()];
  const sum = (key) => places.reduce((all, one) => all + one[key], 0);
  const [unread, forUser] = [sum("unread"), sum("forUser")];
  const elsewhere = { unread: unread - place.unread, forUser: forUser - place.forUser };
  const caller = model.call?.state === "incoming" ? `${model.call.peer} is calling – ` : "";
  document.title = `${caller}${
    unread > 0 ? `(${unread}${forUser > 0 ? "!" : ""}) ` : ""
  }${title} – p2pchat`;
  const state = link.state === "open" ? "Connected" : "Not connected";
  const sideLabel = `Conversations and people${newsText(elsewhere, " elsewhere")}`;
  const isNotified = String(ofBrowser.get("notify") === "on");
  const peer = { name: place.person, ...model.home().people.get(place.person) };
  const announced = spoken.map(([key, text]) => dom`<p key=${key}>${text}</p>`);
  return dom`
    <a class="skip" id="skip" href="#text" onClick=${toText}>Skip to the message box</a>
    <div class="side ${isSideOpen ? "is-open" : ""}" id="side" ...${isSideOpen && ABOVE}>
      <header><img src="icon.svg" alt="" width="34" height="34" />
        <p><b>${model.self ?? "p2pchat"}</b>
          <span class="link is-${link.state}" role="status">${state}</span></p>
        <button class="icon only-narrow" id="close-side" aria-label="Close"
          onClick=${() => act.side(false)}>${icon("close")}</button></header>
      <${Places} ...${props} />
      <${People} ...${props} />
      <footer>
        <button class="tool" id="notify" aria-pressed=${isNotified} onClick=${act.notify}>${
    isNotified === "true" ? "✓ " : ""
  }Notify me</button>
        <button class="tool" onClick=${act.help}>Help</button></footer>
    </div>
    <main id="main" aria-labelledby="title" inert=${isSideOpen}>
      <header class="bar">
        <button class="icon only-narrow" id="open-side" aria-expanded=${String(isSideOpen)}
          aria-controls="side" aria-label=${sideLabel}
          onClick=${() => act.side(true)}>${icon("places")}${badge(elsewhere, "elsewhere")}</button>
        <div><h1 id="title"><bdi>${title}</bdi></h1>
          <p class="faint" id="subtitle">${subtitleOf(model, place)}</p></div>
        ${peer.name && button(`About ${title}`, () => act.about(peer))}
        <button class="icon" id="more" aria-label="What you can do here" aria-haspopup="dialog"
          disabled=${mode === null} onClick=${act.more}>${icon("more")}</button>
      </header>
      ${banner}
      <${Timeline} key=${place.key} ...${props} />
      <${Questions} ...${props} nowMs=${Date.now()} />
      <${Upload} uploads=${uploads} />
      <${Composer} ...${props} />
    </main>
    <div class="unseen" id="announcer" role="log" aria-live="polite" aria-label="News">${announced}</div>
    ${dialog && dom`<${Dialog} key=${dialog.key} dialog=${dialog} act=${act} />`}`;
}

function received(message) {
  switch (message.type) {
    case "welcome":
      model.seenElsewhere(listIn(ofBrowser, `seen ${message.mode}`, isPair));
      shown.clear();
      if (act.hint === UNCONNECTED) act.hint = null;
      isCaughtUp = false;
      model.welcome(message);
      for (const command of model.mode === "mesh" ? ["list", "rooms"] : ["list"]) {
        ask({ command: { command } }, model.main, { kind: "quiet" });
      }
      caughtUp();
      break;
    case "events":
      model.events(message.events, message.last);
      if (model.isElsewhere) return location.reload(); // what is typed for those there waits for them
      caughtUp();
      break;
    case "prompt":
      model.prompted(message);
      break;
    case "marked":
      model.mark(message.names);
      break;
    case "paused":
      model.paused = message.reason;
      break;
    case "progress":
      if (!model.progress && message.text) say(message.text); // how it goes on is to be seen
      model.progress = message.text;
      break;
    case "refused": {
      const { ref, text } = message;
      const place = model.places.get(model.asked.get(ref)?.place);
      if (model.unsaid(ref, text) !== true) act.tell(text, place);
      model.asked.delete(ref);
    }
  }
  draw();
}

/** All that there was is here: the window is where it was, and what was typed meanwhile is sent. */
function caughtUp() {
  if (model.last < model.upTo) return;
  if (!isCaughtUp) begun();
  act.looked();
  act.seek();
}

function begun() {
  isCaughtUp = isListening = true;
  isDrawing = false; // at once
  const before = [...model.places.values()].find((place) => model.markOf(place) === wanted);
  if (before !== undefined) model.open(before);
  wanted = null;
  for (const place of model.places.values()) {
    const draft = drafts.get(model.markOf(place)) ?? "";
    if (place.draft === "" && draft !== "") Object.assign(place, { draft, begun: null });
  }
  for (const entry of early.splice(0)) {
    act.enter(...entry).then((isDone) => isDone || act.put(entry[0]));
  }
  const friends = [...model.main.people.values()].filter(({ self }) => !self);
  // Who has one friend writes to that one, as in the console.
  if (model.mode === "friends" && !hasChosen && friends.length === 1) {
    model.open(model.direct(friends[0].name));
  }
  hasChosen ||= friends.length > 0;
  const { here } = model;
  if (here.chunks.length === 0) act.earlier(here);
  // Who reads above the end isn't taken from there, where the connection was lost meanwhile.
  if (here.newFrom !== null && here.view?.isAtEnd && here.unread <= READ_MAX) here.view.toNew();
}

const itemsOf = ({ chunks }) => chunks.flatMap(({ items }) => items);

function key(event) {
  const { key, altKey, ctrlKey, metaKey, target } = event;
  const view = document.getElementById("timeline"); // null: this page wasn't let in
  if (event.defaultPrevented || event.isComposing || dialog !== null || view === null) return;
  const places = ordered(model);
  const at = places.indexOf(model.here);
  const unread = places.find((one) => one.unread > 0);
  const goals = { ArrowUp: places.at(at - 1), ArrowDown: places[(at + 1) % places.length] };
  const to = altKey ? { ...goals, a: unread, A: unread }[key] ?? places[key - 1] : undefined;
  if (to !== undefined) {
    // Of what stays in focus no reader says that it has another name now.
    if (to !== model.here) say(titleOf(model, to));
    act.open(to);
  } else if ((ctrlKey || metaKey) && key === "/") act.help();
  else if (key === "Escape") {
    const answer = [...view.querySelectorAll(".asked button")].at(-1);
    const isInView = answer?.getBoundingClientRect().top >= view.getBoundingClientRect().top;
    if (isSideOpen) return act.side(false);
    if (isInView) answer.click();
    else act.toEnd();
    act.write();
  } else if ((key === "PageUp" || key === "PageDown") && target.id === "text") {
    view.scrollBy(0, (key === "PageUp" ? -0.9 : 0.9) * view.clientHeight);
  } else return;
  event.preventDefault();
}

const connection = new Connection({
  token: location.hash.slice(1),
  window: windowId(),
  pass: received,
  link: (link) => (link.state === "open" ? model.link = link : model.lost(link), draw()),
  had: () => ({ run: model.run, last: model.last }),
});

/** Keeps what is being typed, and what was seen. */
function keep() {
  const kept = new Map(isListening ? [] : drafts);
  for (const place of model.places.values()) {
    if (place.draft !== "") kept.set(model.markOf(place), place.draft);
  }
  put(ofWindow, "drafts", kept);
  if (model.mode === null) return;
  model.seenElsewhere(listIn(ofBrowser, `seen ${model.mode}`, isPair));
  put(ofBrowser, `seen ${model.mode}`, model.seen);
}

function put(storage, key, map) {
  storage.set(key, JSON.stringify([...map])); // the browser writes, and tells, only what is another
}

addEventListener("pagehide", keep);
addEventListener("storage", ({ key }) => {
  if (key === `seen ${model.mode}`) model.seenElsewhere(listIn(ofBrowser, key, isPair));
  draw();
});
for (const type of ["focus", "blur"]) addEventListener(type, act.looked);
document.addEventListener("visibilitychange", act.looked);
addEventListener("keydown", key);
matchMedia(NARROW).addEventListener("change", ({ matches }) => matches || act.side(false));
/** What has the keyboard, and what that is in: where it goes, one goes on from what is left. */
let [focused, pressedMs] = [[], -Infinity];
addEventListener("focusin", ({ target }) => {
  focused = [];
  for (let at = target; at !== null; at = at.parentElement) focused.push(at);
});
new MutationObserver(() => {
  if (document.activeElement !== document.body || focused.length === 0 || focused[0].isConnected) {
    return;
  }
  const left = focused.find((one) =>
    one.isConnected && one.matches("[data-key], .timeline, .side > *")
  );
  if (left?.matches(".timeline") === false) left.tabIndex = -1;
  // Where others have ended what the next key is for, it isn't for the message box.
  const next = performance.now() - pressedMs < STEADY_MS ? "text" : "timeline";
  (left ?? document.getElementById(next))?.focus({ preventScroll: true });
  draw();
}).observe(document.getElementById("app"), { childList: true, subtree: true });
addEventListener("click", () => pressedMs = performance.now(), { capture: true });
addEventListener("click", ({ target }) => {
  if (target.id === "app") act.side(false); // beside the list
  const command = target.closest(".command");
  if (command?.matches(".is-entry")) act.showEntry(Number(/\d+/.exec(command.textContent)[0]));
  else if (command !== null) act.put(command.textContent);
});
addEventListener("hashchange", () => location.reload());
addEventListener("beforeunload", (event) => uploads.current !== null && event.preventDefault());
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  act.files([...event.dataTransfer.files], model.here);
});
let today = dayNumber(Date.now());
setInterval(() => {
  keep();
  const now = dayNumber(Date.now());
  if (model.questions.size + model.asked.size > 0 || now !== today) draw();
  today = now;
}, CLOCK_MS);
draw();
connection.wake();
