/** Rooms of the mesh: which are open, which one is left, and where a page goes then. */

import { withoutWords } from "./answers.js";
import { itemsOf } from "./chunks.js";
import { goneTo, homeOf, openRooms, roomPlace, withItem, withPerson, withPlace } from "./places.js";
import { parsedRef } from "./refs.js";

/** More than a program has open at once; those of which it knows since when. */
const OPENED_MAX = 100;

/** What a page that is told of a room asks: the numbers and titles of all, and who is there. */
function askedAbout(state, place) {
  const rooms = { command: { command: "rooms" }, place: "main" };
  return withAsk(withAsk(state, rooms), whoIsIn(place));
}

function whoIsIn({ id, room }) {
  return { command: { command: "peers", room }, place: id };
}

function withAsk(state, ask) {
  return { ...state, asks: [...state.asks, ask] };
}

/** The user is in a room: it is open from now on; of those of an earlier run it is the only one. */
export function readyInRoom(state, event, when) {
  const self = event.name ?? state.self;
  const isFirst = state.opened.length === 0;
  const opened = state.opened.includes(event.room)
    ? state.opened
    : [...state.opened, event.room].slice(-OPENED_MAX);
  const [found] = roomPlace({ ...state, self, opened }, event.room);
  const known = withHad(found, event.room);
  const [, place] = roomPlace(known, event.room);
  const isPrivate = event.private === true ? { isPrivate: true } : {};
  const none = { isOver: false, hasReturned: false };
  const own = withPerson({ ...place, ...isPrivate, ...none }, self, {
    self: true,
    key: event.key,
  });
  const open = withPlace(isFirst ? othersClosed(known, place) : known, own);
  const ready = when.told(open, event, { ...when, where: place.id });
  const asked = when.isNew && event.room !== undefined ? askedAbout(ready, place) : ready;
  return isFirst ? ledBack(asked, place.id, event.at) : asked;
}

/** Of a room that is opened again the program shows the last messages again: what is there isn't taken in twice. */
function withHad(state, room) {
  const places = new Map([...state.places].map(([id, place]) => {
    if (place.room !== room || place.chunks.length === 0) return [id, place];
    const ids = [...itemsOf(place.chunks)].flatMap((item) => item.id ?? []);
    return [id, { ...place, had: new Set([...place.had ?? [], ...ids]) }];
  }));
  return { ...state, places };
}

function othersClosed(state, { id }) {
  const places = new Map([...state.places].map(([each, place]) => {
    const isOther = place.type === "room" && each !== id && place.room !== null;
    return [each, isOther ? { ...place, isOver: true } : place];
  }));
  return { ...state, places };
}

/** The program was started again without the room that is shown: to the one that is open, and says why. */
function ledBack(state, id, at) {
  const shown = state.places.get(state.current);
  const lost = shown === undefined ? undefined : homeOf(state, shown);
  if (lost === undefined || !lost.isOver) return state;
  const title = lost.title === null ? "another room" : `#${lost.title}`;
  const text = `You were in ${title}, which wasn't opened when the program was started again. ` +
    "It is still in the list: choose it to open it.";
  const next = goneTo(state, id);
  return withItem(next, next.places.get(id), { kind: "line", at, tone: "info", parts: [text] });
}

/** The list of rooms, in which those that are open have a number, where there are several. */
function rooms(state, event, when) {
  const isOfSeveral = event.rooms.some(({ here }) => here !== undefined);
  let next = state;
  for (const { room, title, here, private: isPrivate } of event.rooms) {
    if (room === undefined || here === undefined && !next.rooms.has(room)) continue;
    const isFound = here !== undefined && (next.places.get(next.rooms.get(room))?.isOver ?? true);
    const [known, place] = roomPlace(next, room);
    const number = here === undefined ? {} : { number: here.number };
    const isOver = isOfSeveral ? here === undefined : place.isOver;
    next = withPlace(known, { ...place, title, isPrivate, ...number, isOver });
    // Nothing that is kept has told of it.
    if (isFound && when.isNew) next = withAsk(next, whoIsIn(place));
  }
  return when.told(next, event, when);
}

/** The console is in another room. A page goes along where it was asked for there. */
function room(state, event, when) {
  const [next, place] = roomPlace(state, event.room);
  const named = withPlace(next, {
    ...place,
    title: event.title,
    number: event.number,
    isOver: false,
  });
  if (!isAskedHere(named, event, when)) {
    return when.told(named, event, { ...when, where: place.id });
  }
  return goneTo(named, place.id);
}

/** Whether the user of this page has asked for it. */
export function isAskedHere(state, { ref }, { isNew }) {
  return isNew && parsedRef(ref, state.places)?.kind === "a";
}

function parted(state, event, when) {
  const [next, place] = roomPlace(state, event.room);
  const gone = withCodesOver(withPlace(next, { ...place, isOver: true, people: new Map() }), place);
  const told = when.told(gone, event, { ...when, where: place.id });
  const shown = told.places.get(told.current);
  const isShown = shown !== undefined && homeOf(told, shown).id === place.id;
  const [other] = openRooms(told);
  // Where the room has failed, what went wrong stays in view.
  if (!isShown || !when.isNew || other === undefined || event.reason !== "quit") return told;
  return when.told(goneTo(told, other.id), event, { ...when, where: other.id });
}

/** A room's codes end with it, wherever in it they were asked for. */
function withCodesOver(state, { id }) {
  const places = new Map([...state.places].map(([each, place]) => {
    const isOf = homeOf(state, place).id === id;
    return [each, isOf ? { ...place, answers: withoutWords(place.answers) } : place];
  }));
  return { ...state, places };
}

export const roomHappenings = { rooms, room, parted };
