// `/outbox` and `/unsend`: what waits, and whether it can still be taken back.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { RELEASE_RETRY_MS } from "../../../lib/protocols/friends/limits.ts";
import { CEM, idOf } from "./fixtures.ts";
import { Program } from "./program.ts";

const DIAL = "dials bob at 10.0.0.2:5001";

function unsend(ann: Program, number: number) {
  return ann.command({ command: "unsend", id: idOf(number).slice(0, 3) }, "u");
}

/** The ids in the outbox, as numbers. */
function outbox(ann: Program): readonly number[] {
  ann.command({ command: "outbox" });
  const last = ann.events.at(-1);
  return last?.event === "outbox" ? last.messages.map(({ id }) => Number(id.slice(0, 3))) : [];
}

const takenBack = (text: string) => [`bob failed "${text}": taken back [u]`];
const TOO_LATE = ["error not-allowed [u]"];

/** The numbers of the messages that went out on the link, as they were sent. */
function sentNumbers(ann: Program): readonly (readonly number[])[] {
  return ann.sent.flatMap((message) =>
    message.type === "texts" ? [message.entries.map(({ number }) => number)] : []
  );
}

/** Their texts. */
function sentTexts(ann: Program): readonly string[] {
  return ann.sent.flatMap((message) =>
    message.type === "texts" ? message.entries.map(({ text }) => text) : []
  );
}

Deno.test("Friends takes back what waits, for good, and sends the rest in order", () => {
  const ann = Program.started();
  for (const text of ["one", "two", "three"]) ann.say("bob", text);

  assertEquals(unsend(ann, 2), takenBack("two"));
  assertEquals(outbox(ann), [1, 3]);

  const again = ann.restarted();
  again.feed({ type: "start" });
  assertEquals(again.meets().at(-1), "1: texts one, three");
  assertEquals(ann.meets().at(-1), "1: texts one, three");
});

Deno.test("Friends takes nothing back that isn't there, nor one of several that fit", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.say("bob", "two");

  assertEquals(unsend(ann, 9), ["error no-such-entry [u]"]);
  assertEquals(ann.command({ command: "unsend", id: "00" }, "u"), ["error usage [u]"]);
  assertStringIncludes(ann.told.at(-1)!, "2 begin so");
});

Deno.test("Friends takes nothing back that has gone out, whatever came of it", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.meets();
  ann.say("bob", "two");
  assertEquals([unsend(ann, 1), unsend(ann, 2)], [TOO_LATE, TOO_LATE]);

  ann.goesDown(1, false, "lost");
  assertEquals([unsend(ann, 1), unsend(ann, 2)], [TOO_LATE, TOO_LATE]);
  ann.say("bob", "three");
  assertEquals(unsend(ann, 3), takenBack("three"));
});

Deno.test("Friends knows after a restart what may have gone out: typed to a linked friend, or released by a link", () => {
  const before = Program.started();
  before.say("bob", "released");
  before.meets();
  before.say("bob", "linked");
  before.goesDown(1, false, "lost");
  before.say("bob", "waits");

  const ann = before.restarted();
  ann.feed({ type: "start" });

  assertEquals([unsend(ann, 1), unsend(ann, 2)], [TOO_LATE, TOO_LATE]);
  assertEquals(unsend(ann, 3), takenBack("waits"));
});

Deno.test("Friends knows after a restart what went out while other messages were on their way to the disk", () => {
  const before = Program.started();
  before.say("bob", "one");
  before.diskMode = "holds";
  before.say("bob", "is being written");
  before.say("bob", "is to be written");
  before.meets();
  assertEquals(before.diskAnswers().includes("1: texts one, is being written"), true);
  assertEquals(sentNumbers(before), [[1, 2], [3]]);

  const ann = before.restarted();
  ann.feed({ type: "start" });

  assertEquals([1, 2, 3].map((number) => unsend(ann, number)), [TOO_LATE, TOO_LATE, TOO_LATE]);
});

Deno.test("Friends knows after a restart what went out while another message was taken back", () => {
  const before = Program.started();
  before.say("bob", "one");
  before.say("bob", "two");
  before.diskMode = "holds";
  unsend(before, 2);
  before.meets();
  before.diskAnswers();

  const ann = before.restarted();
  ann.feed({ type: "start" });

  assertEquals([outbox(ann), unsend(ann, 1)], [[1], TOO_LATE]);
});

Deno.test("Friends knows after a restart what went out with --no-queue of what was kept before", () => {
  const first = Program.started();
  first.say("bob", "one");
  const second = first.restarted({ queue: false });
  second.feed({ type: "start" });
  second.say("bob", "in memory alone");
  assertEquals(second.meets().at(-1), "1: texts one, in memory alone");

  const third = second.restarted();
  third.feed({ type: "start" });

  assertEquals(unsend(third, 1), TOO_LATE);
});

