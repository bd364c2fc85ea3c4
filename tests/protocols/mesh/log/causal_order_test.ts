import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Signer } from "../../../../lib/base/crypto/crypto.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { bucketOf, ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { Ledger } from "../../../../lib/protocols/mesh/log/ledger.ts";
import {
  BEHIND_MS_MAX,
  BUNDLE_TEXTS_MAX,
  FRONTIER_AUTHORS_MAX,
  HEADS_MAX,
  HEADS_PER_AUTHOR_MAX,
  INCARNATIONS_PER_AUTHOR_MAX,
  LATE_MS_MAX,
  NEARING_MS_MAX,
  REFERENCE_HEADS_MAX,
  STATEMENT_MS_MAX,
  TIME_STEP_MS_MAX,
  WAITING_BUNDLES_MAX,
  WAITING_MS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { SyncEntry } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { OrderEffect } from "../../../../lib/protocols/mesh/log/order_io.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { streamOf } from "../../../../lib/protocols/mesh/schema/author_stream.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  claimIdOf,
  forged,
  GENESIS_TIME,
  headOf,
  idOf,
  Member,
  types,
  WALL_MS,
} from "../order_members.ts";
import { shuffled, talk, talkSteps } from "../order_talk.ts";
import { SLOW } from "../../../given.ts";

/** Ancestors before descendants, and no counter twice: what every member's deliveries must be. */
function assertCausal(bundles: readonly Bundle[]): void {
  const reached = new Map<string, number>();
  for (const { header: { value: header } } of bundles) {
    const stream = `${header.author}/${header.incarnation}`;
    assertEquals(header.counter, (reached.get(stream) ?? 0) + 1);
    for (const head of header.heads) {
      assert((reached.get(`${head.author}/${head.incarnation}`) ?? 0) >= head.counter);
    }
    reached.set(stream, header.counter + header.count - 1);
  }
}

const weights = fc.array(fc.nat(1_000), { minLength: 8, maxLength: 40 });

Deno.test(
  "Order delivers any conversation in any order of arrival: once each, ancestors first",
  SLOW,
  () => {
    fc.assert(
      fc.property(talkSteps, weights, weights, (steps, one, two) => {
        const all = talk(steps);
        const [ann, bob] = [new Member("ann"), new Member("bob")];
        const network = new Member("the network");

        for (const bundle of shuffled(all, one)) ann.receive(network, bundle);
        for (const bundle of shuffled(all, two)) bob.receive(network, bundle);

        for (const member of [ann, bob]) {
          assertEquals(member.bundles.length, all.length);
          assertCausal(member.bundles);
          assertEquals([...member.shown].sort(), all.flatMap((b) => b.texts.value).sort());
        }
        assertEquals(ann.history(), bob.history());
        assertEquals(ann.order.root(), bob.order.root());
      }),
      { numRuns: 60 },
    );
  },
);

Deno.test("Order shows nothing twice after a crash with any prefix of its records on disk", () => {
  fc.assert(
    fc.property(talkSteps, weights, fc.nat(1_000), (steps, order, cut) => {
      const all = talk(steps);
      const network = new Member("the network");
      const before = new Member("ann");
      for (const bundle of shuffled(all, order)) before.receive(network, bundle);

      const records = before.disk.slice(0, cut % (before.disk.length + 1));
      const after = new Member("ann", { records, incarnation: 2 });
      const had = [...after.history()];
      for (const bundle of shuffled(all, [...order].reverse())) after.receive(network, bundle);

      assertEquals([...had, ...after.shown].sort(), [...before.shown].sort());
      assertEquals(after.history(), before.history());
      assertEquals(after.order.root(), before.order.root());
      assertEquals(
        after.order.heads().map(({ id }) => id).sort(),
        before.order.heads().map(({ id }) => id).sort(),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("what is kept holds long texts once, in a buffer of its own, and the history shows them", () => {
  const ann = new Member("ann");
  const text = "x".repeat(60_000);
  const said = ann.sayOne(text);
  const ledger = new Ledger(fakeCrypto, () => WALL_MS, { author: ann.key, incarnation: 2 });
  ledger.deliver(said, idOf(said));
  const { header, signature, texts } = ledger.keptBundle(idOf(said))!.bundle;

  assertEquals(Object.getOwnPropertyNames(texts), ["bytes"]);
  const held = new Set([header.bytes.buffer, signature.buffer, texts.bytes.buffer]);
  const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert(bytes < 65_000, `${bytes} bytes are held`);
  assertEquals(ledger.history(1).map((entry) => entry.text), [text]);
});

Deno.test("Order comes back from a compacted log with the same frontiers, history and heads", () => {
  fc.assert(
    fc.property(talkSteps, weights, (steps, order) => {
      const network = new Member("the network");
      const before = new Member("ann", { keptMessagesMax: 8 });
      for (const bundle of shuffled(talk(steps), order)) before.receive(network, bundle);

      const records = before.order.snapshot();
      const after = new Member("ann", { records, incarnation: 2, keptMessagesMax: 8 });

      assertEquals(after.history(), before.history());
      assertEquals(after.order.root(), before.order.root());
      assertEquals(after.order.heads(), before.order.heads());
      assertEquals(after.order.snapshot().length, records.length);
    }),
    { numRuns: 60 },
  );
});

Deno.test("Order has from a compacted log what it keeps from before a gap", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 0, "range");
  for (const neighbour of [bob, dora]) says(carl, neighbour, [entry], 1);
  const after = new Member("carl", { records: carl.order.snapshot(), incarnation: 2 });

  assertEquals([carl.history(), after.history()], [["1", "2", "5"], ["1", "2", "5"]]);
  assertEquals(after.order.snapshot(), carl.order.snapshot());
});

Deno.test("Order names after a compaction what it named before, also where more of the stream is missing", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const all = ["1", "2", "3"].map((text) => ann.sayOne(text));
  const carl = new Member("carl", { records: [{ kind: "bundle", bundle: all[0]! }] });
  carl.step({ type: "neighbours", peers: [bob.key] });
  const entry = { ...headOf(all[2]!), low: 4, unkept: 0, closed: false };
  for (const nowMs of [1, STATEMENT_MS_MAX + 1]) says(carl, bob, [entry], nowMs);
  const after = new Member("carl", { records: carl.order.snapshot(), incarnation: 2 });

  assertEquals(carl.frontierOf(ann), 3);
  assertEquals(after.order.heads(), [headOf(all[0]!)]);
});

Deno.test("Order has from a compacted log how far each of many starts was, of which something is kept", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  ann.step({ type: "neighbours", peers: [bob.key] });
  const starts = INCARNATIONS_PER_AUTHOR_MAX + 2;
  const entries = Array.from({ length: starts }, (_, start) => {
    const bundle = forged(bob.signer, `start ${start}`, { incarnation: start + 1 });
    ann.receive(bob, bundle);
    return { ...headOf(bundle), counter: 5, id: ID_UNKNOWN, low: 6, unkept: 0, closed: false };
  });
  for (const nowMs of [1, STATEMENT_MS_MAX + 1]) says(ann, bob, entries, nowMs);
  const after = new Member("ann", { records: ann.order.snapshot(), incarnation: 2 });
  const countersOf = (member: Member) =>
    entries.map((entry) => member.order.frontier(entry).counter);

  assertEquals(countersOf(ann), Array(starts).fill(5));
  assertEquals(countersOf(after), countersOf(ann));
});

Deno.test("Order holds nothing of what equivocation excludes but headers", () => {
  const [ann, liar] = [new Member("ann"), fakeSigner("liar")];
  const [first, second] = ["x".repeat(60_000), "y"].map((text) => forged(liar, text));
  const ledger = new Ledger(fakeCrypto, () => WALL_MS, { author: ann.key, incarnation: 1 });
  ledger.deliver(first!, idOf(first!));
  ledger.close({ stream: first!.header.value, from: 1 }, { first: first!, second: second! });
  const { proof, excluded } = ledger.table.find(first!.header.value)!.closed!;

  for (const held of [proof!.first, proof!.second, excluded!.bundle]) {
    assertEquals(Object.keys(held), ["header", "signature"]);
    assertEquals(held.header.bytes.buffer.byteLength, held.header.bytes.length);
  }
});

Deno.test("Order says after a compaction of a closed stream what it said before", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const liar = fakeSigner("liar");
  const one = forged(liar, "one");
  const rest = { previous: idOf(one), time: WALL_MS + 1 };
  const wide = forged(liar, ["2", "3", "4"], { counter: 2, ...rest });
  const pair = ["x", "y"].map((text) => forged(liar, text, { ...rest, counter: 3 }));
  const [first, second] = pair.map(({ header, signature }) => ({ header, signature }));
  for (const bundle of [one, wide]) ann.receive(bob, bundle);
  ann.step({ type: "proof", from: bob.key, proof: { first: first!, second: second! } });
  const after = new Member("ann", { records: ann.order.snapshot(), incarnation: 2 });
  const entryOf = (member: Member) => member.order.entryOf({ author: liar.key, incarnation: 1 });

  assertEquals(entryOf(ann)?.counter, 1);
  assertEquals(entryOf(after), entryOf(ann));
  assertEquals(after.order.root(), ann.order.root());
});

Deno.test("Order compacts the frontiers and heads of a crowd into records of a few hundred each", () => {
  const [ann, bob] = [new Member("ann", { keptMessagesMax: 8 }), new Member("bob")];
  for (let index = 0; index < 600; index++) {
    ann.receive(
      bob,
      forged(fakeSigner(`author ${index}`), "x", { time: GENESIS_TIME + 1 + index }),
    );
  }

  const records = ann.order.snapshot();
  const after = new Member("ann", { records, incarnation: 2, keptMessagesMax: 8 });

  const lengths = records.map((record) =>
    record.kind === "floor"
      ? record.heads.length
      : record.kind === "frontier"
      ? record.entries.length
      : 0
  );
  assertEquals([Math.max(...lengths), ann.order.heads().length], [256, 600]);
  assertEquals(after.order.heads(), ann.order.heads());
  assertEquals(after.order.snapshot(), records);
});

Deno.test("Order knows under which claims it keeps something", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const carl = new Member("carl", { keptMessagesMax: 2 });
  const isKept = () => carl.order.isClaimKept(claimIdOf(ann.key));
  const before = isKept();
  carl.receive(ann, ann.sayOne("1"));
  carl.receive(ann, ann.sayOne("2"));
  const after = isKept();
  for (const text of ["3", "4"]) carl.receive(bob, forgedBy(bob, text));

  assertEquals([before, after, isKept()], [false, true, false]);
  const compacted = new Member("carl", { records: carl.order.snapshot(), incarnation: 2 });
  assertEquals(compacted.order.isClaimKept(claimIdOf(bob.key)), true);
});

