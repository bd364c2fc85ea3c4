// What is typed: on disk, then out, then acknowledged; kept while the friend is away.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { FriendTable } from "../../../lib/protocols/friends/friend_table.ts";
import { Sending } from "../../../lib/protocols/friends/sending.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_TEXTS_MAX,
  EPOCHS_MAX,
  HELLO_MS_MAX,
  MESSAGE_BYTES_MIN,
  OUTBOX_BYTES_MAX,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  TEXT_BYTES_MAX,
} from "../../../lib/protocols/friends/limits.ts";
import { BOB, CEM, idOf, linkOf, place, queued, row, ROWS } from "./fixtures.ts";
import { partOutput, Program } from "./program.ts";
import { SLOW } from "../../given.ts";

const DIAL = "dials bob at 10.0.0.2:5001";

Deno.test("Friends dials a friend at the first message, and never before", () => {
  const ann = Program.started();

  assertEquals(ann.pass(3_600_000), []);
  assertEquals(ann.say("bob", "hi", "r1"), [DIAL, "bob queued [r1]"]);
  assertEquals(ann.reaches(BOB), ["1: hello"]);
  assertEquals(ann.hello(1), ["pins bob as bob", "bob opened: dialled", "1: texts hi"]);
  assertEquals(ann.acknowledges(1, 1), ["bob delivered [r1]"]);
});

Deno.test("Friends says that a message is queued, and sends it, when it is on disk, not before", () => {
  const ann = Program.started();
  ann.meets();
  ann.diskMode = "holds";

  assertEquals(ann.say("bob", "hi"), []);
  assertEquals(ann.diskAnswers(), ["1: texts hi", "bob queued"]);
});

Deno.test("Friends sends what isn't acknowledged again on the next link, and what the friend has not", () => {
  const ann = Program.started();
  ann.meets();
  for (const text of ["one", "two", "three"]) ann.say("bob", text);
  assertEquals(ann.goesDown(1, false, "lost"), ["bob closed: lost", "warning"]);

  assertEquals(ann.meets(BOB, { stored: [place(1, ann.epoch)] }), [
    "2: hello",
    "bob delivered",
    "bob opened: the friend dialled",
    "2: texts two, three",
  ]);
});

Deno.test("Friends closes a link without traffic, that one alone, and opens it again unseen", () => {
  const ann = Program.started({ idleMs: 60_000 });
  ann.meets(BOB);
  ann.say("bob", "hi");
  ann.acknowledges(1, 1);
  ann.meets(CEM, { name: "cem" });
  ann.reaches(CEM); // the address was asked
  ann.pass(30_000);
  ann.texts(2, [1]);

  assertEquals(ann.pass(30_000), [DIAL], "can it be made again?");
  ann.reaches(BOB);
  assertEquals(ann.hello(4), []);
  assertEquals(ann.pass(60_000), ["closes 4: a second link", "closes 1: idle"]);
  assertEquals(ann.goesDown(1), ["bob closed: idle"]);
  assertEquals(ann.say("bob", "again"), [DIAL, "bob queued"]);
});

Deno.test("Friends keeps the idle link of a friend that can't be dialled", () => {
  const ann = Program.started({ idleMs: 60_000 });
  ann.meets(BOB);
  ann.texts(1, [1]);

  assertEquals(ann.pass(60_000), [DIAL]);
  assertEquals(ann.fails("timeout"), []);
  assertEquals(ann.pass(600_000), []);
  assertEquals(ann.say("bob", "hi"), ["1: texts hi", "bob queued"]);
});

Deno.test("Friends makes the link again that a friend doesn't seem to be able to make, and polls nobody else", () => {
  const ann = Program.started({ idleMs: 60_000 });
  for (const link of [1, 2]) {
    ann.say("bob", "hi");
    ann.reaches(BOB);
    ann.hello(link);
    ann.acknowledges(link, link);
    ann.pass(link === 1 ? 10_000 : 60_000 + HELLO_MS_MAX);
    ann.goesDown(link, false);
    assertEquals(ann.pass(RETRY_MS_MAX), link === 1 ? [] : [DIAL]);
  }
  ann.reaches(BOB);
  ann.hello(3);
  ann.meets(BOB); // it can
  ann.goesDown(4);
  ann.goesDown(3);
  assertEquals(ann.pass(RETRY_MS_MAX), []);
});

