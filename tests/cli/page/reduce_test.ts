import { assert, assertEquals } from "@std/assert";
import { after, AT, items, NOW_MS, pageOf, placeOf, texts, welcome } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { directPlace, mainPlace, refOf, reduce, unseenIn } = page;

const KEY = "k".repeat(27);
const hello = {
  event: "message",
  id: "1",
  from: "Bob",
  shown: "Bob",
  key: KEY,
  text: "hi",
  self: false,
  private: false,
  history: false,
  sentAt: AT,
  mention: false,
};
const ready = {
  event: "ready",
  command: "mesh",
  name: "Alice",
  host: "10.0.0.1",
  port: 55107,
  key: "a",
  room: "r1",
};

Deno.test("page: what is said in a room, who comes and who goes", () => {
  const joined = {
    event: "joined",
    name: "Bob",
    key: KEY,
    host: "10.0.0.2",
    port: 1,
    verified: true,
  };
  const state = pageOf("mesh", [ready, joined, hello]);

  assertEquals(texts(state), [
    "* Others join with p2pchat mesh NAME 10.0.0.1 55107",
    "* Bob joined (10.0.0.2), verified",
    "Bob: hi",
  ]);
  assertEquals([...state.places.get("main").people.keys()], ["Alice", "Bob"]);
  const left = after(state, [{ event: "left", name: "Bob", key: KEY, reason: "quit" }]);
  assertEquals([...left.places.get("main").people.keys()], ["Alice"]);
  assertEquals(texts(left).at(-1), "* Bob left");
});

Deno.test("page: who loses a name to an earlier one is told so once, by the error that says what to do", () => {
  const state = pageOf("mesh", [ready]);
  const renamed = {
    event: "renamed",
    key: "a",
    from: "Alice",
    name: "Alice~k7f3",
    lostTo: "Alice",
  };
  const error = { event: "error", code: "name-taken", text: "Another Alice was here first: /name" };

  const lost = after(state, [{ ...renamed, self: true }, error]);
  assertEquals(texts(lost).slice(1), ["* Another Alice was here first: /name"]);
  assertEquals(lost.self, "Alice~k7f3");
  const other = { ...renamed, key: KEY, from: "Bob", name: "Bob~k7f3", lostTo: "Bob" };
  assertEquals(texts(after(state, [other])).slice(1), [
    "* This Bob is shown as Bob~k7f3 from now on: another Bob was here first",
  ]);
});

Deno.test("page: the founder is called so again who comes back, and all who are listed are counted", () => {
  const joined = { event: "joined", name: "Bob", key: KEY, host: "h", port: 1, role: "founder" };
  const state = pageOf("mesh", [
    ready,
    joined,
    { event: "left", name: "Bob", key: KEY, reason: "quit" },
    joined,
  ]);

  assertEquals(mainPlace(state).people.get("Bob").role, "founder");
  assertEquals(page.listedIn(state, mainPlace(state)), 2);
  const users = ["alice", "bob"].map((name) => ({ name, key: name, state: "free" }));
  const online = (total: number) => pageOf("directory", [{ event: "users", users, total }]);
  const counts = [2, 1_200].map(online).map((one) => page.listedIn(one, mainPlace(one)));
  assertEquals(counts, [2, 1_200]);
  const friends = pageOf("friends", [{ event: "friends", friends: [{ name: "bob" }] }]);
  assertEquals(page.listedIn(friends, mainPlace(friends)), 1, "one is no friend of one's own");
});

Deno.test("page: after a while, and after many, the name of who says them all is shown again", () => {
  const from = "Bob";
  const saidAt = (s: number) => ({
    from,
    author: "b",
    at: new Date(NOW_MS + s * 1_000).toISOString(),
  });
  const named = (all: Any[], above: Any[] = []) => {
    const under = page.unnamed(all, above);
    return all.flatMap((item, index) => under.has(item) ? [] : [index]);
  };
  const quick = Array.from({ length: 45 }, (_, index) => saidAt(index));
  const slow = Array.from({ length: 12 }, (_, index) => saidAt(index * 120));

  assertEquals(named(quick), [0, 20, 40]);
  assertEquals(named(slow), [0, 5, 10]);
  assertEquals(named([saidAt(0), saidAt(301), { ...saidAt(302), from: "Eve", author: "e" }]), [
    0,
    1,
    2,
  ]);
  // The chunk above is looked at, too.
  assertEquals(named(quick.slice(15, 30), quick.slice(0, 15)), [5]);
});

Deno.test("page: that a room is private the title says, and no line", () => {
  const state = pageOf("mesh", [{ ...ready, private: true }]);

  assertEquals(texts(state), []);
  const subtitle = page.subtitleOf(state, mainPlace(state));
  assertEquals(subtitle, "Private; nobody else is here");
});

Deno.test("page: what is done next is a button of the sentence", () => {
  const state = pageOf("directory", [
    { event: "call", call: "c", peer: "bob", state: "connected", reason: "", route: "direct" },
  ]);
  const [line] = items(state, placeOf(state, "bob"));

  assertEquals(line.parts.at(-1), { label: "compare digits", line: "/verify bob" });
  assertEquals(page.linesOf({ event: "presence", self: true, away: "" }, {})[0].parts, [
    "You are ",
    "away",
    "; ",
    { label: "Say that you are back", line: "/back" },
  ]);
});

Deno.test("page: that one is in a group is told where the console tells it, and once", () => {
  const members = ["Alice", "Bob"];
  const inGroup = { event: "ready", command: "peer", name: "Alice", server: "chat.example" };
  const end = { entries: 2, last: { shown: "Bob" } };
  const view = { event: "view", view: 1, members, joined: ["Alice"], left: [], ...end };
  const notice = { event: "notice", text: "The log was mended" };
  const line = "In the group of chat.example as Alice, with Bob; 2 entries, the last from Bob";

  const state = pageOf("group", [{ ...inGroup, members, ...end }, notice, view]);
  assertEquals(texts(state), [`* ${line}`, "* The log was mended"]);
  const back = after(state, [{ ...view, members: ["Alice"], entries: 0, last: null }]);
  const again = "* Back in the group of chat.example as Alice, alone so far; no entries yet";
  assertEquals(texts(back).at(-1), again);

  const waiting = pageOf("group", [{ ...inGroup, members: [], entries: 0, last: null }, view]);
  assertEquals(texts(waiting), [
    "* Waiting to join the group of chat.example as Alice; no entries yet",
    `* ${line}`,
  ]);
});