/** Later than all that others say. */
function forgedBy(author: Member, text: string): Bundle {
  return forged(author.signer, text, { incarnation: Number(text), time: WALL_MS + 1_000 });
}

Deno.test("Order keeps the same last messages whatever the order of arrival, and delivers the rest", () => {
  fc.assert(
    fc.property(talkSteps, weights, weights, (steps, one, two) => {
      const all = talk(steps);
      const network = new Member("the network");
      const [ann, bob] = ["ann", "bob"].map((name) => new Member(name, { keptMessagesMax: 5 }));

      for (const bundle of shuffled(all, one)) ann!.receive(network, bundle);
      for (const bundle of shuffled(all, two)) bob!.receive(network, bundle);

      assertEquals(ann!.bundles.length, all.length);
      assertEquals(ann!.history(), bob!.history());
      const messages = all.flatMap((bundle) => bundle.texts.value).length;
      assertEquals(ann!.history().length, Math.min(5, messages));
    }),
    { numRuns: 60 },
  );
});

// Time: both bounds are measured against the header's own heads.

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
  for (let made = 0; made < FRONTIER_AUTHORS_MAX - 1; made++) {
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

// Refusals: nothing of what is refused takes effect.

Deno.test("Order refuses bundles that are wrong by themselves, and blames who sent them", () => {
  const ann = fakeSigner("ann");
  const bob = new Member("bob");
  const good = forged(ann, "x");
  const otherTexts = { ...good, texts: forged(ann, "y").texts };
  const own = { author: ann.key, incarnation: 1, counter: 2, time: 5_000, id: ID_UNKNOWN };
  const few = { heads: Array(HEADS_MAX).fill({ ...own, author: bob.key }), time: 5_001 };
  const refused: readonly (readonly [string, Bundle, string])[] = [
    ["another room", forged(ann, "x", { room: "cd".repeat(32) as never }), "protocol"],
    ["counter 0", forged(ann, "x", { counter: 0 }), "protocol"],
    ["a first one with a previous", forged(ann, "x", { previous: idOf(good) }), "protocol"],
    ["a second one without", forged(ann, "x", { counter: 2 }), "protocol"],
    [
      "itself as a head",
      forged(ann, "x", { counter: 2, previous: idOf(good), heads: [own] }),
      "protocol",
    ],
    [
      "a head that nothing can follow",
      forged(ann, "x", { heads: [{ ...own, author: bob.key, counter: 2 ** 53 - 1 }] }),
      "protocol",
    ],
    ["heads with texts", forged(ann, "x", { kind: "heads" }), "protocol"],
    ["nothing at all", forged(ann, "", { kind: "heads" }), "protocol"],
    ["few heads alone", forged(ann, "", { kind: "heads", ...few }), "protocol"],
    [
      "another's claim",
      forged(ann, "x", { claim: forged(bob.signer, "").header.value.claim }),
      "protocol",
    ],
    [
      "another's signature",
      { ...good, signature: bob.signer.sign(new Uint8Array(32)) },
      "invalid-signature",
    ],
    ["other texts", otherTexts, "invalid-signature"],
  ];
  for (const [what, bundle, fault] of refused) {
    const carl = new Member("carl");
    const effects = carl.receive(bob, bundle);

    assertEquals(effects.map((e) => e.type === "penalise" ? e.fault : e.type), [fault], what);
    assertEquals(carl.order.snapshot(), new Member("carl").order.snapshot(), what);
  }
});

// What waits.

Deno.test("Order asks the link that sent a bundle for its parents, then others that sent it too", () => {
  const [ann, bob, carl, dora] = ["ann", "bob", "carl", "dora"].map((name) => new Member(name));
  const [, second] = [ann!.sayOne("1"), ann!.sayOne("2")];

  const first = dora!.receive(bob!, second!, 0);
  const again = dora!.receive(carl!, second!, 10);
  const early = dora!.step({ type: "tick" }, 49);
  const asked = dora!.step({ type: "tick" }, 50);
  const next = dora!.step({ type: "tick" }, 1_050);

  const stream = { author: ann!.key, incarnation: 1 };
  assertEquals(types(first), []);
  assertEquals(types(again), ["duplicate"]);
  assertEquals(early, []);
  assertEquals(asked, [{ type: "want", from: bob!.key, stream, after: 0 }]);
  assertEquals(next.filter((effect) => effect.type === "want"), [
    { type: "want", from: carl!.key, stream, after: 0 },
  ]);
});

Deno.test("Order drops what waited for 10 s, and counts it against the link that brought it", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const carl = new Member("carl", { records: [{ kind: "bundle", bundle: bob.sayOne("old") }] });
  ann.sayOne("1");
  carl.receive(bob, ann.sayOne("2"), 0);

  const effects: string[] = [];
  for (let nowMs = 0; nowMs < 10_000; nowMs += 50) carl.step({ type: "tick" }, nowMs);
  effects.push(...types(carl.step({ type: "tick" }, 10_050)));

  assertEquals(effects, ["dropped", "penalise"]);
  assertEquals(carl.order.nextDeadlineMs(), null);
});

Deno.test("Order gives each link a share of its own of what may wait", () => {
  const [ann, bob, carl, dora] = ["ann", "bob", "carl", "dora"].map((name) => new Member(name));
  const all = Array.from({ length: WAITING_BUNDLES_MAX + 3 }, (_, n) => ann!.sayOne(`${n}`));
  const rest = all.slice(1);

  const dropped = rest.flatMap((bundle) => types(dora!.receive(bob!, bundle)))
    .filter((type) => type === "dropped");
  const other = dora!.receive(carl!, rest.at(-1)!);
  dora!.step({ type: "peer-down", peer: bob!.key });
  dora!.receive(carl!, all[0]!);

  assertEquals(dropped.length, 2);
  assertEquals(other, []);
  assertEquals(dora!.shown, ["0"]);
});

Deno.test("Order hands what another link brought too over to it when the first one goes", () => {
  const [ann, bob, carl, dora] = ["ann", "bob", "carl", "dora"].map((name) => new Member(name));
  const [first, second] = [ann!.sayOne("1"), ann!.sayOne("2")];
  for (const from of [bob!, carl!]) dora!.receive(from, second!);

  dora!.step({ type: "peer-down", peer: bob!.key });
  dora!.receive(carl!, first!);

  assertEquals(dora!.shown, ["1", "2"]);
});

Deno.test("Order lets a bundle wait for its author's claim", () => {
  let known = false;
  const bob = new Member("bob", { knowsClaim: () => known });
  const ann = new Member("ann");
  const bundle = ann.sayOne("who am I");

  bob.receive(ann, bundle);
  const asked = bob.step({ type: "tick" }, 50);
  known = true;
  bob.step({ type: "claim-known", claim: bundle.header.value.claim }, 60);

  const stream = { author: ann.key, incarnation: 1 };
  assertEquals(asked, [{ type: "want", from: ann.key, stream, after: 0 }]);
  assertEquals(bob.shown, ["who am I"]);
});

