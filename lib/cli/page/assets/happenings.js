/** Events that change who is here, what is asked, and how a message fares. */

import { endedCard } from "./answers.js";
import { itemsOf, replaced } from "./chunks.js";
import { editHappenings, withVoted } from "./edit_events.js";
import { fileHappenings } from "./file_events.js";
import { folded } from "./harmless.js";
import { isListed, waitingParts } from "./lines.js";
import {
  directId,
  directPlace,
  goneTo,
  homeOf,
  mainPlace,
  roomPlace,
  withItem,
  withNewName,
  withoutPerson,
  withPerson,
  withPlace,
} from "./places.js";
import { isAskedHere, roomHappenings } from "./room_events.js";
import { withSaid } from "./said.js";

/** How long a callee has to answer. */
const RINGING_MS = 30_000;

/** What lists and events say of a person, as far as they say it. */
function known(
  { key, verified, verifiedAs, changed, away, host, direct, role, guest, state, connected, shown },
) {
  return {
    key,
    verified: verified === true,
    verifiedAs,
    changed,
    away,
    host,
    direct,
    role,
    guest,
    state,
    connected,
    shown,
  };
}

function placeOfPeople(state, event) {
  return state.mode === "mesh" ? roomPlace(state, event.room) : [state, mainPlace(state)];
}

/** A whole list in place of what was known. */
function withPeople(place, people) {
  return { ...place, people: new Map(people.map((person) => [person.name, person])) };
}

function joined(state, event, when) {
  const [next, place] = placeOfPeople(state, event);
  const more = { ...known(event), isJoining: event.event === "joining" };
  const listed = withPlace(next, withPerson(place, event.name, more));
  return isListed(event) ? listed : when.told(listed, event, when);
}

function left(state, event, when) {
  const [next, place] = placeOfPeople(state, event);
  return when.told(withPlace(next, withoutPerson(place, event.name)), event, when);
}

function renamed(state, event, when) {
  const [next, place] = placeOfPeople(state, event);
  const before = place.people.get(event.from);
  let changed = withPlace(
    before?.self ? { ...next, self: event.name } : next,
    withPerson(withoutPerson(place, event.from), event.name, { ...before, name: event.name }),
  );
  const direct = changed.places.get(directId(place, event.from));
  const id = directId(place, event.name);
  // What was said to that person goes with the person, unless there is a conversation of the new name.
  if (direct !== undefined && !changed.places.has(id)) {
    changed = withNewName(changed, direct, id, event.name);
  }
  return when.told(changed, event, when);
}

function presence(state, event, when) {
  const [next, place] = placeOfPeople(state, event);
  const { name, shown = name, away, state: how } = event;
  const before = place.people.get(shown);
  const self = event.self === true || before?.self === true;
  const more = event.verified === undefined ? { away } : known({ ...before, ...event, away });
  const changed = how === "offline"
    ? withoutPerson(place, shown)
    : withPerson(place, shown, { ...more, self });
  const listed = withPlace(next, changed);
  // In a call nobody is told who comes and goes elsewhere.
  const isQuiet = how !== undefined && event.self !== true && (state.call !== null || self);
  return isQuiet ? listed : when.told(listed, event, { ...when, context: { before } });
}

function peers(state, event, when) {
  // Of the room that it names, wherever that was asked for.
  const [next, place] = event.room === undefined
    ? when.placeFor(state, event)
    : roomPlace(state, event.room);
  const home = homeOf(next, place);
  const people = event.peers.map((peer, index) => ({
    name: peer.name,
    ...known(peer),
    self: index === 0,
  }));
  const opened = next.opened.length === 0 && home.room !== null ? [home.room] : next.opened;
  const listed = withPlace({ ...next, opened }, withPeople({ ...home, isOver: false }, people));
  return when.told(listed, event, when);
}

function members(state, event, when) {
  const place = mainPlace(state);
  const { members, keys = [], verified = [], away = [], refused = [] } = event;
  const people = members.map((name, index) => ({
    name,
    key: keys[index],
    self: name === state.self,
    verified: verified.includes(name),
    refused: refused.includes(name),
    away: away.find((one) => one.name === name)?.away,
  }));
  return when.told(withPlace(state, withPeople(place, people)), event, when);
}

