/** A bundle's time is checked against its heads: nobody drives the room's time away. */

import { assert, assertEquals } from "@std/assert";
import { bucketOf, ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { Ledger } from "../../../../lib/protocols/mesh/log/ledger.ts";
import type { OrderEffect } from "../../../../lib/protocols/mesh/log/order_io.ts";
import { type Bundle, streamOf } from "../../../../lib/protocols/mesh/schema/structures.ts";
import {
  FRONTIER_AUTHORS_MAX,
  TIME_STEP_MS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { SLOW } from "../../../given.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, GENESIS_TIME, headOf, idOf, Member, types, WALL_MS } from "../order_members.ts";
import { says } from "./order_cases.ts";

Deno.test("Order gives a bundle its author's wall time, later than its heads, at most a day beyond", () => {
  const [slow, fast] = [new Member("slow", { wallMs: 5 }), new Member("fast", { wallMs: 1e15 })];
  const first = fast.sayOne("my clock runs away");
  slow.receive(fast, first);
  const second = slow.sayOne("mine stands still");

  assertEquals(first.header.value.time, GENESIS_TIME + TIME_STEP_MS_MAX);
  assertEquals(second.header.value.time, first.header.value.time + 1);
});

Deno.test("Order refuses a time that its heads don't allow, whatever the receiver's clock shows", () => {
  const ann = fakeSigner("ann");
  const head = headOf(forged(fakeSigner("bob"), "a head", { time: 5_000 }));
  const cases: readonly (readonly [string, Partial<Bundle["header"]["value"]>, string])[] = [
    ["at the genesis", { time: GENESIS_TIME }, "penalise"],
    ["after the genesis", { time: GENESIS_TIME + 1 }, "delivered"],
    ["a day after", { time: GENESIS_TIME + TIME_STEP_MS_MAX }, "delivered"],
    ["beyond a day", { time: GENESIS_TIME + TIME_STEP_MS_MAX + 1 }, "penalise"],
    ["at its head", { heads: [head], time: 5_000 }, "penalise"],
    ["a day after its head", { heads: [head], time: 5_000 + TIME_STEP_MS_MAX }, "waits"],
    ["beyond that", { heads: [head], time: 5_001 + TIME_STEP_MS_MAX }, "penalise"],
  ];
  for (const [what, fields, expected] of cases) {
    for (const wallMs of [0, 5_000, 1e15]) {
      const receiver = new Member("receiver", { wallMs });
      const effects = receiver.receive(new Member("bob"), forged(ann, what, fields));

      assertEquals(types(effects).at(-1) ?? "waits", expected, `${what}, clock ${wallMs}`);
    }
  }
});

/** Bob's first bundle, and one that names it by an id and a time of his own invention. */
function runaway(): { readonly seed: Bundle; readonly liar: Bundle } {
  const bob = fakeSigner("bob");
  const last = { author: bob.key, incarnation: 9, counter: 1, time: 2 ** 53 - 2, id: ID_UNKNOWN };
  const seed = forged(bob, "seed", { incarnation: 9 });
  return { seed, liar: forged(bob, "liar", { heads: [last], time: 2 ** 53 - 1 }) };
}

Deno.test("Order isn't driven to the end of time by who names a head of an invented time", () => {
  const { seed, liar } = runaway();
  const [ann, carl] = [new Member("ann"), new Member("carl")];
  for (const bundle of [seed, liar]) ann.receive(carl, bundle);
  const answer = ann.sayOne("still here");
  for (const bundle of [seed, liar, answer]) carl.receive(ann, bundle);

  assertEquals(answer.header.value.heads, [headOf(seed)]);
  assertEquals(answer.header.value.time, WALL_MS + 1);
  assertEquals(carl.shown, ["seed", "liar", "still here"]);
  assertEquals(carl.history(), ["seed", "still here"]);
  assertEquals(carl.order.latest(), WALL_MS + 1);
  assertEquals(carl.order.behindOf(new Map([[carl.key, WALL_MS]])).get(carl.key)!.messages, 1);
});

Deno.test("Order isn't driven to the end of time by who speaks first, nor deaf with a clock that stands at 1970", () => {
  const thisYear = 1_800_000_000_000;
  const [ann, carl, late] = [
    new Member("ann", { wallMs: thisYear }),
    new Member("carl", { wallMs: thisYear }),
    new Member("late", { wallMs: 0 }),
  ];
  const bob = fakeSigner("bob");
  const head = { author: bob.key, incarnation: 8, counter: 1, time: 2 ** 53 - 2, id: ID_UNKNOWN };
  const liar = forged(bob, "first", { heads: [head], time: 2 ** 53 - 1 });
  const entry = { low: 1, unkept: 0, closed: false };
  ann.step({ type: "neighbours", peers: [carl.key] });
  ann.receive(carl, liar, 0, "range");
  says(ann, carl, [{ ...head, ...entry, counter: 0 }, { ...headOf(liar), ...entry }], 1);
  late.receive(carl, carl.sayOne("hello"));

  assertEquals(ann.shown, ["first"]);
  assert(ann.sayOne("still here").header.value.time <= thisYear);
  assertEquals(late.history(), ["hello"]);
});

Deno.test("Order keeps what is said now, however much a liar has said for the end of time", () => {
  const [ann, bob, mal] = [
    new Member("ann", { keptMessagesMax: 10 }),
    new Member("bob"),
    new Member("mal"),
  ];
  ann.receive(bob, bob.sayOne("before"));
  const last = { author: mal.key, incarnation: 9, counter: 1, time: 2 ** 52, id: ID_UNKNOWN };
  ann.receive(mal, forged(mal.signer, "known", { incarnation: 9, time: WALL_MS + 1 }));
  for (let incarnation = 10; incarnation < 30; incarnation++) {
    ann.receive(mal, forged(mal.signer, "late", { incarnation, heads: [last], time: 2 ** 52 + 1 }));
  }

  const bundle = bob.sayOne("after");
  ann.receive(bob, bundle);

  assertEquals(ann.shown.filter((text) => text !== "late"), ["before", "known", "after"]);
  assertEquals(ann.history(), ["before", "known", "after"]);
  assertEquals(ann.order.bundlesAfter(bundle.header.value, 1).length, 1);
});

Deno.test("Order doesn't follow who follows a time that runs away, nor after a restart", () => {
  const { seed, liar } = runaway();
  const deceived = forged(fakeSigner("dora"), "follows", {
    heads: [headOf(liar)],
    time: 2 ** 53 - 1,
  });
  const [ann, carl] = [new Member("ann"), new Member("carl")];
  for (const bundle of [seed, liar, deceived]) ann.receive(carl, bundle);
  const restarted = new Member("ann", { records: ann.disk, incarnation: 2 });

  const answers = [ann.sayOne("1"), restarted.sayOne("2")];

  assertEquals(answers.map(({ header: { value } }) => value.time), [WALL_MS + 1, WALL_MS + 1]);
  assertEquals(ann.shown.slice(0, 3), ["seed", "liar", "follows"]);
});

Deno.test(
  "Order refuses nobody who is new for the time of a bundle that isn't believed",
  SLOW,
  () => {
    const ledger = new Ledger(fakeCrypto, () => WALL_MS, {
      author: fakeSigner("own").key,
      incarnation: 1,
    });
    const { seed, liar } = runaway();
    const own = forged(fakeSigner("own"), "hello");
    for (const bundle of [own, seed, liar]) ledger.deliver(bundle, idOf(bundle));
    ledger.table.find(seed.header.value)!.kept.length = 0;
    for (let made = 0; made < FRONTIER_AUTHORS_MAX; made++) {
      const stream = { author: fakeSigner(`kept ${made}`).key, incarnation: 1 };
      ledger.table.open(stream).kept.push(ledger.keptBundle(idOf(own))!);
    }

    assertEquals(ledger.table.find(liar.header.value), undefined, "it is evicted");
    assertEquals(ledger.table.authorsTime, 0);
  },
);

Deno.test(
  "Order refuses what an author said before a restart who was forgotten after it",
  SLOW,
  () => {
    const [ann, bob] = [new Member("ann", { keptMessagesMax: 1 }), new Member("bob")];
    const [before, later] = ["before", "later"].map((text) => forged(fakeSigner(text), text));
    for (const bundle of [before!, later!]) ann.receive(bob, bundle);
    const own = { author: ann.key, incarnation: 2 };
    const ledger = new Ledger(fakeCrypto, () => WALL_MS, own);
    for (const record of ann.order.snapshot()) ledger.restore(record);
    const [evicted] = [before!, later!].filter(({ header }) =>
      ledger.table.find(header.value)!.kept.length === 0
    );
    for (let made = 0; made < FRONTIER_AUTHORS_MAX; made++) {
      const stream = { author: fakeSigner(`kept ${made}`).key, incarnation: 1 };
      ledger.table.open(stream).kept.push(ledger.kept.last()!);
    }

    const { value } = evicted!.header;
    assertEquals(ledger.table.find(value), undefined, "it is evicted");
    assert(ledger.isPast(value, 1, value.time));
  },
);

Deno.test("Order forgets those first who say only what isn't believed", SLOW, () => {
  const { seed, liar } = runaway();
  const ledger = new Ledger(fakeCrypto, () => WALL_MS, streamOf(seed.header.value));
  const quiet = forged(fakeSigner("quiet"), "before");
  for (const bundle of [seed, quiet]) ledger.deliver(bundle, idOf(bundle));
  ledger.table.find(quiet.header.value)!.kept.length = 0;
  const { heads, time } = liar.header.value;
  const madeUp = FRONTIER_AUTHORS_MAX / 8; // more than are evicted at once
  for (let made = 0; made < FRONTIER_AUTHORS_MAX - 1 - madeUp; made++) {
    const stream = { author: fakeSigner(`kept ${made}`).key, incarnation: 1 };
    ledger.table.open(stream).kept.push(ledger.keptBundle(idOf(seed))!);
  }
  for (let made = 0; made < madeUp; made++) {
    const bundle = forged(fakeSigner(`made up ${made}`), "x", { heads, time });
    ledger.deliver(bundle, idOf(bundle));
  }

  assert(ledger.table.find(quiet.header.value) !== undefined);
});

Deno.test("Order finds that something is withheld, whatever floor a neighbour names", () => {
  const [ann, mal, bob] = [new Member("ann"), new Member("mal"), new Member("bob")];
  const nobody = { author: fakeSigner("nobody").key, incarnation: 1 };
  const head = { ...nobody, counter: 1, time: 2 ** 52 - 1, id: ID_UNKNOWN };
  const lie = forged(mal.signer, "lie", { heads: [head], time: 2 ** 52 });
  ann.step({ type: "neighbours", peers: [mal.key, bob.key] });
  ann.step({ type: "caught-up" });
  ann.receive(mal, lie, 0, "range");
  const nothing = { ...nobody, low: 1, counter: 0, unkept: 0, id: ID_UNKNOWN, closed: false };
  const there = { ...headOf(lie), low: 1, unkept: 0, closed: false };
  says(ann, bob, [nothing], 1);
  says(ann, mal, [nothing, there], 2, 2 ** 53 - 1);

  assertEquals(ann.shown, ["lie"]);
  assertEquals(ann.order.isHere(WALL_MS + 5), false);
  assert(ann.order.floorTime() <= WALL_MS + TIME_STEP_MS_MAX, `${ann.order.floorTime()}`);
});

Deno.test("Order takes no head of an invented time over from a bundle that is proven a lie", () => {
  const { seed, liar } = runaway();
  const [ann, carl] = [new Member("ann"), new Member("carl")];
  const other = forged(fakeSigner("bob"), "another for the same place");
  for (const bundle of [seed, liar, other]) ann.receive(carl, bundle);

  const answer = ann.sayOne("still here");

  assert(ann.effects.some(({ type }) => type === "equivocation"));
  assertEquals(answer.header.value.heads, [headOf(seed)]);
});

Deno.test("What was said in one's own name by another is told, and nothing of this process is lost unseen", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const copied = forged(ann.signer, "of the copy", { heads: [] });
  const own = ann.sayOne("own");
  const heldUp = ann.order.step({ type: "say", texts: [{ text: "being written", token: 71 }] }, 0);
  ann.order.step({ type: "say", texts: [{ text: "waits", token: 72 }] }, 0);

  const refused: OrderEffect[] = [...ann.receive(bob, copied)];
  const token = heldUp.flatMap((effect) => effect.type === "persist" ? [effect.token!] : [])[0]!;
  refused.push(...ann.order.step({ type: "stored", token }, 0));
  refused.push(...ann.order.step({ type: "say", texts: [{ text: "later", token: 73 }] }, 0));

  const told = refused.flatMap((effect) =>
    effect.type === "refused" ? [[effect.code, ...effect.tokens]] : []
  );
  assertEquals(told, [["replaced", 72], ["replaced", 71], ["replaced", 73]]);
  assertEquals(types(refused).includes("said"), false);
  const [entry] = ann.order.entriesOf(bucketOf(own.header.value.author));
  assertEquals([entry!.counter, entry!.unkept, entry!.closed], [0, 0, true]);

  const again = new Member("ann", { incarnation: 2, records: ann.disk });
  assertEquals(again.say(["new"]).length, 1);
});

Deno.test("Order follows what was said, whatever a liar names in its place", () => {
  // Another bundle for it, or one that would come after it.
  for (const [counter, laterMs] of [[1, -5], [2, -5], [2, 5]] as const) {
    const [ann, bob, mal] = [new Member("ann"), new Member("bob"), new Member("mal")];
    const real = headOf(ann.sayOne("said"));
    const head = { ...real, counter, id: ID_UNKNOWN, time: real.time + laterMs };
    const lie = forged(mal.signer, "lie", { heads: [head], time: head.time + 1 });
    bob.step({ type: "neighbours", peers: [mal.key] });
    bob.receive(ann, ann.bundles[0]!);
    bob.receive(mal, lie, 0, "range");
    const told = { ...headOf(lie), low: 1, unkept: 0, closed: false };
    says(bob, mal, [{ ...real, low: 1, unkept: 0, closed: false }, told], 1);

    const answer = bob.sayOne("answer").header.value;

    assertEquals(bob.shown, ["said", "lie", "answer"]);
    assert(answer.heads.some(({ id }) => id === real.id), `${counter} ${laterMs}`);
  }
});

Deno.test("Order follows a time that is late by this machine's clock", () => {
  const yearMs = 365 * 24 * 3_600_000;
  const [ann, bob] = [new Member("ann", { wallMs: yearMs }), new Member("bob")];
  const old = bob.sayOne("before a long silence");
  // What led there is no longer kept by anybody.
  const head = { ...headOf(old), time: yearMs - 1, id: ID_UNKNOWN };
  const late = forged(fakeSigner("carl"), "a year later", { heads: [head], time: yearMs });
  for (const bundle of [old, late]) ann.receive(bob, bundle);

  assertEquals(ann.sayOne("hello").header.value.time, yearMs + 1);
});

const YEAR_MS = 365 * 24 * 3_600_000;

/** What somebody says after what was delivered as far as `skipped` says, and nobody here has the time of. */
const skipped: MeshRecord = {
  kind: "frontier",
  entries: [{ ...headOf(forged(fakeSigner("gone"), "gone")), low: 2, closed: false }],
};

function afterGap(author: string, time: number): Bundle {
  const head = { author: fakeSigner("gone").key, incarnation: 1, counter: 1, id: ID_UNKNOWN };
  return forged(fakeSigner(author), author, { heads: [{ ...head, time: time - 1 }], time });
}

Deno.test("Order goes on where somebody's clock is years ahead, and what led there isn't kept by anybody", () => {
  const [ann, bob] = [new Member("ann", { records: [skipped] }), new Member("bob")];
  const there = afterGap("carl", WALL_MS + 10 * YEAR_MS);
  for (const bundle of [bob.sayOne("before"), there]) ann.receive(bob, bundle);
  const restarted = new Member("ann", { records: ann.disk, incarnation: 2 });

  for (const member of [ann, restarted]) {
    assertEquals(member.history(), ["before", "carl"]);
    assertEquals(member.sayOne("1").header.value.time, there.header.value.time + 1);
  }
});

Deno.test("Order takes jumps in time of twenty years in all, and of one more each ten days", () => {
  let wallMs = WALL_MS;
  const bob = new Member("bob");
  const ann = new Member("ann", { records: [skipped], wallMs: () => wallMs });
  ann.receive(bob, bob.sayOne("before"));
  const jump = (author: string, years: number) => {
    ann.receive(bob, afterGap(author, WALL_MS + years * YEAR_MS));
    return ann.history().includes(author);
  };

  assertEquals([jump("carl", 15), jump("dora", 15 + 5.1)], [true, false]);
  wallMs += 10 * 24 * 3_600_000;
  assertEquals([jump("eve", 15 + 5.1), jump("fay", 15 + 7)], [true, false]);
});

Deno.test(
  "Order keeps what is said where a liar has gone in steps of a day, after a restart and at newcomers too",
  SLOW,
  () => {
    const [ann, bob, liar] = [new Member("ann"), new Member("bob"), fakeSigner("liar")];
    const old = bob.sayOne("old");
    ann.receive(bob, old);
    for (const member of [ann, bob]) member.step({ type: "caught-up" });
    const all = [forged(liar, "s", { heads: [headOf(old)], time: old.header.value.time + 1 })];
    for (let counter = 2; counter <= 22 * 366; counter++) {
      const last = all.at(-1)!;
      const previous = { previous: idOf(last), heads: [headOf(last)] };
      const time = last.header.value.time + TIME_STEP_MS_MAX;
      all.push(forged(liar, "s", { counter, ...previous, time }));
    }
    for (const bundle of all) for (const member of [ann, bob]) member.receive(bob, bundle);
    const fresh = bob.sayOne("new");
    ann.receive(bob, fresh);
    const other = forged(liar, "for the same place", { time: WALL_MS });
    for (const member of [ann, bob]) member.receive(bob, other);
    const newcomer = new Member("newcomer");
    for (const bundle of [all[0]!, other, old, fresh]) newcomer.receive(bob, bundle);
    const plain = new Member("ann", { records: ann.disk, incarnation: 2 });
    const compacted = new Member("ann", { records: ann.order.snapshot(), incarnation: 2 });

    for (const member of [ann, bob, newcomer, plain, compacted]) {
      assertEquals(member.history(), ["old", "new"]);
    }
  },
);
