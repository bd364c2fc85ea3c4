/** Several rooms on a page: which are open, which one is shown, and where their lines stand. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { after, AT, pageOf, placeOf, texts, welcome } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { meant, reduce, refOf, titleOf } = page;

const READY = {
  event: "ready",
  command: "mesh",
  name: "Alice",
  host: "10.0.0.1",
  port: 55107,
  key: "a",
  room: "r1",
};
const HELLO = {
  event: "message",
  id: "1",
  from: "Bob",
  shown: "Bob",
  key: "b",
  text: "hi",
  self: false,
  private: false,
  history: false,
  sentAt: AT,
  mention: false,
};
/** What answers `/join`, besides what all are told. */
const JOINED = { event: "room", number: 2, title: "Club", unseen: 0, room: "r2" };

function idOf(state: Any, room: string): string {
  return state.rooms.get(room);
}

/** A page that was in two rooms, and shows the first one; the program is started again, in the second one. */
function startedAgain(shown = "r1"): Any {
  const two = pageOf("mesh", [READY, { ...READY, room: "r2" }, JOINED, {
    ...HELLO,
    room: "r1",
    text: "before",
  }]);
  const there = reduce(two, { type: "select", place: idOf(two, shown) });
  const again = reduce(there, { type: "welcome", welcome: welcome("mesh", { run: "run 2" }) });
  return after(again, [{ ...READY, room: "r2" }, { ...HELLO, id: "2", text: "after" }]);
}

Deno.test("page: whoever joins a room on the page is led there, and its lines stand there", () => {
  const ref = refOf("a", "main", "1");
  const state = after(pageOf("mesh", [READY]), [
    { ...READY, room: "r2", ref },
    { ...JOINED, ref },
    { event: "joined", name: "Carol", key: "c", room: "r2", verified: false },
    { event: "returned", since: AT, room: "r2" },
    { ...HELLO, room: "r2" },
  ]);
  const club = idOf(state, "r2");

  assertEquals(state.current, club);
  assertEquals(titleOf(state, state.places.get(club)), "Club");
  assertEquals(texts(state).length, 1, "nothing of it stands in the first room");
  assertEquals(texts(state, club).slice(-3), ["* Carol joined", "since", "Bob: hi"]);
  assertEquals([...state.places.get("main").people.keys()], ["Alice"]);
  assertEquals([...state.places.get(club).people.keys()], ["Alice", "Carol"]);
  // The page asks for the number and title of each, and who is there.
  assertEquals(state.asks.slice(-2), [
    { command: { command: "rooms" }, place: "main" },
    { command: { command: "peers", room: "r2" }, place: club },
  ]);
});

Deno.test("page: files offered before a second room was joined go on, each room's own", () => {
  const offer = {
    event: "offer",
    file: 1,
    id: "f1",
    from: "Bob",
    key: "b",
    name: "a.txt",
    size: 1,
  };
  const done = { event: "transfer", file: 1, name: "a.txt", state: "done", bytes: 1 };
  const state = after(pageOf("mesh", [READY, offer]), [
    ...[{ ...READY, room: "r2" }, JOINED],
    { ...offer, id: "f2", room: "r2" },
    { ...done, room: "r1", path: "/a.txt" },
  ]);
  const statesIn = (room: string) =>
    state.places.get(idOf(state, room)).chunks.flatMap(({ items }: Any) =>
      items.filter(({ kind }: Any) => kind === "offer").map(({ data }: Any) => data.state)
    );
  assertEquals([statesIn("r1"), statesIn("r2")], [["done"], ["offered"]]);
});

Deno.test("page: a room that is joined at the console, or was before, takes nobody along", () => {
  const state = pageOf("mesh", [READY, { ...READY, room: "r2" }, JOINED]);
  assertEquals(state.current, "main");

  // After a reload, what was answered before the page came is told again.
  const ref = refOf("a", "main", "1");
  const come = reduce(page.NOTHING, { type: "welcome", welcome: welcome("mesh", { last: 3 }) });
  assertEquals(
    after(come, [READY, { ...READY, room: "r2", ref }, { ...JOINED, ref }]).current,
    "main",
  );
});

