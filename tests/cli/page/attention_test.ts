import { assertEquals } from "@std/assert";
import { AT, pageOf } from "./events_given.ts";
import { page } from "./page_modules.ts";

const { attentionOf } = page;
const incoming = { event: "incoming", call: "c", from: "bob", key: "b", guest: false };
const vote = { event: "vote-wanted", edit: 7, by: "bob", seq: 3, old: "a", new: "b", deadline: AT };
const said = {
  event: "message",
  from: "Bob",
  shown: "Bob",
  text: "hi",
  self: false,
  history: false,
  mention: false,
};

Deno.test("page: what is for the user is told of; the rest is read out, once", () => {
  const room = pageOf("mesh");
  const told = (event: Record<string, unknown>, state = room) => {
    const { spoken, title, body } = attentionOf(event, state);
    return [spoken, title, body];
  };

  assertEquals(told(said), ["Bob: hi", null, null]);
  assertEquals(told({ ...said, mention: true }), ["Bob: hi", "Bob", "hi"]);
  assertEquals(told({ ...said, private: true }), ["Bob to you: hi", "Bob to you", "hi"]);
  assertEquals(told(said, pageOf("friends")), ["Bob to you: hi", "Bob to you", "hi"]);
  assertEquals(told({ ...said, self: true }), [null, null, null]);
  assertEquals(told({ ...said, history: true }), [null, null, null]);
  assertEquals(told({ event: "left", name: "Bob", reason: "quit" }), ["Bob left", null, null]);
  assertEquals(told(incoming, pageOf("directory", [incoming])), [
    null,
    "bob is calling",
    "Answer within 30 s",
  ]);
  assertEquals(told(vote, pageOf("group", [vote])), [
    null,
    "bob wants to change entry 3",
    "It would read \u201cb\u201d",
  ]);
  assertEquals(told({ event: "status" }), [null, null, null]);
  const offered = { event: "offer", from: "Alice", name: "map.png" };
  assertEquals(told({ ...offered, self: true })[0], "You offer the file map.png");
  assertEquals(told({ ...offered, history: true })[0], null);
  const transfer = { event: "transfer", file: 1, name: "map.png", state: "progress" };
  assertEquals(told(transfer)[0], null);
  assertEquals(told({ ...transfer, state: "done" })[0], "map.png is here");
  assertEquals(told({ ...transfer, state: "failed" })[0], "map.png couldn't be fetched");
  const declined = { ...transfer, state: "cancelled", reason: "declined" };
  assertEquals(told(declined)[0], "map.png is declined");
  const fetched = { ...transfer, state: "done", self: true, to: "Bob" };
  assertEquals(told(fetched)[0], "Bob has fetched map.png");
});

Deno.test("page: what is told of is harmless, and short", () => {
  const text = `\u202e${"x".repeat(1_000)}`;

  const { title, body } = attentionOf(
    { ...said, shown: "B\u0007b", text, private: true },
    pageOf("mesh"),
  );

  assertEquals([title, body], ["B␇b to you", `<U+202E>${"x".repeat(292)}…`]);
});

Deno.test("page: what a window asked for is told to it; and how a call and an edit end, to all", () => {
  const room = pageOf("mesh");
  const spoken = (event: Record<string, unknown>, state = room, call = null as unknown) =>
    attentionOf(event, state, call).spoken;
  const ref = page.refOf("a", "main", "1");

  const away = { event: "presence", self: true, away: "lunch" };
  assertEquals(spoken(away), null);
  assertEquals(spoken({ ...away, ref }), "You are away: “lunch”; Say that you are back");
  assertEquals(spoken({ event: "parted", title: "Club", ref }), "You left #Club");
  assertEquals(spoken({ event: "room", title: "Club", ref }), null, "the title says so");
  const directory = pageOf("directory");
  const over = { event: "call", call: "c", peer: "bob", state: "timeout", reason: "" };
  assertEquals(spoken(over, directory, { isOurs: false }), "You missed a call of bob; Call back");
  assertEquals(spoken(over, directory, { isOurs: true }), "bob didn't answer; Call again");
  const edit = { event: "edit", edit: 1, seq: 3, by: "Bob", outcome: "committed" };
  assertEquals(spoken(edit, pageOf("group")), "Bob changed entry 3");
  assertEquals(spoken({ ...edit, history: true }, pageOf("group")), null);
});

Deno.test("page: what is said in another room than the one shown is told with that room", () => {
  const ready = { event: "ready", command: "mesh", name: "Alice", host: "h", port: 1, key: "a" };
  const state = pageOf("mesh", [
    ...["r1", "r2"].map((room) => ({ ...ready, room })),
    { event: "room", number: 2, title: "Club", unseen: 0, room: "r2" },
  ]);
  const told = (room: string, more: Record<string, unknown> = {}) => {
    const { spoken, title } = attentionOf({ ...said, room, ...more }, state);
    return [spoken, title];
  };

  assertEquals(told("r1"), ["Bob: hi", null]);
  assertEquals(told("r2"), ["Bob in Club: hi", null]);
  assertEquals(told("r2", { mention: true }), ["Bob in Club: hi", "Bob in Club"]);
  assertEquals(told("r2", { private: true }), ["Bob to you: hi", "Bob to you"]);
});

Deno.test("page: a question that was settled before it could be told is told to nobody", () => {
  const over = { event: "call", call: "c", peer: "bob", state: "ended", reason: "cancelled" };
  const edit = { event: "edit", edit: 7, by: "bob", seq: 3, outcome: "aborted", reason: "no" };

  assertEquals(attentionOf(incoming, pageOf("directory", [incoming, over])).title, null);
  assertEquals(attentionOf(vote, pageOf("group", [vote, edit])).title, null);
});

Deno.test("page: those who were there before one came are listed, and not read out", () => {
  const joined = { event: "joined", name: "Bob", key: "b", host: "h", port: 1, verified: false };
  const spoken = (more: Record<string, unknown>) =>
    attentionOf({ ...joined, ...more }, pageOf("mesh")).spoken;

  assertEquals(spoken({}), "Bob joined (h)");
  assertEquals(spoken({ present: true }), null);
  assertEquals(spoken({ present: true, verified: true }), null);
  const other = { present: true, changed: { before: "c", verified: false } };
  assertEquals(spoken(other), "Bob is here (h): a different key from before");
});
