/** What each event of the program changes in the page. Those that only say something become lines or cards. */

import { cardOf, isAnswer } from "./answers.js";
import { withHues } from "./hues.js";
import { isLine, linesOf } from "./lines.js";
import {
  directId,
  directPlace,
  goneTo,
  homeOf,
  mainPlace,
  roomPlace,
  withAnswer,
  withItem,
  withKey,
  withPerson,
  withPlace,
} from "./places.js";
import { parsedRef } from "./refs.js";
import { isAskedHere, readyInRoom } from "./room_events.js";
import { said, saidAgain } from "./said.js";
import { HAPPENINGS } from "./happenings.js";

const HANDLERS = {
  ...HAPPENINGS,
  message: said,
  broadcast: said,
  history: saidAgain,
  log: saidAgain,
  ready: (state, event, when) => {
    if (state.mode === "mesh") return readyInRoom(state, event, { ...when, told });
    const self = event.name ?? state.self;
    const next = { ...state, self, server: event.server ?? state.server };
    const named = (event.names ?? []).filter((name) => name !== self);
    const friends = named.reduce((before, name) => withPerson(before, name, {}), mainPlace(next));
    const members = (event.members ?? []).reduce(
      (before, name) => withPerson(before, name, { self: name === self }),
      friends,
    );
    const own = self === null || event.users === undefined
      ? members
      : withPerson(members, self, { self: true, key: event.key });
    const isIn = state.mode === "group" && event.members?.includes(self) === true;
    const ready = told(withPlace(next, own), event, when);
    return isIn ? { ...ready, wasIn: true, isInTold: true } : ready;
  },
  // On a page, what is typed goes to whom the title names: whoever types it there is led there.
  to: (state, event, when) => {
    const next = told(state, event, when);
    if (!isAskedHere(state, event, when) || event.name === null) return next;
    const [known, place] = directPlace(next, mainPlace(next), event.name);
    return goneTo(known, place.id);
  },
  returned: (state, { at, since, room }) => {
    const [known, place] = state.mode === "mesh"
      ? roomPlace(state, room)
      : [state, mainPlace(state)];
    return withItem(known, { ...place, hasReturned: true }, { kind: "since", at, since });
  },
  fatal: (state, event, when) => ({
    ...told(state, event, when),
    link: { state: "ended", text: event.text },
  }),
  bye: (state, event, when) => ({
    ...told(state, event, when),
    link: { state: "ended", text: null },
  }),
};

/** The place that an event is about: its room, or where it was asked for. */
export function placeFor(state, event) {
  const ref = event.ref === undefined ? null : parsedRef(event.ref, state.places);
  const asked = ref?.place ?? state.pending.get(event.ref)?.place;
  if (asked !== undefined && asked !== null && state.places.has(asked)) {
    return [state, state.places.get(asked)];
  }
  if (state.mode !== "mesh") return [state, friendPlace(state, event) ?? mainPlace(state)];
  // About none of several rooms: a room that is being joined, or the console itself. It stands where the user is.
  const shown = event.room === undefined && state.opened.length > 1
    ? state.places.get(state.current)
    : undefined;
  if (shown !== undefined) return [state, homeOf(state, shown)];
  const [known, room] = roomPlace(state, event.room);
  return [known, conversationOf(known, room, event) ?? room];
}

/** Where one writes to somebody alone of whom the notice tells, if there is such a place. */
function conversationOf(state, room, { event, to }) {
  return event === "notice" && to !== undefined ? state.places.get(directId(room, to)) : undefined;
}

/** The conversation with the friend that an event is about, if there is one. */
function friendPlace(state, { friend, changed }) {
  const name = friend ?? changed?.name;
  return name === undefined ? undefined : state.places.get(directId(mainPlace(state), name));
}

/** Lines, or a card, in the place that the event is about. */
export function told(state, event, { context = {}, where, isNew = true } = {}) {
  const { kind, isOfForm } = parsedRef(event.ref, state.places) ?? {};
  if (kind === "q" || kind === "e") return state; // the page's own questions
  if (isOfForm && event.event === "error") return state; // beside the field
  const [known, place] = where === undefined
    ? placeFor(state, event)
    : [state, state.places.get(where)];
  if (isAnswer(event)) {
    // It was asked for somewhere else, or by this window before it was loaded again.
    if (event.ref === undefined || !isNew && !state.pending.has(event.ref)) return known;
    const { self, mode, forms } = state;
    return withAnswer(known, place, {
      at: event.at,
      event: event.event,
      card: cardOf(event, { self, mode, forms }),
    });
  }
  const { self, server, wasDown, wasIn, isInTold, call } = state;
  const at = (event.history === true ? event.sentAt : undefined) ?? event.at;
  const lines = linesOf(event, { self, server, wasDown, wasIn, isInTold, call, ...context });
  return lines.reduce((before, line) => {
    const where = before.places.get(place.id) ?? place;
    return withItem(before, where, { kind: "line", at, ...line });
  }, known);
}

/** Whether the page does something with events of that name. */
export function isKnown(name) {
  return Object.hasOwn(HANDLERS, name) || isLine(name) || isAnswer({ event: name });
}

/** So many of a list are looked at: more aren't seen at once. */
const LISTED_MAX = 200;

/** Whose keys an event tells: `[name as it is shown, key]` each. */
function keysIn({ name, from, peer, shown = name ?? from ?? peer, key, keys, ...lists }) {
  const { members, peers, friends, users } = lists;
  if (keys !== undefined && members !== undefined) {
    return members.slice(0, LISTED_MAX).map((member, index) => [member, keys[index]]);
  }
  const people = [peers, friends, users].find(Array.isArray) ?? [];
  return [
    ...(key === undefined ? [] : [[shown, key]]),
    ...people.slice(0, LISTED_MAX).map((one) => [one.shown ?? one.name, one.key]),
  ];
}

/** @param when `isNew`: it came after the page was let in; `nowMs`: the time of this machine. */
export function happened(state, event, isNew, nowMs) {
  const handle = Object.hasOwn(HANDLERS, event.event) ? HANDLERS[event.event] : told;
  const next = handle(state, event, { isNew, nowMs, told, placeFor });
  const known = keysIn(event).reduce((before, [name, key]) => withKey(before, name, key), next);
  return withHues(known, state);
}
