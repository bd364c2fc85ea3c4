// `/exit`: what can go out goes out, what can't is kept and told.

import { assertEquals } from "@std/assert";
import { LEAVE_MS_MAX, LEAVE_UNTOLD_MS } from "../../../lib/protocols/friends/limits.ts";
import { BOB } from "./fixtures.ts";
import { Program } from "./program.ts";

function quit(ann: Program) {
  return ann.command({ command: "quit" }, "q");
}

Deno.test("Friends leaves at once where nothing waits, with a goodbye to those linked", () => {
  const ann = Program.started();
  ann.meets();

  assertEquals(quit(ann), ["closes 1: quit", "stops: bye"]);
  assertEquals(ann.texts(1, [1]), [], "it is over");
  assertEquals([ann.machine.nextDeadlineMs(), ann.pass(60_000)], [null, []]);
});

Deno.test("Friends hands the ref of the command to the last event", () => {
  const ann = Program.started();
  const input = { type: "command", command: { command: "quit" }, ref: "q" } as const;

  assertEquals(ann.machine.step(input, 0), [
    { type: "stop", outcome: { kind: "bye", reason: "quit", ref: "q" } },
  ]);
});

Deno.test("Friends waits with leaving until who is there has everything", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "one");
  ann.say("bob", "two");

  assertEquals(quit(ann), []);
  assertEquals(ann.acknowledges(1, 1), ["bob delivered"]);
  assertEquals(ann.acknowledges(1, 2), ["bob delivered", "closes 1: quit", "stops: bye"]);
});

Deno.test("Friends waits with leaving for a dial that is under way, and for what it delivers", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  assertEquals(quit(ann), []);
  assertEquals(quit(ann), [], "once is enough");
  ann.reaches(BOB);
  assertEquals(ann.hello(1).at(-1), "1: texts hi");

  assertEquals(ann.acknowledges(1, 1).at(-1), "stops: bye");
});

Deno.test("Friends waits with leaving for nobody who isn't there, and says what is kept", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.say("bob", "two");
  ann.fails();

  assertEquals(quit(ann), ["notice", "stops: bye"]);
  assertEquals(ann.told.at(-1), "2 messages wait in the outbox, to be sent when you are back");
});

Deno.test("Friends leaves as soon as the last one it waits for turns out not to be there", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  quit(ann);

  assertEquals(ann.fails(), ["warning", "notice", "stops: bye"]);
  assertEquals(ann.told.at(-1), "1 message waits in the outbox, to be sent when you are back");
});

Deno.test("Friends waits with leaving until what was typed is on disk", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.fails();
  ann.diskMode = "holds";
  ann.say("bob", "two");

  assertEquals(quit(ann), []);
  assertEquals(ann.diskAnswers().slice(-1), ["stops: bye"]);
});

Deno.test("Friends tells whom it waits for where leaving takes long, and leaves in time", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");
  quit(ann);

  assertEquals(ann.pass(LEAVE_UNTOLD_MS), ["notice"]);
  assertEquals(ann.told, ["Leaving; waiting up to 10 s for bob"]);
  assertEquals(ann.pass(LEAVE_MS_MAX - LEAVE_UNTOLD_MS - 1), []);
  assertEquals(ann.pass(1), ["notice", "closes 1: quit", "stops: bye"]);
});