Deno.test("Friends dials again at once when a message crossed the friend's goodbye", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");

  assertEquals(ann.goesDown(1, true, "idle"), ["bob closed: idle", DIAL]);
});

Deno.test("Friends waits longer after each dial in vain, never twice the same, and few seconds where one is waited for", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  const pauses: number[] = [];
  for (let attempt = 0; attempt < 15; attempt++) {
    ann.random = attempt % 2;
    ann.fails();
    const fromMs = ann.nowMs;
    const dueMs = ann.machine.nextDeadlineMs()!;
    assertEquals(ann.pass(dueMs - fromMs), [DIAL]);
    pauses.push(dueMs - fromMs);
  }

  const longest = (attempt: number) => Math.min(5_250, RETRY_MS_MIN * 1.5 ** attempt);
  assertEquals(pauses, pauses.map((_, n) => longest(n) * (n % 2 === 0 ? 0.5 : 1)));
});

/** The pauses before each next dial, while Bob is reached and his disk refuses what comes. */
function refusedPauses(ann: Program, fromLink: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => {
    const link = fromLink + n;
    ann.reaches(BOB);
    ann.hello(link);
    ann.gets(link, { type: "refuse", code: "disk" });
    ann.goesDown(link, true, "refused: disk");
    const pauseMs = ann.machine.nextDeadlineMs()! - ann.nowMs;
    assertEquals(ann.pass(pauseMs), [DIAL]);
    return Math.round(pauseMs);
  });
}

Deno.test("Friends waits longer each time a friend is there and refuses what it is sent, until it takes some", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.say("bob", "two");

  assertEquals(refusedPauses(ann, 1, 4), [500, 750, 1_124, 1_687]);
  ann.reaches(BOB);
  ann.hello(5);
  ann.acknowledges(5, 1);
  ann.goesDown(5, false, "lost");
  ann.pass(500);
  assertEquals(refusedPauses(ann, 6, 2), [500, 750]);
});

Deno.test("Friends hurries the next dial for a new message, which never makes it dial all the time", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  for (let attempt = 0; attempt < 12; attempt++) {
    ann.fails();
    ann.pass(ann.machine.nextDeadlineMs()! - ann.nowMs);
  }
  ann.fails();

  const waits = ["bob queued (2 waiting)", "warning"];
  assertEquals(ann.say("bob", "now"), waits, "it was tried this moment");
  assertEquals(ann.pass(RETRY_MS_MIN), [DIAL]);
  ann.fails();
  ann.pass(RETRY_MS_MIN);
  assertEquals(ann.say("bob", "now"), [DIAL, "bob queued"]);
});

Deno.test("Friends tells once that a friend isn't there and what waits, and once that it is back", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  assertEquals(ann.fails(), ["warning"]);
  assertEquals(ann.say("bob", "two"), ["bob queued (2 waiting)", "warning"]);
  ann.pass(500);
  assertEquals(ann.fails(), []);

  ann.meets();
  assertEquals(ann.acknowledges(1, 1), ["bob delivered"]);
  assertEquals(ann.acknowledges(1, 2), ["bob delivered", "notice"]);

  assertEquals(ann.told, [
    "bob isn't there: it is unreachable (10.0.0.2:5001); kept, and sent when bob is back (1 waiting)",
    "Kept for bob, and sent when bob is back (2 waiting)",
    "bob is back; 2 messages delivered",
  ]);
  ann.goesDown(1);
  ann.pass(RETRY_MS_MIN);
  ann.say("bob", "three");
  assertEquals(ann.fails(), ["warning"], "of one again");
});

Deno.test("Friends tells that what waited from before the start is delivered, also where the friend was never missed", () => {
  const before = Program.started();
  before.say("bob", "one");
  before.say("bob", "two");

  const ann = Program.started({ records: before.disk });
  ann.meets();
  ann.acknowledges(1, 1);
  ann.acknowledges(1, 2);
  ann.say("bob", "three");
  ann.acknowledges(1, 3);

  assertEquals(ann.told, ["2 messages delivered to bob"]);
});

