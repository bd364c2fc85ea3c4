// What private messages outlive: processes and disks of both sides, and each other's absence.

import { assert, assertEquals } from "@std/assert";
import type { BundleId } from "../../../../lib/base/ids.ts";
import { PRIVATE_DEFAULTS } from "../../../../lib/protocols/mesh/private/private_messages_io.ts";
import { carry, DAY_MS, floods, meet, part, Person } from "../private_people.ts";
import { SLOW } from "../../../given.ts";

const HOUR_MS = DAY_MS / 24;
const SECOND_MS = 1_000;

function pair(): readonly [Person, Person] {
  return [new Person(1), new Person(2)];
}

const records = ({ disk }: Person) => disk.map(({ kind }) => kind);

Deno.test("PrivateMessages: nothing is shown, told or sent before the disk has it", () => {
  const [ann, bob] = pair();
  meet(ann, bob);

  const first = ann.machine.step({ type: "say", to: bob.key, name: "Bob", text: "x" }, 0);
  const token = first[0]?.type === "persist" ? first[0].token : null;
  assert(token !== null);
  const isBusy = ann.machine.isBusy;
  const then = ann.machine.step({ type: "stored", token }, 1);

  assertEquals(first.map(({ type }) => type), ["persist"]);
  assertEquals(isBusy, true);
  assertEquals(then.map(({ type }) => type), ["sent", "delivery", "flood"]);
});

Deno.test("PrivateMessages: what the disk refuses is refused, and holds up nothing", () => {
  const [ann, bob] = pair();
  meet(ann, bob);

  carry([ann, bob], ann.say(bob, "1"));
  ann.refuses = true;
  const refused = ann.say(bob, "2");
  ann.refuses = false;
  carry([ann, bob], ann.say(bob, "3"));

  assertEquals(floods(refused), []);
  assertEquals(ann.told, [
    "queued to p2",
    "delivered to p2",
    "disk",
    "queued to p2",
    "delivered to p2",
  ]);
  assertEquals([bob.shown, ann.machine.isBusy], [["1", "3"], false]);
});

Deno.test("PrivateMessages: a receiver with another box key all the time isn't sent all anew each time", () => {
  const [ann, bob] = pair();
  meet(ann, bob);
  ann.say(bob, "x");
  const sent = Array.from({ length: 400 }, (_, at) => {
    const boxKey = new Uint8Array(32).fill(1 + at % 200);
    const nowMs = 25 * at;
    const present = { type: "present", peer: bob.key, boxKey } as const;
    return [ann.machine.step(present, nowMs), ann.machine.step({ type: "tick" }, nowMs)];
  }).flat(2).filter(({ type }) => type === "flood").length;

  assert(sent >= 8 && sent < 30, `sent ${sent} times in 10 s`);
});

Deno.test("PrivateMessages: what is kept for one who is away is sent when both are there, whoever restarts", () => {
  const [ann, bob] = pair();
  ann.say(bob, "1");
  ann.restart();
  ann.say(bob, "2");
  ann.restart();
  bob.restart();
  ann.say(bob, "3");

  meet(ann, bob);
  ann.restart();
  bob.restart();
  meet(ann, bob);
  carry([ann, bob], ann.say(bob, "4"));

  assertEquals(bob.shown, ["1 (late)", "2 (late)", "3", "4"]);
  assertEquals(ann.told, [
    "queued to p2 of 1",
    "queued to p2 of 2",
    "queued to p2 of 3",
    ...Array(3).fill("delivered to p2"),
    "queued to p2",
    "delivered to p2",
  ]);
  assertEquals(ann.waits, ["start: 1 for p2", "start: 2 for p2", "arrived: 3"]);
});

