/** What the profile keeps of what was said, and the answers to `/history`. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { BOB, place, queued, received } from "./fixtures.ts";
import { Program } from "./program.ts";

Deno.test("Friends keeps what was said, both ways, once it is on disk, before it is told", () => {
  const ann = Program.started();
  ann.meets();
  ann.diskMode = "holds";
  ann.say("bob", "hi");
  ann.texts(1, [1]);
  assertEquals(ann.kept, []);
  ann.diskAnswers();
  ann.acknowledges(1, 1);
  ann.say("ann", "a note");
  assertEquals(ann.kept, ["to bob: hi", "from bob: text 1", "to ann: a note"]);
});

Deno.test("Friends keeps no more what was taken back, and nothing that the disk refused", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.command({ command: "unsend", id: "0" });
  ann.diskMode = "refuses";
  ann.say("bob", "two");
  assertEquals(ann.kept, ["to bob: one", "not to bob: one"]);
});

Deno.test("Friends with --no-queue keeps what was delivered, and nothing that failed", () => {
  const ann = Program.started({ queue: false });
  ann.say("bob", "nobody there");
  ann.fails();
  ann.meets();
  ann.say("bob", "there");
  assertEquals(ann.kept, []);
  ann.acknowledges(1, 1);
  assertEquals(ann.kept, ["to bob: there"]);
});

Deno.test("Friends keeps after a restart what the process before may not have kept", () => {
  const shown = { kind: "shown", key: BOB, through: place(1) } as const;
  const ann = Program.started({ records: [queued(1), received(1), shown, received(2)] });
  assertEquals(ann.kept, ["earlier from bob: text 2"]);
  ann.fails();
  ann.meets();
  ann.gets(1, { type: "stored", position: place(1) });
  assertEquals(ann.kept, ["earlier from bob: text 2", "earlier to bob: text 1"]);
});

Deno.test("Friends answers /history for a friend, a key, oneself, or all", () => {
  const ann = Program.started({ pins: new Map([["bob", fingerprintOf(BOB)]]) });
  const asks = (fields: { readonly name?: string; readonly text?: string }, count = 5) => {
    ann.command({ command: "history", count, ...fields }, "r");
    const recall = ann.recalled.at(-1);
    return recall?.event.event === "history" ? [recall.event.name, recall.event.key] : null;
  };
  const key = fingerprintOf(BOB);
  assertEquals(asks({ name: "BOB" }), ["bob", key]);
  assertEquals(asks({ name: "cem" }), ["cem", undefined]);
  assertEquals(asks({ name: key.toUpperCase() }), [key.toUpperCase(), key]);
  assertEquals(asks({ name: "Ann" })?.[0], "ann");
  assertEquals(asks({}), [undefined, undefined]);
  ann.command({ command: "history", count: null, text: "x" });
  const last = ann.recalled.at(-1)!;
  assertEquals([last.event.event === "history" && last.event.searched, last.count], ["x", 10_000]);

  const before = ann.recalled.length;
  ann.command({ command: "history", count: 5, name: "bbo" }, "r");
  assertEquals(ann.recalled.length, before);
  assertStringIncludes(
    ann.told.at(-1)!,
    "Cannot find bbo in users.txt; did you mean /history bob?",
  );
});

Deno.test("Friends answers /history after what was typed before it, though the disk takes its time, and before it leaves", () => {
  const ann = Program.started();
  ann.meets();
  ann.diskMode = "holds";
  ann.say("bob", "one");
  ann.say("bob", "two");
  ann.say("ann", "a note");
  ann.command({ command: "history", count: 5, name: "bob" });
  assertEquals(ann.command({ command: "quit" }).includes("stops: bye"), false);
  assertEquals([ann.kept, ann.recalled.length], [[], 0]);
  ann.diskAnswers("writes");
  assertEquals(ann.kept, ["to bob: one", "to bob: two", "to ann: a note"]);
  assertEquals(ann.recalled.length, 1);
});