Deno.test("Friends tells what waits anew where some of it was taken back, or not stored", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.fails();
  const two = ["bob queued (2 waiting)", "warning"];
  assertEquals(ann.say("bob", "two"), two);

  ann.command({ command: "unsend", id: idOf(2).slice(0, 3) });
  assertEquals(ann.fails(), ["warning"], "now it is one again");
  assertEquals(ann.say("bob", "three"), two);

  ann.diskMode = "holds";
  ann.say("bob", "four");
  ann.pass(RETRY_MS_MIN);
  assertEquals(ann.fails(), ["warning"]);
  ann.diskAnswers("refuses");
  ann.diskMode = "writes";
  assertEquals(ann.say("bob", "five"), ["bob queued (3 waiting)", "warning"]);
});

Deno.test("Friends forgets what it found where a friend was when the table says otherwise", () => {
  const ann = Program.started();
  ann.say("bob", "one");
  ann.fails();

  ann.edited([{ ...row("bob", 2), endpoint: { host: "10.0.0.9", port: 5_001 } }]);

  assertEquals(ann.say("bob", "two"), ["bob queued"]);
});

Deno.test("Friends leaves others the time that they had left when it stood still itself", () => {
  const ann = Program.started({ idleMs: 5_000 });
  ann.meets();
  ann.say("bob", "hi");
  ann.acknowledges(1, 1);
  ann.pass(1_000);
  ann.comesIn(CEM); // has 10 s to say hello

  ann.nowMs += 3_600_000;

  assertEquals(ann.feed({ type: "tick" }), [DIAL], "the link was idle first");
  assertEquals(ann.pass(5_999), []);
  assertEquals(ann.pass(1), ["closes 2: no greeting within 10 s"]);
});

Deno.test("Friends puts so many messages and so much text into a frame", () => {
  const ann = Program.started();
  for (let n = 0; n <= BATCH_TEXTS_MAX; n++) ann.say("bob", "short");
  const long = "x".repeat(BATCH_BYTES_MAX);
  ann.say("bob", long);
  ann.say("bob", "short");

  const sent = ann.meets().filter((word) => word.startsWith("1: texts"));

  const counts = sent.map((word) => word.split(", ").length);
  assertEquals(counts, [BATCH_TEXTS_MAX, 1, 1, 1]);
});

Deno.test("Friends sends nothing for an empty text, and refuses one that is too long, with both sizes", () => {
  const ann = Program.started();

  assertEquals(ann.say("bob", ""), []);
  assertEquals(ann.say("bob", "x".repeat(TEXT_BYTES_MAX + 1), "r"), ["error too-long [r]"]);
  assertStringIncludes(ann.told[0]!, String(TEXT_BYTES_MAX));
  assertStringIncludes(ann.told[0]!, String(TEXT_BYTES_MAX + 1));
  assertEquals(ann.say("bob", "x".repeat(TEXT_BYTES_MAX)), [DIAL, "bob queued"]);
});

Deno.test(
  "Friends refuses what is more than is kept for a friend, and goes on with others",
  SLOW,
  () => {
    const long = "x".repeat(TEXT_BYTES_MAX);
    const count = Math.floor(OUTBOX_BYTES_MAX / (TEXT_BYTES_MAX + MESSAGE_BYTES_MIN));
    const before = Array.from({ length: count - 5 }, (_, n) => queued(n + 1, { text: long }));
    const ann = Program.started({ records: before });
    for (let n = before.length; n < count; n++) {
      assertEquals(ann.say("bob", long).at(-1), "bob queued");
    }

    assertEquals(ann.say("bob", long, "r"), ["error full [r]"]);
    assertEquals(ann.say("bob", "short"), ["bob queued"]);
    assertEquals(ann.say("cem", long), ["dials anybody at 10.0.0.3:5001", "cem queued"]);
  },
);

Deno.test("Friends takes no more input while much waits for a friend who is there", () => {
  const records = Array.from({ length: 5_001 }, (_, n) => queued(n + 1));
  const ann = new Program({ records });

  assertEquals(ann.feed({ type: "start" }), ["ready", DIAL, "input: waiting for bob"]);
  assertEquals(ann.fails().at(-1), "input goes on");
  assertEquals(ann.meets().at(-1), "input: waiting for bob");
  const words = ann.gets(1, { type: "stored", position: place(1) });
  assertEquals([words[0], words.at(-1)], ["bob delivered", "input goes on"]);
});