Deno.test("PrivateMessages: what was typed later waits until the receiver has what was typed before", () => {
  const [ann, bob] = pair();
  ann.say(bob, "before");
  ann.restart();
  ann.say(bob, "after");

  bob.meets(ann);
  const first = floods(ann.meets(bob));
  const answers = first.flatMap((envelope) => floods(bob.hears(envelope, ann.key)));
  const then = answers.flatMap((envelope) => floods(ann.hears(envelope, bob.key)));

  assertEquals(first.map(({ incarnation }) => incarnation), [1]);
  assertEquals(then.map(({ incarnation }) => incarnation), [2]);
});

Deno.test(
  "PrivateMessages: of many that wait so many are under way as the receiver can hold",
  SLOW,
  () => {
    const [ann, bob] = pair();
    const texts = Array.from({ length: 300 }, (_, index) => `${index}`);
    for (const text of texts) ann.say(bob, text);
    for (const text of ["y", "z"]) ann.say(bob, text.repeat(65_536));
    bob.meets(ann);

    const first = floods(ann.meets(bob));
    carry([ann, bob], first.map((envelope) => ({ type: "flood", envelope, except: null })));

    assertEquals(first.length, 64);
    assertEquals(bob.shown.map((text) => text.slice(0, 5)), [...texts, "yyyyy", "zzzzz"]);
    assertEquals(ann.machine.waiting(), []);
  },
);

Deno.test("PrivateMessages: whoever may have been shown a message is shown it again as an earlier one", () => {
  const [ann, bob] = pair();
  meet(ann, bob);

  bob.isBlind = true;
  carry([ann, bob], ann.say(bob, "x"));
  const toldBefore = [...ann.told];
  bob.isBlind = false;
  bob.restart();
  meet(ann, bob);

  assertEquals(toldBefore, ["queued to p2"]);
  assertEquals(bob.shown, ["x", "x (late)"]);
  assertEquals(ann.told.at(-1), "delivered to p2");
});

Deno.test("PrivateMessages: one that comes again before it was seen is neither shown again nor acknowledged", () => {
  const [ann, bob] = pair();
  meet(ann, bob);
  bob.isBlind = true;
  const [envelope] = floods(ann.say(bob, "x"));
  bob.hears(envelope!, ann.key);
  const [again] = floods(ann.step({ type: "tick" }, PRIVATE_DEFAULTS.resendFirstMs));

  const answer = bob.hears(again!, ann.key);

  assertEquals([answer, bob.shown], [[], ["x"]]);
});

Deno.test("PrivateMessages: of a burst the last one that is seen is noted and acknowledged, for all", () => {
  const [ann, bob] = pair();
  meet(ann, bob);
  bob.isBlind = true;
  const shown = ["1", "2", "3"].flatMap((text) => ann.say(bob, text)).flatMap((effect) =>
    effect.type === "flood" ? bob.hears(effect.envelope, ann.key) : []
  );
  const seen = shown.flatMap((effect) =>
    effect.type === "await-seen" ? [bob.step({ type: "seen", upTo: effect.upTo })] : []
  );
  const isBusy = bob.machine.isBusy;
  carry([ann, bob], seen.flat());

  assertEquals(seen.map((effects) => effects.map(({ type }) => type)), [[], [], [
    "persist",
    "flood",
  ]]);
  assertEquals([isBusy, ann.machine.waiting()], [false, []]);
});

Deno.test(
  "PrivateMessages: what comes early and never has its turn is bounded, and keeps nobody out",
  SLOW,
  () => {
    const bob = new Person(2, { shown: [] });
    const head = {
      author: bob.key,
      incarnation: 1,
      counter: 1,
      time: 1,
      id: "ab".repeat(32) as BundleId,
    };
    const text = "x".repeat(60_000);
    let held = 0;
    for (let seed = 10; seed < 50; seed++) {
      const liar = new Person(seed, { heads: [head] });
      bob.meets(liar);
      liar.meets(bob);
      for (let n = 0; n < 10; n++) {
        const before = bob.shown.length;
        for (const envelope of floods(liar.say(bob, text))) bob.hears(envelope, liar.key);
        held += bob.shown.length - before;
      }
    }
    const ann = new Person(1);
    meet(ann, bob);
    carry([ann, bob], ann.say(bob, "x"));
    bob.step({ type: "tick" }, 10_000);

    assertEquals(held, 0);
    assertEquals(bob.shown.length, 1 + Math.floor(16 * 1024 * 1024 / (120_000 + 512 + 512)));
  },
);