Deno.test("page: an event that was had before changes nothing", () => {
  const state = pageOf("mesh", [ready, hello]);

  const again = reduce(state, {
    type: "events",
    events: [{ id: 2, fields: hello }],
    nowMs: NOW_MS,
  });

  assertEquals(again, state);
});

Deno.test("page: what is private has a place of its own, and can't be said to all by mistake", () => {
  const state = pageOf("mesh", [
    ready,
    { ...hello, private: true },
    {
      ...hello,
      id: "2",
      from: "Alice",
      shown: "Alice",
      self: true,
      private: true,
      to: "Bob",
      text: "yes",
    },
  ]);
  const place = placeOf(state, "Bob");

  assertEquals(texts(state, place), ["Bob: hi", "Alice: yes"]);
  assertEquals(texts(state).length, 1);
  const { command } = page.meant(state, state.places.get(place), "/me waves");
  assertEquals(command, { command: "msg", name: "Bob", text: "/me waves", room: "r1" });

  const arrived = { event: "notice", text: "Bob has the message that waited", room: "r1" };
  const told = after(state, [{ ...arrived, to: "Bob" }, { ...arrived, to: "Carol" }]);
  assertEquals([texts(told, place).length, texts(told).length], [3, 2]);
  assertEquals(told.places.size, state.places.size);
});

Deno.test("page: a conversation goes with the person who takes another name, not with the name", () => {
  const private_ = { ...hello, private: true };
  const joined = { event: "joined", name: "Bob", key: KEY, host: "h", port: 1, verified: true };
  const before = pageOf("mesh", [ready, joined, private_]);
  const open = reduce(before, { type: "select", place: placeOf(before, "Bob") });

  const state = after(open, [{ event: "renamed", key: KEY, from: "Bob", name: "Robert" }]);

  assertEquals(state.places.get(state.current).person, "Robert");
  assertEquals(texts(state, state.current), ["Bob: hi"]);
  assertEquals([...state.places.get("main").people.keys()], ["Alice", "Robert"]);
  assertEquals(state.places.get("main").people.get("Robert").verified, true);
});

Deno.test("page: what goes on with a person goes on under their next name", () => {
  const offer = { event: "offer", id: "o", file: 1, name: "map.png", size: 9, room: "r1" };
  const bobs = { from: "Bob", shown: "Bob", key: KEY, self: false, to: "Alice" };
  const joined = { event: "joined", name: "Bob", key: KEY, host: "h", port: 1, verified: true };
  const before = pageOf("mesh", [ready, joined, { ...offer, ...bobs }]);
  const place = placeOf(before, "Bob");
  const [lost, asked] = ["1", "2"].map((number) => refOf("a", place, number));
  const said = (ref: string) => ({ type: "sent", ref, place, text: ref, isChat: true, at: AT });
  const refused = { type: "refused", ref: lost, text: "Too much at once." };
  const open = [said(lost!), refused, said(asked!)].reduce(reduce, before);

  const state = after(open, [
    { event: "renamed", key: KEY, from: "Bob", name: "Robert" },
    { ...offer, event: "transfer", self: false, state: "done", bytes: 9, path: "/map.png" },
    { event: "error", code: "usage", text: "No.", ref: asked },
  ]);

  const id = placeOf(state, "Robert");
  assertEquals(items(state, id)[0].data.path, "/map.png");
  assertEquals(state.unsaid.map((one: Any) => one.place), [id, id]);
  assertEquals(texts(state, id).at(-1), "* No.");
});

Deno.test("page: whose own name changed is addressed as such", () => {
  const renamed = { event: "renamed", key: ready.key, from: "Alice", name: "Ally", self: true };

  const state = after(pageOf("mesh", [ready]), [renamed]);

  assertEquals(texts(state, "main").at(-1), "* You are now Ally");
});

Deno.test("page: who is away, or busy, or gone, is listed so; in a call one isn't told", () => {
  const users = [{ name: "Alice", state: "free" }, { name: "bob", state: "free", guest: true }];
  const list = pageOf("directory", [
    { event: "session", state: "up", name: "Alice" },
    { event: "users", users, total: 2, more: false },
  ]);
  const busy = after(list, [
    { event: "presence", name: "bob", state: "busy", key: KEY, verified: true, away: "lunch" },
  ]);
  const bob = busy.places.get("main").people.get("bob");
  assertEquals([bob.state, bob.away, bob.verified], ["busy", "lunch", true]);
  assertEquals(texts(busy), ["* bob is in a call"]);

  const call = { event: "call", call: "c", peer: "bob", state: "ringing", reason: "", route: null };
  const calling = after(busy, [call, { event: "presence", name: "bob", state: "offline" }]);
  assertEquals(calling.places.get("main").people.has("bob"), false);
  assertEquals(texts(calling), ["* bob is in a call", "* Calling bob…"]);
});

Deno.test("page: of a name that nobody has, the nearest of those online is asked about", () => {
  const users = ["Alice", "Gus"].map((name) => ({ name, state: "free" }));
  const online = pageOf("directory", [
    { event: "session", state: "up", name: "Alice" },
    { event: "users", users, total: 2, more: false },
  ]);
  const offline = { event: "call", call: "c", state: "offline", reason: "", route: null };
  assertEquals(texts(after(online, [{ ...offline, peer: "Gsu" }])), [
    "* Gsu isn't online; did you mean Gus?",
  ]);
  assertEquals(texts(after(online, [{ ...offline, peer: "Gus" }])), ["* Gus isn't online"]);
});

