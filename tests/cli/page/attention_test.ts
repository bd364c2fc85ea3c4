import { assertEquals } from "@std/assert";
import { pageOf } from "./events_given.ts";
import { page } from "./page_modules.ts";

const { attentionOf } = page;
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
  assertEquals(told({ event: "incoming", from: "bob" }), [
    null,
    "bob is calling",
    "Answer within 30 s",
  ]);
  assertEquals(told({ event: "vote-wanted", by: "bob", seq: 3, old: "a", new: "b" }), [
    null,
    "bob wants to change entry 3",
    "It would read \u201cb\u201d",
  ]);
  assertEquals(told({ event: "status" }), [null, null, null]);
});

Deno.test("page: what is told of is harmless, and short", () => {
  const text = `\u202e${"x".repeat(1_000)}`;

  const { title, body } = attentionOf(
    { ...said, shown: "B\u0007b", text, private: true },
    pageOf("mesh"),
  );

  assertEquals([title, body], ["B␇b to you", `<U+202E>${"x".repeat(292)}…`]);
});
