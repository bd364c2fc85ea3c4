/** What stands above and below a place: what it is, who reads it, and what can be typed there. */

import { countText } from "../../../base/text/words.ts";
import { folded, shownName, visible } from "./harmless.js";
import { peopleOf, roomTitleOf } from "./places.js";
import { commandNamed, isCallWith, isClosed, isToLogIn } from "./typed.js";

/** Of a room in which the user isn't. */
const CLOSED = "You aren't in this room now";

/** Passwords are asked for there alone. */
const LOG_IN = "Log in at the console first";

/** How many others there are: of a directory only some may be known by name. */
export function othersIn(state, place) {
  const known = [...peopleOf(state, place).values()].filter(({ self }) => !self).length;
  return state.mode === "directory" ? Math.max(known, (state.total ?? 1) - 1) : known;
}

/**
 * How many stand in the list beside which that is shown: the user, too, but for friends, of whom one is none. Once the
 * program has ended nobody knows.
 */
export function listedIn(state, place) {
  if (hasEnded(state)) return 0;
  if (state.mode === "friends") return othersIn(state, place);
  const listed = peopleOf(state, place).size;
  return state.mode === "directory" ? Math.max(listed, state.total ?? 0) : listed;
}

export function subtitleOf(state, place) {
  if (hasEnded(state)) return ENDED;
  if (isClosed(state, place)) return CLOSED;
  const others = othersIn(state, place);
  switch (place.type) {
    case "direct":
      return state.mode === "friends" ? friendText(state, place) : "Private to you two";
    case "call":
      return callText(state, place);
    case "friends":
      return countText(others, "friend");
    case "lobby":
      return state.isOut
        ? isToLogIn(state) ? LOG_IN : "Not logged in"
        : others === 0
        ? "Nobody else is online"
        : `${countText(others, "other person", "other people")} online`;
    default: {
      const who = others === 0
        ? "nobody else is here"
        : place.type === "group"
        ? countText(others, "other member")
        : `${countText(others, "other person", "other people")} here`;
      // What matters comes first: on a phone the end is cut off.
      return place.isPrivate ? `Private; ${who}` : who[0].toUpperCase() + who.slice(1);
    }
  }
}

function friendText(state, place) {
  const person = peopleOf(state, place).get(place.person);
  if (person?.connected) return "Connected";
  return "Not connected: what you write is kept";
}

function callText({ call }, place) {
  if (call === null || folded(call.peer) !== folded(place.person)) return "Not in a call";
  if (call.state !== "connected") return "Ringing\u2026";
  const how = call.route === "relay" ? "through the directory" : "directly";
  // What matters comes first: on a phone the end is cut off.
  return `${call.verified ? "Verified" : "Not verified yet"}; connected ${how}`;
}

export function placeholderOf(state, place) {
  if (isClosed(state, place)) return CLOSED;
  switch (place.type) {
    case "direct":
      return state.mode === "friends"
        ? `Message to ${shownName(place.person, state)}`
        : `Private message to ${shownName(place.person, state)}`;
    case "call":
      return isCallWith(state, place)
        ? `Say something to ${shownName(place.person, state)}`
        : `Not in a call with ${shownName(place.person, state)} now`;
    case "friends":
      return "Choose a friend, or NAME/TEXT";
    case "lobby":
      return isToLogIn(state) ? LOG_IN : "NAME calls, 2 TEXT tells all";
    case "group":
      return "Message to the group";
    default:
      return place.title
        ? `Message to ${visible(roomTitleOf(state, place))}`
        : "Message to the room";
  }
}

/** Where nothing has been said yet: `title`, `text`, and as `actions` what buttons do: a `line`, or `does`, as `add`. */
export function emptyText(state, place) {
  const shown = emptyWhileRunning(state, place);
  return hasEnded(state) ? { title: shown.title, text: ENDED } : shown; // nothing can be done there any more
}

function emptyWhileRunning(state, place) {
  if (state.mode === null) return { title: "p2pchat", text: "Connecting\u2026" };
  if (place.type === "direct") {
    const text = state.mode === "friends"
      ? "What you write here is kept until it has arrived."
      : "What you write here goes to nobody else. It is kept until it has arrived.";
    return { title: shownName(place.person, state), text };
  }
  if (place.type === "lobby") {
    const text = isToLogIn(state)
      ? `${LOG_IN}.`
      : othersIn(state, place) === 0
      ? "Who comes online is in the list, to be called."
      : "Choose somebody in the list to call them.";
    return { title: "The lobby", text };
  }
  if (place.type === "friends") return emptyFriends(state, place);
  const title = "Nothing has been said yet";
  if (place.type === "group") return { title, text: "What you say goes to all members." };
  if (commandNamed(state, "invite") === undefined) return { title, text: "Say hello." };
  const actions = [{ label: "Invite others", line: "/invite" }];
  const who = place.isPrivate
    ? "They need an invite."
    : "Whoever reaches a member can join, and read.";
  const text = `Say hello, or let others in. ${who}`;
  return { title, text, actions };
}

function emptyFriends(state, place) {
  const title = "Your friends";
  if (othersIn(state, place) > 0) {
    return { title, text: "Choose one of them in the list to write to them." };
  }
  const has = (word) => commandNamed(state, word) !== undefined;
  const actions = [
    ...(has("add") ? [{ label: "Add a friend", does: "add" }] : []),
    ...(has("whoami") ? [{ label: "Your card", line: "/whoami" }] : []),
  ];
  const text =
    "Nobody is in your list yet. Friends give each other their cards: each adds the other's.";
  return { title, text, actions };
}

const ENDED = "The program has ended.";

/** Whether it ended as it said: what was known of others holds no more. */
export function hasEnded({ link }) {
  return link.state === "ended" || link.hasEnded === true;
}

/** What the program says may end with a stop, or not. */
function withStop(text) {
  return /[.!?\u2026]$/.test(text) ? text : `${text}.`;
}

/** Where the program ended as it said: why, and what becomes of the page. */
export function endedText({ link, comesBack }) {
  const then = comesBack
    ? "This page goes on by itself once it is started again."
    : "Once it is started again, open the address that it shows then: this one isn't kept.";
  return `${link.text === null ? "" : `${withStop(link.text)} `}${ENDED} ${then}`;
}

/** Whether the page was never let in, and why is known: there is nothing else to be shown. */
export function isShut({ mode, link }) {
  return mode === null && (link.state === "refused" || link.state === "lost") && link.text !== null;
}

/** @param link With why the program takes no window now, where it has said that. */
export function lostText({ text }) {
  return text === null
    ? "No connection with the program; trying again\u2026"
    : `${withStop(text)} This page tries again by itself.`;
}
