/** What each event of the program changes in the page. Those that only say something become lines or cards. */

import { cardOf, isAnswer } from "./answers.js";
import { isLine, linesOf } from "./lines.js";
import { mainPlace, roomPlace, withItem, withKey, withPerson, withPlace } from "./places.js";
import { parsedRef } from "./refs.js";
import { said, saidAgain } from "./said.js";
import { HAPPENINGS } from "./happenings.js";

const HANDLERS = {
  ...HAPPENINGS,
  message: said,
  broadcast: said,
  history: saidAgain,
  log: saidAgain,
  ready: (state, event, when) => {
    const self = event.name ?? state.self;
    const next = { ...state, self, server: event.server ?? state.server };
    const [known, place] = placeFor(next, event);
    const isPrivate = event.private === true ? { isPrivate: true } : {};
    const named = (event.names ?? []).filter((name) => name !== self);
    const friends = named.reduce((before, name) => withPerson(before, name, {}), {
      ...place,
      ...isPrivate,
    });
    const members = (event.members ?? []).reduce(
      (before, name) => withPerson(before, name, { self: name === self }),
      friends,
    );
    const own = self === null || event.command !== "mesh" && event.users === undefined
      ? members
      : withPerson(members, self, { self: true, key: event.key });
    return told(withPlace(known, own), event, when);
  },
  returned: (state, { at, since }) => {
    const place = mainPlace(state);
    return withItem(state, place, { kind: "since", at, since });
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
  return state.mode === "mesh" ? roomPlace(state, event.room) : [state, mainPlace(state)];
}

/** Lines, or a card, in the place that the event is about. */
export function told(state, event, { context = {}, where } = {}) {
  const kind = parsedRef(event.ref, state.places)?.kind;
  if (kind === "q" || kind === "e") return state; // the page's own questions
  const [known, place] = where === undefined
    ? placeFor(state, event)
    : [state, state.places.get(where)];
  if (isAnswer(event)) {
    if (event.ref === undefined) return known; // it was asked for somewhere else
    const { self, mode, forms } = state;
    return withItem(known, place, {
      kind: "answer",
      at: event.at,
      event: event.event,
      card: cardOf(event, { self, mode, forms }),
    });
  }
  const { self, server, wasDown, wasIn, call } = state;
  const lines = linesOf(event, { self, server, wasDown, wasIn, call, ...context });
  return lines.reduce((before, line) => {
    const where = before.places.get(place.id) ?? place;
    return withItem(before, where, { kind: "line", at: event.at, ...line });
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
  return keysIn(event).reduce((before, [name, key]) => withKey(before, name, key), next);
}
