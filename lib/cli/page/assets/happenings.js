/** What each event changes beside its lines: who is here, what is asked, how a message fares, how far a file is. */

import { foldName as folded } from "../../../base/text/names.ts";
import { bound } from "./storage.js";

/** How long a callee has to answer. */
const RINGING_MS = 30_000;
const FILES_MAX = 2_000;
/** As long as at the console: who comes later to what nobody waits for presses a button. */
export const LETTER_MS = 120_000;

/** A name as names are compared. */
export { folded };

function person(place, name, more) {
  place.people.set(name, { ...place.people.get(name), ...more, name });
}

/** A whole list in place of what was known. */
function listed(place, people) {
  place.people = new Map(people.map((one) => [one.name, one]));
}

function members(model, { members, keys = [], verified = [], away = [], refused = [] }, place) {
  listed(
    place,
    members.map((name, at) => ({
      ...{ name, key: keys[at], self: name === model.self },
      ...{ verified: verified.includes(name), refused: refused.includes(name) },
      away: away.find((one) => one.name === name)?.away,
    })),
  );
}

function joined(_, { event, name, ...more }, place) {
  person(place, name, { ...more, isJoining: event === "joining" });
}

function presence(model, { name, shown = name, away, state, self, ...more }, place) {
  if (state === "offline") return void place.people.delete(shown);
  const isSelf = self === true || place.people.get(shown)?.self === true;
  person(place, shown, { ...more, ...(state === undefined ? {} : { state }), away, self: isSelf });
  // In a call nobody is told who comes and goes elsewhere.
  return state !== undefined && self !== true && (model.call !== null || isSelf);
}

function renamed(model, { from, name }, place) {
  const before = place.people.get(from);
  place.people.delete(from);
  person(place, name, before ?? {});
  if (before?.self === true) model.self = name;
  const direct = model.known(from, place);
  // What was said to that person goes with the person, unless there is a conversation of the new name.
  if (direct === undefined || model.known(name, place) !== undefined) return;
  const [was, id] = [direct.id, `${place.id} ${folded(name)}`];
  Object.assign(direct, { id, person: name });
  model.places = new Map(Array.from(model.places.values(), (one) => [one.id, one])); // each where it was
  if (model.current === was) model.current = id;
  for (const one of [...model.asked.values(), ...model.questions.values()]) {
    if (one.place === was) one.place = id;
  }
}

/** @param given `lines` say how it fares; what it is stands above. */
function file(model, fields, place, { lines }) {
  const key = `${place.id} ${fields.id}`;
  const said = lines.length > 0 && fields.event === "transfer" ? { lines } : {};
  model.files = new Map(model.files).set(key, { ...model.files.get(key), ...fields, ...said });
  bound(model.files, FILES_MAX);
}

function rooms(model, { rooms }) {
  const isOfSeveral = rooms.some(({ here }) => here !== undefined);
  for (const { room, title = null, here, private: isPrivate } of rooms) {
    const isKnown = [...model.places.values()].some((place) => place.room === room);
    if (here === undefined && !isKnown && isOfSeveral) continue;
    if (here === undefined && !isKnown && model.main.room !== null) continue;
    const place = model.room(room);
    Object.assign(place, { title, isPrivate });
    if (isOfSeveral) place.isOver = here === undefined;
  }
}

function call(model, { call: id, peer, state, at, key, verified }) {
  const before = model.call;
  model.questions.delete("call");
  const kind = { ringing: "ringing", connected: "call" }[state];
  const place = model.direct(peer);
  place.isOver = state !== "connected";
  if (kind === undefined) return void (model.call = null);
  model.call = { ...before, id, peer, state, key: key ?? before?.key, verified };
  const [start, end] = kind === "call" ? ["In a call with "] : ["Calling ", "…"];
  model.questions.set("call", {
    ...{ kind, id },
    lines: [[start, ["name", model.shown(peer)], end ?? ""]],
    sinceMs: kind === "call" ? Date.parse(at) : undefined,
  });
  if (state === "connected") model.lead(place);
}

/** Word codes that let nobody into that room any more. */
export function endCodes(model, room, is, why = "These words are good no more") {
  for (const place of model.places.values()) {
    const isOf = ({ code }) => code !== undefined && is(code);
    const over = { code: undefined, untilMs: undefined, lines: [[why]] };
    while (model.home(place) === room && model.change(place, isOf, over));
  }
}

/** Above the message box. */
function ask(model, key, question, place, isNew) {
  model.questions.set(key, question);
  if (isNew) model.news({ kind: "lines", lines: question.lines.slice(0, 1) }, place);
  return true;
}

