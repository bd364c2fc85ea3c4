/**
 * Where things are said: a room, a group, a lobby, one person. Places are never changed, only replaced; so are the maps
 * that hold them. The page knows what it was told: nothing here asks the program for anything.
 */

import { appended, NO_CHUNKS } from "./chunks.js";
import { withCrowd } from "./crowds.js";
import { folded } from "./harmless.js";

/** So many places are kept; the ones that came first and were never opened go first. */
const PLACES_MAX = 300;
/** So many names are known by their keys; the oldest are forgotten. */
const KEYS_MAX = 2_000;

/** What a page knows before it has heard anything. */
export const NOTHING = Object.freeze({
  /** `mesh`, `group`, `friends` or `directory`; null before it is known. */
  mode: null,
  version: "",
  self: null,
  prompt: "",
  /** This run of the program, and the last event of it that was taken in. */
  run: null,
  last: 0,
  /** The last event that there was at the time of the welcome: what comes up to it isn't new. */
  upTo: 0,
  commands: [],
  forms: [],
  names: [],
  away: [],
  marked: new Set(),
  fileBytes: 0,
  paused: null,
  progress: null,
  /** `connecting`, `open`, `lost`, `refused` or `ended`; with what to say of it. */
  link: { state: "connecting", text: null },
  places: new Map(),
  current: "main",
  isFocused: true,
  /** The main place of each mesh room, by the room's id. */
  rooms: new Map(),
  files: new Map(),
  votes: new Map(),
  call: null,
  /** Keys by name, as far as they were told: a person's colour is that of the key. */
  keys: new Map(),
  /** What the page is to ask the program by itself: `{command, place}` each. */
  asks: [],
  /** What this page has asked, until the first answer: by `ref`, `{place, text, isChat}`. */
  pending: new Map(),
  /** Ids of what was said before the program was started again, so that it isn't shown twice. */
  known: new Set(),
  wasDown: false,
  wasIn: false,
  server: null,
});

export function emptyPlace(id, more) {
  return {
    id,
    /** `room`, `group`, `lobby`, `friends`: with people of its own; `direct`, `call`: with one person. */
    type: "room",
    title: null,
    room: null,
    /** The other one, where there is one alone. */
    person: null,
    parent: null,
    people: new Map(),
    chunks: NO_CHUNKS,
    nextKey: 1,
    unread: 0,
    mentions: 0,
    /** What came since the end was seen: one may be here, and read further above. */
    below: 0,
    /** Key of the first item that wasn't seen; null: none. */
    divider: null,
    isOver: false,
    ...more,
  };
}

const MAIN_TYPES = { mesh: "room", group: "group", friends: "friends", directory: "lobby" };

export function mainPlace(state) {
  return state.places.get("main") ?? emptyPlace("main", { type: MAIN_TYPES[state.mode] ?? "room" });
}

export function withPlace(state, place) {
  if (state.places.get(place.id) === place) return state;
  const places = new Map(state.places).set(place.id, place);
  if (places.size > PLACES_MAX) {
    const gone = [...places.values()].find(({ id, type }) =>
      id !== state.current && (type === "direct" || type === "call")
    );
    if (gone !== undefined) places.delete(gone.id);
  }
  return { ...state, places };
}

/** The place of a mesh room; the first one is `main`, with or without a known id. */
export function roomPlace(state, room) {
  const id = room === undefined ? "main" : state.rooms.get(room);
  if (id !== undefined) return [state, state.places.get(id) ?? mainPlace(state)];
  const main = mainPlace(state);
  const isFirst = main.room === null;
  const place = isFirst ? { ...main, room } : emptyPlace(`room:${room}`, { room });
  const rooms = new Map(state.rooms).set(room, place.id);
  return [withPlace({ ...state, rooms }, place), place];
}

/** The place where one talks with one person alone, in a room of the mesh, among friends, or in calls. */
export function directPlace(state, parent, person, type = "direct") {
  const id = `${type}:${parent.id}:${folded(person)}`;
  const place = state.places.get(id);
  if (place !== undefined) return [state, place];
  const made = emptyPlace(id, { type, person, parent: parent.id, room: parent.room });
  return [withPlace(withPlace(state, parent), made), made];
}

/** Whose people are here: the place's own, or those of the room that it belongs to. */
export function peopleOf(state, place) {
  return (place.parent === null ? place : state.places.get(place.parent) ?? place).people;
}

export function withPerson(place, name, more) {
  const people = new Map(place.people);
  people.set(name, { name, ...people.get(name), ...more });
  return { ...place, people };
}

export function withoutPerson(place, name) {
  if (!place.people.has(name)) return place;
  const people = new Map(place.people);
  people.delete(name);
  return { ...place, people };
}

/** With the key of somebody who has that name. */
export function withKey(state, name, key) {
  if (typeof name !== "string" || typeof key !== "string" || state.keys.get(name) === key) {
    return state;
  }
  const keys = new Map(state.keys).set(name, key);
  if (keys.size > KEYS_MAX) keys.delete(keys.keys().next().value);
  return { ...state, keys };
}

/** Whether what comes now was seen by somebody who looks at this page. */
function isSeen(state, place) {
  return state.isFocused && state.current === place.id;
}

/**
 * The place with one more item.
 * @param news Whether it is something new that somebody else said; `mention`: that wants this user's attention.
 */
export function withItem(state, place, item, news = false, mention = false) {
  const together = withCrowd(place.chunks, item);
  if (together !== null) return withPlace(state, { ...place, chunks: together });
  const key = place.nextKey;
  const next = {
    ...place,
    nextKey: key + 1,
    chunks: appended(place.chunks, { ...item, key }),
  };
  if (news && !isSeen(state, place)) {
    next.unread++;
    next.below++;
    if (mention) next.mentions++;
    next.divider ??= key;
  }
  return withPlace(state, next);
}

export function seen(place) {
  return place.unread === 0 && place.mentions === 0 ? place : { ...place, unread: 0, mentions: 0 };
}

/** The end of it was seen, too. */
export function read(place) {
  return place.below === 0 ? seen(place) : { ...seen(place), below: 0 };
}

/** How many messages of others wait to be seen, in all places, and how many of them want attention. */
export function unseenIn(state) {
  let [unread, mentions] = [0, 0];
  for (const place of state.places.values()) {
    unread += place.unread;
    mentions += place.mentions;
  }
  return { unread, mentions };
}