Deno.test("page: what comes while one looks elsewhere is counted until one looks", () => {
  const state = pageOf("mesh", [ready, { ...hello, private: true }]);
  assertEquals(unseenIn(state), { unread: 1, mentions: 1 });
  const place = placeOf(state, "Bob");
  assertEquals(state.places.get(place).divider, items(state, place)[0].key);

  const seen = reduce(state, { type: "select", place });
  assertEquals(unseenIn(seen), { unread: 0, mentions: 0 });
  assertEquals(seen.places.get(place).below, 1, "its end isn't in view yet");
  const atEnd = reduce(seen, { type: "focus", isFocused: true });
  assertEquals(atEnd.places.get(place).below, 0);
  assertEquals(seen.places.get(place).divider, items(state, place)[0].key);
  const gone = reduce(seen, { type: "select", place: "main" });
  assertEquals(gone.places.get(place).divider, null);

  assertEquals(unseenIn(after(gone, [{ ...hello, id: "2" }])).unread, 0, "one looks at it");
  const away = reduce(gone, { type: "focus", isFocused: false });
  const more = after(away, [{ ...hello, id: "3" }]);
  assertEquals(unseenIn(more), { unread: 1, mentions: 0 });
  assertEquals(unseenIn(reduce(more, { type: "focus", isFocused: true })).unread, 0);
});

Deno.test("page: several rooms are apart, and an answer stands where it was asked for", () => {
  const state = pageOf("mesh", [
    ready,
    { ...ready, room: "r2" },
    { event: "room", number: 2, title: "Club", unseen: 0, room: "r2" },
    { ...hello, room: "r1" },
    { ...hello, id: "2", room: "r2", text: "there" },
  ]);
  const club = [...state.places.values()].find(({ room }: Any) => room === "r2").id;
  assertEquals(state.places.get(club).title, "Club");
  assertEquals(texts(state, club).at(-1), "Bob: there");
  assertEquals(texts(state).at(-1), "Bob: hi");
  assertEquals(page.meant(state, state.places.get(club), "hey").command.room, "r2");
  assertEquals(page.meant(state, state.places.get(club), "/who"), { line: "/who", room: "r2" });

  const ref = refOf("a", club, "1");
  const answered = after(state, [{ event: "error", code: "usage", text: "No.", ref }]);
  assertEquals(texts(answered, club).at(-1), "* No.");
});

Deno.test("page: what the page itself asks is shown nowhere, and who is here follows from it", () => {
  const peers = [
    { name: "Alice", key: "a", host: "", port: 0, direct: false, verified: false },
    { name: "Bob", key: KEY, host: "", port: 0, direct: true, verified: true },
  ];
  const state = pageOf("mesh", [ready, { event: "peers", peers, ref: refOf("q", "main", "1") }]);

  assertEquals(texts(state).length, 1);
  assertEquals(state.places.get("main").people.get("Bob").verified, true);
});

Deno.test("page: the program was started again: nothing is lost, and nothing is there twice", () => {
  const place = pageOf("mesh", [ready, hello, { ...hello, id: "2", text: "more" }]);
  const asked = reduce(place, {
    type: "sent",
    ref: "a.x.1",
    place: "main",
    text: "was it said?",
    isChat: true,
  });

  const again = reduce(asked, {
    type: "welcome",
    welcome: welcome("mesh", { run: "run 2", last: 9 }),
  });
  const state = after(again, [
    ready,
    { ...hello, history: true },
    { ...hello, id: "2", text: "more", history: true },
    { ...hello, id: "3", text: "new" },
  ]);

  const said = texts(state).filter((text: string) => text.startsWith("Bob"));
  assertEquals(said, ["Bob: hi", "Bob: more", "Bob: new"]);
  assertEquals(state.unsaid.map(({ text }: Any) => text), ["was it said?"]);
  assertEquals(state.pending.size, 0);
});

Deno.test("page: of the same run what was said begins anew where some of it is lost, and that is said", () => {
  const before = pageOf("mesh", [ready, hello]);
  const again = welcome("mesh", { resumed: true, missed: true, last: 40 });

  const state = reduce(before, { type: "welcome", welcome: again });

  assertEquals(state.last, 2);
  assertEquals(texts(state).length, 1);
  assert(
    texts(state)[0]!.includes("isn't kept any more"),
    "earlier ones are asked for before it",
  );
  const whole = welcome("mesh", { resumed: true, last: 40 });
  assertEquals(texts(reduce(before, { type: "welcome", welcome: whole })), texts(before));
});

Deno.test("page: entries of a group, edits of them and votes about them", () => {
  const entry = { ...hello, id: "x", seq: 3, private: undefined, position: 3 };
  const wanted = {
    event: "vote-wanted",
    edit: 7,
    seq: 3,
    by: "Alice",
    old: "hi",
    new: "hello",
    deadline: "2026-11-27T12:00:30Z",
  };
  const state = pageOf("group", [
    {
      event: "view",
      view: 1,
      members: ["Alice", "Bob"],
      keys: ["a", KEY],
      verified: ["Bob"],
      joined: ["Alice"],
      left: [],
    },
    entry,
    wanted,
  ]);
  assertEquals(state.votes.get(7).deadlineMs, NOW_MS + 30_000);
  assertEquals(texts(state).at(-1), "* Alice asks you to agree to a change of entry 3");
  assertEquals(page.questionsIn(state, mainPlace(state)), ["vote 7"]);

  const edited = {
    event: "edit",
    edit: 7,
    seq: 3,
    by: "Alice",
    text: "hello",
    outcome: "committed",
    reason: "",
    agreed: ["Bob"],
  };
  const changed = after(state, [edited, { ...edited, history: true }]);
  const item = items(changed).find(({ seq }) => seq === 3);
  assertEquals([item.text, item.edited], ["hello", { by: "Alice", times: 1 }]);
  assertEquals(changed.votes.size, 0);
  // One line says what became of it, in place of the one that said that it is asked for.
  assertEquals(texts(changed).slice(1), ["Bob: hello", "* You changed entry 3, as Bob agreed"]);
  assertEquals(page.meant(changed, mainPlace(changed), "y").command, { command: "msg", text: "y" });
});

