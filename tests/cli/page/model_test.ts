/** What the page knows after events: which places there are, where lines stand, what is new, and what wasn't said. */

import { assertEquals } from "@std/assert";
import { after, AT, pageOf, READY, said, SECOND, texts, welcome } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { meant } = page;
const inRoom = (state: Any, room: string) => state.room(room);
const direct = (state: Any, person: string) =>
  [...state.places.values()].find((place) => place.person === person);
const timed = (minute: number, more: Record<string, unknown> = {}) =>
  said(`at ${minute}`, { at: `2026-11-27T12:0${minute}:00.000Z`, ...more });

/** A page that is opened after these. */
function opened(
  events: readonly Record<string, unknown>[],
  seen: readonly (readonly [string, string])[] = [],
): Any {
  const model = new page.Model(() => {});
  model.seenElsewhere(seen);
  model.welcome(welcome("mesh", { last: events.length }));
  return after(model, events);
}

const news = (state: Any) =>
  [...state.places.values()].reduce((sum, { unread, forUser }) => ({
    unread: sum.unread + unread,
    forUser: sum.forUser + forUser,
  }), { unread: 0, forUser: 0 });

// Rooms.

/** A page that was in two rooms, and shows the first one; the program is started again, in the second one. */
function startedAgain(): Any {
  const state = pageOf("mesh", [READY, ...SECOND, said("before", { room: "r1" })]);
  state.welcome(welcome("mesh", { run: "run 2" }));
  return after(state, [{ ...READY, room: "r2" }, said("after", { room: "r2" })]);
}

Deno.test("page: whoever joins a room on the page is led there, and its lines stand there", () => {
  const state = pageOf("mesh", [READY]);
  state.sent("a.1", { place: "main", kind: "asked", text: "/join x", said: "/join x" });
  after(state, [
    { ...SECOND[0], ref: "a.1" },
    { ...SECOND[1], ref: "a.1" },
    { event: "joined", name: "Carol", key: "c", room: "r2", host: "h", verified: false },
    said("hi", { room: "r2" }),
  ]);

  const club = inRoom(state, "r2");
  assertEquals([state.here.room, club.title], ["r2", "Club"]);
  assertEquals(texts(club).slice(-2), ["* Carol joined (h)", "Bob: hi"]);
  assertEquals(texts(state.main).some((text) => /Carol|Bob/.test(text)), false);
  assertEquals([...state.main.people.keys()], ["Alice"]);
  assertEquals([...club.people.keys()], ["Alice", "Carol"]);
});

Deno.test("page: a room that is joined at the console takes nobody along", () => {
  const state = pageOf("mesh", [READY, ...SECOND]);
  assertEquals(state.here.id, "main");
});

Deno.test("page: what is being typed stays where it is, wherever the program goes on", () => {
  const state = pageOf("mesh", [READY, ...SECOND]);
  state.main.draft = "for those";
  state.welcome(welcome("mesh", { run: "run 2" }));
  after(state, [{ ...READY, room: "r2" }]);
  assertEquals([state.here.room, state.here.isOver], ["r1", true]);
  state.main.draft = "";
  after(state, [{ ...READY, room: "r2" }]);
  assertEquals(state.here.room, "r2");
});

/** Entries of a group, by number and text. */
const entry = (seq: number, text: string) =>
  said(text, { id: undefined, seq, sentAt: AT, history: true });
const member = (log: string) => ({
  ...{ event: "ready", command: "peer", name: "Alice", host: "h", port: 1, key: "a" },
  ...{ server: "s", log, members: ["Alice", "Bob"], entries: 2, last: null },
});

Deno.test("page: the lines of a group stay after a restart, and are none of another group's", () => {
  const state = pageOf("group", [member("1/log"), entry(1, "one"), entry(2, "two")]);
  state.welcome(welcome("group", { run: "run 2" }));
  after(state, [member("1/log"), entry(1, "one"), entry(2, "two")]);
  assertEquals(texts(state.main).filter((text) => /: /.test(text)), ["Bob: one", "Bob: two"]);
  const mark = state.markOf(state.main);
  state.welcome(welcome("group", { run: "run 3" }));
  assertEquals(after(state, [member("2/log")]).isElsewhere, true, "the page is loaded anew");
  assertEquals(state.markOf(state.main), mark, "by which what is typed is kept");
});