function view(state, event, when) {
  const place = mainPlace(state);
  const { members, keys = [], verified = [] } = event;
  const people = members.map((name, index) => ({
    ...place.people.get(name),
    isJoining: false,
    name,
    key: keys[index],
    self: name === state.self,
    verified: verified.includes(name),
  }));
  const next = withPlace(state, withPeople(place, people));
  const isIn = event.joined?.includes(state.self) === true;
  const told = when.told(next, event, when);
  return { ...told, wasIn: true, isInTold: told.isInTold && !isIn };
}

function friends(state, event, when) {
  const place = mainPlace(state);
  const people = event.friends.map((friend) => ({
    name: friend.name,
    ...known(friend),
    doubt: friend.doubt,
  }));
  const own = { name: event.self?.name ?? state.self, self: true };
  return when.told(withPlace(state, withPeople(place, [own, ...people])), event, when);
}

function users(state, event, when) {
  const place = mainPlace(state);
  const people = event.users.map((user) => {
    const name = user.shown ?? user.name;
    return { ...known(user), name, self: user.name === state.self };
  });
  const changed = event.isAnswer
    ? people.reduce((before, person) => withPerson(before, person.name, person), place)
    : withPeople(place, people);
  // Only who is logged in is told that: of the log-in itself nothing may be kept.
  const total = event.total ?? people.length;
  const next = withPlace({ ...state, total, isOut: false, wasUp: true }, changed);
  return event.isAnswer ? when.told(next, event, when) : next;
}

function connection(state, { friend, state: how }) {
  const place = mainPlace(state);
  return place.people.has(friend)
    ? withPlace(state, withPerson(place, friend, { connected: how === "opened" }))
    : state;
}

function coordinator(state, event, when) {
  return { ...when.told(state, event, when), wasDown: event.state === "down" };
}

function session(state, event, when) {
  const isDown = event.state !== "up";
  const wasUp = state.wasUp || !isDown;
  const self = event.name || state.self;
  return { ...when.told({ ...state, self }, event, when), wasDown: isDown, isOut: isDown, wasUp };
}

function incoming(state, event, { nowMs, isNew }) {
  const call = {
    id: event.call,
    peer: event.from,
    key: event.key,
    guest: event.guest,
    isOurs: false,
    state: "incoming",
    askedMs: nowMs,
    deadlineMs: Math.min(nowMs, Date.parse(event.at)) + RINGING_MS,
  };
  const parts = [{ name: event.from }, `${event.guest ? " (a guest)" : ""} is calling`];
  const line = { kind: "line", at: event.at, tone: "info", parts };
  return withItem({ ...state, call }, mainPlace(state), line, isNew, true);
}

function calling(state, event, when) {
  const { call: id, peer, state: how } = event;
  const before = state.call;
  if (how === "ringing") {
    const call = { id, peer, isOurs: true, state: "ringing" };
    return when.told({ ...state, call }, event, when);
  }
  if (how === "connected") {
    const call = {
      ...(before ?? { id, peer, isOurs: true }),
      state: "connected",
      key: event.key ?? before?.key,
      route: event.route,
      verified: event.verified,
      sinceMs: Date.parse(event.at),
    };
    const [next, place] = directPlace(state, mainPlace(state), peer, "call");
    const entered = withPlace({ ...next, call }, { ...place, isOver: false });
    return when.told(goneTo(entered, place.id), event, { ...when, where: place.id });
  }
  const [next, place] = directPlaceOf(state, peer);
  const where = before?.state === "connected" && place !== null ? place : mainPlace(state);
  const over = place === null ? next : withPlace(next, { ...place, isOver: true });
  // In the place of the call, if there was one; the line says how it ended.
  const at = over.places.get(where.id) ?? where;
  const { people } = mainPlace(state);
  const names = people.has(peer) ? [] : [...people.keys()].filter((name) => name !== state.self);
  return lineIn({ ...over, call: null }, at, event, { ...when, context: { call: before, names } });
}

function directPlaceOf(state, peer) {
  const place = state.places.get(directId(mainPlace(state), peer, "call")) ?? null;
  return [state, place];
}

function lineIn(state, place, event, when) {
  const withoutRef = { ...event, ref: undefined };
  return when.told(state, withoutRef, { ...when, where: place.id });
}

