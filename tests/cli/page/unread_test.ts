/** What is new to whoever opens a page, or looks at it again. */

import { assertEquals } from "@std/assert";
import { after, AT, items, pageOf, placeOf, welcome } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const {
  badgeText,
  listIn,
  listLabel,
  markKey,
  merged,
  newsText,
  NOTHING,
  reduce,
  unseenElsewhere,
  unseenIn,
} = page;

const READY = {
  event: "ready",
  command: "mesh",
  name: "Alice",
  host: "10.0.0.1",
  port: 55107,
  key: "a",
  room: "r1",
};

function hello(minute: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    event: "message",
    id: `m${minute}`,
    at: `2026-11-27T12:0${minute}:00.000Z`,
    from: "Bob",
    shown: "Bob",
    key: "b",
    text: `at ${minute}`,
    self: false,
    private: false,
    history: false,
    sentAt: AT,
    mention: false,
    ...more,
  };
}

/** A page that is opened after these. */
function opened(
  events: readonly Record<string, unknown>[],
  seenAt: ReadonlyMap<string, string> = new Map(),
): Any {
  const last = events.length;
  const state = reduce(NOTHING, { type: "welcome", welcome: welcome("mesh", { last }), seenAt });
  return after(state, events);
}

function newIn(state: Any, place = "main"): readonly string[] {
  const { divider } = state.places.get(place);
  return items(state, place).filter(({ key }) => divider !== null && key >= divider).map((
    { text },
  ) => text);
}

Deno.test("page: opened for the first time it counts what others have said, and marks where that begins", () => {
  const state = opened([
    READY,
    hello(1),
    hello(2, { mention: true }),
    hello(3, { private: true }),
  ]);

  assertEquals(unseenIn(state), { unread: 3, mentions: 2 });
  assertEquals(newIn(state), ["at 1", "at 2"]);
  assertEquals(newIn(state, placeOf(state, "Bob")), ["at 3"]);
  assertEquals(unseenIn(reduce(state, { type: "focus", isFocused: true })).unread, 1);
});

Deno.test("page: what was seen in this browser isn't new, and what came since is", () => {
  const events = [READY, hello(1), hello(2), hello(3)];
  const seen = new Map([["r1 ", "2026-11-27T12:02:00.000Z"]]);

  const state = opened(events, seen);

  assertEquals([unseenIn(state).unread, newIn(state)], [1, ["at 3"]]);
  const { dividerAt, lastAt } = state.places.get("main");
  assertEquals(dividerAt, "2026-11-27T12:02:00.000Z");
  assertEquals([markKey(state, state.places.get("main")), lastAt], [
    "r1 ",
    "2026-11-27T12:03:00.000Z",
  ]);
});

Deno.test("page: whoever has answered since has read what was there", () => {
  const own = hello(2, { self: true, from: "Alice", shown: "Alice" });

  assertEquals(unseenIn(opened([READY, hello(1), own])).unread, 0);
  assertEquals(newIn(opened([READY, hello(1), own, hello(3)])), ["at 3"]);
});

Deno.test("page: what came while the user was away is new; what is shown again before it isn't", () => {
  const history = { history: true };
  const returned = { event: "returned", since: AT, room: "r1" };

  const state = opened([READY, hello(1, history), returned, hello(2, history), hello(3, history)]);

  assertEquals([unseenIn(state).unread, newIn(state)], [2, ["at 2", "at 3"]]);
  // Who comes in for the first time is shown what was said before: it isn't addressed to them.
  assertEquals(unseenIn(opened([READY, hello(1, history)])).unread, 0);
});

Deno.test("page: what was missed while it wasn't connected is new", () => {
  const before = pageOf("mesh", [READY, hello(1)]);
  assertEquals(unseenIn(before).unread, 0);
  const again = reduce(before, {
    type: "welcome",
    welcome: welcome("mesh", { resumed: true, last: 3 }),
  });

  const state = after(again, [hello(2)]);

  assertEquals([unseenIn(state).unread, newIn(state)], [1, ["at 2"]]);
});

