/** What people say, as items of the place where it was said. */

import { replaced } from "./chunks.js";
import { markKey } from "./marks.js";
import { directPlace, mainPlace, read, roomPlace, withItem, withPlace } from "./places.js";
import { parsedRef } from "./refs.js";
import { withEarlier } from "./earlier.js";

/** The item of a message, a broadcast or an entry; the same for what is shown again. */
export function saidItem(event) {
  const { text, self = false, history = false, mention = false, key } = event;
  const item = {
    kind: "said",
    id: event.seq === undefined ? event.id : `entry ${event.seq}`,
    at: (history ? event.sentAt : event.at) ?? event.sentAt ?? event.at,
    from: event.shown ?? event.from,
    author: key ?? event.from,
    text,
    self,
    history,
    mention,
  };
  if (event.seq !== undefined) item.seq = event.seq;
  if (event.removed === true) item.removed = true;
  if (event.guest === true) item.guest = true;
  if (event.event === "broadcast") item.toAll = true;
  if (event.editedBy) item.edited = { by: event.editedBy, times: event.edits };
  return item;
}

/** Where it was said, and whether somebody says it to this user alone. */
function placeOfSaid(state, event) {
  switch (state.mode) {
    case "mesh": {
      const [next, room] = roomPlace(state, event.room);
      if (event.private !== true) return [next, room, false];
      return [
        ...directPlace(next, room, event.self ? event.to ?? "?" : event.shown ?? event.from),
        true,
      ];
    }
    case "friends":
      return [
        ...directPlace(
          state,
          mainPlace(state),
          event.self ? event.to ?? "?" : event.shown ?? event.from,
        ),
        true,
      ];
    case "directory": {
      if (event.event === "broadcast") return [state, mainPlace(state), false];
      const peer = event.to ?? state.call?.peer ?? event.from;
      const other = event.self ? peer : event.shown ?? event.from;
      return [...directPlace(state, mainPlace(state), other, "call"), true];
    }
    default:
      return [state, mainPlace(state), false];
  }
}

export function said(state, event, { isNew }) {
  const item = saidItem(event);
  if (item.id !== undefined && state.known.has(item.id)) return state; // before the program was started again
  const [next, place, isToOne] = placeOfSaid(state, event);
  if (item.id !== undefined && place.had?.has(item.id)) return state;
  const found = item.self ? wasSaid(next, place, item) : next;
  const told = isToOne && item.self ? toldApart(found, event, place) : found;
  const isNews = isFresh(item, place) && (isNew || isLater(event, state, place));
  const before = { ...told.places.get(place.id), lastAt: event.at };
  before.dividerAt = place.divider === null ? place.lastAt : place.dividerAt;
  // Whoever answers, here or at the console, has read what was there.
  const where = item.self && !item.history ? { ...read(before), divider: null } : before;
  return withItem(told, where, item, isNews, isToOne || item.mention);
}

/** Of others, and not shown again: what came while the user was away is shown below the line that says since when. */
function isFresh({ self, history }, { hasReturned }) {
  return !self && (!history || hasReturned);
}

/** Whether it came after what was seen last, in a page that wasn't open then. */
function isLater({ at }, state, place) {
  return !(state.seenAt.get(markKey(state, place)) >= at);
}

/** So much earlier than it was entered here it may count as said. */
const CLOCK_MS = 1_000;

/** What may not have been said was said after all. */
function wasSaid(state, { id }, { text, at }) {
  if (state.unsaid.length === 0) return state;
  const is = (one) =>
    one.place === id && one.said === text &&
    Date.parse(at) + CLOCK_MS >= Date.parse(one.at ?? at);
  const unsaid = state.unsaid.filter((one) => !is(one));
  return unsaid.length === state.unsaid.length ? state : { ...state, unsaid };
}

/** Where `/msg` was typed it is said that this is for one alone, and to be found with them. */
function toldApart(state, event, { id, person }) {
  const asked = state.places.get(state.pending.get(event.ref)?.place);
  if (asked === undefined || asked.id === id) return state;
  const parts = ["To ", { name: person }, " alone, where you talk with them: ", {
    quote: event.text,
  }];
  return withItem(state, asked, { kind: "line", at: event.at, tone: "faint", parts });
}

/** A list of what was said: an answer as a card, or earlier messages for the page itself. */
export function saidAgain(state, event, when) {
  const asked = parsedRef(event.ref, state.places);
  if (asked === null || asked.kind === "a") return when.told(state, event, when);
  const place = state.places.get(asked.place);
  if (place === undefined) return state;
  const said = (event.messages ?? event.entries).filter((one) => one.ignored !== true).map((one) =>
    saidItem({ ...one, event: "message", history: true })
  );
  return withPlace(state, withEarlier(place, said));
}

/** Sets what is shown of a message with that id, wherever it is. */
export function withSaid(state, place, id, more) {
  const chunks = replaced(place.chunks, (item) => item.id === id, (item) => ({ ...item, ...more }));
  return chunks === place.chunks ? state : withPlace(state, { ...place, chunks });
}