function delivery(state, event, when) {
  const parent = state.mode === "mesh" ? roomPlace(state, event.room)[1] : mainPlace(state);
  const [known, place] = directPlace(state, parent, event.to);
  const waits = event.waiting === undefined ? {} : { waits: waitingParts(event) };
  const next = withSaid(known, place, event.id, { delivery: event.state, ...waits });
  const shown = next.places.get(place.id);
  // The message itself says that it waits, and why.
  const isTold = event.state !== "failed" && hasSaid(shown, event.id);
  return isTold ? next : lineIn(next, shown, event, when);
}

function hasSaid(place, id) {
  for (const item of itemsOf(place.chunks)) if (item.id === id) return true;
  return false;
}

function verify(state, event, when) {
  let next = state;
  for (const place of state.places.values()) {
    const person = place.people.get(event.name);
    // Of the same name may be somebody else in another room.
    if (person === undefined || (person.key ?? event.key) !== event.key) continue;
    const verified = event.verified === true;
    next = withPlace(
      next,
      withPerson(place, event.name, { verified, refused: event.answer === "no" }),
    );
  }
  return when.told(withCompared(next, event), event, when);
}

/** The call under way with whom was compared: its other side has one key throughout. */
function withCompared(state, { name, key, verified }) {
  const { call } = state;
  const isOther = call === null || folded(call.peer) !== folded(name) || (call.key ?? key) !== key;
  return isOther ? state : { ...state, call: { ...call, verified: verified === true } };
}

/** The friends' table was edited, which says who is in it; how things stand with whoever is new, the list says. */
function noticed(state, event, when) {
  if (event.edit !== undefined) return withVoted(state, event);
  if (event.names === undefined) {
    return when.told(withWhyTold(withEnded(state, event, when), event), event, when);
  }
  const place = mainPlace(state);
  const own = [...place.people.values()].filter(({ self }) => self);
  const friends = event.names.map((name) => place.people.get(name) ?? { name, connected: false });
  return listed(withPlace(state, withPeople(place, [...own, ...friends])), event, when);
}

/** Why the last message to a friend waits is about to be said in a line below it: it needs no note of its own. */
function withWhyTold(state, { friend, warning }) {
  const place = friend === undefined
    ? undefined
    : state.places.get(directId(mainPlace(state), friend));
  if (warning !== true || place === undefined) return state;
  const isUntold = ({ self, delivery, waits }) =>
    self && delivery === "queued" && waits === undefined;
  const chunks = replaced(place.chunks, isUntold, (item) => ({ ...item, waits: [] }));
  return withPlace(state, { ...place, chunks });
}

/** Word codes of a room have ended: their cards, wherever in that room they were asked for, say so. */
function withEnded(state, event, when) {
  if (event.endedCodes === undefined) return state;
  const [known, { id }] = when.placeFor(state, { ...event, ref: undefined });
  return [...known.places.values()].reduce((before, place) => {
    if (homeOf(known, place).id !== id) return before;
    const answers = place.answers.map((answer) => {
      const card = endedCard(answer.card, event);
      return card === null ? answer : { ...answer, card };
    });
    return withPlace(before, { ...place, answers });
  }, known);
}

/**
 * One more friend, here or at the console; how things stand with that one, the list says. Whoever was added on a page is
 * written to next: the user is led there.
 */
function added(state, event, when) {
  const { name, key } = event;
  const place = mainPlace(state);
  const known = { connected: false, ...place.people.get(name), key };
  const next = withPlace(state, withPerson(place, name, known));
  const told = listed(next, event, { ...when, where: place.id });
  if (!isAskedHere(state, event, when)) return told;
  const [opened, { id }] = directPlace(told, mainPlace(told), name);
  return goneTo(opened, id);
}

/** Who is in the list has changed now: the program is asked for it. */
function listed(next, event, when) {
  const list = { command: { command: "list" }, place: "main" };
  const asks = when.isNew ? [...next.asks, list] : next.asks;
  return when.told({ ...next, asks }, event, when);
}

export const HAPPENINGS = {
  joined,
  joining: joined,
  left,
  renamed,
  presence,
  peers,
  members,
  view,
  friends,
  added,
  notice: noticed,
  users,
  connection,
  coordinator,
  session,
  incoming,
  call: calling,
  delivery,
  verify,
  ...editHappenings,
  ...roomHappenings,
  ...fileHappenings,
};
