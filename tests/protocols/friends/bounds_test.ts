// What nobody can make endless: dials, links, what is taken in, waiting for others.

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  AT_ONCE_INTERVAL_MS,
  CHECKING_LINKS_MAX,
  CONFIRM_MS_MAX,
  DIALS_MAX,
  DRAINING_LINKS_MAX,
  MESSAGE_BYTES_MIN,
  STRANGE_TOLD_MS,
  TEXT_BYTES_MAX,
  UNOPENED_LINKS_MAX,
  UNSTORED_BYTES_MAX,
} from "../../../lib/protocols/friends/limits.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { BOB, EVE, idOf, place, queued, row, ROWS } from "./fixtures.ts";
import { Program } from "./program.ts";

const DIALS = /^dials /;

function keyOf(name: string) {
  return fakeSigner(name).key;
}

/** The first message once more, under another place. */
function repeated(number: number) {
  const entries = [{ number, id: Uint8Array.fromHex(idOf(1)), sentAt: 0, text: "again" }];
  return { type: "texts", epoch: 7, entries } as const;
}

/** A program with so many friends, for each of whom something waits. */
function withMany(count: number): Program {
  const names = Array.from({ length: count }, (_, n) => `f${n}`);
  return new Program({
    friends: names.map((name, n) => row(name, n + 10)),
    records: names.map((to, n) => queued(n + 1, { to })),
  });
}

Deno.test("Friends dials so many friends at once, the others as dials end, and who is written to at once", () => {
  const ann = withMany(DIALS_MAX + 2);
  const dialled = ann.feed({ type: "start" }).filter((word) => DIALS.test(word));
  assertEquals(dialled.length, DIALS_MAX);

  assertEquals(ann.say(`f${DIALS_MAX}`, "hi").filter((word) => DIALS.test(word)).length, 1);
  const next = ann.fails("unreachable", null, 1).filter((word) => DIALS.test(word));

  assertEquals(next, [], "one more is under way than usual");
  const last = ann.fails("unreachable", null, 2).filter((word) => DIALS.test(word));
  assertEquals(last, [`dials anybody at 10.0.0.${DIALS_MAX + 1 + 10}:5001`]);
});

Deno.test("Friends drops a friend that sends more than may be under way, before the disk has it", () => {
  const ann = Program.started();
  ann.meets();
  ann.diskMode = "holds";
  const text = "x".repeat(TEXT_BYTES_MAX);
  const count = Math.ceil(UNSTORED_BYTES_MAX / TEXT_BYTES_MAX);
  const said = Array.from({ length: count }, (_, n) => {
    const entries = [{ number: n + 1, id: new Uint8Array(16).fill(n), sentAt: 0, text }];
    return ann.gets(1, { type: "texts", epoch: 1, entries });
  });

  assertEquals(said.slice(0, -2).flat(), []);
  assertEquals(said.flat(), ["bans 1: protocol: more was sent than may be under way"]);
});

Deno.test("Friends holds a bounded number of what it has nothing to show of, too, until the disk has it", () => {
  const most = UNSTORED_BYTES_MAX / MESSAGE_BYTES_MIN;
  const banned = ["bans 1: protocol: more was sent than may be under way"];
  const skipping = Program.started();
  skipping.meets();
  skipping.diskMode = "holds";
  const repeating = Program.started();
  repeating.meets();
  repeating.texts(1, [1]);
  repeating.diskMode = "holds";
  const said: string[] = [];
  for (let number = 2; number <= most + 1; number++) {
    said.push(...skipping.gets(1, { type: "skip", position: place(number, 7) }));
    said.push(...repeating.gets(1, repeated(number)));
  }

  assertEquals(said.filter((word) => word.includes("ban")), []);
  assertEquals(skipping.gets(1, { type: "skip", position: place(most + 2, 7) }), banned);
  assertEquals(repeating.gets(1, repeated(most + 2)), banned);
});

Deno.test("Friends gives up a link on which nothing is confirmed, and takes input again", () => {
  const ann = new Program({ records: Array.from({ length: 5_001 }, (_, n) => queued(n + 1)) });
  ann.feed({ type: "start" });
  ann.meets();

  assertEquals(ann.pass(CONFIRM_MS_MAX - 1), []);
  assertEquals(ann.pass(1), ["closes 1: what was sent wasn't confirmed within 30 s"]);
  assertEquals(ann.goesDown(1).at(-1), "input goes on");
  assertStringIncludes(ann.told.at(-1)!, "Kept for bob, and sent when bob takes it");
});

Deno.test("Friends waits for a slow friend as long as something is confirmed now and then", () => {
  const ann = Program.started();
  ann.meets();
  for (const text of ["one", "two", "three"]) ann.say("bob", text);

  ann.pass(CONFIRM_MS_MAX - 1);
  ann.acknowledges(1, 1);
  assertEquals(ann.pass(CONFIRM_MS_MAX - 1), []);
  ann.acknowledges(1, 3);
  assertEquals(ann.pass(CONFIRM_MS_MAX - 1), []);
});

