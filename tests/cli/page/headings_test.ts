import { assertEquals } from "@std/assert";
import { after, pageOf, placeOf, texts, welcome } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const self = { name: "Alice", self: true };
const OPEN = { state: "open", text: null };
const bob = { name: "Bob", self: false };

function room(more: Record<string, unknown> = {}): Any {
  return { id: "main", type: "room", person: null, parent: null, people: new Map(), ...more };
}

function stateWith(place: Any, more: Record<string, unknown> = {}): Any {
  return {
    mode: "mesh",
    places: new Map([[place.id, place]]),
    commands: [],
    call: null,
    link: OPEN,
    ...more,
  };
}

Deno.test("page: below the title stands who is there, and that only an invite opens the room", () => {
  const subtitle = (place: Any) => page.subtitleOf(stateWith(place), place);
  const people = new Map(Object.entries({ Alice: self, Bob: bob }));

  assertEquals(subtitle(room()), "Nobody else is here");
  const secret = room({ people, isPrivate: true });
  assertEquals(subtitle(secret), "Private; 1 other person here");
  people.set("Carol", { name: "Carol", self: false });
  assertEquals(subtitle(room({ people })), "2 other people here");
  const group = room({ people, type: "group" });
  assertEquals(page.subtitleOf(stateWith(group, { mode: "group" }), group), "2 other members");
});

Deno.test("page: the lobby says how many others there are, and nothing that a phone cuts off", () => {
  const lobby = (more: Record<string, unknown>) => {
    const place = room({ type: "lobby", people: new Map([["Alice", self]]) });
    const state = stateWith(place, { mode: "directory", ...more });
    return [page.subtitleOf(state, place), page.emptyText(state, place).text];
  };
  const comes = "Who comes online is in the list, to be called.";
  assertEquals(lobby({ total: 1 }), ["Nobody else is online", comes]);
  const choose = "Choose somebody in the list to call them.";
  assertEquals(lobby({ total: 1_200 }), ["1,199 other people online", choose]);
  const ended = "The program has ended.";
  const link = { state: "ended", text: null };
  assertEquals(lobby({ total: 1_200, link }), [ended, ended], "nobody can be called any more");
});

Deno.test("page: whether the other side of a call is verified comes first, as a phone cuts off the end", () => {
  const place = room({ id: "call", type: "call", person: "bob" });
  const call = { state: "connected", peer: "bob", route: "direct", verified: false };
  const subtitle = (more: Record<string, unknown>) =>
    page.subtitleOf(stateWith(place, { mode: "directory", call: { ...call, ...more } }), place);

  assertEquals(subtitle({}), "Not verified yet; connected directly");
  const ringing = stateWith(place, { mode: "directory", call: { ...call, state: "ringing" } });
  const never = "Not in a call with bob now";
  assertEquals(page.placeholderOf(ringing, place), never, "it isn't over: it may never come about");
  const verified = subtitle({ verified: true, route: "relay" });
  assertEquals(verified, "Verified; connected through the directory");
});

Deno.test("page: who is in a call is so however their name is written", () => {
  const place = room({ id: "call", type: "call", person: "bob" });
  const call = { state: "connected", peer: "Bob", route: "direct", verified: true };
  const state = stateWith(place, { mode: "directory", call });

  assertEquals(page.subtitleOf(state, place), "Verified; connected directly");
  assertEquals(page.placeholderOf(state, place), "Say something to bob");
});

Deno.test("page: once the digits of a call were compared, the title says what was found", () => {
  const call = { event: "call", call: "c", peer: "bob", key: "b", reason: "", route: "direct" };
  const verify = { event: "verify", name: "bob", key: "b", digits: "1 2" };
  const talking = pageOf("directory", [{ ...call, state: "connected", verified: false }]);
  const subtitle = (...events: readonly Record<string, unknown>[]) => {
    const state = after(talking, events);
    return page.subtitleOf(state, state.places.get(placeOf(state, "bob")));
  };

  const not = "Not verified yet; connected directly";
  assertEquals(subtitle({ ...verify, verified: false }), not, "they are still to be compared");
  const same = { ...verify, answer: "yes", verified: true };
  assertEquals(subtitle(same), "Verified; connected directly");
  assertEquals(subtitle(same, { ...verify, answer: "no", verified: false }), not);
  assertEquals(subtitle({ ...same, name: "carol" }), not);
  assertEquals(subtitle({ ...same, key: "other" }), not, "somebody else of that name");
});