Deno.test("page: what the user has voted on is asked no more, and its line says so until it is decided", () => {
  const wanted = { event: "vote-wanted", seq: 3, by: "Bob", old: "a", new: "b" };
  const asked = pageOf("group", [{ ...wanted, edit: 7 }, { ...wanted, edit: 8, seq: 4 }]);
  const notice = { event: "notice", edit: 7, text: "You agreed to the change of entry 3" };

  const voted = after(asked, [notice]);
  assertEquals([...voted.votes.keys()], [8]);
  assertEquals(texts(voted), [
    "* Bob asks you to agree to a change of entry 4",
    "* You agreed to the change of entry 3",
  ]);
  const edit = { event: "edit", edit: 7, seq: 3, by: "Bob", text: "b", outcome: "committed" };
  assertEquals(
    texts(after(voted, [{ ...edit, agreed: ["Alice"] }]))[1],
    "* Bob changed entry 3, as you agreed",
  );
});

Deno.test("page: of an edit there is one line, at the one who asks and at those who are asked", () => {
  const edit = { event: "edit", edit: 7, seq: 3, by: "Alice", text: "new", reason: "", agreed: [] };
  const wanted = { event: "vote-wanted", edit: 7, seq: 3, by: "Bob", old: "a", new: "b" };
  const room = pageOf("group", []);
  const shown = (...events: readonly Record<string, unknown>[]) => texts(after(room, events));

  const started = { event: "edit-started", edit: 7, seq: 3, awaited: ["Bob", "Carol"] };
  assertEquals(shown(started), ["* Waiting for Bob and Carol to agree to your change of entry 3"]);
  assertEquals(
    shown(started, { ...edit, outcome: "committed", agreed: ["Bob", "Carol"] }),
    ["* You changed entry 3, as Bob and Carol agreed"],
  );
  assertEquals(
    shown(started, hello, { ...edit, outcome: "aborted", reason: "Bob refused" }),
    ["Bob: hi", "* Your change of entry 3 wasn't made: Bob refused"],
  );
  // Nobody is asked about one's own.
  const alone = { event: "edit-started", edit: 7, seq: 3 };
  assertEquals(shown(alone, { ...edit, outcome: "committed" }), ["* You changed entry 3"]);
  const byBob = { ...edit, by: "Bob", outcome: "committed", agreed: ["Alice", "Carol"] };
  assertEquals(shown(wanted, byBob), ["* Bob changed entry 3, as you and Carol agreed"]);
  // Decided while this program was away: the entry shows it.
  assertEquals(shown(wanted, { ...byBob, history: true }), []);
});

Deno.test("page: who comes and who goes share a line, but for whom one is warned of", () => {
  const joined = (name: string) => ({ event: "joined", name, key: name, host: "h", port: 1 });
  const left = (name: string, reason = "quit") => ({ event: "left", name, key: name, reason });
  const room = pageOf("mesh", []);
  const shown = (...events: readonly Record<string, unknown>[]) => texts(after(room, events));

  assertEquals(shown(joined("Bob")), ["* Bob joined (h)"]);
  assertEquals(shown(joined("Bob"), joined("Carol")), ["* Bob and Carol joined"]);
  const five = ["Bob", "Carol", "Dave", "Eve", "Fay"].map(joined);
  assertEquals(shown(...five), ["* Bob, Carol and 3 others joined"]);
  assertEquals(items(after(room, five))[0].parts[4], { others: ["Dave", "Eve", "Fay"] });
  // Each stands once, with what came of it.
  assertEquals(
    shown(...five, left("Eve"), left("Al"), joined("Bo"), left("Bo")),
    ["* Bob, Carol and 2 others joined; Eve and Bo came and went; Al left"],
  );
  assertEquals(shown(left("Al"), joined("Al")), ["* Al left and came back"]);
  assertEquals(shown(joined("Al"), left("Al"), joined("Al")), ["* Al joined"]);
  // The line has the time of its first.
  const soon = { ...joined("Carol"), at: "2026-11-27T12:04:00.000Z" };
  const late = { ...joined("Dave"), at: "2026-11-27T12:06:00.000Z" };
  const came = after(room, [joined("Bob"), soon, late]);
  assertEquals(texts(came), ["* Bob and Carol joined", "* Dave joined (h)"]);
  assertEquals(items(came).map(({ at }: Any) => at), [AT, late.at]);
  assertEquals(shown(joined("Bob"), hello, joined("Carol")).length, 3);
  assertEquals(shown(joined("Bob"), { ...left("Bob", "lost"), silentMs: 5_000 }).length, 2);
  const known = { ...joined("Eve"), verifiedAs: ["Bob"] };
  assertEquals(shown(joined("Bob"), known, joined("Carol")).length, 3);
  const online = (name: string) => ({ event: "presence", name, state: "free" });
  const directory = after(pageOf("directory", []), [online("al"), online("bo")]);
  assertEquals(texts(directory), ["* al and bo came online"]);
});