Deno.test("Friends dials at once who closes with something waiting, now and then, and else ever later", () => {
  const ann = Program.started();
  ann.say("bob", "hi");
  const closes = (link: number) => {
    ann.reaches(BOB);
    ann.hello(link);
    return ann.goesDown(link, true, "enough").filter((word) => DIALS.test(word)).length;
  };

  assertEquals(closes(1), 1);
  assertEquals(closes(2), 0);
  const pauses = [3, 4, 5].map((link) => {
    const pauseMs = ann.machine.nextDeadlineMs()! - ann.nowMs;
    ann.pass(pauseMs);
    assertEquals(closes(link), 0);
    return Math.round(pauseMs);
  });
  assertEquals(pauses, [500, 750, 1_124]);
  ann.pass(AT_ONCE_INTERVAL_MS);
  assertEquals(closes(6), 1);
});

Deno.test("Friends lets in who is known, however many others are silent or wait to be checked", () => {
  const ann = Program.started();
  for (let n = 0; n < CHECKING_LINKS_MAX; n++) ann.meets(EVE, { name: "cem" });
  assertEquals(ann.meets(EVE, { name: "cem" }), [
    `${CHECKING_LINKS_MAX + 1}: refuse full`,
    `closes ${CHECKING_LINKS_MAX + 1}: refused: full`,
  ]);
  assertEquals(ann.comesIn(BOB), []);
  const bobs = CHECKING_LINKS_MAX + 2;
  for (let n = 0; n < UNOPENED_LINKS_MAX; n++) assertEquals(ann.comesIn(keyOf(`silent ${n}`)), []);
  assertEquals(ann.comesIn(EVE), [`closes ${bobs + 1}: too many are coming in`]);

  assertEquals(ann.hello(bobs).at(-1), "bob opened: the friend dialled");
});

Deno.test("Friends finds out who an unknown key is, however many say to be a friend who is away", () => {
  const dan = fakeSigner("dan").key;
  const ann = Program.started({ friends: [...ROWS, row("dan", 4)] });
  for (let n = 0; n < CHECKING_LINKS_MAX; n++) ann.meets(EVE, { name: "cem" });

  assertEquals(ann.meets(dan, { name: "dan" }), [
    `${CHECKING_LINKS_MAX}: refuse full`,
    `closes ${CHECKING_LINKS_MAX}: refused: full`,
    "dials anybody at 10.0.0.4:5001",
  ]);
  assertEquals(ann.reaches(dan).at(-1), "dan opened: the friend dialled");
});

Deno.test("Friends sends nobody who waits away for one who needn't wait, nor each friend for the next one", () => {
  const ann = Program.started({ friends: [...ROWS, row("dan", 4)] });
  ann.meets(EVE, { name: "dan" });
  ann.fails();
  for (let n = 0; n < CHECKING_LINKS_MAX; n++) ann.meets(EVE, { name: "cem" });
  const refusals = ann.meets(EVE, { name: "dan" }).filter((word) => /: refuse /.test(word));
  assertEquals(refusals, [`${CHECKING_LINKS_MAX + 2}: refuse unreachable`]);

  const names = Array.from({ length: CHECKING_LINKS_MAX + 1 }, (_, n) => `f${n}`);
  const bob = Program.started({ friends: names.map((name, n) => row(name, n + 2)) });
  const replies = names.flatMap((name) => bob.meets(EVE, { name }));
  assertEquals(replies.filter((word) => /: refuse /.test(word)), [
    `${CHECKING_LINKS_MAX + 1}: refuse full`,
  ]);
});

Deno.test("Friends keeps few links of one friend on which something may still arrive", () => {
  const ann = Program.started();
  for (let link = 1; link <= DRAINING_LINKS_MAX + 1; link++) {
    assertEquals(ann.meets().filter((word) => word.startsWith("closes")), []);
  }

  assertEquals(ann.meets().at(-1), "closes 1: too many links");
});

Deno.test("Friends tells once in a while that a friend no longer has what it is asked for", () => {
  const ann = Program.started();
  ann.meets();
  const skips = (number: number) =>
    ann.gets(1, { type: "skip", position: place(number) }).filter((word) => word === "notice");

  assertEquals([skips(5), skips(6)], [["notice"], []]);
  ann.pass(STRANGE_TOLD_MS / 2);
  ann.texts(1, [7]);
  ann.pass(STRANGE_TOLD_MS / 2);
  assertEquals(skips(8), ["notice"]);
});

Deno.test("Friends with --no-queue says at the end what became of a message that nobody confirmed", () => {
  const ann = Program.started({ queue: false });
  ann.meets();
  ann.say("bob", "hi", "r");
  ann.command({ command: "quit" });

  const words = ann.pass(10_000);

  assertEquals(
    words.includes('bob failed "hi": you left before; it may have arrived all the same [r]'),
    true,
  );
  assertEquals(ann.facts.filter((fact) => fact === "waits"), []);
});