Deno.test("Friends sends after a restart what waits, under the places it had if it had any, then what is new", () => {
  const before = Program.started();
  before.meets();
  before.say("bob", "one");
  before.say("bob", "two");
  before.goesDown(1);
  before.say("bob", "three");
  const ann = before.restarted();
  assertEquals(ann.feed({ type: "start" }), ["ready", DIAL]);
  ann.say("bob", "four");

  assertEquals(ann.meets(BOB, { stored: [place(1, before.epoch)] }), [
    "1: hello",
    "pins bob as bob",
    "bob delivered",
    "bob opened: the friend dialled",
    "1: texts two",
    "1: texts three, four",
  ]);
});

Deno.test(
  "Friends uses one epoch for what was typed in many starts and never could go out",
  SLOW,
  () => {
    let ann = Program.started();
    for (let start = 0; start < 2 * EPOCHS_MAX; start++) {
      ann.say("bob", `${start}`);
      ann = ann.restarted();
      ann.feed({ type: "start" });
    }
    ann.meets();

    const places = ann.disk.flatMap((record) => record.kind === "released" ? [record.from] : []);
    assertEquals(places, [place(1, ann.epoch)]);
    assertEquals(
      ann.acknowledges(1, 2 * EPOCHS_MAX).filter((word) => word === "bob delivered").length,
      2 * EPOCHS_MAX,
    );
  },
);

Deno.test("Friends calls no message lost that a friend had and has no more, says why that may be, and skips them", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");
  ann.acknowledges(1, 1);
  ann.goesDown(1);

  assertEquals(ann.meets(BOB, { process: 2, stored: [] }), [
    "2: hello",
    `2: skip ${ann.epoch}.1`,
    "notice",
    "bob opened: the friend dialled",
  ]);
  assertEquals(ann.facts, ["gone-there"]);
});

Deno.test("Friends misses nothing at a friend whose hello on another link comes after what it has acknowledged since", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "hi");
  ann.comesIn(BOB);
  ann.acknowledges(1, 1);

  const words = ann.hello(2, { stored: [] });

  assertEquals(words.filter((word) => /skip|notice/.test(word)), []);
});

Deno.test("Friends refuses a message that the disk refuses, and sends those before and after it", () => {
  const ann = Program.started();
  ann.meets();
  ann.say("bob", "one");
  ann.diskMode = "refuses";

  assertEquals(ann.say("bob", "two", "r"), ["error disk [r]"]);
  ann.diskMode = "writes";
  assertEquals(ann.say("bob", "three"), ["1: texts three", "bob queued"]);
  assertEquals(ann.acknowledges(1, 3), ["bob delivered", "bob delivered"]);
});

Deno.test("Friends writes what was typed while the disk refused what was before it", () => {
  const ann = Program.started();
  ann.meets();
  ann.diskMode = "holds";
  ann.say("bob", "one", "r1");
  ann.say("bob", "two", "r2");

  assertEquals(ann.diskAnswers("refuses"), ["error disk [r1]", "error disk [r2]"]);
  ann.diskMode = "writes";
  assertEquals(ann.say("bob", "three"), ["1: texts three", "bob queued"]);
});

Deno.test("Friends with --no-queue sends at once to who is there, with nothing on disk", () => {
  const ann = Program.started({ queue: false });
  ann.meets();

  assertEquals(ann.say("bob", "hi", "r"), ["1: texts hi"]);
  assertEquals(ann.disk.filter(({ kind }) => kind === "queued"), []);
  assertEquals(ann.acknowledges(1, 1), ["bob delivered [r]"]);
});

Deno.test("Friends with --no-queue fails at once what can't be delivered", () => {
  const ann = Program.started({ queue: false });
  assertEquals(ann.say("bob", "hi", "r"), [DIAL]);
  assertEquals(ann.fails(), ['bob failed "hi": it is unreachable (10.0.0.2:5001) [r]']);
  assertEquals(ann.say("bob", "again"), [DIAL], "each message tries by itself");

  ann.reaches(BOB);
  ann.hello(1);
  assertEquals(ann.goesDown(1, false, "lost"), [
    "bob closed: lost",
    'bob failed "again": lost; it may have arrived all the same',
  ]);
  assertEquals(ann.pass(60_000), []);
});