// Gaps.

/** Bob keeps nothing of what ann said before "5"; carl was there until "2". */
function gap() {
  const [ann, bob, dora] = [new Member("ann"), new Member("bob"), new Member("dora")];
  const all = ["1", "2", "3", "4", "5"].map((text) => ann.sayOne(text));
  const records = all.slice(0, 2).map((bundle) => ({ kind: "bundle" as const, bundle }));
  const carl = new Member("carl", { records });
  const stream = { author: ann.key, incarnation: 1 };
  const entry = { ...stream, low: 5, counter: 5, id: idOf(all[4]!), unkept: 0, closed: false };
  carl.step({ type: "neighbours", peers: [bob.key, dora.key] });
  return { ann, bob, carl, dora, all, stream, entry };
}

Deno.test("Order skips a gap only when every neighbour says that it can't fill it, and tells how many", () => {
  const { bob, carl, dora, all, stream, entry } = gap();

  carl.receive(bob, all[4]!, 0, "range");
  const one = says(carl, bob, [entry], 1);
  const both = says(carl, dora, [entry], 2);

  assertEquals(types(one), ["stuck"]);
  assertEquals(types(both), ["persist", "skipped", "delivered"]);
  assertEquals(both[1], { type: "skipped", stream, messages: 2 });
  assertEquals(carl.frontierOf(new Member("ann")), 5);
});

Deno.test("Order says of no author who may have been forgotten that something was missed", () => {
  const { ann, bob, dora, all, entry } = gap();
  const evicted: MeshRecord = {
    kind: "floor",
    time: GENESIS_TIME,
    id: ID_UNKNOWN,
    authorsTime: GENESIS_TIME + 1,
    heads: [],
  };
  // Something is known of the other one: none of its streams was forgotten.
  const emil = forged(fakeSigner("emil"), "1");
  const records: MeshRecord[] = [evicted, { kind: "bundle", bundle: emil }];
  const carl = new Member("carl", { records });
  const third = forged(fakeSigner("emil"), "3", { counter: 3, previous: idOf(emil) });
  const entryOfEmil = { ...headOf(third), low: 3, unkept: 0, closed: false };
  carl.step({ type: "neighbours", peers: [bob.key, dora.key] });
  for (const bundle of [all[4]!, third]) carl.receive(bob, bundle, 0, "range");
  for (const neighbour of [bob, dora]) says(carl, neighbour, [entry, entryOfEmil], 1);

  const missed = carl.effects.flatMap((effect) =>
    effect.type === "skipped" ? [[effect.stream.author, effect.messages]] : []
  );
  assertEquals(carl.shown, ["3", "5"]);
  assertEquals(carl.frontierOf(ann), 5);
  assertEquals(missed, [[emil.header.value.author, 1]]);
});

Deno.test("Order hears again who is behind before it believes that a gap can't be filled", () => {
  const { bob, carl, dora, all, entry } = gap();
  const behind = { ...entry, low: 1, counter: 2 };

  carl.receive(bob, all[4]!, 0, "range");
  says(carl, bob, [entry], 1);
  says(carl, dora, [behind], BEHIND_MS_MAX - 1);
  const shown = [...carl.shown];
  says(carl, dora, [behind], BEHIND_MS_MAX);

  assertEquals(shown, []);
  assertEquals(carl.shown, ["5"]);
});

Deno.test("Order fills a gap from who was behind and has caught up, whatever another no longer keeps", () => {
  const { bob, carl, dora, all, entry } = gap();

  carl.receive(bob, all[4]!, 0, "range");
  says(carl, bob, [entry], 1);
  says(carl, dora, [{ ...entry, low: 1, counter: 2 }], 1_000);
  says(carl, dora, [{ ...entry, low: 1 }], 2_000);
  says(carl, bob, [entry], BEHIND_MS_MAX);
  for (const bundle of all.slice(2)) carl.receive(dora, bundle, BEHIND_MS_MAX, "range");

  assertEquals(carl.shown, ["3", "4", "5"]);
});

Deno.test("Order waits while one neighbour comes nearer to a gap, for 10 s, and no longer once it stands still", () => {
  for (const standsStill of [true, false]) {
    const { bob, carl, dora, all, entry } = gap();
    carl.receive(bob, all[4]!, 0, "range");
    says(carl, bob, [entry], 1);
    const movedMs = BEHIND_MS_MAX + 500;
    for (let counter = 0; counter <= 2; counter++) {
      says(carl, dora, [{ ...entry, low: 1, counter }], movedMs - (2 - counter) * 2_000);
    }
    assertEquals(carl.shown, []);

    const still = { ...entry, low: 1, counter: 2 };
    let overMs = movedMs + NEARING_MS_MAX + 1;
    if (!standsStill) {
      overMs = WAITING_MS_MAX;
      for (let atMs = movedMs + 500; atMs < overMs; atMs += 500) {
        says(carl, dora, [{ ...still, counter: 1 }], atMs - 1);
        says(carl, dora, [still], atMs);
      }
    }
    says(carl, dora, [still], overMs - 1);
    assertEquals(carl.shown, []);
    says(carl, dora, [still], overMs);
    assertEquals(carl.shown, ["5"]);
  }
});

/** `from` tells `member` of these streams as soon as it is asked. */
function says(
  member: Member,
  from: Member,
  entries: readonly SyncEntry[],
  nowMs: number,
  floor = 0,
) {
  return member.step({ type: "not-kept", from: from.key, entries, askedMs: nowMs, floor }, nowMs);
}

/** They say so each second, for five. */
function sayForFiveSeconds(
  member: Member,
  peers: readonly Member[],
  entries: readonly SyncEntry[],
): void {
  for (let nowMs = 1_000; nowMs <= 5_000; nowMs += 1_000) {
    for (const peer of peers) says(member, peer, entries, nowMs);
    member.step({ type: "tick" }, nowMs);
  }
}

/** The first tick of `member` after `fromMs`, every 50 ms until `untilMs`, that has such an effect. */
function firstTickWith(
  member: Member,
  type: string,
  fromMs: number,
  untilMs: number,
): number | null {
  for (let nowMs = fromMs + 50; nowMs <= untilMs; nowMs += 50) {
    if (types(member.step({ type: "tick" }, nowMs)).includes(type)) return nowMs;
  }
  return null;
}

Deno.test("Order gives what was pushed a second to be overtaken before it skips what is before it", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 100);
  says(carl, bob, [entry], 150);
  says(carl, dora, [entry], 150);

  assertEquals(carl.shown, []);
  assertEquals(firstTickWith(carl, "skipped", 150, 5_000), 1_200);
});

Deno.test("Order doesn't take for an answer what a neighbour said before the bundle came", () => {
  const { bob, carl, dora, all, entry } = gap();
  const nothing = [{ ...entry, low: 1, counter: 2 }];
  says(carl, dora, nothing, 0);
  carl.receive(bob, all[4]!, 100);
  says(carl, bob, [entry], 150);

  assertEquals(firstTickWith(carl, "skipped", 150, 3_000), null);
  says(carl, dora, nothing, 100 + BEHIND_MS_MAX);
  assertEquals(carl.shown, ["5"]);
});

Deno.test("Order skips nothing because others have nothing yet, when who sent what waits has died", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 0);
  carl.step({ type: "neighbours", peers: [dora.key] }, 10); // bob's link isn't known to be dead
  says(carl, dora, [{ ...entry, low: 1, counter: 2 }], 2_000);

  assertEquals(firstTickWith(carl, "skipped", 2_000, 5_000), null);
  assertEquals(carl.shown, []);
});

Deno.test("Order skips nothing on the word of another start of who sent what waits", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 0);
  const nothing = [{ ...entry, low: 1, counter: 2 }];
  says(carl, bob, nothing, 2_000); // it would have "5" if it were the same process
  says(carl, dora, nothing, 2_000);

  assertEquals(firstTickWith(carl, "skipped", 2_000, 5_000), null);
  assertEquals(carl.shown, []);
});

Deno.test("Order doesn't take for nothing what a newcomer wasn't told of before the bundle came", () => {
  const [ann, bob, network] = [new Member("ann"), new Member("bob"), new Member("network")];
  const question = ann.sayOne("question");
  bob.receive(ann, question);
  const answer = bob.sayOne("answer");
  const told = { low: 1, counter: 1, id: idOf(answer), unkept: 0, closed: false };
  const newcomer = new Member("newcomer");
  newcomer.step({ type: "neighbours", peers: [network.key] });

  // The network had both by the time it spoke of bob, and had neither when ann's bucket was equal.
  says(newcomer, network, [{ author: bob.key, incarnation: 1, ...told }], 0);
  newcomer.receive(network, answer, 10, "range");
  const before = [...newcomer.shown];
  const silent = { author: ann.key, incarnation: 1, ...told, counter: 0 };
  newcomer.step(
    { type: "not-kept", from: network.key, entries: [silent], askedMs: 9, floor: 0 },
    20,
  );
  const asked = [...newcomer.shown];
  says(newcomer, network, [silent], 30);

  assertEquals([before, asked], [[], []]);
  assertEquals(newcomer.shown, ["answer"]);
});

