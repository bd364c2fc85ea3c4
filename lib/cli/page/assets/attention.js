/** What a screen reader is told, and what wants the attention of somebody who looks elsewhere. */

import { actionIn, shownName, visible } from "./harmless.js";
import { isListed, linesOf } from "./lines.js";
import { plainText } from "./phrases.js";
import { homeOf } from "./places.js";
import { parsedRef } from "./refs.js";
import { titleOf } from "./sidebar.js";

/** More isn't read out. */
const SPOKEN_MAX = 300;

function short(text) {
  const action = actionIn(text);
  const plain = visible(action ?? text);
  return plain.length <= SPOKEN_MAX ? plain : `${plain.slice(0, SPOKEN_MAX)}\u2026`;
}

/** What is told of, whoever has asked for it; other things only where they answer this window. */
const TOLD = new Set(["call", "edit", "error", "joined", "left", "notice"]);
/** Where one is then is told by the title. */
const LEADING = new Set(["room", "to"]);

function lineOf(event, state, call) {
  if (event.history === true || LEADING.has(event.event) || isListed(event)) return null;
  const { kind, isOfForm } = parsedRef(event.ref, state.places) ?? {};
  if (isOfForm && event.event === "error") return null; // the form tells it
  const isAnswer = kind === "a";
  if (!TOLD.has(event.event) && !isAnswer) return null;
  const lines = linesOf(event, { ...state, call }).map(({ parts }) => plainText(parts, state));
  return lines.map(short).join(" ") || null;
}

/** How the fetching of a file has ended: while it goes on, the page shows how far it is. */
function transferText({ self, state, name, to, reason }, known) {
  const file = visible(name);
  if (self === true) return to === undefined ? null : `${shownName(to, known)} has fetched ${file}`;
  switch (state) {
    case "done":
      return `${file} is here`;
    case "failed":
      return reason === "waits" ? `${file} waits` : `${file} couldn't be fetched`;
    case "cancelled":
      return reason === "declined" ? `${file} is declined` : `${file} isn't fetched any more`;
    default:
      return null;
  }
}

/** In which room it was said, where another one is shown: an answer would go to that. */
function whereOf({ room }, state) {
  const said = state.places.get(state.rooms.get(room));
  const shown = state.places.get(state.current);
  if (said === undefined || shown === undefined || homeOf(state, shown) === said) return "";
  return ` in ${titleOf(state, said)}`;
}

/** Whether what an event asks is asked no more: it may have come while the connection was away. */
function isSettled({ event, edit }, { call, votes }) {
  if (event === "incoming") return call?.state !== "incoming";
  return event === "vote-wanted" && !votes.has(edit);
}

/**
 * Of a new event: `spoken`, for screen readers, and `title` and `body` of a notification; each null where there is
 * nothing to tell.
 * @param call The one that there was before.
 */
export function attentionOf(event, state, call = state.call) {
  const none = { spoken: null, title: null, body: null, isUrgent: false };
  const { from, shown = from, text } = event;
  if (isSettled(event, state)) return none;
  switch (event.event) {
    case "message":
    case "broadcast": {
      if (event.self || event.history) return none;
      const isToUser = event.private === true || state.mode === "friends" ||
        state.mode === "directory" && event.event === "message";
      const who = shownName(shown, state) + (isToUser ? "" : whereOf(event, state));
      const spoken = `${who}${isToUser ? " to you" : ""}: ${short(text)}`;
      if (!isToUser && event.mention !== true) return { ...none, spoken };
      return {
        spoken,
        title: isToUser ? `${who} to you` : who,
        body: short(text),
        isUrgent: false,
      };
    }
    case "incoming": {
      const title = `${shownName(from, state)} is calling`;
      return { spoken: null, title, body: "Answer within 30 s", isUrgent: true };
    }
    case "vote-wanted": {
      const title = `${shownName(event.by, state)} wants to change entry ${event.seq}`;
      return {
        spoken: null,
        title,
        body: `It would read \u201c${short(event.new)}\u201d`,
        isUrgent: true,
      };
    }
    case "offer": {
      if (event.history) return none;
      const who = event.self ? "You offer" : `${shownName(from, state)} offers`;
      return { ...none, spoken: `${who} the file ${visible(event.name)}` };
    }
    case "transfer":
      return { ...none, spoken: transferText(event, state) };
    default:
      return { ...none, spoken: lineOf(event, state, call) };
  }
}