Deno.test("page: of the marks of two windows the later ones count, and they are bounded", () => {
  const one = new Map([["a", "2026-01-02"], ["b", "2026-01-01"]]);
  const other = new Map([["a", "2026-01-01"], ["b", "2026-01-03"], ["c", "2026-01-01"]]);

  assertEquals([...merged(one, other)], [
    ["b", "2026-01-03"],
    ["a", "2026-01-02"],
    ["c", "2026-01-01"],
  ]);
  const many = new Map(Array.from({ length: 1_000 }, (_, at) => [`${at}`, `2026-01-01 ${at}`]));
  assertEquals(merged(new Map(), many).size, 300);
});

Deno.test("page: where the list is hidden, what is new in other conversations is counted at its button", () => {
  const state = opened([READY, hello(1), hello(2, { private: true })]);
  const there = placeOf(state, "Bob");

  const away = after(reduce(state, { type: "focus", isFocused: false }), [
    hello(3, { private: true }),
    hello(4),
  ]);
  const counts = [away, reduce(away, { type: "select", place: there })].map(unseenElsewhere);
  // Not what is new in the one that is shown.
  assertEquals(counts, [{ unread: 2, mentions: 2 }, { unread: 2, mentions: 0 }]);
  assertEquals(
    [[0, 0], [1, 0], [1_000, 2]].map(([unread, mentions]) => listLabel({ unread, mentions })),
    [
      "Conversations and people",
      "Conversations and people, 1 new message elsewhere",
      "Conversations and people, 1,000 new messages elsewhere, 2 for you",
    ],
  );
});

Deno.test("page: what is for the user among what is new is marked, and said in words", () => {
  const elsewhere = reduce(pageOf("mesh", [READY, hello(1)]), { type: "open", person: "Carol" });
  const state = after(elsewhere, [hello(2), hello(3, { mention: true })]);
  const { unread, mentions } = state.places.get("main");

  assertEquals(newsText(unread, mentions), ", 2 new messages, 1 for you");
  assertEquals(badgeText(unread, mentions), "@2");
  assertEquals([newsText(0, 0), newsText(1, 0), badgeText(100, 0)], ["", ", 1 new message", "99+"]);
});

Deno.test("page: of a list that a browser keeps, what is damaged or of another kind is passed over", () => {
  const kept = (text: string | null, fits: (one: unknown) => boolean) =>
    listIn({ get: () => text }, "any", fits);

  assertEquals(kept('[["a","b"],["c"],1,null,["d",2]]', page.isPair), [["a", "b"]]);
  assertEquals(kept('["a",1,{}]', page.isText), ["a"]);
  for (const text of [null, "", "{", "7", "null", '{"length":1}']) {
    assertEquals(kept(text, page.isText), [], String(text));
  }
});

Deno.test("page: whoever writes under names without end takes no conversation from the list", () => {
  const writes = (from: string) => hello(1, { id: from, from, shown: from, private: true });
  const flood = (what: string) => Array.from({ length: 305 }, (_, n) => writes(`${what}${n}`));
  const listed = (state: Any, name: string) =>
    [...state.places.values()].some(({ person }) => person === name);

  const before = opened([READY, writes("Bob"), ...flood("zed")]);
  assertEquals(before.places.size, 300);
  assertEquals(["Bob", "zed0", "zed304"].map((name) => listed(before, name)), [true, true, true]);
  assertEquals(before.places.get(placeOf(before, "Bob")).unread, 1);
  assertEquals(listed(before, "zed303"), false);
  const lines = items(before).filter(({ parts }) => parts?.[0].includes("more than 300"));
  assertEquals(lines.length, 1, "it is said once");

  const unsaid = [{ id: "u", place: placeOf(before, "zed304"), text: "not yet", said: "not yet" }];
  const waits = after({ ...before, unsaid }, [writes("yak")]);
  assertEquals(["zed304", "zed302", "yak"].map((name) => listed(waits, name)), [true, false, true]);

  // What the user has opened, or answered, later than that.
  const asked = reduce(before, { type: "open", person: "Carol" });
  const elsewhere = reduce(asked, { type: "select", place: "main" });
  const answer = { ...writes("Dave"), id: "d", from: "Alice", to: "Dave", self: true };
  const after305 = after(elsewhere, [writes("Dave"), answer, ...flood("yak")]);
  assertEquals(["Bob", "Carol", "Dave"].map((name) => listed(after305, name)), [true, true, true]);
  assertEquals(after305.places.size, 300);
});