Deno.test("page: whoever was added is among the friends at once, and it is asked how that one is", () => {
  const ready = { event: "ready", command: "peer", name: "alice", users: "users.txt", names: [] };
  const card = { file: "users.txt", host: "10.0.0.2", port: 1, key: "b", line: 2 };
  const state = after(pageOf("friends", [ready]), [{ event: "added", name: "bob", ...card }]);

  const place = state.places.get("main");
  assertEquals(page.subtitleOf(state, place), "1 friend");
  assertEquals(place.people.get("bob"), { name: "bob", key: "b", connected: false });
  assertEquals(state.asks, [{ command: { command: "list" }, place: "main" }]);

  // Where it was asked for on a page one is led to whoever was added, and no other conversation is told.
  const asked = { type: "open", person: "cleo" };
  const ref = page.refOf("f", page.directId(place, "cleo"), "1");
  const led = after(page.reduce(state, asked), [{ event: "added", name: "dora", ...card, ref }]);
  assertEquals([...led.places.values()].map(({ person }) => person), [null, "cleo", "dora"]);
  assertEquals(led.current, placeOf(led, "dora"));
  assertEquals(texts(led, placeOf(led, "cleo")), []);
  assertEquals(texts(led).at(-1), "* dora is in your table now");

  // Told again after a reload: the page has asked already.
  const come = page.reduce(page.NOTHING, {
    type: "welcome",
    welcome: welcome("friends", { last: 2 }),
  });
  const again = after(come, [ready, { event: "added", name: "bob", ...card, ref }]);
  assertEquals(again.current, "main");
  assertEquals([...again.places.get("main").people.keys()], ["alice", "bob"]);
  assertEquals(again.asks, []);
});

Deno.test("page: an empty place names only what can be done there", () => {
  const empty = (place: Any, more: Record<string, unknown> = {}) =>
    page.emptyText(stateWith(place, more), place);
  const commands = [{ name: "invite", aliases: [] }];

  const actions = [{ label: "Invite others", line: "/invite" }];
  const title = "Nothing has been said yet";
  const text = "Say hello, or let others in.";
  const open = `${text} Whoever reaches a member can join, and read.`;
  const secret = `${text} They need an invite.`;
  assertEquals(empty(room(), { commands }), { title, text: open, actions });
  assertEquals(empty(room({ isPrivate: true }), { commands }), { title, text: secret, actions });
  assertEquals(empty(room()), { title: "Nothing has been said yet", text: "Say hello." });
  assertEquals(empty(room({ type: "group" }), { mode: "group" }), {
    title: "Nothing has been said yet",
    text: "What you say goes to all members.",
  });
});

Deno.test("page: who has no friends yet can add one there, and has their own card to give", () => {
  const commands = ["add", "whoami"].map((name) => ({ name, aliases: [] }));
  const empty = (...people: readonly Any[]) => {
    const place = room({ type: "friends", people: new Map(people.map((one) => [one.name, one])) });
    return page.emptyText(stateWith(place, { mode: "friends", commands }), place);
  };

  const none = empty(self);
  const give = "Friends give each other their cards: each adds the other's.";
  assertEquals(none.text, `Nobody is in your list yet. ${give}`);
  assertEquals(none.actions, [
    { label: "Add a friend", does: "add" },
    { label: "Your card", line: "/whoami" },
  ]);
  const some = empty(self, bob);
  const choose = "Choose one of them in the list to write to them.";
  assertEquals([some.text, some.actions], [choose, undefined]);
});

Deno.test("page: one whose port the program doesn't keep doesn't promise to go on", () => {
  const ended = (more: Record<string, unknown>) =>
    page.endedText({ ...pageOf("mesh", [{ event: "bye", reason: "quit" }]), ...more });

  const goesOn = "The program has ended. This page goes on by itself once it is started again.";
  assertEquals(ended({}), goesOn);
  const welcomed = { type: "welcome", welcome: welcome("mesh", { comesBack: false }) };
  const { comesBack } = page.reduce(page.NOTHING, welcomed);
  assertEquals(
    ended({ comesBack }),
    "The program has ended. Once it is started again, open the address that it shows then: this one isn't kept.",
  );
});