Deno.test("page: a person's colour is that of the key, unless it is taken as they come, and stays", () => {
  const joined = (at: number) => ({
    ...{ event: "joined", name: `P${at}`, key: `${at}`.padEnd(27, "k"), host: "h", port: 1 },
    verified: false,
  });
  const all = Array.from({ length: 60 }, (_, at) => joined(at));
  const hueOf = (state: Any, { name, key }: Any) => page.hueOf(state, name, key);
  const alone = all.map((one) => hueOf(pageOf("mesh", [ready, one]), one));
  const empty = pageOf("mesh", [ready]);
  assertEquals(
    all.map((one) => hueOf(empty, one)),
    alone,
    "also of what was said before they came",
  );
  assertEquals(new Set(alone).size, 10);

  const ten = pageOf("mesh", [ready, ...all.slice(0, 10)]);
  const hues = all.slice(0, 10).map((one) => hueOf(ten, one));
  assertEquals(new Set(hues).size, 10, "nobody has another's");
  assertEquals(hues[0], alone[0]);
  const more = after(ten, [
    ...all.slice(10),
    { ...all[3], event: "left", reason: "quit" },
    all[3]!,
  ]);
  assertEquals(all.slice(0, 10).map((one) => hueOf(more, one)), hues, "nor does it ever change");

  // A friend has it before the key is known.
  const bob = { event: "friends", friends: [{ name: "bob", key: null }, { name: "cleo" }] };
  const friends = pageOf("friends", [bob]);
  const first = page.hueOf(friends, "bob", "bob");
  const met = after(friends, [{ ...bob, friends: [{ name: "cleo" }, { name: "bob", key: "d" }] }]);
  assertEquals(page.hueOf(met, "bob", "d"), first);
  // A name is that of its key, once that is known.
  const state = pageOf("mesh", [{ ...hello, shown: "Bob~k7f3" }]);
  assertEquals(state.keys.get("Bob~k7f3"), KEY);
  const group = { event: "view", view: 1, members: ["Al", "Bo"], keys: ["a", "b"], left: [] };
  assertEquals(pageOf("group", [group]).keys.get("Bo"), "b");
});

Deno.test("page: what a friend is written is shown when it is kept, and how it fares", () => {
  const friends = pageOf("friends", [
    {
      event: "ready",
      command: "peer",
      name: "alice",
      host: "h",
      port: 1,
      key: "a",
      users: "users.txt",
      names: ["bob"],
    },
  ]);
  const [state, place] = directPlace(friends, mainPlace(friends), "bob");
  const sent = reduce(state, {
    type: "sent",
    ref: "a.b.1",
    place: place.id,
    text: "hello",
    isChat: true,
  });
  const own = (id: string, text: string) => ({
    event: "message",
    id,
    from: "alice",
    text,
    sentAt: AT,
    to: "bob",
    self: true,
    history: false,
  });
  const delivery = (id: string, state: string) => ({ event: "delivery", id, to: "bob", state });

  const ref = "a.b.1";
  const queued = { ...delivery("m1", "queued"), waiting: 1, ref };
  const kept = after(sent, [{ ...own("m1", "hello"), ref }, queued]);
  assertEquals(texts(kept, place.id), ["alice: hello"]);
  assertEquals(items(kept, place.id)[0].delivery, "queued");
  const delivered = after(kept, [delivery("m1", "delivered")]);
  assertEquals(items(delivered, place.id)[0].delivery, "delivered");

  // Said in the console.
  const elsewhere = after(kept, [own("m2", "and this"), delivery("m2", "queued")]);
  assertEquals(texts(elsewhere, place.id), ["alice: hello", "alice: and this"]);
  assertEquals(items(elsewhere, place.id)[1].delivery, "queued");

  // Said before the program was started: what it was isn't asked for, as earlier messages are asked for anyway.
  const earlier = after(kept, [delivery("m0", "queued"), delivery("m0", "delivered")]);
  assertEquals(texts(earlier, place.id), ["alice: hello"]);
  assertEquals(earlier.asks, []);
});

Deno.test("page: a call comes, is answered, and ends where it was held", () => {
  const call = { event: "call", call: "c1", peer: "bob", reason: "", route: null, verified: false };
  const users = [{ name: "Alice", state: "free" }, { name: "bob", state: "free", guest: false }];
  const rung = pageOf("directory", [
    { event: "session", state: "up", name: "Alice", guest: false },
    { event: "users", users, total: 2, more: false },
    { event: "incoming", call: "c1", from: "bob", key: KEY, guest: false, verified: false },
  ]);
  assertEquals([rung.call.state, rung.call.peer], ["incoming", "bob"]);

  const connected = after(rung, [{ ...call, state: "connected", route: "direct" }]);
  assertEquals(connected.current, placeOf(connected, "bob"));
  const talked = after(connected, [{
    event: "message",
    from: "bob",
    text: "hi",
    self: false,
    mention: false,
  }]);
  assertEquals(texts(talked, talked.current).at(-1), "bob: hi");
  assertEquals(page.meant(talked, talked.places.get(talked.current), "q").command, {
    command: "hangup",
  });

  const over = after(talked, [{ ...call, state: "ended", reason: "hung-up", durationMs: 63_000 }]);
  assertEquals(over.call, null);
  assertEquals(texts(over, over.current).at(-1), "* bob hung up after 1 min 3 s; Call again");
  // In the words of the console, and as long as there.
  const own = after(talked, [{ ...call, state: "ended", durationMs: 30_900 }]);
  assertEquals(texts(own, own.current).at(-1), "* You hung up after 30 s; Call again");
  const unheld = after(rung, [{ ...call, state: "ended" }]);
  assertEquals(texts(unheld).at(-1), "* The call with bob is over; Call back");
  const thrown = after(rung, [{ ...call, state: "ended", reason: "kicked" }]);
  assertEquals(texts(thrown).at(-1), "* The operator ended the call: you were thrown out");
  const withdrawn = after(pageOf("directory"), [
    { event: "incoming", call: "c", from: "bob", key: "d", guest: false, verified: false },
    { ...call, state: "ended", reason: "cancelled", by: "bob" },
  ]);
  assertEquals(texts(withdrawn).at(-1), "* bob withdrew the call; Call back");
  assertEquals(
    typeof page.meant(over, over.places.get(over.current), "still there?").error,
    "string",
  );
});