Deno.test("Order lets all be asked again when who can fill the gap doesn't", () => {
  const { bob, carl, dora, all, entry } = gap();
  says(carl, dora, [{ ...entry, low: 1 }], 0);
  carl.receive(bob, all[4]!, 0);

  assertEquals(firstTickWith(carl, "stuck", 0, 5_000), 1_050);
});

Deno.test("Order waits while one neighbour can still fill the gap", () => {
  const { bob, carl, dora, all, entry } = gap();
  carl.receive(bob, all[4]!, 0, "range");
  says(carl, bob, [entry], 1);

  const can = says(carl, dora, [{ ...entry, low: 2 }], 2);
  carl.receive(dora, all[2]!, 3);
  carl.receive(dora, all[3]!, 4);

  assertEquals(types(can), []);
  assertEquals(carl.shown, ["3", "4", "5"]);
});

Deno.test("Order blames nobody for what it said that it has no more, while another says that it has it", () => {
  const { ann, bob, carl, dora, all, stream, entry } = gap();
  const head = { ...stream, counter: 900, time: 5_000, id: ID_UNKNOWN };
  carl.receive(bob, forged(ann.signer, "answer", { incarnation: 2, heads: [head] }), 0);
  carl.receive(bob, all[4]!, 0);
  const answered = { ...entry, incarnation: 2, low: 1, counter: 1 };
  says(carl, bob, [{ ...entry, low: 6 }, answered], 1);
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }], 1);

  const effects: string[] = [];
  for (let nowMs = 50; nowMs <= 10_100; nowMs += 50) {
    effects.push(...types(carl.step({ type: "tick" }, nowMs)));
  }

  assertEquals(effects.filter((type) => type === "dropped").length, 2);
  assertEquals(effects.includes("penalise"), false);
});

Deno.test("Order blames nobody for an answer to what it gave up itself", () => {
  const { bob, carl, dora, stream, entry } = gap();
  const eve = new Member("eve");
  const head = { ...stream, counter: 900, time: 5_000, id: ID_UNKNOWN };
  const lie = forged(dora.signer, "lie", { heads: [head] });
  const named = headOf(lie);
  const answer = forged(eve.signer, "answer", { heads: [named], time: named.time + 1 });
  const delivered = [lie, answer].map((bundle) => {
    const { author } = bundle.header.value;
    return { ...entry, author, low: 1, counter: 1, id: idOf(bundle) };
  });
  carl.receive(bob, lie, 0, "range");
  carl.receive(bob, answer, 250, "range");
  says(carl, bob, [{ ...entry, low: 1, counter: 2 }, ...delivered], 251);
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }], 251);

  const effects: string[] = [];
  for (let nowMs = 300; nowMs <= 11_500; nowMs += 50) {
    effects.push(...types(carl.step({ type: "tick" }, nowMs)));
  }

  assertEquals(effects.filter((type) => type === "dropped").length, 2);
  assertEquals(effects.includes("penalise"), false);
});

Deno.test("Order asks at once for all that a bundle names and nobody has, and goes on when all have said so", () => {
  const { bob, carl, dora, entry } = gap();
  const heads = [5, 6, 7].map((incarnation) => ({
    author: entry.author,
    incarnation,
    counter: 1,
    time: 5_000,
    id: ID_UNKNOWN,
  }));
  const lie = forged(dora.signer, "lie", { heads });
  const told = { ...entry, author: dora.key, low: 1, counter: 1, id: idOf(lie) };
  carl.receive(dora, lie, 0, "range");
  const asked = carl.order.gaps();
  says(carl, bob, [...asked, told], 1);
  says(carl, dora, [...asked, told], 1);

  assertEquals(asked.map(({ incarnation }) => incarnation), [5, 6, 7]);
  assertEquals(carl.shown, ["lie"]);
});

Deno.test("Order moves no frontier for what another author says of it: one liar can't silence anybody", () => {
  const { ann, bob, carl, dora, all, stream } = gap();
  const head = { ...stream, counter: 900, time: 5_000, id: ID_UNKNOWN };
  const lie = forged(dora.signer, "lie", { heads: [head] });
  const nothing = { ...stream, low: 901, counter: 900, id: ID_UNKNOWN, unkept: 0, closed: false };

  carl.receive(dora, lie, 0, "range");
  for (const from of [bob.key, dora.key]) {
    const told = {
      author: dora.key,
      incarnation: 1,
      low: 1,
      counter: 1,
      id: idOf(lie),
      unkept: 0,
      closed: false,
    };
    const entries = from === dora.key ? [nothing, told] : [{ ...nothing, low: 1, counter: 2 }];
    const nowMs = BEHIND_MS_MAX;
    carl.step({ type: "not-kept", from, entries, askedMs: nowMs, floor: 0 }, nowMs);
  }
  for (const bundle of all.slice(2)) carl.receive(ann, bundle, BEHIND_MS_MAX);

  assertEquals(carl.shown, ["lie", "3", "4", "5"]);
});

Deno.test("Order doesn't wait for what answers the very bundle that waits, which names what doesn't exist", () => {
  const { ann, bob, carl, dora, all, stream, entry } = gap();
  const [second, lieTime] = [all[1]!, all[1]!.header.value.time + 1];
  const invented = { ...stream, counter: 900, time: lieTime - 1, id: ID_UNKNOWN };
  const lie = forged(dora.signer, "lie", { heads: [invented], time: lieTime });
  const answer = forged(ann.signer, "answer", {
    counter: 3,
    previous: idOf(second),
    heads: [headOf(second), headOf(lie)],
    time: lieTime + 1,
  });
  const told = { ...entry, author: dora.key, low: 1, counter: 1, id: idOf(lie) };
  const answered = { ...entry, low: 1, counter: 3, id: idOf(answer) };
  carl.receive(bob, lie, 0, "range");
  carl.receive(bob, answer, 0, "range");
  sayForFiveSeconds(carl, [bob, dora], [answered, told]);

  assertEquals(carl.shown, ["lie", "answer"]);
});

Deno.test("Order goes on where what a bundle names would follow that bundle, although all have as much of its stream", () => {
  const { ann, bob, carl, dora, all, stream, entry } = gap();
  const second = all[1]!;
  const time = second.header.value.time;
  const invented = { ...stream, counter: 4, time: time + 1, id: ID_UNKNOWN };
  const lie = forged(dora.signer, "lie", { heads: [invented], time: time + 2 });
  const next = { counter: 2, previous: idOf(lie), heads: [headOf(lie)], time: time + 3 };
  const more = forged(dora.signer, "more", next);
  const answer = forged(ann.signer, "answer", {
    counter: 3,
    previous: idOf(second),
    heads: [headOf(second), headOf(more)],
    time: time + 4,
  });
  const told = { ...entry, author: dora.key, low: 1, counter: 2, id: idOf(more) };
  for (const bundle of [lie, more, answer]) carl.receive(bob, bundle, 0, "range");
  sayForFiveSeconds(carl, [bob, dora], [{ ...entry, low: 1 }, told]);

  assertEquals(carl.shown, ["lie", "more", "answer"]);
});

Deno.test("Order waits for nothing in whose place its author said something else, whatever two liars name", () => {
  const { ann, bob, carl, dora, all, stream } = gap();
  const [eve, fred] = [fakeSigner("eve"), fakeSigner("fred")];
  const second = all[1]!;
  const { time } = second.header.value;
  const invented = (author: PeerKey, counter: number, at: number) =>
    ({ author, incarnation: 1, counter, time: time + at, id: ID_UNKNOWN }) as const;
  const after = (before: Bundle, author: Signer, at: number, ...heads: readonly Bundle[]) =>
    forged(author, `${before.header.value.counter + 1}`, {
      counter: before.header.value.counter + 1,
      previous: idOf(before),
      heads: [before, ...heads].map(headOf),
      time: time + at,
    });
  const lie = forged(dora.signer, "lie", {
    heads: [invented(stream.author, 5, 1)],
    time: time + 2,
  });
  const one = forged(fred, "one", { heads: [headOf(lie)], time: time + 3 });
  const other = forged(eve, "other lie", { heads: [invented(fred.key, 2, 4)], time: time + 5 });
  const third = after(second, ann.signer, 6, other);
  const fourth = after(third, ann.signer, 7);
  const fifth = after(fourth, ann.signer, 8);
  const two = after(one, fred, 9);

  for (const bundle of [lie, one, other, third, fourth]) carl.receive(bob, bundle, 0, "range");
  const before = [...carl.shown];
  carl.receive(bob, fifth, 0, "range");
  const then = [...carl.shown];
  carl.receive(bob, two, 0, "range");

  const late = new Member("late", { records: carl.disk.slice(0, 2) });
  const backwards = [two, fifth, fourth, third, one, other, lie];
  for (const bundle of backwards) late.receive(bob, bundle, 0, "range");

  assertEquals([before, then], [[], ["lie", "one"]]);
  assertEquals(late.shown.toSorted(), carl.shown.toSorted());
  assertEquals(carl.shown, ["lie", "one", "other lie", "3", "4", "5", "2"]);
});