Deno.test("page: why the program ended ends with one stop, and so does what is said of a lost connection", () => {
  const ended = (text: string) =>
    page.endedText({ comesBack: true, link: { state: "ended", text } });
  const end = " The program has ended. This page goes on by itself once it is started again.";
  assertEquals(ended("found another room with --new"), `found another room with --new.${end}`);
  assertEquals(ended("Removed."), `Removed.${end}`);
  assertEquals(
    page.lostText({ text: page.SILENT_TEXT }),
    "Nothing answers there. This page tries again by itself.",
  );
});

Deno.test("page: once the program has ended, nobody is counted or connected", () => {
  const people = new Map(Object.entries({ Alice: self, Bob: { ...bob, connected: true } }));
  for (const link of [{ state: "ended", text: null }, { state: "lost", hasEnded: true }]) {
    const place = room({ people, type: "friends" });
    const state = stateWith(place, { mode: "friends", link });
    assertEquals(page.subtitleOf(state, place), "The program has ended.");
    const direct = room({ people, type: "direct", person: "Bob" });
    assertEquals(page.subtitleOf(state, direct), "The program has ended.");
    assertEquals(page.listedIn(state, place), 0);
  }
});

Deno.test("page: before the log-in a directory says where that is done, and calls nobody", () => {
  const before = pageOf("directory", []);
  const lobby = (state: Any) => state.places.get("main");
  const first = "Log in at the console first";
  assertEquals(page.subtitleOf(before, lobby(before)), first);
  assertEquals(page.placeholderOf(before, lobby(before)), first);
  assertEquals(page.emptyText(before, lobby(before)).text, `${first}.`);
  const { error } = page.meant(before, lobby(before), "bob");
  assertEquals(error, `Nothing was done: you aren't logged in yet. ${first}.`);
  assertEquals(page.meant(before, lobby(before), "q"), { command: { command: "logout" } });

  for (
    const event of [{ event: "session", state: "up", name: "al" }, { event: "users", users: [] }]
  ) {
    const state = after(before, [event]);
    assertEquals(page.subtitleOf(state, lobby(state)), "Nobody else is online");
    assertEquals(page.meant(state, lobby(state), "bob"), {
      command: { command: "call", name: "bob" },
    });
    const out = after(state, [{ event: "session", state: "down", name: "al", reason: "gone" }]);
    assertEquals(page.subtitleOf(out, lobby(out)), "Not logged in");
  }
});

Deno.test("page: a window that isn't let in shows why, and nothing else", () => {
  const shut = (link: Any, mode: string | null = null) => page.isShut({ mode, link });
  assertEquals(shut({ state: "connecting", text: null }), false);
  assertEquals(shut({ state: "lost", text: null }), false);
  assertEquals(shut({ state: "refused", text: "Not whole." }), true);
  assertEquals(shut({ state: "lost", text: "16 windows are open already: close one" }), true);
  assertEquals(shut({ state: "refused", text: "Replaced" }, "mesh"), false, "what was said stays");
  assertEquals(
    page.lostText({ text: "16 windows are open already: close one" }),
    "16 windows are open already: close one. This page tries again by itself.",
  );
});

Deno.test("page: only who may remove somebody from the room is offered to", () => {
  const labels = (own: string | undefined, other: string | undefined, mode = "mesh") => {
    const people = new Map<string, Any>([["Alice", { ...self, role: own }], ["Bob", {
      ...bob,
      role: other,
    }]]);
    const place = room({ people });
    const commands = [{ name: "remove", aliases: [] }];
    const state = stateWith(place, { mode, commands });
    return page.personActions(people.get("Bob"), state, place, {})
      .map(({ label }: Any) => label).includes("Remove from the room\u2026");
  };
  assertEquals(labels(undefined, undefined), false);
  assertEquals(labels("founder", "deputy"), true);
  assertEquals(labels("deputy", undefined), true);
  assertEquals([labels("deputy", "deputy"), labels("deputy", "founder")], [false, false]);
});