export const HANDLERS = {
  ready: (model, { name, key, members: all, names, private: isPrivate, ...more }, place) => {
    const where = more.log ?? more.registry;
    if (where !== undefined) model.isElsewhere = (place.room ??= where) !== where;
    place.isPrivate = isPrivate === true;
    model.self = name ?? model.self;
    if (all !== undefined) members(model, { members: all }, place);
    for (const friend of names ?? []) if (friend !== model.self) person(place, friend, {});
    if (model.self !== null) person(place, model.self, { self: true, ...(key ? { key } : {}) });
    place.isOver = false;
    if (!model.home().isOver) return;
    const title = model.home().title === null ? "another room" : `#${model.home().title}`;
    model.lead(place);
    model.tell(
      place,
      `You were in ${title}, which wasn't opened when the program was started again`,
    );
  },
  friends: (_, { friends, self }, place) =>
    listed(place, [{ name: "", ...self, self: true }, ...friends]),
  peers: (_, { peers }, place) =>
    listed(place, peers.map((one, at) => ({ ...one, self: at === 0 }))),
  members,
  view: (model, fields, place) => {
    if (fields.entries < place.entries) model.forget(place); // the coordinator has another group now
    members(model, fields, place);
  },
  users: (model, { users, total, isAnswer }, place) => {
    model.total = total;
    const all = users.map((one) => ({
      ...one,
      name: one.shown ?? one.name,
      self: one.name === model.self,
    }));
    if (isAnswer !== true) listed(place, all);
    else for (const one of all) person(place, one.name, one);
    [model.isOut, model.wasUp] = [false, true];
  },
  joined,
  joining: joined,
  left: (_, { name }, place) => void place.people.delete(name),
  renamed,
  presence,
  connection: (_, { friend, state }, place) => {
    if (place.people.has(friend)) person(place, friend, { connected: state === "opened" });
  },
  session: (model, { name, state }) => {
    model.self = name || model.self;
    model.isOut = state !== "up";
    model.wasUp ||= state === "up";
  },
  rooms,
  room: (model, { title = null }, place, { asked }) => {
    Object.assign(place, { title, isOver: false });
    if (asked !== undefined) model.open(place);
  },
  parted: (model, { reason }, place) => {
    place.people.clear();
    endCodes(model, place, () => true);
    place.isOver = true;
    const [other] = model.openRooms;
    // Where the room has failed, what went wrong stays in view.
    if (model.home() === place && other !== undefined && reason === "quit") model.lead(other);
  },
  to: (model, { name }, _, { asked }) => {
    if (asked !== undefined && name !== null) model.open(model.direct(name));
  },
  "code-used": (model, { name, key, at }, { id: place }, { lines }) => {
    const untilMs = Date.parse(at) + LETTER_MS;
    model.questions.set(`code ${key}`, { kind: "code", name, lines, untilMs, place });
  },
  verify: (model, { name, key, verified, answer }) => {
    if (answer !== undefined) model.questions.delete(`code ${key}`);
    // Of the same name may be somebody else in another room.
    for (const { people } of model.places.values()) {
      const one = people.get(name);
      if (one === undefined || (one.key ?? key) !== key) continue;
      people.set(name, { ...one, verified: verified === true, refused: answer === "no" });
    }
  },
  delivery: (model, { id, to, state }, home) => {
    const place = model.direct(to, home);
    const isThere = model.change(place, (item) => item.id === id, { delivery: state });
    return isThere && state !== "failed"; // the message itself says it
  },
  offer: (model, fields, place, given) => {
    // With a path it was received by an earlier process.
    const how = fields.path === undefined ? { state: "offered", bytes: 0 } : { state: "done" };
    file(model, { ...fields, ...how }, place, given);
  },
  transfer: file,
  files: (model, { files }, place) => {
    for (const { id, state, waits, bytes, path } of files) {
      const how = waits ? "failed" : { fetching: "progress", here: "done" }[state];
      const key = `${place.id} ${id}`;
      const known = model.files.get(key);
      if (known === undefined || how === undefined) continue;
      model.files = new Map(model.files).set(key, { ...known, state: how, bytes, path });
    }
  },
  "vote-wanted": (model, { edit, deadline }, place, { lines, isNew }) => {
    const untilMs = Date.parse(deadline);
    return ask(model, `vote ${edit}`, { kind: "vote", edit, lines, untilMs }, place, isNew);
  },
  added: (model, { name, key }, place, { asked }) => {
    person(place, name, { connected: false, key });
    if (asked !== undefined) model.open(model.direct(name));
  },
  notice: (model, { edit, names, endedCodes = [], text }, place) => {
    endCodes(model, place, (code) => endedCodes.includes(code), text);
    if (edit !== undefined) model.questions.delete(`vote ${edit}`); // the user has voted on it
    if (names === undefined) return;
    const known = [...place.people.values()].filter(({ self }) => self);
    const friend = (name) => place.people.get(name) ?? { name, connected: false };
    listed(place, [...known, ...names.map(friend)]);
  },
  edit: (model, { edit, seq, outcome, text, by }, place) => {
    if (outcome === "waiting") return;
    model.questions.delete(`vote ${edit}`);
    if (outcome !== "committed") return;
    model.change(place, (item) => item.kind === "said" && item.seq === seq, {
      changed: { text, by },
    });
  },
  incoming: (model, { call, from: name, at, key, guest }, place, { isNew }) => {
    const untilMs = Math.min(Date.now(), Date.parse(at)) + RINGING_MS;
    const lines = [[["name", model.shown(name)], `${guest ? " (a guest)" : ""} is calling you`]];
    model.call = { id: call, peer: name, key, state: "incoming" };
    return ask(model, "call", { kind: "incoming", id: call, name, lines, untilMs }, place, isNew);
  },
  call,
  fatal: (model, { text }) => void (model.link = { state: "ended", text }),
  bye: (model) => void (model.link = { state: "ended", text: null }),
};