Deno.test("Friends marks on disk what a link releases before any of it goes out", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.diskMode = "holds";

  assertEquals(ann.meets(), ["1: hello", "pins bob as bob", "bob opened: the friend dialled"]);
  assertEquals(ann.diskAnswers(), ["1: texts one"]);
  assertEquals(ann.disk.at(-1)?.kind, "released");
});

Deno.test("Friends sends nothing under a place that the disk refuses to note, and tries again", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.diskMode = "refuses";

  assertEquals(ann.meets().slice(-2), ["bob opened: the friend dialled", "error disk"]);
  assertEquals(ann.pass(2 * RELEASE_RETRY_MS), []); // the user was told
  const later = ann.restarted();
  later.feed({ type: "start" });
  assertEquals([unsend(later, 1), outbox(ann)], [takenBack("one"), [1]]);

  ann.diskMode = "writes";
  ann.say("bob", "two");
  assertEquals(sentTexts(ann), ["one", "two"]);
});

Deno.test("Friends sends what waits once the disk notes its place, on the link that there is", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.diskMode = "refuses";
  ann.meets();

  ann.diskMode = "writes";

  assertEquals(ann.pass(RELEASE_RETRY_MS), ["1: texts one"]);
  assertEquals(unsend(ann, 1), TOO_LATE);
});

Deno.test("Friends takes nothing back whose record isn't on disk yet, nor one twice", () => {
  const ann = Program.started();
  ann.diskMode = "holds";
  ann.say("bob", "one");
  assertEquals(unsend(ann, 1), TOO_LATE);
  ann.diskAnswers();

  ann.diskMode = "holds";
  assertEquals(unsend(ann, 1), []);
  assertEquals(unsend(ann, 1), TOO_LATE);
  assertEquals(ann.diskAnswers(), takenBack("one"));
});

Deno.test("Friends sends nothing while something is being taken back, and the rest afterwards", () => {
  const ann = Program.started();
  for (const text of ["one", "two", "three"]) ann.say("bob", text);
  ann.diskMode = "holds";
  unsend(ann, 2);

  assertEquals(ann.meets(), ["1: hello", "pins bob as bob", "bob opened: the friend dialled"]);
  ann.say("bob", "four");
  assertEquals(ann.diskAnswers(), [
    ...takenBack("two"),
    "1: texts one, three",
    "1: texts four",
    "bob queued",
  ]);
  assertEquals(sentNumbers(ann), [[1, 2], [3]]);
});

Deno.test("Friends gives places in order when a link comes up while the disk refuses to take one back", () => {
  const ann = Program.started();
  for (const text of ["one", "two", "three"]) ann.say("bob", text);
  ann.diskMode = "holds";
  for (const number of [1, 2]) unsend(ann, number);
  ann.meets();

  const words = [1, 2].flatMap(() => ann.diskAnswersFirst("refuses"));

  assertEquals(words, ["error disk [u]", "error disk [u]"]);
  assertEquals(ann.diskAnswers(), ["1: texts one, two, three"]);
  assertEquals(sentNumbers(ann), [[1, 2, 3]]);
});

Deno.test("Friends gives what is typed meanwhile its place after what the disk refuses to take back", () => {
  const ann = Program.started();
  for (const text of ["one", "two"]) ann.say("bob", text);
  ann.diskMode = "holds";
  unsend(ann, 1);
  ann.meets();
  ann.say("bob", "three");

  assertEquals(ann.diskAnswersFirst("refuses"), ["error disk [u]"]);
  assertEquals(ann.diskAnswers(), ["bob queued", "1: texts one, two, three"]);
  assertEquals(sentNumbers(ann), [[1, 2, 3]]);
});

Deno.test("Friends finds on disk the places that it gave after a message was taken back", () => {
  const before = Program.started();
  for (const text of ["one", "two", "three"]) before.say("bob", text);
  before.diskMode = "holds";
  unsend(before, 2);
  before.meets();
  before.meets(CEM, { name: "cem" });
  before.reaches(CEM); // the address was asked
  before.say("cem", "has a place of the same epoch");
  before.diskAnswers();
  const [sent] = before.sent.filter((message) =>
    message.type === "texts" && message.entries.length === 2
  );

  const ann = before.restarted();
  ann.feed({ type: "start" });
  ann.meets();

  assertEquals(ann.sent.at(-1), sent);
});

Deno.test("Friends keeps and sends what the disk doesn't let it take back", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.diskMode = "refuses";

  assertEquals(unsend(ann, 1), ["error disk [u]"]);
  assertEquals(outbox(ann), [1]);
  ann.diskMode = "writes";
  assertEquals(ann.meets().at(-1), "1: texts one");
});

Deno.test("Friends dials nobody any more for whom nothing waits", () => {
  const ann = Program.started();
  assertEquals(ann.say("bob", "one"), [DIAL, "bob queued"]);
  ann.fails();
  unsend(ann, 1);

  assertEquals(ann.pass(600_000), []);
});