Deno.test("page: of calls that are over the last ones stay in the list, and those in which something is unread", () => {
  const call = (peer: string, state: string, at = AT) => ({
    ...{ event: "call", call: peer, peer, reason: "", route: null, verified: false, state, at },
  });
  const held = (
    peer: string,
    at?: string,
  ) => [call(peer, "connected", at), call(peer, "ended", at)];
  const people = (state: Any) =>
    [...state.places.values()].flatMap(({ type, person }) => type === "call" ? [person] : []);
  const numbers = Array.from({ length: 20 }, (_, n) => `n${n}`);

  const lobby = pageOf("directory", [{ event: "session", state: "up", name: "Alice" }]);
  const ringing = after(lobby, [call("unread", "connected")]);
  const said = { event: "message", from: "unread", text: "hi", self: false, mention: false };
  const elsewhere = reduce(ringing, { type: "select", place: "main" });
  const all = after(elsewhere, [
    said,
    call("unread", "ended"),
    ...held("later", "2026-11-27T13:00:00.000Z"),
    ...held("first"),
    ...numbers.flatMap((name) => held(name)),
  ]);

  assertEquals(people(all), ["unread", "later", "first", ...numbers]);
  const again = after(all, held("next"));
  assertEquals(people(again), ["unread", "later", ...numbers, "next"]);
});

Deno.test("page: one's own broadcast is shown, with how many have it", () => {
  const lobby = pageOf("directory", [{ event: "session", state: "up", name: "Alice" }]);
  const sent = reduce(lobby, {
    type: "sent",
    ref: "a.x.1",
    place: "main",
    text: "2 lunch!",
    isChat: true,
  });

  const own = { event: "broadcast", id: "b", from: "Alice", key: "a", text: "lunch!", self: true };
  const counted = { event: "broadcast-sent", id: "b", reached: 2, text: "lunch!" };
  const ref = "a.x.1";
  const state = after(sent, [{ ...own, ref }, { ...counted, ref }]);

  assertEquals(texts(state), ["Alice: lunch!", "* Your broadcast has reached 2 people"]);
  assertEquals(state.pending.size, 0);
  const other = after(lobby, [own, counted]);
  assertEquals(texts(other), texts(state), "wherever it was typed");
});

Deno.test("page: a file that was begun says what it waits for, where one person alone has it", () => {
  const call = { event: "call", call: "c", peer: "bob", reason: "", route: "direct" };
  const offer = {
    ...{ event: "offer", file: 1, id: "f", key: KEY, name: "a", size: 9 },
    self: false,
  };
  const started = { event: "transfer", file: 1, state: "started", bytes: 0, name: "a", size: 9 };
  const waits = (state: Any, person: string) => {
    const place = state.places.get(person === "" ? "main" : placeOf(state, person));
    const item = items(state, place.id).find(({ kind }) => kind === "offer");
    return page.goesOnText(item, { state, place });
  };

  const talking = [{ ...call, state: "connected" }, { ...offer, from: "bob" }, started];
  const over = { ...call, state: "ended", reason: "lost" };
  assertEquals(waits(pageOf("directory", talking), "bob"), "");
  assertEquals(
    waits(pageOf("directory", [...talking, over]), "bob"),
    ", goes on in your next call",
  );
  assertEquals(waits(pageOf("directory", [...talking.slice(0, 2), over]), "bob"), "");

  const alone = { ...offer, from: "Bob", to: "Alice", room: "r1" };
  const bob = { event: "joined", name: "Bob", key: KEY, room: "r1" };
  const left = { event: "left", name: "Bob", reason: "quit", room: "r1" };
  const fetched = { ...started, room: "r1" };
  assertEquals(waits(pageOf("mesh", [ready, bob, alone, fetched]), "Bob"), "");
  assertEquals(
    waits(pageOf("mesh", [ready, bob, alone, fetched, left]), "Bob"),
    ", goes on when Bob is back",
  );
  const { to: _, ...toAll } = alone;
  assertEquals(waits(pageOf("mesh", [ready, bob, toAll, fetched, left]), ""), "", "others have it");
});

Deno.test("page: who is pointed at stays in place; who comes stands below, and who goes leaves a blank", () => {
  const people = ["Ann", "Bob", "Dora"].map((name) => ({ name }));
  const names = (rows: Any[]) => rows.map(({ name, isGone }) => isGone ? "" : name);

  assertEquals(names(page.rowsOf(people, [])), ["Ann", "Bob", "Dora"]);
  assertEquals(names(page.rowsOf(people, ["Dora", "Carl", "Bob"])), ["Dora", "", "Bob", "Ann"]);
});

Deno.test("page: a file is offered, fetched, and here", () => {
  const offer = {
    event: "offer",
    file: 2,
    id: "f",
    from: "Bob",
    key: KEY,
    self: false,
    name: "a.pdf",
    size: 1_000,
    digest: "d",
  };
  const transfer = { event: "transfer", file: 2, name: "a.pdf", from: "Bob", size: 1_000 };
  const state = pageOf("mesh", [ready, offer, { ...transfer, state: "progress", bytes: 500 }]);
  assertEquals(items(state)[1].data.bytes, 500);

  const done = after(state, [{ ...transfer, state: "done", bytes: 1_000, path: "/home/a.pdf" }]);
  assertEquals([items(done)[1].data.state, items(done)[1].data.path], ["done", "/home/a.pdf"]);
  assertEquals(items(done).length, 2);
});

Deno.test("page: a file that was declined, at whichever door, stays so where files are listed, and can be had", () => {
  const file = { file: 2, name: "a.pdf", from: "Bob", size: 1_000 };
  const offer = { event: "offer", ...file, id: "f", key: KEY, self: false, digest: "d" };
  const transfer = { event: "transfer", ...file, bytes: 0 };
  const state = pageOf("mesh", [
    ready,
    offer,
    { ...transfer, state: "cancelled", reason: "declined" },
    { event: "files", files: [{ ...file, id: "f", state: "offered", bytes: 0 }] },
  ]);
  const how = ({ data }: Any) => [data.state, data.reason];
  assertEquals(how(items(state)[1]), ["cancelled", "declined"]);
  const begun = after(state, [{ ...transfer, state: "started" }]);
  assertEquals(how(items(begun)[1]), ["started", undefined]);

  const listed = { event: "files", files: [{ ...file, id: "f", state: "offered", waits: true }] };
  const waiting = pageOf("mesh", [ready, offer, listed]);
  assertEquals(how(items(waiting)[1]), ["failed", "waits"], "nor is one that waits offered again");
});

