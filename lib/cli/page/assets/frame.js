/** What stands around the messages: the title, the state of the connection, and the way to the end. */

import { countText } from "../../../base/text/words.ts";
import { fill, h, icon, setText, verifiedSign } from "./dom.js";
import { shownName } from "./harmless.js";
import {
  emptyText,
  endedText,
  hasEnded,
  isShut,
  lostText,
  placeholderOf,
  subtitleOf,
} from "./headings.js";
import { addFriend } from "./place_menu.js";
import { homeOf, peopleOf, unseenElsewhere, unseenIn } from "./places.js";
import { badgeText, listLabel, titleOf } from "./sidebar.js";
import { isCallWith, isClosed } from "./typed.js";

const $ = (id) => document.getElementById(id);

/** Buttons beside the title. @param act What each does: `about`, `search`, `more`. */
export function barTools(act) {
  const tool = (sign, label, onclick, more) =>
    h(
      "button",
      { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...more },
      icon(sign),
    );
  return [
    tool("person", "About", act.about, {
      id: "about",
      title: null,
      "aria-haspopup": "dialog",
      hidden: true,
    }),
    tool("search", "Search what was said", act.search),
    tool("more", "What you can do here", act.more, { id: "more", "aria-haspopup": "dialog" }),
  ];
}

/** What it is, who reads it, and what can be typed there. */
export function renderFrame(state, place) {
  const isKnown = state.mode !== null;
  const title = isKnown ? titleOf(state, place) : "p2pchat";
  $("app").classList.toggle("is-shut", isShut(state));
  setText($("title"), title);
  setText($("subtitle"), isKnown ? subtitleOf(state, place) : "");
  setText($("own-name"), state.self ?? "p2pchat");
  renderPerson(state, place);
  const placeholder = isKnown ? placeholderOf(state, place) : "";
  $("text").placeholder = placeholder;
  setText($("text-label"), placeholder);
  const isOpen = state.link.state === "open";
  const isOver = place.type === "call" ? !isCallWith(state, place) : homeOf(state, place).isOver;
  $("more").disabled = !isOpen;
  $("attach").disabled = !isOpen || isOver;
  $("attach").hidden = state.mode === "group" || place.type === "lobby" || place.type === "friends";
  const { unread, mentions } = unseenIn(state);
  const news = unread === 0 ? "" : `(${unread}${mentions > 0 ? "!" : ""}) `;
  document.title = isKnown ? `${news}${title} \u2013 p2pchat` : title;
  renderListButton(unseenElsewhere(state));
}

/** Where the list is hidden, the button that opens it says how much is new in the other conversations. */
function renderListButton(unseen) {
  const badge = $("elsewhere");
  badge.hidden = unseen.unread === 0;
  setText(badge, badgeText(unseen.unread, unseen.mentions));
  $("open-side").setAttribute("aria-label", listLabel(unseen));
}

/** Beside the title: whether the one with whom one talks is verified, and what can be done about them. */
function renderPerson(state, place) {
  const person = place.person === null
    ? undefined
    : peopleOf(state, place).get(place.person) ?? { name: place.person };
  const sign = person === undefined ? null : verifiedSign(person);
  const text = sign?.getAttribute("aria-label") ?? "";
  if ($("title-sign").dataset.text !== text) {
    $("title-sign").dataset.text = text;
    fill($("title-sign"), sign);
  }
  $("about").hidden = person === undefined;
  if (person !== undefined) {
    $("about").setAttribute("aria-label", `About ${shownName(person.name, state)}`);
  }
}

const SIGNS = { direct: "lock", call: "call", lobby: "call", friends: "person" };

/** In place of messages, where there are none. */
export function emptyElement(state, place, act) {
  const { title, text, actions = [] } = emptyText(state, place);
  return h(
    "div",
    { class: "empty" },
    h("span", { class: "empty-sign" }, icon(SIGNS[place.type] ?? "room")),
    h("h2", {}, title),
    h("p", {}, text),
    actions.length === 0 ? null : h(
      "div",
      { class: "actions" },
      actions.map(({ label, line, does }) =>
        h("button", {
          type: "button",
          class: "button",
          onclick: () => does === "add" ? addFriend(act) : act.line(line),
        }, label)
      ),
    ),
  );
}

const LINKS = {
  connecting: ["Connecting\u2026", "is-waiting"],
  open: ["Connected", ""],
  lost: ["Connecting again\u2026", "is-waiting"],
  refused: ["Not connected", "is-bad"],
  ended: ["Ended", "is-bad"],
};

/** @param act `retry` tries to connect again, as the user wishes; `reopen` opens the room that is shown. */
export function renderLink(state, place, act) {
  const { link } = state;
  const [text, kind] = LINKS[hasEnded(state) ? "ended" : link.state];
  const own = $("own-link");
  const word = link.state === "open"
    ? state.isOut ? "Not logged in" : state.wasDown ? "Waiting for the coordinator" : text
    : text;
  setText(own, word);
  own.className = `own-link ${kind || (word === text ? "" : "is-waiting")}`;
  const [said, tone, label, isUnderWay = false] = bannerOf(state, place);
  const banner = $("banner");
  // How far something is says another thing several times a second: who doesn't look is told once that it goes on.
  const live = isUnderWay ? "off" : "polite";
  if (banner.ariaLive !== live) banner.ariaLive = live;
  banner.hidden = said === null;
  if (banner.dataset.text === `${tone} ${said}`) return;
  banner.dataset.text = `${tone} ${said}`;
  banner.className = `banner ${tone}`;
  const hadFocus = banner.contains(document.activeElement);
  const onclick = label === OPEN ? act.reopen : act.retry;
  const button = () => h("button", { type: "button", class: "more", onclick }, label);
  // A flag is in one piece: a browser breaks a line behind each hyphen.
  const parts = (said ?? "").split(/(--[\w-]+)/).map((part, index) =>
    index % 2 === 1 ? h("span", { class: "flag" }, part) : part
  );
  fill(banner, parts, label === undefined ? null : [" ", button()]);
  if (hadFocus) act.lostFocus();
}

const CLOSED_TEXT = "You aren't in this room now. What was said here stays.";
const OPEN = "Open it";

/**
 * What is said above the messages (null: nothing), how it looks, what the button beside it is called, and whether it says
 * how far something is.
 */
function bannerOf(state, place) {
  const { link, paused, progress } = state;
  switch (link.state) {
    case "lost":
      if (link.hasEnded) return [endedText(state), "is-calm"];
      return [lostText(link), ""];
    case "refused":
      return [link.text, "is-bad", "Try again"];
    case "ended":
      return [endedText(state), "is-calm"];
    default:
      if (isClosed(state, place)) return [CLOSED_TEXT, "is-calm", OPEN];
      if (paused !== null) return [`What you write waits: ${paused}`, "is-calm"];
      return [progress, "is-calm", undefined, progress !== null];
  }
}

/** The button that leads to the latest message, where that isn't seen. */
export function renderEnd(place, isAtEnd) {
  const button = $("to-end");
  button.hidden = isAtEnd || place.chunks.length === 0;
  const text = place.below > 0 ? countText(place.below, "new message") : "Latest";
  button.classList.toggle("has-news", place.below > 0);
  if (button.dataset.text === text) return;
  button.dataset.text = text;
  fill(button, icon("down"), text);
}