Deno.test("page: what goes wrong while a room is joined stands where that was asked for", () => {
  const two = pageOf("mesh", [READY, { ...READY, room: "r2" }, JOINED]);
  const club = idOf(two, "r2");
  const ref = refOf("a", club, "1");

  const state = after(reduce(two, { type: "select", place: club }), [
    { event: "notice", text: "Connecting to 10.0.0.9..." },
    { event: "error", code: "unreachable", text: "Nobody answers.", ref },
  ]);

  assertEquals(texts(state, club).slice(-2), ["* Connecting to 10.0.0.9...", "* Nobody answers."]);
  assertEquals(state.current, club);
});

Deno.test("page: a program that was started again has one of two rooms open: the page goes there, and says why", () => {
  const state = startedAgain();
  const club = idOf(state, "r2");

  assertEquals(state.current, club);
  assertEquals(texts(state, club).slice(-3), [
    "* Others join with p2pchat mesh NAME 10.0.0.1 55107",
    "* You were in another room, which wasn't opened when the program was started again. " +
    "It is still in the list: choose it to open it.",
    "Bob: after",
  ]);
  assertEquals(texts(state).includes("Bob: before"), true, "what was said there stays");
  assertEquals(texts(state).includes("Bob: after"), false);
});

Deno.test("page: in a room that isn't open nothing can be said, and none of it goes to another", () => {
  const state = startedAgain();
  const first = state.places.get(idOf(state, "r1"));

  for (const text of ["hi", "/me waves", "/send a.pdf", "/verify Bob", "//x"]) {
    assertStringIncludes(meant(state, first, text).error, "you aren't in this room now");
  }
  assertEquals(meant(state, first, "/join 10.0.0.9 55107"), { line: "/join 10.0.0.9 55107" });
  const open = state.places.get(state.current);
  assertEquals(meant(state, open, "hi").command, { command: "msg", text: "hi", room: "r2" });

  // Once it is open again, it is as before.
  const again = after(state, [{ ...READY, room: "r1" }]);
  assertEquals(meant(again, again.places.get(first.id), "hi").command.room, "r1");
});

Deno.test("page: a private conversation of a room that isn't open is closed with it", () => {
  const two = pageOf("mesh", [
    READY,
    { ...HELLO, private: true },
    { ...READY, room: "r2" },
    JOINED,
  ]);
  const bob = placeOf(two, "Bob");
  const there = reduce(two, { type: "select", place: bob });
  const again = reduce(there, { type: "welcome", welcome: welcome("mesh", { run: "run 2" }) });

  const state = after(again, [{ ...READY, room: "r2" }]);

  assertEquals(state.current, idOf(state, "r2"));
  assertEquals(Object.keys(meant(state, state.places.get(bob), "hi")), ["error"]);
});

Deno.test("page: whoever leaves a room goes on in another; one that fails stays in view with what went wrong", () => {
  const two = pageOf("mesh", [READY, { ...READY, room: "r2" }, JOINED]);
  const club = idOf(two, "r2");
  const there = reduce(two, { type: "select", place: club });
  const parted = { event: "parted", number: 2, title: "Club", room: "r2" };

  const left = after(there, [{ ...parted, reason: "quit" }]);
  assertEquals(left.current, "main");
  assertEquals(texts(left).at(-1), "* You left #Club");

  const failed = after(there, [
    { event: "error", code: "disk", text: "The disk is full.", room: "r2" },
    { ...parted, reason: "disk" },
  ]);
  assertEquals(failed.current, club);
  assertEquals(texts(failed, club).includes("* The disk is full."), true);
});