Deno.test("page: of a group whose coordinator begins another one nothing old stays", () => {
  const state = pageOf("group", [member("1/log"), entry(1, "one"), entry(2, "two")]);
  const view = { event: "view", view: 1, members: ["Alice"], joined: ["Alice"], left: [] };
  after(state, [{ ...view, entries: 2, last: null }]);
  assertEquals(texts(state.main).includes("Bob: two"), true);
  after(state, [{ ...view, entries: 0, last: null }, entry(1, "another's")]);
  assertEquals(texts(state.main).filter((text) => /: /.test(text)), ["Bob: another's"]);
});

Deno.test("page: a file that gets the number of an earlier one is another's", () => {
  const offer = (from: string, id: string, more = {}) => ({
    ...{ event: "offer", file: 1, id, from, shown: from, key: from, name: `of ${from}`, size: 1 },
    ...{ self: false, history: false, sentAt: AT, room: "r1", ...more },
  });
  const state = pageOf("mesh", [READY, offer("Bob", "1"), offer("Dave", "2", { file: 2 })]);
  state.welcome(welcome("mesh", { run: "run 2" }));
  after(state, [READY, offer("Mallory", "3"), offer("Dave", "2", { file: 5, path: "/d" })]);
  const files = state.main.chunks.flatMap(({ items }: Any) => items)
    .filter(({ kind }: Any) => kind === "offer")
    .map(({ author, file }: Any) => [author, state.files.get(file)?.from]);
  assertEquals(files, [["Bob", undefined], ["Dave", "Dave"], ["Mallory", "Mallory"]]);
  const done = {
    event: "transfer",
    file: 1,
    id: "4",
    name: "n",
    from: "Eve",
    state: "done",
    bytes: 1,
  };
  after(state, [offer("Eve", "4"), { ...done, room: "r1" }]);
  const states = [...state.files.values()].map((one: Any) => [one.from, one.state]);
  assertEquals(states, [["Mallory", "offered"], ["Dave", "done"], ["Eve", "done"]]);
});

Deno.test("page: what is new stays marked while somebody is elsewhere who hasn't seen it", () => {
  const state = pageOf("mesh", [READY, said("hi")]);
  const { newFrom } = state.main;
  state.open(state.direct("Bob"));
  state.open(state.main);
  assertEquals([state.main.newFrom, newFrom === null], [newFrom, false]);
  state.looks(true);
  state.open(state.direct("Bob"));
  assertEquals(state.main.newFrom, null);
});

Deno.test("page: each call is a question of its own, and letters answer what is asked above the message box alone", () => {
  const incoming = (call: string) => ({
    ...{ event: "incoming", call, from: "bob", key: "b", guest: false },
  });
  const state = pageOf("directory", [incoming("1")]);
  const first = state.questions.get("call").id;
  after(state, [
    { event: "call", call: "1", peer: "bob", state: "ended", reason: "cancelled" },
    incoming("2"),
  ]);
  assertEquals([first, state.questions.get("call").id], ["1", "2"]);
  assertEquals(page.questionsIn(state, state.main), ["call 2"]);

  const offer = { ...{ event: "offer", file: 1, id: "1", from: "Bob", shown: "Bob", key: "b" } };
  const now = new Date().toISOString();
  const room = pageOf("mesh", [READY, { ...offer, name: "n", size: 1, sentAt: now, at: now }]);
  assertEquals([page.questionsIn(room, room.main), meant(room, room.main, "y").line], [[], "y"]);
});

Deno.test("page: files have numbers of their own in each room", () => {
  const offer = {
    event: "offer",
    file: 1,
    id: "f1",
    from: "Bob",
    key: "b",
    name: "a.txt",
    size: 1,
  };
  const done = { event: "transfer", file: 1, id: "f1", name: "a.txt", state: "done", bytes: 1 };
  const state = pageOf("mesh", [READY, offer, ...SECOND, { ...offer, id: "f2", room: "r2" }, {
    ...done,
    room: "r1",
    path: "/a.txt",
  }]);
  assertEquals([...state.files.values()].map((file: Any) => file.state), ["done", "offered"]);
});

Deno.test("page: in a room that isn't open nothing can be said, and none of it goes to another", () => {
  const state = startedAgain();
  const club = inRoom(state, "r2");
  assertEquals(texts(state.main).includes("Bob: before"), true, "what was said there stays");
  assertEquals(texts(state.main).includes("Bob: after"), false);
  assertEquals(state.here.room, "r2", "the one that is open");

  for (const text of ["hi", "/me waves", "/send a.pdf", "/verify Bob", "//x"]) {
    const { room, command } = meant(state, state.main, text);
    assertEquals(command?.room ?? room, "r1", text); // where the program says that one isn't in it
  }
  assertEquals(meant(state, club, "hi").command, { command: "msg", text: "hi", room: "r2" });
  after(state, [READY]);
  assertEquals(meant(state, state.main, "hi").command.room, "r1", "open again, it is as before");
});