Deno.test("Order waits for what a bundle names while what comes before that waits for something else", () => {
  const { ann, bob, carl, dora, all } = gap();
  const second = all[1]!;
  const time = second.header.value.time;
  const missing = forged(bob.signer, "missing", { time });
  const third = forged(ann.signer, "third", {
    counter: 3,
    previous: idOf(second),
    heads: [headOf(second), headOf(missing)],
    time: time + 1,
  });
  const next = { counter: 4, previous: idOf(third), heads: [headOf(third)], time: time + 2 };
  const fourth = forged(ann.signer, "fourth", next);
  const answer = forged(dora.signer, "answer", { heads: [headOf(fourth)], time: time + 3 });
  for (const bundle of [answer, third]) carl.receive(bob, bundle, 0, "range");
  for (let nowMs = 1_000; nowMs <= 5_000; nowMs += 1_000) carl.step({ type: "tick" }, nowMs);
  const before = [...carl.shown];
  for (const bundle of [missing, fourth]) carl.receive(bob, bundle, 6_000, "range");

  assertEquals(before, []);
  assertEquals(carl.shown, ["missing", "third", "fourth", "answer"]);
});

Deno.test("Order waits for the very bundle that is named and is here, however long that waits itself", () => {
  const { ann, bob, carl, dora, entry, stream } = gap();
  const invented = {
    ...stream,
    author: fakeSigner("nobody").key,
    counter: 9,
    time: 4_000,
    id: ID_UNKNOWN,
  };
  const question = forged(bob.signer, "question", { heads: [invented], time: 5_000 });
  const answer = forged(ann.signer, "answer", {
    incarnation: 2,
    heads: [headOf(question)],
    time: 5_001,
  });
  const told = (bundle: Bundle) => {
    const { author, incarnation } = bundle.header.value;
    return { ...entry, author, incarnation, low: 1, counter: 1, id: idOf(bundle) };
  };
  const nothing = { ...told(question), counter: 0, id: ID_UNKNOWN };
  carl.receive(bob, question, 0, "range");
  carl.receive(dora, answer, 0, "range");
  // Both say that they haven't got the question; of what it names bob says nothing.
  for (let nowMs = 1_000; nowMs <= 8_000; nowMs += 1_000) {
    for (const peer of [bob, dora]) says(carl, peer, [nothing, told(answer)], nowMs);
    carl.step({ type: "tick" }, nowMs);
  }
  const before = [...carl.shown];
  const neither = { ...nothing, author: invented.author };
  for (const peer of [bob, dora]) says(carl, peer, [told(question), told(answer), neither], 9_000);

  assertEquals(before, []);
  assertEquals(carl.shown, ["question", "answer"]);
});

Deno.test("Order tells what is missing of all that waits, not of what is here", () => {
  const { ann, bob, carl, stream } = gap();
  const head = (name: string) => ({
    ...stream,
    author: fakeSigner(name).key,
    counter: 1,
    time: 4_000,
    id: ID_UNKNOWN,
  });
  const first = forged(bob.signer, "first", { heads: [head("one")], time: 5_000 });
  const second = forged(bob.signer, "second", {
    counter: 2,
    previous: idOf(first),
    heads: [headOf(first), head("other")],
    time: 5_001,
  });
  const third = forged(ann.signer, "third", {
    incarnation: 2,
    heads: [headOf(second)],
    time: 5_002,
  });
  for (const bundle of [first, second, third]) carl.receive(bob, bundle, 0, "range");

  const authors = new Set(carl.order.gaps().map(({ author }) => author));
  assertEquals(authors, new Set([head("one").author, head("other").author, bob.key]));
});

const NOT_GIVEN = {
  type: "not-given",
  given: 0,
  counter: 1_000,
  throughTime: Infinity,
  isOver: true,
} as const;

Deno.test("Order believes that a neighbour has what another named, where it gave as much and more is a lie", () => {
  const { bob, carl, dora, stream, entry } = gap();
  const names = (counter: number) => ({ ...stream, counter, time: 5_000, id: ID_UNKNOWN });
  const asserted = (name: string, counter: number) =>
    forged(fakeSigner(name), name, { heads: [names(counter)] });
  const [within, beyond] = [asserted("within", 100), asserted("beyond", 101)];
  const told = [within, beyond].map((bundle) => {
    const { author } = bundle.header.value;
    return { ...entry, author, low: 1, counter: 1, id: idOf(bundle) };
  });
  for (const bundle of [within, beyond]) carl.receive(dora, bundle, 0, "range");
  carl.step({ ...NOT_GIVEN, from: dora.key, stream, given: 100 }, 1);
  says(carl, bob, [{ ...entry, low: 1, counter: 2 }, ...told], 2);
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }, ...told], 2);

  assertEquals(carl.shown, ["beyond"]);
});

Deno.test("Order doesn't believe that a neighbour has what another named, once it didn't give it when asked", () => {
  const { bob, carl, dora, all, stream, entry } = gap();
  const head = { ...stream, counter: 900, time: 5_000, id: ID_UNKNOWN };
  const lie = forged(dora.signer, "lie", { heads: [head] });
  const told = { ...entry, author: dora.key, low: 1, counter: 1, id: idOf(lie) };
  carl.receive(dora, lie, 0, "range");
  says(carl, bob, [{ ...entry, low: 1, counter: 2 }, told], 1);
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }, told], 1);
  const believed = [...carl.shown];
  // A range that ended before it says nothing of it.
  carl.step({ ...NOT_GIVEN, from: dora.key, stream, throughTime: head.time - 1 }, 1);
  const doubted = [...carl.shown];
  carl.step({ ...NOT_GIVEN, from: dora.key, stream, throughTime: head.time }, 2);

  // What the stream's own author signed is waited for nevertheless.
  carl.receive(bob, all[4]!, 3, "range");
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }, told], 4);

  assertEquals([believed, doubted], [[], []]);
  assertEquals(carl.shown, ["lie"]);
});

Deno.test("Order waits for what a neighbour doesn't give for a while, but not where another went on without", () => {
  const { bob, carl, dora, stream, entry } = gap();
  const head = { ...stream, counter: 900, time: 5_000, id: ID_UNKNOWN };
  const lie = forged(dora.signer, "lie", { heads: [head] });
  const told = { ...entry, author: dora.key, low: 1, counter: 1, id: idOf(lie) };
  const slow = { ...NOT_GIVEN, from: dora.key, stream, isOver: false };
  const own = carl.frontierOf(new Member("ann"));
  carl.receive(dora, lie, 0, "range");
  says(carl, dora, [{ ...entry, low: 1, counter: 1_000 }, told], 1);
  says(carl, bob, [{ ...entry, low: 1, counter: 2 }], 1);
  carl.step({ ...slow, given: own }, 1);
  const isSlow = [...carl.shown];
  says(carl, bob, [{ ...entry, low: 1, counter: 2 }, told], 2);
  const wasSlow = [...carl.shown];
  // It has given something since.
  const { carl: karl } = gap();
  karl.receive(dora, lie, 0, "range");
  says(karl, dora, [{ ...entry, low: 1, counter: 1_000 }, told], 1);
  says(karl, bob, [{ ...entry, low: 1, counter: 2 }, told], 1);
  karl.step({ ...slow, given: own - 1 }, 1);

  assertEquals([isSlow, wasSlow, karl.shown], [[], ["lie"], []]);
});

Deno.test("Order shows no question after its answer, when all neighbours said that they no longer keep it", () => {
  const { ann, bob, carl, dora, all, stream, entry } = gap();
  const head = { ...stream, counter: 4, time: all[3]!.header.value.time, id: idOf(all[3]!) };
  const answer = forged(dora.signer, "answer", { heads: [head], time: head.time + 1 });
  const told = { ...entry, author: dora.key, low: 1, counter: 1, id: idOf(answer) };

  carl.receive(dora, answer, 0, "range");
  says(carl, bob, [{ ...entry, low: 6 }], 1);
  const effects = says(carl, dora, [{ ...entry, low: 5 }, told], 1);
  for (const bundle of all.slice(2)) carl.receive(ann, bundle, 2);

  assertEquals(effects.find(({ type }) => type === "skipped"), {
    type: "skipped",
    stream,
    messages: 2,
  });
  assertEquals(carl.shown, ["answer", "5"]);
});

