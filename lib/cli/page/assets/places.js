/**
 * Where things are said: a room, a group, a lobby, one person. Places are never changed, only replaced; so are the maps
 * that hold them. The page knows what it was told: nothing here asks the program for anything.
 */

import { isSameTitle } from "../../../base/text/words.ts";
import { appended, NO_CHUNKS } from "./chunks.js";
import { withCrowd } from "./crowds.js";
import { folded } from "./harmless.js";

/** So many places are kept: see `withoutOne`. */
const PLACES_MAX = 300;
/** So many calls that are over stay, as they can be seen at once; an earlier one is found by its name, with /history. */
const CALLS_OVER_MAX = 20;
/** So many names are known by their keys; the oldest are forgotten. */
const KEYS_MAX = 2_000;

/** What a page knows before it has heard anything. */
export const NOTHING = Object.freeze({
  /** `mesh`, `group`, `friends` or `directory`; null before it is known. */
  mode: null,
  version: "",
  self: null,
  prompt: "",
  /** Whether the program, once it is started again, has the page at this address. */
  comesBack: true,
  /** This run of the program, and the last event of it that was taken in. */
  run: null,
  last: 0,
  /** The last event that there was at the time of the welcome: what comes up to it isn't new. */
  upTo: 0,
  commands: [],
  forms: [],
  names: [],
  away: [],
  /** Names that imitate others, folded, as the program has found. */
  marked: new Set(),
  fileBytes: 0,
  paused: null,
  progress: null,
  /** `connecting`, `open`, `lost`, `refused` or `ended`; with what to say of it. */
  link: { state: "connecting", text: null },
  places: new Map(),
  current: "main",
  isFocused: true,
  /** Whether what is taken in comes now, rather than having been there before the page. */
  isNow: true,
  /** Up to when the user of this browser has seen what was said, by place: see `marks.js`. */
  seenAt: new Map(),
  /** The main place of each mesh room, by the room's id. */
  rooms: new Map(),
  files: new Map(),
  votes: new Map(),
  call: null,
  /** Keys by name, as far as they were told: a person's colour goes by the key. */
  keys: new Map(),
  /** The colours of those who were seen: see `hues.js`. */
  hues: new Map(),
  /** What the page is to ask the program by itself: `{command, place}` each. */
  asks: [],
  /**
   * What this page has asked, until the first answer: by `ref`, `{place, text, said, isChat, at}`: as it was typed, and as it
   * is said.
   */
  pending: new Map(),
  /** Refs that weren't answered when the connection was lost. */
  doubted: [],
  /** What wasn't said, or may not have been, until the user has decided: `{id, place, text, said, at, why}`. */
  unsaid: [],
  /** Ids of what was said before the program was started again, so that it isn't shown twice. */
  known: new Set(),
  /** Whether conversations were left out, as there were too many. */
  hasLeftOut: false,
  /** The rooms of the mesh that were open in this run of the program, the first one first. */
  opened: [],
  wasDown: false,
  /** Whether the user isn't logged in at the directory, and whether that was so once in this run of the program. */
  isOut: false,
  wasUp: false,
  /** Whether the user was in the group in this run of the program, and whether the next line about that is there. */
  wasIn: false,
  isInTold: false,
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
    /** The id that it had before that one took another name. */
    was: null,
    parent: null,
    people: new Map(),
    chunks: NO_CHUNKS,
    /** What commands answered here, until the user closes it; the latest last. */
    answers: [],
    nextKey: 1,
    unread: 0,
    mentions: 0,
    /** What came since the end was seen: one may be here, and read further above. */
    below: 0,
    /** Key of the first item that wasn't seen (null: none), and when what stands above it came (null: nothing does). */
    divider: null,
    dividerAt: null,
    /** When the program showed what was said last; null: nothing was. */
    lastAt: null,
    /** Whether what is shown of earlier is what came while the user was away. */
    hasReturned: false,
    isOver: false,
    /** Whether the user has opened it, or said something there. */
    isOwn: false,
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
  const next = { ...state, places };
  if (places.size > PLACES_MAX) return withoutOne(next, place.id);
  return place.type === "call" && !state.places.has(place.id)
    ? withoutOldCall(next, place.id)
    : next;
}

/** Places that may go: neither seen now, nor just begun, no call that is on, and nothing waits there to be said. */
function dispensable(state, begun) {
  const unsaid = new Set(state.unsaid.map(({ place }) => place));
  const talking = folded(state.call?.peer ?? "");
  return [...state.places.values()].filter(({ id, type, person }) =>
    id !== begun && id !== state.current && !unsaid.has(id) &&
    (type === "direct" || (type === "call" && folded(person) !== talking))
  );
}

/** Without the call that ended first, where there are too many beside the one that has just begun. */
function withoutOldCall(state, begun) {
  const over = dispensable(state, begun)
    .filter(({ type, unread }) => type === "call" && unread === 0);
  if (over.length <= CALLS_OVER_MAX) return state;
  const endOf = ({ chunks }) => chunks.at(-1)?.items.at(-1)?.at ?? "";
  const [first] = over.toSorted((one, other) => endOf(one).localeCompare(endOf(other)));
  const places = new Map(state.places);
  places.delete(first.id);
  return { ...state, places };
}

/**
 * Without the latest conversation that the user has nothing to do with, but for the one that has just begun: whoever
 * writes under names without end takes nothing from the list that was there before. Where there is none, without the first
 * one.
 */
function withoutOne(state, begun) {
  const others = dispensable(state, begun);
  const gone = others.findLast(({ isOwn }) => !isOwn) ?? others[0];
  if (gone === undefined) return state;
  const places = new Map(state.places);
  places.delete(gone.id);
  const next = { ...state, places, hasLeftOut: true };
  if (state.hasLeftOut) return next;
  const line = { kind: "line", at: null, tone: "info", parts: [LEFT_OUT] };
  return withItem(next, mainPlace(next), line);
}

const LEFT_OUT =
  `There are more than ${PLACES_MAX} conversations: of those that others began, the ` +
  "latest are left out of the list. /history NAME shows what somebody said.";

/**
 * The place of a mesh room; the first one is `main`, with or without a known id. What names none is about the room with
 * which the program was started.
 */
export function roomPlace(state, room = state.opened[0]) {
  const id = room === undefined ? "main" : state.rooms.get(room);
  if (id !== undefined) return [state, state.places.get(id) ?? mainPlace(state)];
  const main = mainPlace(state);
  const isFirst = main.room === null;
  const place = isFirst ? { ...main, room } : emptyPlace(`room:${room}`, { room });
  const rooms = new Map(state.rooms).set(room, place.id);
  return [withPlace({ ...state, rooms }, place), place];
}

export function directId(parent, person, type = "direct") {
  return `${type}:${parent.id}:${folded(person)}`;
}

/** The place where one talks with one person alone, in a room of the mesh, among friends, or in calls. */
export function directPlace(state, parent, person, type = "direct") {
  const id = directId(parent, person, type);
  const place = state.places.get(id);
  if (place !== undefined) return [state, place];
  const made = emptyPlace(id, { type, person, parent: parent.id, room: parent.room });
  return [withPlace(withPlace(state, parent), made), made];
}

/** A place whose person has another name now, and it another id: what names the place by that goes along. */
export function withNewName(state, place, id, person) {
  const own = (one) => one === place.id ? id : one;
  const follow = (one) => one.place === place.id ? { ...one, place: id } : one;
  const each = (map, by) => new Map([...map].map(by));
  return {
    ...state,
    places: each(
      state.places,
      ([key, one]) => [own(key), one === place ? { ...one, id, was: place.id, person } : one],
    ),
    current: own(state.current),
    files: each(state.files, ([key, one]) => [key, follow(one)]),
    pending: each(state.pending, ([ref, one]) => [ref, follow(one)]),
    unsaid: state.unsaid.map(follow),
  };
}

/** The room that a place belongs to, or the place itself. */
export function homeOf(state, place) {
  return place.parent === null ? place : state.places.get(place.parent) ?? place;
}

/** Whose people are here: the place's own, or those of the room that it belongs to. */
export function peopleOf(state, place) {
  return homeOf(state, place).people;
}

/** The rooms of the mesh in which the user is. */
export function openRooms(state) {
  return [...state.rooms.values()].map((id) => state.places.get(id))
    .filter((place) => place !== undefined && !place.isOver);
}

/**
 * The title of a room that has one, told from another one of the same title by the number that it has while the user is
 * in it.
 */
export function roomTitleOf({ rooms, places }, { id, title, number, isOver }) {
  if (isOver || number === undefined) return title;
  const isShared = [...rooms.values()].some((other) =>
    other !== id && isSameTitle(places.get(other)?.title ?? null, title)
  );
  return isShared ? `${title} (${number})` : title;
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

/** Whether it was seen by somebody who looks at this page as it came. */
function isSeen(state, place) {
  return state.isNow && state.isFocused && state.current === place.id;
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
    isOwn: place.isOwn || item.self === true,
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

/** So many answers are kept of a place: more aren't looked at again, and can be asked for again. */
const ANSWERS_MAX = 3;

/** The place with one more answer, in the place of an earlier one to the same question. */
export function withAnswer(state, place, answer) {
  const others = place.answers.filter(({ event }) => event !== answer.event);
  return withPlace(state, { ...place, answers: [...others, answer].slice(-ANSWERS_MAX) });
}

/** Goes to a place, which is there: the line above what is new stays there until one leaves it. */
export function goneTo(state, id) {
  if (id === state.current) return state;
  const left = state.places.get(state.current);
  const opened = withPlace({ ...state, current: id }, { ...state.places.get(id), isOwn: true });
  const after = left === undefined ? opened : withPlace(opened, { ...left, divider: null });
  return state.isFocused ? withPlace(after, seen(after.places.get(id))) : after;
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

/** The same of other places than the one that is shown. */
export function unseenElsewhere(state) {
  const { unread, mentions } = unseenIn(state);
  const here = state.places.get(state.current) ?? emptyPlace(state.current);
  return { unread: unread - here.unread, mentions: mentions - here.mentions };
}