Deno.test("page: an offer of an earlier run can't be fetched, unless it is told again", () => {
  const offer = { event: "offer", from: "Bob", key: KEY, self: false, size: 9, digest: "d" };
  const first = { ...offer, file: 1, id: "f1", name: "a.pdf" };
  const before = pageOf("mesh", [ready, first, { ...offer, file: 2, id: "f2", name: "b.pdf" }]);

  const again = welcome("mesh", { run: "run 2", last: 9 });
  const state = after(reduce(before, { type: "welcome", welcome: again }), [
    ready,
    { ...first, file: 7, history: true },
  ]);

  const offers = items(state).filter(({ kind }: Any) => kind === "offer");
  assertEquals(offers.map(({ data }: Any) => [data.name, data.file, data.state]), [
    ["a.pdf", 7, "offered"],
    ["b.pdf", 2, "over"],
  ]);
});

Deno.test("page: an offer that is told again of a file that is here says where it was saved", () => {
  const offer = { event: "offer", from: "Bob", key: KEY, self: false, size: 9, digest: "d" };
  const here = { ...offer, file: 1, id: "f1", name: "a.pdf", history: true, path: "/home/a.pdf" };
  const state = after(pageOf("mesh", []), [ready, here]);
  const [{ data }] = items(state).filter(({ kind }: Any) => kind === "offer");
  assertEquals([data.state, data.path], ["done", "/home/a.pdf"]);
});

Deno.test("page: asks for what was said before all that is there, and for less where that is too long", () => {
  const asked: Any[] = [];
  const asking = new page.Asking((command: Any) => asked.push(command));
  const mesh = pageOf("mesh", [ready, { ...hello, id: "9" }, { ...hello, id: "10" }]);
  const place = mesh.places.get("main");

  asking.earlier(mesh, place);
  assert(asking.fewer(mesh, place) && asking.fewer(mesh, place) && !asking.fewer(mesh, place));
  assertEquals(asked.map(({ n, before }) => [n, before]), [[200, "9"], [25, "9"], [3, "9"]]);

  const entry = (seq: number) => ({ ...hello, id: `e${seq}`, seq });
  const group = pageOf("group", [entry(7), entry(8)]);
  asking.earlier(group, group.places.get("main"));
  assertEquals(asked.at(-1), { command: "log", n: 200, before: 7 });
  assert(page.mayAsk(group, group.places.get("main")));
  const whole = pageOf("group", [entry(1), entry(2)]);
  assert(!page.mayAsk(whole, whole.places.get("main")), "nothing is before the first entry");
});

Deno.test("page: what is sought is asked for in steps that stay the same, each before what is there", () => {
  const asked: number[] = [];
  const hints: string[] = [];
  const revealed: unknown[] = [];
  const place = { id: "main", chunks: [] as Any[], hasAll: false };
  const state = { places: new Map([["main", place]]), rooms: new Map([["r", "main"]]) };
  const seeking = new page.Seeking({
    ...{ state: () => state, current: () => place, select() {}, open() {}, mayAsk: () => true },
    ask: (_: Any, n: number) => asked.push(n),
    reveal: (...what: unknown[]) => revealed.push(what),
    hint: (text: string) => hints.push(text),
  });
  seeking.begin({ id: "x", room: "r" });
  for (let times = 0; times < 100; times++) seeking.goOn();

  assertEquals(new Set(asked), new Set([500]));
  assertEquals([asked.length, hints.length], [50, 1]);

  const message = { ...hello, id: "x", text: "the key" };
  const card = page.cardOf({ event: "history", searched: "key", messages: [message] }, {});
  const [found] = card.blocks[0].messages;
  place.chunks = [{ items: [{ kind: "said", id: "x", key: 7 }] }];
  seeking.begin({ ...found.found, room: "r" });
  assertEquals(
    [found.searched, revealed],
    ["key", [[7, "key"]]],
    "and what was looked for is marked",
  );
});

Deno.test("page: earlier messages come before, each once", () => {
  const state = pageOf("mesh", [ready, { ...hello, id: "9" }]);
  const messages = Array.from(
    { length: 9 },
    (_, at) => ({ ...hello, id: String(at + 1), text: `m${at + 1}` }),
  );
  const ref = refOf("e", "main", "1");

  const more = after(state, [{ event: "history", messages, ref }]);
  const again = after(more, [{ event: "history", messages, ref }]);

  assertEquals(
    texts(more).filter((text: string) => text.startsWith("Bob")).map((text: string) =>
      text.slice(5)
    ),
    ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "hi"],
  );
  assertEquals(texts(again), texts(more));
  assertEquals(again.places.get("main").hasAll, true);
  // It was in the answer before it was told of.
  assertEquals(texts(after(more, [{ ...hello, id: "8" }])), texts(more));
});

Deno.test("page: what was said in a call is there once, shown again after a reload and asked for", () => {
  const call = { event: "call", call: "c", peer: "bob", reason: "", route: "direct" };
  const said = { event: "message", mention: false };
  const lines = [
    { id: "c-1", from: "bob", text: "1 dup", self: false },
    { id: "c-2", from: "Alice", text: "1 dup", self: true },
  ];
  const events = [
    { ...call, state: "connected", verified: false },
    ...lines.map((line) => ({ ...said, ...line })),
  ];
  const come = reduce(page.NOTHING, {
    type: "welcome",
    welcome: welcome("directory", { last: 3 }),
  });
  const here = after(come, events);
  const place = placeOf(here, "bob");
  const earlier = { id: "b-1", from: "bob", text: "1 dup", self: false };
  const messages = [earlier, ...lines].map((line) => ({ ...line, private: true, sentAt: AT }));
  const history = { event: "history", name: "bob", messages, ref: refOf("e", place, "1") };

  const state = after(here, [history]);
  const words = ["bob: 1 dup", "bob: 1 dup", "Alice: 1 dup"];
  assertEquals(texts(state, place).filter((text: string) => text.endsWith("dup")), words);
  // Shown again as the two talk for the first time since a start.
  const again = lines.map((line) => ({ ...said, ...line, history: true, sentAt: AT }));
  const restart = reduce(state, { type: "welcome", welcome: welcome("directory", { run: "2" }) });
  const back = after(restart, [events[0]!, ...again]);
  assertEquals(texts(back, place).filter((text: string) => text.endsWith("dup")), words);
});