Deno.test("Order goes on without something when all that can be delivered without that was", () => {
  const { ann, bob, carl, dora, all, entry } = gap();
  const [emil, gina, hugo, ines, yves, fred] = ["emil", "gina", "hugo", "ines", "yves", "fred"]
    .map((name) => new Member(name));
  const said: (readonly [Member, Bundle])[] = all.slice(0, 4).map((bundle) => [ann, bundle]);
  const sayNext = (member: Member, text: string) => {
    for (const [from, bundle] of said) member.receive(from, bundle);
    const bundle = member.sayOne(text);
    said.push([member, bundle]);
    return bundle;
  };
  const first = sayNext(emil!, "first");
  const early = sayNext(fred!, "early");
  const others = [sayNext(gina!, "second"), sayNext(hugo!, "third"), sayNext(ines!, "fourth")];
  // Bob keeps it no longer; it comes after all of these, and so does what answers it.
  const gone = sayNext(yves!, "gone");
  const answer = sayNext(fred!, "answer");

  for (const bundle of [early, answer, ...others, first]) carl.receive(bob, bundle, 0, "range");
  const entryOf = (bundle: Bundle, low: number, counter: number) => {
    const { author, incarnation } = headOf(bundle);
    return { author, incarnation, counter, id: idOf(bundle), low, unkept: 0, closed: false };
  };
  const nothing = [{ ...entry, low: 1, counter: 2 }, entryOf(gone, 1, 0), entryOf(answer, 1, 0)];
  const told = [entry, entryOf(gone, 3, 2), entryOf(answer, 1, 2), entryOf(first, 1, 1)];
  says(carl, dora, nothing, BEHIND_MS_MAX);
  says(carl, bob, told, BEHIND_MS_MAX);

  assertEquals(carl.shown, ["first", "early", "second", "third", "fourth", "answer"]);
});

/**
 * Carl was shown what comes after the answer to a question of ann's, and neither of these. Bob keeps nothing as old as the
 * question; dora, who is behind, has that and nothing else.
 */
function lateQuestion(keptMessagesMax: number) {
  const [ann, bob, dora, zoe] = ["ann", "bob", "dora", "zoe"].map((name) => new Member(name));
  const question = ann!.sayOne("question");
  zoe!.receive(ann!, question);
  const [answer, shown] = [zoe!.sayOne("answer"), zoe!.sayOne("after the answer")];
  const more = ["1", "2", "3"].map((text) => ann!.sayOne(text));
  const records = [{ kind: "bundle" as const, bundle: dora!.sayOne("old") }];
  const carl = new Member("carl", { records, keptMessagesMax });
  const entryOf = (bundle: Bundle, low: number) => {
    const { author, incarnation, counter } = headOf(bundle);
    return { author, incarnation, counter, id: idOf(bundle), low, unkept: 0, closed: false };
  };
  carl.step({ type: "neighbours", peers: [bob!.key, dora!.key] });

  const floor = question.header.value.time;
  carl.receive(bob!, shown!, 0, "range");
  const sinceMs = BEHIND_MS_MAX;
  says(carl, bob!, [entryOf(shown!, 2), entryOf(more[2]!, 2)], sinceMs, floor);
  says(carl, dora!, [{ ...entryOf(answer!, 1), counter: 0 }, entryOf(question, 1)], sinceMs);
  return { bob: bob!, carl, dora: dora!, question, more, sinceMs };
}

Deno.test("Order takes for missed what may have been answered, where more than is kept waits for it", () => {
  const { bob, carl, dora, question, more, sinceMs } = lateQuestion(3);
  for (const bundle of more) carl.receive(bob, bundle, sinceMs + 1, "range");
  carl.receive(dora, question, sinceMs + 2, "graft");
  for (let ms = 50; ms <= 6_000; ms += 50) carl.step({ type: "tick" }, sinceMs + ms);

  assertEquals(carl.shown, ["after the answer", "1", "2", "3"]);
});

Deno.test("Order keeps what may have been answered waiting while a range comes in that waits itself", () => {
  const { bob, carl, dora, question, more, sinceMs } = lateQuestion(4);
  carl.receive(dora, question, sinceMs + 1, "graft");
  // What the range begins with comes last: a second or two later each.
  const comesAt = new Map([[1_000, more[2]!], [2_500, more[1]!], [4_000, more[0]!]]);
  for (let ms = 50; ms <= 8_000; ms += 50) {
    const bundle = comesAt.get(ms);
    if (bundle !== undefined) carl.receive(bob, bundle, sinceMs + ms, "range");
    carl.step({ type: "tick" }, sinceMs + ms);
  }

  assertEquals(carl.shown, ["after the answer", "1", "2", "3"]);
});

Deno.test("Order doesn't go on without what is here and waits for what it names, whoever says that it is gone", () => {
  const { ann, bob, carl, dora, all, stream, entry } = gap();
  const eve = new Member("eve");
  const late = eve.sayOne("late");
  const third = forged(ann.signer, "third", {
    counter: 3,
    previous: idOf(all[1]!),
    heads: [headOf(all[1]!), headOf(late)],
    time: late.header.value.time + all[1]!.header.value.time,
  });
  const fourth = forged(ann.signer, "fourth", {
    counter: 4,
    previous: idOf(third),
    heads: [headOf(third)],
    time: third.header.value.time + 1,
  });
  const lie = { ...entry, low: 5, counter: 4, id: idOf(fourth) };
  const behind = { ...stream, low: 1, counter: 2, id: idOf(all[1]!), unkept: 0, closed: false };
  const has = { ...entry, author: eve.key, low: 1, counter: 1, id: idOf(late) };
  for (const bundle of [third, fourth]) carl.receive(bob, bundle, 0, "range");
  for (let nowMs = 1_000; nowMs <= 8_000; nowMs += 1_000) {
    says(carl, bob, [lie, has], nowMs);
    says(carl, dora, [behind, has], nowMs);
    carl.step({ type: "tick" }, nowMs);
  }
  const early = [...carl.shown];
  carl.receive(dora, late, 8_500, "range");

  assertEquals(early, []);
  assertEquals(carl.shown, ["late", "third", "fourth"]);
});

Deno.test("Order doesn't believe that a neighbour has what its range passed over", () => {
  for (const isNewcomer of [false, true]) {
    const { bob, dora, all, stream, entry, ...known } = gap();
    const carl = isNewcomer ? new Member("newcomer") : known.carl;
    carl.step({ type: "neighbours", peers: [bob.key, dora.key] });
    const after = carl.order.frontier(stream).counter;
    const lie = { ...entry, low: 1, counter: 900, id: ID_UNKNOWN };
    carl.receive(bob, all[4]!, 0, "range");
    says(carl, bob, [entry], 1);
    says(carl, dora, [lie], 2);
    const believed = [...carl.shown];
    carl.step({ type: "passed-over", from: dora.key, stream, after, before: 5 });

    assertEquals(believed, []);
    assertEquals(carl.shown, ["5"]);
  }
});

Deno.test("Order goes on where all neighbours have stood for 10 s and keep nothing, and remembers it", () => {
  const { bob, carl, dora, stream, entry } = gap();
  const entries = [{ ...entry, low: 6 }];
  const say = (from: Member, nowMs: number) => types(says(carl, from, entries, nowMs));

  const early = [say(bob, 0), say(dora, 0), say(bob, 9_999)];
  const stable = say(dora, 10_000);
  const restarted = new Member("carl", { records: carl.disk, incarnation: 2 });

  assertEquals(early, [[], [], []]);
  assertEquals(stable, ["persist", "skipped"]);
  assertEquals(carl.order.frontier(stream).counter, 5);
  assertEquals(restarted.order.frontier(stream), carl.order.frontier(stream));
});

Deno.test("Order begins at the first bundle that its contact keeps when it is new in the room", () => {
  const { ann, bob, all, stream, entry } = gap();
  const newcomer = new Member("newcomer");
  newcomer.step({ type: "neighbours", peers: [bob.key, ann.key] });

  says(newcomer, bob, [entry], 0);
  const early = newcomer.receive(bob, all[4]!, 1, "range");
  const effects = says(newcomer, ann, [], 2);

  assertEquals(types(early), ["stuck"]);
  assertEquals(types(effects), ["persist", "delivered"]);
  assertEquals(newcomer.order.frontier(stream).counter, 5);
  assertEquals(types(newcomer.receive(bob, all[1]!)), ["duplicate"]);
});

Deno.test("Order: a newcomer skips nothing that any neighbour can supply", () => {
  const { ann, bob, all, entry } = gap();
  const newcomer = new Member("newcomer");
  newcomer.step({ type: "neighbours", peers: [bob.key, ann.key] });
  says(newcomer, bob, [entry], 0);
  says(newcomer, ann, [{ ...entry, low: 1 }], 0);

  newcomer.receive(bob, all[4]!, 1, "range");
  for (const bundle of all.slice(0, 4)) newcomer.receive(ann, bundle, 2, "range");

  assertEquals(newcomer.shown, ["1", "2", "3", "4", "5"]);
});