Deno.test("page: whoever leaves a room goes on in another; one that fails stays in view with what went wrong", () => {
  for (const reason of ["quit", "disk"]) {
    const state = pageOf("mesh", [READY, ...SECOND]);
    state.open(inRoom(state, "r2"));
    after(state, [{ event: "parted", number: 2, title: "Club", room: "r2", reason }]);
    assertEquals(state.here.room, reason === "quit" ? "r1" : "r2", reason);
  }
});

Deno.test("page: of a room that is opened again what was said stays, and what came meanwhile is added once", () => {
  const state = pageOf("mesh", [READY, ...SECOND, said("1", { room: "r2" })]);
  after(state, [
    { event: "parted", number: 2, title: "Club", room: "r2", reason: "quit" },
    ...SECOND,
    ...["1", "2"].map((text) => said(text, { room: "r2", history: true })),
    said("3", { room: "r2" }),
  ]);
  const lines = texts(inRoom(state, "r2")).filter((text) => text.startsWith("Bob"));
  assertEquals(lines, ["Bob: 1", "Bob: 2", "Bob: 3"]);
});

Deno.test("page: the same name in another room may be somebody else, who isn't verified with this one", () => {
  const joined = { event: "joined", name: "Bob", verified: false };
  const state = pageOf("mesh", [READY, ...SECOND, { ...joined, key: "b", room: "r1" }, {
    ...joined,
    key: "other",
    room: "r2",
  }, { event: "verify", name: "Bob", key: "b", verified: true, room: "r1" }]);
  const verified = ["r1", "r2"].map((room) => inRoom(state, room).people.get("Bob").verified);
  assertEquals(verified, [true, false]);
});

// People.

Deno.test("page: a conversation goes with the person who takes another name, not with the name", () => {
  const others = said("hi", { private: true, from: "Carol", shown: "Carol", key: "c" });
  const state = pageOf("mesh", [READY, said("psst", { private: true }), others]);
  const place = direct(state, "Bob");
  state.open(place);
  after(state, [{ event: "renamed", key: "b", from: "Bob", name: "Robert", room: "r1" }]);
  assertEquals([state.here.key, place.person, direct(state, "Bob")], [
    place.key,
    "Robert",
    undefined,
  ]);
  assertEquals([...state.main.people.values()].map(({ name }) => name), ["Alice", "Robert"]);
  const people = [...state.places.values()].map(({ person }) => person);
  assertEquals(people, [null, "Robert", "Carol"], "each where it was");
});

Deno.test("page: a person's colour is that of the key, unless it is taken as they come, and stays", () => {
  const state = pageOf("mesh", [READY]);
  const names = Array.from({ length: 10 }, (_, at) => `guest${at}`);
  after(
    state,
    names.map((name) => ({ event: "joined", name, key: `key ${name}`, verified: false })),
  );
  const hues = names.map((name) => state.hueOf(name));
  assertEquals(new Set(hues).size, 10);
  after(state, [{ event: "left", name: "guest1", key: "key guest1", reason: "quit" }]);
  assertEquals(names.map((name) => state.hueOf(name, `key ${name}`)), hues);
});

Deno.test("page: those who come and go within minutes stand together", () => {
  const coming = ["Bob", "Carol"].map((name) => ({
    event: "joined",
    name,
    key: name,
    verified: false,
  }));
  const state = pageOf("mesh", [READY]);
  const before = state.main.chunks[0].items.length;
  after(state, [...coming, said("hi"), { event: "left", name: "Bob", key: "Bob", reason: "quit" }]);
  const items = state.main.chunks.flatMap(({ items }: Any) => items).slice(before);
  assertEquals(items.map(({ lines }: Any) => lines.length), [2, 1, 1]);
});

// What is new.

Deno.test("page: opened for the first time it counts what others have said, and marks where that begins", () => {
  const state = opened([READY, timed(1), timed(2, { mention: true }), timed(3, { private: true })]);
  assertEquals(news(state), { unread: 3, forUser: 2 });
  const [first] = state.main.chunks[0].items.filter(({ kind }: Any) => kind === "said");
  assertEquals(state.main.newFrom, first.ref);
  state.looks(true);
  assertEquals(news(state), { unread: 1, forUser: 1 });
});