Deno.test("Friends with --no-queue marks a failure whose reason an error has just told", () => {
  const ann = Program.started({ queue: false });
  const refusal = { type: "refuse", code: "unknown-user" } as const;
  const told = [1, 2].map((link) => {
    ann.say("bob", `text ${link}`);
    ann.reaches(BOB);
    ann.gets(link, refusal);
    ann.goesDown(link);
    ann.pass(1_000);
    const failed = ann.events.findLast(({ event }) => event === "delivery");
    return failed?.event === "delivery" && [failed.reason, failed.told];
  });

  const reason = "refused: not in bob's table; send bob your line (/whoami)";
  assertEquals(ann.facts, ["refused-unknown-user", "refused-unknown-user"]);
  assertEquals(ann.told.length, 1);
  assertEquals(told, [[reason, true], [reason, undefined]]);
});

Deno.test("Friends with --no-queue goes on keeping what an earlier process stored", () => {
  const ann = Program.started({ queue: false, records: [queued(1)] });
  ann.say("bob", "now", "r");

  assertEquals(ann.fails(), ['bob failed "now": it is unreachable (10.0.0.2:5001) [r]', "warning"]);
  assertEquals(ann.pass(500), [DIAL]);
  assertEquals(ann.meets().at(-1), "1: texts text 1");
});

// Sending alone.

/** To Bob, with whom there is a link. @param config `queue`: false with `--no-queue`. */
function sendingToBob({ queue = true } = {}) {
  const output = partOutput();
  const table = new FriendTable(ROWS, new Map());
  const bob = table.get("bob")!;
  const link = linkOf(1, { friend: bob, phase: "open" });
  bob.link = link.link;
  const reached: boolean[] = [];
  const part = new Sending(1, queue, { random: () => 0.5 }, table, output.out, {
    linkOf: (friend) => friend.link === null ? null : link,
    reach: (_, isUrgent = false) => void reached.push(isUrgent),
  });
  let said = 0;
  const say = (text: string, ref?: string) =>
    part.say(bob, { id: idOf(++said), text, sentAt: 0 }, ref);
  return { output, bob, link, part, say, reached };
}

Deno.test("Sending: a message goes out when it is on disk; what is typed meanwhile is written and sent as one", () => {
  const { output, say } = sendingToBob();
  for (const text of ["one", "two", "three"]) say(text);

  assertEquals(output.words(), ["writes queued"]);
  assertEquals(output.diskAnswers(), ["1: texts one", "bob queued", "writes queued, queued"]);
  assertEquals(output.diskAnswers(), ["1: texts two, three", "bob queued", "bob queued"]);
});

Deno.test("Sending: what the friend has is delivered once, whatever it acknowledges", () => {
  const { output, bob, link, part, say } = sendingToBob();
  for (const ref of ["a", "b", "c"]) say(ref, ref);
  while (output.diskAnswers().length > 0);
  const acknowledged = (number: number, epoch = 1) => {
    part.acknowledged(link, bob, place(number, epoch));
    return output.words().filter((word) => !word.startsWith("writes"));
  };

  assertEquals(acknowledged(2), ["bob delivered [a]", "bob delivered [b]"]);
  assertEquals([acknowledged(2), acknowledged(9), acknowledged(3, 7)], [[], [], []]);
  assertEquals(acknowledged(3), ["bob delivered [c]"]);
});

Deno.test("Sending: who is away is reached, and gets under places of its own, once it is here, what the disk has released", () => {
  const { output, bob, link, part, say, reached } = sendingToBob();
  bob.link = null;
  say("one");
  assertEquals([output.diskAnswers(), reached], [["writes queued", "bob queued"], [true]]);

  bob.link = link.link;
  part.met(link, bob, []);
  part.pump(bob);
  assertEquals(output.words(), ["writes released"]);
  assertEquals(output.diskAnswers(), ["1: texts one"]);
});

Deno.test("Sending: with --no-queue what can't be delivered fails, and says whether it may have arrived", () => {
  const { output, bob, part, say } = sendingToBob({ queue: false });
  say("gone");
  bob.link = null;
  say("never", "r");
  output.words();

  bob.problem = { fact: "failed", text: "it is away" };
  part.missed(bob);
  assertEquals(output.words(), [
    'bob failed "gone": it is away; it may have arrived all the same',
    'bob failed "never": it is away [r]',
  ]);
  assertEquals(bob.outbox.size, 0);
});