Deno.test("PrivateMessages: after a restart nothing that was seen is shown again, and the next one is", () => {
  const [ann, bob] = pair();
  meet(ann, bob);
  floods(ann.say(bob, "before")).map((envelope) => bob.hears(envelope, ann.key)); // its answer is lost
  bob.restart();

  meet(ann, bob);
  carry([ann, bob], ann.say(bob, "after"));

  assertEquals(bob.shown, ["before", "after"]);
  assertEquals(ann.machine.isBusy, false);
});

Deno.test("PrivateMessages: a profile put back to an older state repeats nothing, and is told that all arrived", () => {
  const [ann, bob] = pair();
  ann.say(bob, "1");
  const image = [...ann.disk];
  meet(ann, bob);
  carry([ann, bob], ann.say(bob, "2"));
  for (let start = 0; start < 9; start++) {
    ann.restart();
    meet(ann, bob);
    carry([ann, bob], ann.say(bob, `in ${start}`));
  }
  const shown = [...bob.shown];

  ann.disk = image;
  ann.restart();
  meet(ann, bob);

  assertEquals(shown.length, 11);
  assertEquals(bob.shown, shown);
  assertEquals(ann.machine.waiting(), []);
});

Deno.test("PrivateMessages: of two copies of a profile each is heard, in whichever order they meet the receiver", () => {
  const [ann, bob] = pair();
  const copy = new Person(1);
  copy.restart();
  ann.say(bob, "typed to the first");
  copy.say(bob, "typed to the copy");

  meet(copy, bob);
  part(copy, bob);
  ann.incarnation = 9; // the later start
  ann.restart();
  meet(ann, bob);

  assertEquals(bob.shown, ["typed to the copy", "typed to the first (late)"]);
});

Deno.test("PrivateMessages: after 30 days a message has failed, at a start or later, and the next one goes out", () => {
  const [ann, bob] = pair();
  ann.say(bob, "1");
  ann.wallMs += 20 * DAY_MS;
  ann.say(bob, "2");

  ann.wallMs += 10 * DAY_MS;
  ann.step({ type: "tick" }, 30 * DAY_MS);
  const inTime = [...ann.told];
  ann.wallMs += HOUR_MS;
  ann.step({ type: "tick" }, 30 * DAY_MS + HOUR_MS);
  const later = ann.told.slice(inTime.length);
  meet(ann, bob, 30 * DAY_MS + HOUR_MS);
  ann.say(new Person(3), "3");
  ann.wallMs += 31 * DAY_MS;
  ann.restart();

  assertEquals(inTime.length, 2);
  assertEquals(later, ["failed to p2"]);
  assertEquals(bob.shown, ["2 (late)"]);
  assertEquals(ann.told.at(-1), "failed to p3");
  assertEquals(ann.machine.waiting(), []);
});

Deno.test("PrivateMessages: what was just typed isn't given up where the clock is put right", () => {
  const [ann, bob] = pair();
  ann.wallMs = 1_000; // a machine without a battery
  ann.say(bob, "hello");
  ann.wallMs = 1_700_000_000_000;
  ann.step({ type: "tick" }, 2 * HOUR_MS);
  assertEquals(ann.told.filter((line) => line.includes("failed")), []);
});

Deno.test("PrivateMessages: more than can be kept are refused", () => {
  const [ann, bob] = pair();
  for (let said = 0; said < 1_000; said++) ann.say(bob, "x");
  ann.restart();

  const refused = ann.say(bob, "y", 1, "r");

  const name = "p2";
  assertEquals(refused, [{ type: "refused", code: "full", to: bob.key, name, text: "", ref: "r" }]);
});