Deno.test("Order: a newcomer waits for what its contact took in after it said how far it is", () => {
  const [ann, bob, newcomer] = ["ann", "bob", "newcomer"].map((name) => new Member(name));
  const [first, since] = [ann!.sayOne("1"), bob!.sayOne("said since")];
  ann!.receive(bob!, since);
  const answer = ann!.sayOne("answer");
  const entry = {
    author: ann!.key,
    incarnation: 1,
    low: 1,
    counter: 1,
    id: idOf(first),
    unkept: 0,
    closed: false,
  };
  newcomer!.step({ type: "neighbours", peers: [bob!.key] });
  says(newcomer!, bob!, [entry], 0);

  for (const bundle of [first, answer]) newcomer!.receive(bob!, bundle, 0, "range");
  const before = [...newcomer!.shown];
  newcomer!.receive(bob!, since, 20, "graft");

  assertEquals(before, ["1"]);
  assertEquals(newcomer!.shown, ["1", "said since", "answer"]);
});

// Own messages.

Deno.test("Order delivers an own bundle, here too, only when the disk has it", () => {
  const ann = new Member("ann");
  const order = ann.order;

  const asked = order.step({ type: "say", texts: [{ text: "hi", token: 7 }] }, 0);
  const meanwhile = order.frontier({ author: ann.key, incarnation: 1 }).counter;
  const stored = order.step({ type: "stored", token: 1 }, 5);

  assertEquals(types(asked), ["persist"]);
  assertEquals(meanwhile, 0);
  assertEquals(types(stored), ["delivered", "said"]);
});

Deno.test("Order: nothing of an own bundle has happened when the disk refuses it", () => {
  const ann = new Member("ann");
  const order = ann.order;
  order.step({ type: "say", texts: [{ text: "lost", token: 1 }] }, 0);
  order.step({ type: "say", texts: [{ text: "lost too", token: 2 }] }, 0);

  const refused = order.step({ type: "not-stored", token: 1, text: "no space" }, 1);
  const next = ann.sayOne("again", 2);

  assertEquals(refused, [{ type: "refused", tokens: [1, 2], code: "disk", text: "no space" }]);
  assertEquals([next.header.value.counter, next.header.value.previous], [1, null]);
  assertEquals(ann.history(), ["again"]);
});

Deno.test("Order puts what is typed while the disk works into one bundle, of 256 lines at most", () => {
  const ann = new Member("ann");
  const order = ann.order;
  const line = (token: number) => ({ text: `${token}`, token });

  order.step({ type: "say", texts: [line(0)] }, 0);
  const typed = Array.from({ length: BUNDLE_TEXTS_MAX + 1 }, (_, n) => line(n + 1));
  const meanwhile = order.step({ type: "say", texts: typed }, 0);
  const [first, said, second] = order.step({ type: "stored", token: 1 }, 1);
  const third = order.step({ type: "stored", token: 2 }, 2);

  assertEquals(meanwhile, []);
  assertEquals([first?.type, said?.type, second?.type], ["delivered", "said", "persist"]);
  assert(third[0]?.type === "delivered" && third[0].messages.length === BUNDLE_TEXTS_MAX);
  assertEquals(types(third), ["delivered", "said", "persist"]);
});

Deno.test("Order: what an own word has let in is on disk before the next own one, which names it", () => {
  const [ann, eve] = [new Member("ann"), new Member("eve")];
  const head = headOf(new Member("ann").sayOne("first"));
  const waiting = forged(eve.signer, "guessed", { heads: [head], time: head.time + 1 });
  ann.order.step({ type: "say", texts: [{ text: "first", token: 1 }] }, 0);
  ann.order.step({ type: "say", texts: [{ text: "second", token: 2 }] }, 0);
  ann.receive(eve, waiting);

  const stored = ann.order.step({ type: "stored", token: 1 }, 1);
  const due = ann.order.nextDeadlineMs();
  const [next] = ann.order.step({ type: "tick" }, 1);

  assertEquals(types(stored), ["persist", "delivered", "said", "delivered"]);
  assert(stored[0]?.type === "persist" && stored[0].token === null);
  assertEquals(due, 1);
  assert(next?.type === "persist" && next.records[0]?.kind === "bundle");
  const { heads } = next.records[0].bundle.header.value;
  assertEquals(heads.map(({ author }) => author), [eve.key]);
});

/** So many who have never heard of each other. */
function crowdOf(count: number, name = "one of many"): readonly Member[] {
  return Array.from({ length: count }, (_, n) => new Member(`${name} ${n}`));
}

/** Of what kind the bundles are, and how many heads they name. */
function kindsOf(bundles: readonly Bundle[]): readonly unknown[] {
  return bundles.map(({ header: { value } }) => [value.kind, value.heads.length]);
}

Deno.test("Order names more than 64 heads in a bundle of their own, twice a second at most", () => {
  const crowd = crowdOf(HEADS_MAX + 1);
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  for (const one of crowd) ann.receive(one, one.sayOne("hello"));
  const first = ann.say(["all of you"], 100);
  for (const one of crowd) ann.receive(one, one.sayOne("hello again"));
  const early = ann.say(["once more"], 500);
  const due = ann.order.nextDeadlineMs();
  const late = ann.step({ type: "tick" }, 600);

  assertEquals(kindsOf(first), [["heads", HEADS_MAX + 1], ["texts", 1]]);
  assertEquals(early, []);
  assertEquals(due, 600);
  assertEquals(types(late).filter((type) => type === "delivered").length, 2);
  bob.receive(ann, first[1]!);
  assertEquals(bob.shown, []);
});

Deno.test("Order: a line that waits until many heads may be named again goes out where somebody joins them", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  for (const one of crowdOf(HEADS_MAX + 1)) ann.receive(one, one.sayOne("hello"));
  ann.say(["all of you"], 100);
  for (const one of crowdOf(HEADS_MAX + 1, "later")) {
    const word = one.sayOne("hello");
    for (const member of [ann, bob]) member.receive(one, word);
  }
  const early = ann.say(["once more"], 500);
  const [heads] = bob.say(["all of them"], 500);
  ann.receive(bob, heads!);
  const due = ann.order.nextDeadlineMs();
  ann.step({ type: "tick" }, due!);

  assertEquals(early, []);
  assert(due! < 600);
  assertEquals(ann.shown.at(-1), "once more");
});

Deno.test("Order: what names many heads goes on at once where it has let others' words in itself", () => {
  const [ann, before, eve] = [new Member("ann"), new Member("ann"), new Member("eve")];
  for (const one of crowdOf(HEADS_MAX + 1)) {
    const word = one.sayOne("hello");
    for (const member of [ann, before]) member.receive(one, word);
  }
  const head = headOf(before.say(["all of you"])[0]!);
  ann.order.step({ type: "say", texts: [{ text: "all of you", token: 1 }] }, 0);
  ann.receive(eve, forged(eve.signer, "guessed", { heads: [head], time: head.time + 1 }));
  for (const one of crowdOf(HEADS_MAX + 1, "later")) ann.receive(one, one.sayOne("hello"));

  const stored = ann.order.step({ type: "stored", token: 1 }, 1);
  const due = ann.order.nextDeadlineMs();
  const next = ann.order.step({ type: "tick" }, 1);

  assertEquals(types(stored), ["persist", "delivered", "delivered"]);
  assertEquals([due, types(next)], [1, ["persist"]]);
});

Deno.test(
  "Order names thousands of heads at once, in bundles of 1,024, before what follows them",
  SLOW,
  () => {
    const [ann, bob] = [new Member("ann"), new Member("bob")];
    const words = crowdOf(2 * REFERENCE_HEADS_MAX + 100).map((one) => one.sayOne("hello"));
    for (const word of words) ann.receive(bob, word);

    const said = ann.say(["all of you"], 100);
    const heads = said.slice(0, -1).flatMap(({ header: { value } }) => value.heads);

    assertEquals(kindsOf(said), [
      ["heads", REFERENCE_HEADS_MAX],
      ["heads", REFERENCE_HEADS_MAX],
      ["heads", 102],
      ["texts", 1],
    ]);
    assertEquals(words.filter((word) => !heads.some(({ id }) => id === idOf(word))), []);
  },
);

Deno.test(
  "Order: what one says is later than what one said, whatever the clock and however many heads",
  SLOW,
  () => {
    let wallMs = 2 * WALL_MS;
    const [ann, bob] = [new Member("ann", { wallMs: () => wallMs }), new Member("bob")];
    ann.sayOne("ahead");
    wallMs = WALL_MS;
    for (const one of crowdOf(REFERENCE_HEADS_MAX + 100)) ann.receive(bob, one.sayOne("hello"));

    ann.say(["all of you"], 100);

    const times = ann.bundles.filter(({ header: { value } }) => value.author === ann.key)
      .map(({ header: { value } }) => value.time);
    assertEquals(times.length, 4);
    assertEquals(times, times.toSorted((a, b) => a - b));
  },
);

