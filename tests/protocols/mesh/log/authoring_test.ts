/** What is said oneself: on disk first, with the heads it follows, once. */

import { assert, assertEquals } from "@std/assert";
import { P2pchatError } from "../../../../lib/base/errors.ts";
import type { BundleId, ClaimId, PeerKey } from "../../../../lib/base/ids.ts";
import { Authoring } from "../../../../lib/protocols/mesh/log/authoring.ts";
import type { OrderEffect } from "../../../../lib/protocols/mesh/log/order_io.ts";
import {
  BUNDLE_TEXT_BYTES_MAX,
  BUNDLE_TEXTS_MAX,
  HEADS_MAX,
  LATE_MS_MAX,
  REFERENCE_HEADS_MAX,
  TIME_STEP_MS_MAX,
  UNSAID_TEXTS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Bundle, Head } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { SLOW } from "../../../given.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  claimIdOf,
  forged,
  GENESIS_TIME,
  headOf,
  idOf,
  Member,
  ROOM,
  types,
  WALL_MS,
} from "../order_members.ts";

Deno.test("Order delivers an own bundle, here too, only when the disk has it", () => {
  const ann = new Member("ann");
  const order = ann.order;

  const asked = order.step({ type: "say", texts: [{ text: "hi", token: 7 }] }, 0);
  const meanwhile = order.frontier({ author: ann.key, incarnation: 1 }).counter;
  const stored = order.step({ type: "stored", token: 1 }, 5);

  assertEquals(types(asked), ["persist"]);
  assertEquals(meanwhile, 0);
  assertEquals(types(stored), ["said", "delivered"]);
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

  assertEquals(types(stored), ["persist", "said", "delivered", "delivered"]);
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
  "Order names more than a thousand heads at once, in bundles of 1,024, before what follows them",
  SLOW,
  () => {
    const [ann, bob] = [new Member("ann"), new Member("bob")];
    const words = crowdOf(REFERENCE_HEADS_MAX + 100).map((one) => one.sayOne("hello"));
    for (const word of words) ann.receive(bob, word);

    const said = ann.say(["all of you"], 100);
    const heads = said.slice(0, -1).flatMap(({ header: { value } }) => value.heads);

    assertEquals(kindsOf(said), [
      ["heads", REFERENCE_HEADS_MAX],
      ["heads", 101],
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

Deno.test("Order refuses a line above 64 KiB and says how long it is", () => {
  const effects = new Member("ann").step({
    type: "say",
    texts: [{ text: "x".repeat(65_537), token: 3 }, { text: "ok", token: 4 }],
  });

  assertEquals(types(effects), ["refused", "persist", "said", "delivered"]);
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

/** Ann's lines before they are on disk. */
function authoring(claim: ClaimId | null = claimIdOf(fakeSigner("ann").key)) {
  const config = { room: ROOM, genesisTime: GENESIS_TIME, incarnation: 1, claim };
  const part = new Authoring(config, fakeCrypto, fakeSigner("ann"), () => WALL_MS);
  let token = 0;
  /** @returns The code of the refusal; null where the line waits. */
  const type = (text: string) => {
    try {
      part.add({ text, token: ++token });
      return null;
    } catch (error) {
      assert(error instanceof P2pchatError);
      return error.code;
    }
  };
  /** The texts of the next bundle; of one that has none, how many heads it names. */
  const next = (heads: readonly Head[] = [], nowMs = 0) => {
    const own = part.next(heads, 0, nowMs);
    if (own === null) return null;
    const { kind, heads: named } = own.bundle.header.value;
    return kind === "heads" ? [`${named.length} heads`] : own.bundle.texts.value;
  };
  return { part, type, next };
}

/** As many heads of others, the latest last. */
function headsOf(count: number): readonly Head[] {
  return Array.from({ length: count }, (_, index) => {
    const author = (index + 1).toString(16).padStart(64, "0") as PeerKey;
    const id = `${index}`.padStart(64, "0") as BundleId;
    return { author, incarnation: 1, counter: 1, time: GENESIS_TIME + index, id };
  });
}

Deno.test("Authoring: what is typed while the disk works is one bundle, of 256 lines and 64 KiB at most", () => {
  const { part, type, next } = authoring();
  type("one");
  assertEquals([next(), next(), part.isStoring], [["one"], null, true]);
  for (let n = 0; n < BUNDLE_TEXTS_MAX + 1; n++) type("x");
  assertEquals(part.unsaid().messages, BUNDLE_TEXTS_MAX + 2);
  assertEquals([part.stored(9), part.stored(1)?.tokens, next()?.length], [
    null,
    [1],
    BUNDLE_TEXTS_MAX,
  ]);

  part.stored(2);
  for (let n = 0; n < 2; n++) type("y".repeat(BUNDLE_TEXT_BYTES_MAX - 1));
  assertEquals(next()?.map((text) => text.length), [
    1,
    BUNDLE_TEXT_BYTES_MAX - 1,
  ]);
  part.stored(3);
  assertEquals([part.unsaid().bytes, next()?.length], [BUNDLE_TEXT_BYTES_MAX - 1, 1]);
});

Deno.test("Authoring: what the disk refuses never was: the next bundle has its counter", () => {
  const { part, type } = authoring();
  type("one");
  part.next([], 0, 0);
  assertEquals(part.notStored(1)?.tokens, [1]);
  type("two");
  const { counter, previous } = part.next([], 0, 0)!.bundle.header.value;
  assertEquals([counter, previous], [1, null]);
  const { id } = part.stored(2)!;
  type("three");
  const second = part.next([], 0, 0)!.bundle.header.value;
  assertEquals([second.counter, second.previous], [2, id]);
});

Deno.test("Authoring: what is said after something was delivered is later, whether or not that is among the heads", () => {
  const { part, type } = authoring();
  const delivered = WALL_MS + 3_600_000;
  type("one");
  assertEquals(part.next(headsOf(1), delivered, 0)!.bundle.header.value.time, delivered + 1);
  part.stored(1);
  type("two");
  // No more than a day after the heads, which is all that others believe.
  const farOff = part.next(headsOf(1), GENESIS_TIME + 2 * TIME_STEP_MS_MAX, 0)!;
  assertEquals(farOff.bundle.header.value.time, GENESIS_TIME + TIME_STEP_MS_MAX);
});

Deno.test("Authoring: lines wait for a claim, and too many for each other; one that is too long never does", () => {
  const { part, type, next } = authoring(null);
  assertEquals([type("x".repeat(BUNDLE_TEXT_BYTES_MAX + 1)), type("hello")], ["too-long", null]);
  assertEquals([next(), part.nextReferenceMs(0, 5)], [null, null]);
  for (let n = 1; n < UNSAID_TEXTS_MAX; n++) type("x");
  assertEquals(type("x"), "full");
  part.claim = claimIdOf(fakeSigner("ann").key);
  assertEquals(next()?.length, BUNDLE_TEXTS_MAX);
  assertEquals(part.takeQueue().length, UNSAID_TEXTS_MAX - BUNDLE_TEXTS_MAX);
  assertEquals(part.unsaid().messages, BUNDLE_TEXTS_MAX);
});

Deno.test("Authoring: more than 64 heads are named in bundles of their own, until all are, twice a second", () => {
  const { part, type, next } = authoring();
  type("answer");
  assertEquals(next(headsOf(REFERENCE_HEADS_MAX + 5)), [`${REFERENCE_HEADS_MAX} heads`]);
  part.stored(1);
  type("later");
  assertEquals([part.nextReferenceMs(99, 10), next(headsOf(100), 10)], [10, ["100 heads"]]);
  part.stored(2);
  // Only what was typed when all were named follows them, whatever has come since.
  type("too late");
  assertEquals(next(headsOf(100), 20), ["answer", "later"]);
  part.stored(3);
  assertEquals([part.nextReferenceMs(100, 20), next(headsOf(100), 509)], [510, null]);
  assertEquals([part.nextReferenceMs(HEADS_MAX, 20), next(headsOf(100), 510)], [20, ["100 heads"]]);
});