Deno.test("page: of a room that is opened again what was said stays, and what came meanwhile is added once", () => {
  const inClub = (id: string, more: Record<string, unknown> = {}) => (
    { ...HELLO, id, text: `said ${id}`, room: "r2", ...more }
  );
  const again = (id: string, more = {}) => inClub(id, { history: true, ...more });
  const privately = { private: true };
  const parted = { event: "parted", number: 2, title: "Club", room: "r2", reason: "quit" };
  const before = pageOf("mesh", [
    READY,
    { ...READY, room: "r2" },
    JOINED,
    inClub("1"),
    inClub("2"),
    {
      ...inClub("3"),
      ...privately,
    },
  ]);

  let state = before;
  for (const id of ["4", "5"]) {
    state = after(state, [
      parted,
      { ...READY, room: "r2" },
      JOINED,
      ...["1", "2"].map((one) => again(one)),
      again("3", privately),
      ...(id === "5" ? [again("4")] : []),
      { event: "returned", since: AT, room: "r2" },
      again(id),
      inClub(`${id} live`),
    ]);
  }

  const said = (place: string) => texts(state, place).filter((text) => text.startsWith("Bob"));
  assertEquals(
    said(idOf(state, "r2")),
    ["1", "2", "4", "4 live", "5", "5 live"].map((id) => `Bob: said ${id}`),
  );
  assertEquals(said(placeOf(state, "Bob")), ["Bob: said 3"]);
});

Deno.test("page: the same name in another room may be somebody else, who isn't verified with this one", () => {
  const joined = { event: "joined", name: "Bob", verified: false };
  const two = pageOf("mesh", [READY, { ...READY, room: "r2" }, JOINED, {
    ...joined,
    key: "b",
    room: "r1",
  }, { ...joined, key: "other", room: "r2" }]);

  const state = after(two, [{
    event: "verify",
    name: "Bob",
    key: "b",
    verified: true,
    room: "r1",
  }]);

  const verified = ["r1", "r2"].map((room) =>
    state.places.get(idOf(state, room)).people.get("Bob").verified
  );
  assertEquals(verified, [true, false]);
});

Deno.test("page: whoever loads it again asks each of several rooms who is there, and shows it in that one", () => {
  const asked: Any[] = [];
  const asking = new page.Asking((command: Any, place: string) => asked.push({ command, place }));
  const come = reduce(page.NOTHING, { type: "welcome", welcome: welcome("mesh", { last: 4 }) });
  asking.welcomed(true);
  asking.whoIsHere(come);
  assertEquals(asked, [], "which rooms are open isn't known yet");

  const here = after(come, [READY, { ...READY, room: "r2" }, { ...READY, room: "r3" }, {
    ...{ event: "parted", number: 3, title: null, room: "r3", reason: "quit" },
  }]);
  asking.whoIsHere(here);
  asking.whoIsHere(here);
  const club = idOf(here, "r2");
  assertEquals(asked, [
    { command: { command: "rooms" }, place: "main" },
    { command: { command: "peers", room: "r1" }, place: "main" },
    { command: { command: "peers", room: "r2" }, place: club },
  ]);

  const peers = ["Alice", "Carol"].map((name) => ({ name, key: name, verified: false }));
  const ref = refOf("q", "main", "1");
  const state = after(here, [{ event: "peers", peers, room: "r2", ref }]);
  assertEquals([...state.places.get("main").people.keys()], ["Alice"], "of the other room");
  assertEquals([...state.places.get(club).people.keys()], ["Alice", "Carol"]);
});

Deno.test("page: of a room of which nothing is kept any more it is asked who is there, once", () => {
  const come = pageOf("mesh", [READY]);
  const rooms = [{ room: "r1", here: { number: 1 } }, { room: "r2", here: { number: 2 } }];
  const list = { event: "rooms", rooms, ref: refOf("q", "main", "1") };

  const state = after(reduce(come, { type: "asked" }), [list]);

  const place = idOf(state, "r2");
  assertEquals(state.asks, [{ command: { command: "peers", room: "r2" }, place }]);
  assertEquals(after(reduce(state, { type: "asked" }), [list]).asks, []);
});