Deno.test("page: 10,000 messages stay, and 30,000 are bounded", () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ ...hello, id: String(at), text: `m${at}` }));

  assertEquals(items(pageOf("mesh", many(10_000))).length, 10_000);
  const all = items(pageOf("mesh", many(30_000)));
  assertEquals([all.length, all.at(-1).text], [20_000, "m29999"]);
});

Deno.test("page: events that it doesn't know, or that lie about their names, do no harm", () => {
  const state = pageOf("mesh", [
    ready,
    { event: "constructor" },
    { event: "toString", text: "x" },
    { event: "later", text: "x" },
    { ...hello, from: "__proto__", shown: "__proto__", private: true },
  ]);

  assertEquals(texts(state).length, 1);
  assertEquals(texts(state, placeOf(state, "__proto__")), ["__proto__: hi"]);
});

Deno.test("page: why a friend doesn't get what one said stands in the conversation with that one", () => {
  const said = { ...hello, from: "alice", shown: undefined, self: true, to: "bob" };
  const friend = { friend: "bob" };
  const state = pageOf("friends", [
    { event: "ready", command: "peer", name: "alice", names: ["bob", "carol"], users: "u" },
    said,
    { event: "delivery", id: "1", to: "bob", state: "queued" },
    { event: "error", code: "unknown-user", text: "bob refused: who are you?", ...friend },
    { event: "notice", text: "Kept for bob", warning: true, ...friend },
    {
      event: "error",
      code: "key-changed",
      text: "another key",
      changed: { name: "Bob", key: KEY },
    },
    { event: "notice", text: "carol is asked", friend: "carol" },
    { ...said, id: "2", text: "there?" },
    {
      ...{ event: "delivery", id: "2", to: "bob", state: "queued", waiting: 2, reason: "refuses" },
      sentWhen: "when bob takes it",
    },
  ]);

  assertEquals(texts(state, placeOf(state, "bob")), [
    "alice: hi",
    "* bob refused: who are you?",
    "* Kept for bob",
    "* another key",
    "alice: there?",
  ]);
  assertEquals(texts(state), ["* carol is asked"], "there is no conversation with carol");
  const [first, last] = items(state, placeOf(state, "bob")).filter(({ kind }) => kind === "said");
  assertEquals([first.waits, last.waits], [
    [], // the notice below it says so
    [{ name: "bob" }, " refuses; kept, and sent when bob takes it (2 messages waiting)"],
  ]);
});

Deno.test("page: a private message that waits says itself why, also where its receiver was removed", () => {
  const said = { ...hello, from: "Alice", shown: "Alice", self: true, private: true, to: "Bob" };
  const waiting = (more: Record<string, unknown>) => {
    const delivery = {
      event: "delivery",
      id: "1",
      to: "Bob",
      state: "queued",
      waiting: 1,
      ...more,
    };
    const state = pageOf("mesh", [ready, said, delivery]);
    assertEquals(texts(state, placeOf(state, "Bob")), ["Alice: hi"]);
    return page.plainText(items(state, placeOf(state, "Bob"))[0].waits, state);
  };

  assertEquals(
    waiting({}),
    "Bob isn't there; kept, and sent when they are back (1 message waiting)",
  );
  assertEquals(
    waiting({ removed: true }),
    "Bob was removed; kept, and sent only if they are allowed back (1 message waiting)",
  );
});

Deno.test("page: who is put into the table of friends, or taken out of it, is so in the list", () => {
  const state = pageOf("friends", [
    { event: "ready", command: "peer", name: "alice", key: "a", names: ["bob"], users: "u" },
    { event: "connection", friend: "bob", state: "opened", reason: "" },
    { event: "notice", text: "u was edited: added carol", names: ["bob", "carol"] },
  ]);
  const people = () => [...mainPlace(state).people.values()];

  assertEquals(people().map(({ name }) => name), ["alice", "bob", "carol"]);
  assertEquals(people()[1].connected, true);
  assertEquals(texts(state).at(-1), "* u was edited: added carol");
  assertEquals(state.asks, [{ command: { command: "list" }, place: "main" }]);
  const gone = after(state, [{ event: "notice", text: "removed bob", names: ["carol"] }]);
  assertEquals([...mainPlace(gone).people.keys()], ["alice", "carol"]);
});

Deno.test("page: time that is running is shown as a clock", () => {
  const shown = [-1, 0, 9, 75, 3_599, 3_661].map(page.clockText);

  assertEquals(shown, ["0:00", "0:00", "0:09", "1:15", "59:59", "1:01:01"]);
});

Deno.test("page: how far something was is known no more once the connection is back", () => {
  const fetching = reduce(pageOf("mesh", [ready]), { type: "progress", text: "Fetching a: 9 %" });
  const back = (more: Record<string, unknown>) =>
    reduce(fetching, { type: "welcome", welcome: welcome("mesh", more) }).progress;

  assertEquals(back({ resumed: true, last: 1 }), null);
  assertEquals(back({ resumed: true, last: 1, progress: "Fetching a: 99 %" }), "Fetching a: 99 %");
});

Deno.test("page: what was news before a start has the time at which it was news", () => {
  const [then, now] = ["2026-11-26T20:42:00.000Z", "2026-11-27T12:04:00.000Z"];
  const notice = { event: "notice", text: "The rules were set", sentAt: then, at: now };
  const state = pageOf("group", [{ ...notice, history: true }, { ...notice, history: false }]);
  assertEquals(items(state, state.current).map(({ at }) => at), [then, now]);
});