Deno.test(
  "PrivateMessages: the input should wait for who is here and has much to get, and for nobody who says nothing",
  SLOW,
  () => {
    const [ann, bob] = pair();
    const eve = new Person(3);
    bob.isBlind = true;
    for (let said = 0; said < 900; said++) ann.say(eve, "x");
    const away = ann.machine.awaited();
    meet(ann, bob);

    for (let said = 0; said < 36; said++) ann.say(bob, "x");
    const few = ann.machine.awaited();
    ann.say(bob, "one more");
    const many = ann.machine.awaited();
    for (let second = 1; second < 30; second++) ann.step({ type: "tick" }, second * SECOND_MS);
    const later = ann.machine.awaited();
    for (let second = 30; second < 40; second++) ann.step({ type: "tick" }, second * SECOND_MS);
    const silent = ann.machine.awaited();
    bob.isBlind = false;
    bob.restart(40 * SECOND_MS);
    meet(ann, bob, 40 * SECOND_MS);

    assertEquals([away, few, many, later, silent], [[], [], [bob.key], [bob.key], []]);
    assertEquals([ann.machine.size, ann.machine.awaited()], [900, []]);
  },
);

Deno.test("PrivateMessages: who leaves, or is left, reads what waits and fails nothing", () => {
  const ann = new Person(1);
  const [bob, eve] = [new Person(2), new Person(3)];
  for (const other of [bob, eve]) meet(ann, other);
  ann.say(bob, "1");
  ann.say(eve, "2");
  const awaited = ann.machine.isBusy;
  for (const { key: peer } of [bob, eve]) ann.step({ type: "absent", peer, reason: "quit" });
  const silent = ann.step({ type: "tick" }, 60_000);
  ann.step({ type: "quit" });

  assertEquals([awaited, ann.machine.isBusy], [true, false]);
  assertEquals(silent, []);
  assertEquals(ann.waits, [
    "absent: 1 for p2",
    "absent: 1 for p3",
    "quit: 1 for p2",
    "quit: 1 for p3",
  ]);
  assertEquals(ann.told, ["queued to p2", "queued to p3"]);
});

Deno.test("PrivateMessages: a compacted log has what waits and what was seen, and nothing else", () => {
  const [ann, bob] = pair();
  meet(ann, bob);
  carry([ann, bob], ann.say(bob, "has arrived"));
  part(ann, bob);
  ann.say(bob, "waits");
  const before = records(ann);

  for (const one of [ann, bob]) {
    one.disk = [...one.machine.snapshot()];
    one.restart();
  }
  const after = [records(ann), records(bob)];
  meet(ann, bob);

  assertEquals(before, ["private-queued", "private-ended", "private-queued"]);
  assertEquals(after, [["private-queued"], ["private-received"]]);
  assertEquals(bob.shown, ["has arrived", "waits (late)"]);
});

Deno.test("PrivateMessages: a new box key is told of, and the one before it still opens for as long", () => {
  const [ann, bob] = pair();
  meet(ann, bob);
  const life = PRIVATE_DEFAULTS.boxKeyLifeMs;
  const [first] = floods(ann.say(bob, "1"));
  const renewed = bob.step({ type: "tick" }, life);
  const opened = bob.hears(first!, ann.key, life);
  meet(ann, bob, life);
  const [second] = floods(ann.say(bob, "2", life));
  bob.step({ type: "tick" }, 2 * life);
  bob.step({ type: "tick" }, 3 * life);

  assertEquals(renewed, [{ type: "box-key", boxKey: second!.boxKey as Uint8Array<ArrayBuffer> }]);
  assertEquals(opened.some(({ type }) => type === "received"), true);
  assertEquals(bob.hears(second!, ann.key, 3 * life), []);
});