Deno.test("page: two of one name, each in a room of its own, are told apart by their rooms", () => {
  const alone = { ...HELLO, private: true };
  const one = pageOf("mesh", [READY, { ...READY, room: "r2" }, JOINED, { ...alone, room: "r1" }]);
  const titles = (state: Any) =>
    page.orderedPlaces(state).filter(({ person }: Any) => person !== null)
      .map((place: Any) => titleOf(state, place));
  assertEquals(titles(one), ["Bob"]);

  const both = after(one, [{ ...alone, id: "2", from: "bob", shown: "bob", room: "r2" }]);

  assertEquals(titles(both), ["Bob in Room", "bob in Club"]);
});

Deno.test("page: the card of a word code that has ended says so, wherever in its room it was asked for", () => {
  const two = pageOf("mesh", [
    READY,
    { ...READY, room: "r2" },
    JOINED,
    { ...HELLO, private: true, room: "r1" },
  ]);
  const [direct, club] = [placeOf(two, "Bob"), idOf(two, "r2")];
  const words = { event: "words", words: "7-cross-clock", line: "p2pchat mesh NAME", expires: AT };
  const shown = after(two, [
    { ...words, ref: refOf("a", direct, "1"), room: "r1" },
    { ...words, ref: refOf("a", club, "2"), room: "r2" },
  ]);
  const ended = (codes: readonly number[]) => ({
    ...{ event: "notice", text: "Somebody guessed wrong", room: "r1", endedCodes: codes },
  });
  const cards = (state: Any) =>
    [direct, club].map((id) => page.plainText(state.places.get(id).answers[0].card.title));

  assertEquals(cards(after(shown, [ended([8])])), ["Words to say aloud", "Words to say aloud"]);
  const state = after(shown, [ended([7])]);
  assertEquals(cards(state), ["These words are good no more", "Words to say aloud"]);
  assertEquals(state.places.get(direct).answers[0].card.blocks, [
    { rows: [["Somebody guessed wrong"]] },
  ]);
  assertEquals(texts(state).at(-1), "* Somebody guessed wrong");
  // A code ends with its room, and the other one with its program.
  const parted = after(shown, [{ event: "parted", number: 1, reason: "quit", room: "r1" }]);
  assertEquals(parted.places.get(direct).answers, []);
  assertEquals(parted.places.get(club).answers.length, 1);
  const again = reduce(state, { type: "welcome", welcome: welcome("mesh", { run: "run 2" }) });
  assertEquals(again.places.get(club).answers, []);
});

Deno.test("page: rooms of one title are told apart by their numbers, as at the console", () => {
  const rooms = (title: string) => ({
    ...{ event: "rooms", ref: refOf("q", "main", "1") },
    rooms: [
      { room: "r1", title: "Club", private: false, here: { number: 1, current: true } },
      { room: "r2", title, private: false, here: { number: 2 } },
    ],
  });
  const two = pageOf("mesh", [READY, { ...READY, room: "r2" }]);
  const shown = (state: Any) =>
    ["r1", "r2"].map((room) => state.places.get(idOf(state, room))).flatMap((place) => [
      titleOf(state, place),
      page.placeholderOf(state, place),
    ]);

  assertEquals(shown(after(two, [rooms("CLUB")])), [
    ...["Club (1)", "Message to Club (1)"],
    ...["CLUB (2)", "Message to CLUB (2)"],
  ]);
  assertEquals(shown(after(two, [rooms("Pub")])), [
    ...["Club", "Message to Club"],
    ...["Pub", "Message to Pub"],
  ]);
  // What is over has no number: it may be another one's by now.
  const left = after(two, [rooms("Club"), {
    event: "parted",
    number: 2,
    reason: "quit",
    room: "r2",
  }]);
  assertEquals(titleOf(left, left.places.get(idOf(left, "r1"))), "Club (1)");
  assertEquals(titleOf(left, left.places.get(idOf(left, "r2"))), "Club");
});