Deno.test("Order: an answer is later than its question, whatever a liar that followed that says at an earlier time", () => {
  const [ann, bob, carl] = [
    new Member("ann", { wallMs: 2 * WALL_MS }),
    new Member("bob"),
    new Member("carl"),
  ];
  const liar = fakeSigner("liar");
  const question = ann.sayOne("is anybody here?");
  const follows = forged(liar, "I am", { heads: [headOf(question)], time: 2 * WALL_MS + 1 });
  const back = forged(liar, "or not", { counter: 2, previous: idOf(follows), time: WALL_MS });
  for (const bundle of [question, follows, back]) bob.receive(carl, bundle);

  const answer = bob.sayOne("yes");

  assertEquals(bob.shown, ["is anybody here?", "I am", "or not", "yes"]);
  assert(answer.header.value.time > question.header.value.time);
});

Deno.test("Order: a line goes out when what was shown before it is named, however much comes while the disk works", () => {
  const ann = new Member("ann");
  const hear = (name: string) => {
    for (const one of crowdOf(HEADS_MAX + 1, name)) ann.receive(one, one.sayOne("hello"));
  };
  const store = (effects: readonly OrderEffect[]) => {
    const persist = effects.find((effect) => effect.type === "persist" && effect.token !== null);
    assert(persist?.type === "persist" && persist.token !== null);
    return ann.order.step({ type: "stored", token: persist.token }, 100);
  };
  const say = (text: string, token: number) =>
    ann.order.step({ type: "say", texts: [{ text, token }] }, 100);
  hear("before");
  const named = say("to those", 1);
  hear("meanwhile");
  say("to these", 2);
  const said = store(store(named));
  const deliveredOf = (effects: readonly OrderEffect[]) =>
    effects.flatMap((effect) => effect.type === "delivered" ? [effect.bundle] : []);

  assertEquals(kindsOf(deliveredOf(said)), [["texts", 1]]);
  assertEquals(deliveredOf(said)[0]!.texts.value, ["to those"]);
  assertEquals(ann.order.nextDeadlineMs(), 600);
});

Deno.test("Order names the last streams of one author alone", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const words = Array.from({ length: HEADS_MAX + 1 }, (_, n) => {
    return new Member("starts anew", { incarnation: n + 1, wallMs: WALL_MS + n }).sayOne(`${n}`);
  });
  const other = bob.sayOne("hello");
  for (const word of [...words.toReversed(), other]) ann.receive(bob, word);

  const [said] = ann.say(["all of you"]);

  const named = said!.header.value.heads.map(({ id }) => id);
  assertEquals(
    named.toSorted(),
    [...words.slice(-HEADS_PER_AUTHOR_MAX), other].map(idOf).toSorted(),
  );
});

Deno.test("Order refuses a line above 64 KiB and says how long it is", () => {
  const effects = new Member("ann").step({
    type: "say",
    texts: [{ text: "x".repeat(65_537), token: 3 }, { text: "ok", token: 4 }],
  });

  assertEquals(types(effects), ["refused", "persist", "delivered", "said"]);
  assert(effects[0]?.type === "refused" && effects[0].code === "too-long");
});

Deno.test("Order: who comes back without what others let go of isn't shown that after its answer", () => {
  const [dave, bob] = [new Member("dave", { wallMs: WALL_MS - 5_000 }), new Member("bob")];
  const question = dave.sayOne("question");
  bob.receive(dave, question);
  const words = ["1", "2", "3", "4", "5", "6"].map((text) => bob.sayOne(text));
  const gone = { author: bob.key, incarnation: 1, counter: 2, id: idOf(words[1]!), low: 3 };
  const ann = new Member("ann", {
    keptMessagesMax: 3,
    records: [
      { kind: "frontier", entries: [{ ...gone, closed: false }] },
      { kind: "bundle", bundle: words[2]! },
    ],
  });
  for (const bundle of [words[3]!, question, words[4]!, words[5]!]) {
    ann.receive(bob, bundle, 0, "range");
  }
  ann.step({ type: "tick" }, LATE_MS_MAX);

  assertEquals(ann.shown, ["4", "5", "6"]);
  assertEquals(
    ann.effects.flatMap((effect) => effect.type === "skipped" ? [effect.stream.author] : []),
    [dave.key],
  );
});

Deno.test("Order starts a new incarnation from a restored backup: nobody is taken for a forger", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const first = ann.sayOne("1");
  const backup = [...ann.disk];
  const lost = ann.sayOne("after the backup");
  const restored = new Member("ann", { records: backup, incarnation: 2 });
  const said = restored.sayOne("from the backup");

  for (const bundle of [first, lost, said]) bob.receive(ann, bundle);
  restored.receive(bob, lost);

  assertEquals(bob.shown, ["1", "after the backup", "from the backup"]);
  assertEquals(restored.history(), bob.history());
  assert(![...bob.effects, ...restored.effects].some(({ type }) => type === "equivocation"));
});

Deno.test("Order is no further than where much is missing, whoever has said something since", () => {
  const [ann, bob, carl] = [new Member("ann"), new Member("bob"), new Member("carl")];
  const first = ann.sayOne("1");
  const bundles = Array.from({ length: 260 }, (_, n) => ann.sayOne(`${n}`));
  const time = (bundle: Bundle) => bundle.header.value.time;
  for (const member of [bob, carl]) member.receive(ann, first);
  const answer = carl.sayOne("as far behind");
  bob.receive(carl, answer);
  const unaware = bob.order.latest();
  bob.receive(ann, bundles[20]!);
  const few = bob.order.latest();
  bob.receive(ann, bundles.at(-1)!);

  assertEquals([unaware, few], [time(answer), time(answer)]);
  assertEquals(bob.order.latest(), time(first));
  assertEquals(bob.order.reached(first.header.value, 256), Infinity);
  assertEquals(bob.order.reached(first.header.value, 257), time(first));
  assertEquals(bob.order.reached({ author: carl.key, incarnation: 99 }, 1_000), Infinity);
});

Deno.test("Order tells by what others' words follow how far a member is that has read those", () => {
  const [ann, bob] = [new Member("ann", { wallMs: 5_000 }), new Member("bob", { wallMs: 9_000 })];
  const carl = new Member("carl", { wallMs: 8_000 });
  const bundles = ["1", "2", "3"].map((text) => ann.sayOne(text));
  const time = ({ header }: Bundle) => header.value.time;
  for (const member of [bob, carl]) member.receive(ann, bundles[0]!);
  const word = carl.sayOne("as far behind as bob");
  bob.receive(carl, word);
  const latest = bob.order.latest();
  const unknown = [ann, new Member("new here")].map(({ order }) => order.reachOf(latest));
  ann.receive(carl, word);
  const known = ann.order.reachOf(latest);
  const answer = bob.sayOne("to carl");
  ann.receive(bob, answer);
  for (const bundle of bundles.slice(1)) carl.receive(ann, bundle);
  const later = carl.sayOne("not behind any more");
  ann.receive(carl, later);

  assertEquals(latest, time(word));
  assertEquals(unknown, [time(bundles[0]!) - 1, time(word)]);
  assertEquals(known, time(bundles[1]!) - 1);
  assertEquals(ann.order.reachOf(time(answer)), time(bundles[1]!) - 1);
  assertEquals(ann.order.reachOf(time(later)), time(later));
  assertEquals(ann.order.reachOf(time(bundles[1]!)), time(bundles[1]!));
});

Deno.test("Order counts what a member has yet to see of what others say", () => {
  const [ann, bob] = [new Member("ann", { wallMs: 5_000 }), new Member("bob", { wallMs: 9_000 })];
  const bundles = ["1", "2", "3"].map((text) => ann.sayOne(text));
  bob.receive(ann, bundles[0]!);
  const none = bob.order.latest();
  const word = bob.sayOne("a word from far behind");
  ann.receive(bob, word);

  assertEquals([none, bob.order.latest()], [5_000, 5_000]);
  assertEquals([ann.order.latest(), word.header.value.time], [9_000, 9_000]);
  const carl = new Member("carl");
  const latest = [[carl, ann.order.latest()], [bob, bob.order.latest()], [ann, 0]] as const;
  const behind = ann.order.behindOf(new Map(latest.map(([{ key }, time]) => [key, time])));
  assertEquals(latest.map(([{ key }]) => behind.get(key)!.messages), [0, 2, 1]);
  assertEquals(ann.order.behindOf(new Map([[bob.key, 0]])).get(bob.key)!.messages, 3);
});