Deno.test("page: what was seen in this browser, or answered since, isn't new; what came since is", () => {
  const events = [READY, timed(1), timed(2), timed(3)];
  assertEquals(news(opened(events, [["r1 ", "2026-11-27T12:02:00.000Z"]])).unread, 1);
  const own = timed(2, { self: true, from: "Alice", shown: "Alice" });
  assertEquals(news(opened([READY, timed(1), own])).unread, 0);
  assertEquals(news(opened([READY, timed(1), own, timed(3)])).unread, 1);
  assertEquals(
    news(opened([READY, timed(1, { history: true })])).unread,
    0,
    "said before one came",
  );
});

Deno.test("page: what is read in one window of a browser is read in the others", () => {
  const state = pageOf("mesh", [READY]);
  state.looks(false);
  after(state, [timed(1), timed(2)]);
  assertEquals(news(state).unread, 2);
  state.seenElsewhere([["r1 ", "2026-11-27T12:02:00.000Z"]]);
  assertEquals(news(state).unread, 0);
});

Deno.test("page: whoever writes under names without end takes no conversation from the list", () => {
  const writes = (from: string) => said("hi", { id: from, from, shown: from, private: true });
  const flood = (what: string) => Array.from({ length: 305 }, (_, n) => writes(`${what}${n}`));
  const state = pageOf("mesh", [READY, writes("Bob"), ...flood("zed")]);
  const listed = (...names: string[]) => names.map((name) => direct(state, name) !== undefined);
  assertEquals(state.places.size, 300);
  assertEquals(listed("Bob", "zed0", "zed303", "zed304"), [true, true, false, true]);
  state.open(state.direct("Carol"));
  state.open(state.main);
  after(state, flood("yak"));
  assertEquals([...listed("Bob", "Carol"), state.places.size], [true, true, 300]);
});

// What wasn't said.

const OWN = said("was it said?", { from: "Alice", shown: "Alice", key: "a", self: true });
const unsaid = (state: Any) =>
  [...state.questions.values()].filter(({ kind }) => kind === "unsaid").map(({ said }) => said);

/** A page from which that was sent, and not answered yet. */
function asking(isChat = true): Any {
  const state = pageOf("mesh", [READY]);
  const text = "was it said?";
  state.sent("a.1", { place: "main", kind: "asked", text, said: text, isChat });
  return state;
}

Deno.test("page: what the program ended before it answered is kept for the user, unless it was said", () => {
  const state = asking();
  state.lost({ state: "lost", text: null });
  state.welcome(welcome("mesh", { run: "run 2", last: 2 }));
  assertEquals(unsaid(state), ["was it said?"]);
  const told = { ...OWN, history: true };
  after(state, [READY, { ...told, id: "0", sentAt: "2026-11-27T11:00:00.000Z" }]);
  assertEquals(unsaid(state), ["was it said?"], "the same words, said earlier");
  after(state, [{ ...told, sentAt: new Date().toISOString() }]);
  assertEquals(unsaid(state), []);
});

Deno.test("page: what was on its way as the connection was lost is kept for the user, until it is answered", () => {
  const state = asking();
  state.lost({ state: "lost", text: null });
  assertEquals(unsaid(state), ["was it said?"]);
  state.welcome(welcome("mesh", { resumed: true, last: 3 }));
  after(state, [said("others")]);
  assertEquals(unsaid(state), ["was it said?"]);
  after(state, [{ ...OWN, ref: "a.1" }]);
  assertEquals(unsaid(state), [], "it has waited at the program");
});

Deno.test("page: what the program refuses is kept for the user; questions aren't", () => {
  const error = { event: "error", code: "disk", text: "The disk is full.", ref: "a.1" };
  const [kept] = [...after(asking(), [error]).questions.values()];
  assertEquals(kept.lines, [["The disk is full: ", ["command", "was it said?"]]]);
  assertEquals(unsaid(after(asking(false), [error])), []);
});

// All that may come.

Deno.test("page: an event that was had before changes nothing; what is unknown does no harm", () => {
  const state = pageOf("mesh", [READY, said("hi")]);
  const before = texts(state.main);
  state.events([{ id: 2, fields: said("hi"), lines: [["hi"]] }], 2);
  state.events([{ id: 3, fields: { event: "of-another-version", room: AT }, lines: [] }], 3);
  assertEquals(texts(state.main), before);
});

Deno.test("page: 10,000 messages stay, and 30,000 are bounded", () => {
  const state = pageOf("mesh", [
    READY,
    ...Array.from({ length: 30_000 }, (_, at) => said(`${at}`)),
  ]);
  const kept = texts(state.main);
  assertEquals([kept.length >= 10_000 && kept.length < 11_000, kept.at(-1)], [true, "Bob: 29999"]);
});
