// Two programs with the key of one friend: a copy of a profile, or a program that was started anew.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  DRAIN_MS,
  RELEASE_RETRY_MS,
  STRANGE_TOLD_MS,
} from "../../../lib/protocols/friends/limits.ts";
import { BOB, EVE } from "./fixtures.ts";
import { Program } from "./program.ts";

const GOODBYE = "replaced by another program with the same key";

/** Ann is connected with Bob's program, and another one with his key comes. */
function replaced(config = {}): Program {
  const ann = Program.started(config);
  ann.meets(BOB);
  ann.comesIn(BOB, 2);
  assertEquals(ann.hello(2), ["2: hello", "1: refuse replaced"]);
  return ann;
}

Deno.test("Friends sends nothing to a later program with a friend's key until the earlier one is gone", () => {
  for (const reason of ["lost", "quit"]) {
    const ann = replaced();
    assertEquals(ann.say("bob", "hi"), ["bob queued"]);

    assertEquals(ann.goesDown(1, reason === "quit", reason), ["2: texts hi"]);
    assertEquals(ann.told, []);
  }
});

Deno.test("Friends doesn't wait for an earlier program that doesn't answer", () => {
  const ann = replaced();
  ann.say("bob", "hi");

  assertEquals(ann.pass(DRAIN_MS), ["closes 1: a second link"]);
  assertEquals(ann.goesDown(1, true, GOODBYE.toUpperCase()), ["2: texts hi"]);
  assertEquals(ann.told, []);
});

Deno.test("Friends doesn't try the disk again for a friend to whom nothing may go out, and does when it may", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  ann.diskMode = "refuses";
  ann.meets(BOB);
  ann.pass(RELEASE_RETRY_MS - 1);
  ann.comesIn(BOB, 2);
  ann.hello(2);

  ann.nowMs += 1;
  ann.feed({ type: "tick" });
  assert(ann.machine.nextDeadlineMs()! > ann.nowMs, "nothing stays due");

  ann.diskMode = "writes";
  assertEquals(ann.goesDown(1, false, "lost"), ["2: texts hi"]);
});

Deno.test("Friends warns of two programs with a friend's key, and sends nothing until /trust", () => {
  const ann = replaced();
  ann.say("bob", "hi");

  assertEquals(ann.goesDown(1, true, GOODBYE), ["warning"]);
  assertStringIncludes(ann.told[0]!, "Two programs use bob's key at once");
  assertEquals(ann.say("bob", "there?"), ["notice", "bob queued"]);
  assertEquals(ann.pass(STRANGE_TOLD_MS), [], "whoever is connected gets nothing");
  ann.command({ command: "status" });
  const status = ann.events.at(-1)!;
  assert(status.event === "status");
  assertEquals(status.problems, [
    "bob: two programs use this friend's key; nothing is sent until /trust",
  ]);

  ann.comesIn(BOB);
  ann.hello(3);
  assertEquals(ann.goesDown(2, true, GOODBYE), [], "that is known");
  const words = ann.command({ command: "trust", name: "bob" });
  assertEquals(words, ["notice", "3: texts hi, there?"]);
});

Deno.test("Friends fails what isn't queued while two programs use a friend's key", () => {
  const ann = replaced({ queue: false });
  ann.goesDown(1, true, GOODBYE);

  assertEquals(ann.say("bob", "hi"), [
    `bob failed "hi": two programs use bob's key`,
  ]);
});

Deno.test("Friends doesn't let a stranger say that another program has its user's key", () => {
  const ann = Program.started();
  ann.meets(EVE, { name: "cem" });
  const words = ann.gets(1, { type: "refuse", code: "replaced", text: "" });
  assertEquals(words, ["closes 1: refused by the other side"]);
  assertEquals(ann.told, []);
});

Deno.test("Friends tells its user, once in a minute, that another program has taken the place at a friend", () => {
  const ann = Program.started();
  const message = { type: "refuse", code: "replaced", text: "run: rm -r" } as const;
  const told = () => {
    ann.meets();
    const link = ++links;
    const words = ann.gets(link, message).filter((word) => word.startsWith("error"));
    assertEquals(ann.goesDown(link).length, 1);
    return words;
  };
  let links = 0;

  assertEquals(told(), ["error replaced"]);
  assertStringIncludes(
    ann.told[0]!,
    "Another program that has this profile's key is connected with bob",
  );
  assertEquals(ann.told[0]!.includes(message.text), false);
  assertEquals(told(), []);
  ann.pass(STRANGE_TOLD_MS);
  assertEquals(told(), ["error replaced"]);
});
