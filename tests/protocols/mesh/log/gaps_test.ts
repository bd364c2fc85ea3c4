/** What nobody has any more is skipped, told, and not before every neighbour said so; and where a newcomer begins. */

import { assert, assertEquals } from "@std/assert";
import type { Signer } from "../../../../lib/base/crypto/crypto.ts";
import { ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { Gaps, Statements } from "../../../../lib/protocols/mesh/log/gaps.ts";
import type { OrderInput } from "../../../../lib/protocols/mesh/log/order_io.ts";
import type { BundleReason } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { WaitingBundle } from "../../../../lib/protocols/mesh/log/waiting_pool.ts";
import {
  BEHIND_MS_MAX,
  FRONTIER_AUTHORS_MAX,
  HELD_MS_MAX,
  MOST_MUTE_MS_MAX,
  MUTE_MS_MAX,
  NEARING_MS_MAX,
  NOT_GIVEN_SOURCES_MAX,
  NOT_GIVEN_STREAMS_MAX,
  STATEMENT_MS_MAX,
  WAITING_BUNDLES_MAX,
  WAITING_MS_MAX,
  WANT_RETRY_MS,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { streamKey } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, GENESIS_TIME, headOf, idOf, Member, types } from "../order_members.ts";
import { gap, says } from "./order_cases.ts";
import type { BundleId, PeerKey } from "../../../../lib/base/ids.ts";
import { keyOf } from "../membership_fixtures.ts";
import { SLOW } from "../../../given.ts";

type NotKept = Extract<OrderInput, { readonly type: "not-kept" }>;

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

/**
 * When a gap is skipped that bob can't fill, where dora, and these others, say nothing of it but what is heard from dora
 * each 500 ms.
 */
function skippedAtMs(
  heard: (said: NotKept, nowMs: number) => NotKept | null,
  others: readonly string[] = [],
): number | null {
  const { bob, carl, dora, all, entry } = gap();
  const more = others.map((name) => new Member(name).key);
  carl.step({ type: "neighbours", peers: [bob.key, dora.key, ...more] });
  const nothing = { ...entry, low: 1, counter: 2 };
  for (let nowMs = 0; nowMs < 100_000; nowMs += 500) {
    const said = { type: "not-kept", from: dora.key, entries: [nothing], askedMs: nowMs, floor: 0 };
    const input = heard(said as NotKept, nowMs);
    const effects = input === null ? [] : [...carl.step(input, nowMs)];
    effects.push(...carl.receive(bob, all[4]!, nowMs, "range"));
    effects.push(...says(carl, bob, [entry], nowMs + 1));
    if (types(effects).includes("skipped")) return nowMs;
  }
  return null;
}

Deno.test("Order waits no more than 12 s for a neighbour that says nothing of it, whatever else it says or asks", () => {
  assertEquals(skippedAtMs(() => null), MUTE_MS_MAX);
  assertEquals(skippedAtMs((said) => ({ ...said, entries: [] })), MUTE_MS_MAX);
  assertEquals(skippedAtMs((said) => ({ ...said, askedMs: -Infinity })), MUTE_MS_MAX);
});

Deno.test("Order waits on for a neighbour whose answers to earlier questions still come", () => {
  const answers = (untilMs: number) =>
    skippedAtMs((said, nowMs) => nowMs > untilMs ? null : { ...said, askedMs: -1 });
  assertEquals(answers(6_000), 6_000 + MUTE_MS_MAX);
  assertEquals(answers(Infinity), null);
});

Deno.test("Order waits longer where most neighbours say nothing: it may be us that are slow, and a liar's word that was read first", () => {
  assertEquals(skippedAtMs(() => null, ["emil"]), MOST_MUTE_MS_MAX);
});

Deno.test("Order waits no more than 12 s for a neighbour that says nothing, whatever else waits for as many streams as may be", () => {
  const { bob, carl, dora, all, entry } = gap();
  const liar = new Member("liar");
  carl.step({ type: "neighbours", peers: [bob.key, dora.key, liar.key] });
  // Each is the first of another of its streams, and names what nobody has, of yet another author.
  const lies = Array.from({ length: WAITING_BUNDLES_MAX }, (_, n) => {
    const never = headOf(forged(fakeSigner(`nobody ${n}`), "never", { time: GENESIS_TIME + 1 }));
    return forged(liar.signer, `lie ${n}`, { incarnation: n + 1, heads: [never] });
  });
  for (const lie of lies) carl.receive(liar, lie, 0, "range");
  carl.receive(bob, all[4]!, 0, "range");
  const entries = lies.flatMap((lie) => {
    const head = headOf(lie);
    const [never] = lie.header.value.heads;
    const rest = { low: 1, unkept: 0, closed: false };
    return [{ ...head, ...rest }, { ...never!, ...rest, counter: 0 }];
  });
  const skippedAtMs = () => {
    for (let nowMs = 500; nowMs < 100_000; nowMs += 500) {
      const told = [
        ...says(carl, liar, [...entries, entry], nowMs),
        ...says(carl, bob, [entry], nowMs),
      ];
      if (types(told).includes("skipped")) return nowMs;
    }
    return null;
  };
  assertEquals(skippedAtMs(), MUTE_MS_MAX);
});

/**
 * What becomes of a bundle that bob pushed, who says nothing else, where a liar has it and not what comes before it, and
 * `heard` comes each 500 ms.
 */
function toldOfHeld(heard: (carl: Member, dora: Member, nowMs: number) => void) {
  const { bob, carl, dora, all, entry } = gap();
  const liar = new Member("liar");
  carl.step({ type: "neighbours", peers: [bob.key, dora.key, liar.key] });
  carl.receive(bob, all[4]!, 0);
  for (let nowMs = 500; nowMs < 100_000; nowMs += 500) {
    heard(carl, dora, nowMs);
    says(carl, liar, [entry], nowMs);
    carl.step({ type: "tick" }, nowMs);
    const told = types(carl.effects).filter((type) => type !== "want" && type !== "stuck");
    if (told.length > 0) return { nowMs, told };
  }
  return null;
}

Deno.test("Order gives what was held 10 s more, once a neighbour says that it has what is missing, and blames nobody before", () => {
  const givesUp = (atMs: number) =>
    toldOfHeld((carl, dora, nowMs) => {
      const { entry } = gap();
      if (nowMs === atMs) says(carl, dora, [{ ...entry, low: 1 }], nowMs);
    });
  // It was last seen to be held half a second before.
  const atMs = 15_000 - 500 + WAITING_MS_MAX;
  assertEquals(givesUp(15_000), { nowMs: atMs, told: ["dropped", "penalise"] });
});

Deno.test("Order goes on within 22 s though one says nothing, and another one comes nearer all the time", () => {
  const { bob, entry } = gap();
  const told = toldOfHeld((carl, dora, nowMs) => {
    const bundle = forged(dora.signer, "", { counter: 1 }); // never looked at
    const counter = Math.min(3, Math.floor(nowMs / 8_000));
    says(carl, dora, [{ ...entry, low: 1, counter, id: idOf(bundle) }], nowMs);
  });
  assertEquals(told?.told.slice(0, 2), ["persist", "skipped"]);
  assert(told!.nowMs <= MUTE_MS_MAX + WAITING_MS_MAX, `${bob.name} says nothing`);
});

Deno.test("Order holds nothing for longer in all where a liar has and hasn't what is missing by turns, and blames nobody", () => {
  const { entry } = gap();
  for (const turnMs of [500, 1_000, 5_000, 9_500]) {
    const told = toldOfHeld((carl, dora, nowMs) => {
      const hasIt = Math.floor(nowMs / turnMs) % 2 === 1;
      const said = hasIt ? { ...entry, low: 1 } : { ...entry, low: 1, counter: 2 };
      carl.step(
        { type: "not-kept", from: dora.key, entries: [said], askedMs: -1, floor: 0 },
        nowMs,
      );
      const mute = new Member(`mute ${Math.floor(nowMs / 10_000)}`);
      const peers = [...["bob", "dora", "liar"].map((name) => new Member(name).key), mute.key];
      carl.step({ type: "neighbours", peers }, nowMs);
    });
    assertEquals(told?.told, ["dropped"], `${turnMs} ms`);
    assert(told!.nowMs >= HELD_MS_MAX && told!.nowMs < HELD_MS_MAX + WANT_RETRY_MS);
  }
});

Deno.test("Order gives up what waits only for those that say nothing, where others that do so come all the time, and blames nobody", () => {
  const { bob, carl, all, entry } = gap();
  carl.receive(bob, all[4]!, 0, "range");
  const told = new Map<string, number>();
  for (let nowMs = 500; nowMs < 100_000; nowMs += 500) {
    const mute = new Member(`mute ${Math.floor(nowMs / 10_000)}`);
    carl.step({ type: "neighbours", peers: [bob.key, mute.key] }, nowMs);
    const effects = [...says(carl, bob, [entry], nowMs), ...carl.step({ type: "tick" }, nowMs)];
    for (const type of types(effects)) if (!told.has(type)) told.set(type, nowMs);
  }
  told.delete("want");
  told.delete("stuck");
  assertEquals([...told], [["dropped", HELD_MS_MAX]]);
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

Deno.test("Order skips nothing on the word of the neighbour whose link ends last, when all end at once", () => {
  const { bob, carl, dora, all, entry } = gap(true);
  says(carl, bob, [entry], 0);
  says(carl, dora, [{ ...entry, low: 3 }], 0);
  carl.receive(bob, all[4]!, 0, "range");
  for (const peers of [[bob.key], [], [bob.key], [bob.key, dora.key]]) {
    carl.step({ type: "neighbours", peers }, 2_000);
  }
  for (const bundle of all.slice(2)) carl.receive(dora, bundle, 2_000, "range");

  assertEquals(carl.shown, ["3", "4", "5"]);
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

const [ANN, BOB, DORA] = [fakeSigner("ann"), fakeSigner("bob"), fakeSigner("dora")] as const;
const STREAM = { author: ANN.key, incarnation: 1 };
const FIFTH = forged(ANN, "5", { counter: 5, previous: idOf(forged(ANN, "4", { counter: 4 })) });
const BLOCKER = { kind: "previous", stream: STREAM, counter: 4 } as const;

/** What Bob and Dora, our neighbours, say of Ann's stream, of whose fifth message Bob brought the bundle at 0 s. */
function gapsOf(
  {
    newcomer = false,
    reason = "range" as BundleReason,
    mayBeOthers = false,
    isAwaited = true,
  } = {},
) {
  const gaps = new Gaps(
    newcomer,
    () => mayBeOthers,
    (stream) => isAwaited && stream === streamKey(STREAM),
  );
  gaps.setNeighbours([BOB.key, DORA.key], 0);
  const waiting: WaitingBundle = {
    bundle: FIFTH,
    id: idOf(FIFTH),
    hop: 1,
    reason,
    from: BOB.key,
    arrivedMs: 0,
    sinceMs: 0,
    also: [],
    blocker: BLOCKER,
    askAtMs: 0,
    asked: 0,
    waived: new Set(),
    heldMs: -Infinity,
    isOrphan: false,
  };
  const says = (by: Signer, low: number, counter: number, askedMs = 1, nowMs = askedMs) => {
    const entry = { ...STREAM, low, counter, id: idOf(FIFTH), unkept: 0, closed: false };
    gaps.note(by.key, [entry], 100 + low, askedMs, nowMs);
  };
  const verdict = (
    nowMs: number,
    blocker: Parameters<Gaps["verdict"]>[1] = BLOCKER,
    isHere = false,
  ) => gaps.verdict(waiting, blocker, 2, isHere, nowMs);
  return { gaps, waiting, says, verdict };
}

const FIRST_OF_OTHERS = {
  ...BLOCKER,
  kind: "head" as const,
  head: { ...headOf(FIFTH), counter: 4 },
};

Deno.test("Gaps: as long as a neighbour can give it, it is waited for; once none can, it is skipped as far as none can", () => {
  const { says, verdict } = gapsOf();
  says(BOB, 5, 5);
  assertEquals(verdict(2), { kind: "ask", likely: true, isHeld: false });
  says(DORA, 3, 5);
  assertEquals(verdict(2), { kind: "wait" });
  says(DORA, 4, 5);
  assertEquals(verdict(2), { kind: "skip", counter: 3, floor: 105 }, "the fourth is to be had");
  says(DORA, 5, 5);
  assertEquals(verdict(2), { kind: "skip", counter: 4, floor: 105 });
});

Deno.test("Gaps: what was pushed may have overtaken what is before it, for a second", () => {
  const { says, verdict } = gapsOf({ reason: "push" });
  for (const by of [BOB, DORA]) says(by, 5, 5);
  assertEquals([verdict(999).kind, verdict(1_000).kind], ["ask", "skip"]);
});

Deno.test("Gaps: that somebody has nothing yet counts where it was asked for since, and later where others let go", () => {
  const { says, verdict } = gapsOf();
  says(BOB, 5, 5);
  says(DORA, 1, 1, BEHIND_MS_MAX - 1);
  assertEquals(verdict(20_000).kind, "ask");
  says(DORA, 1, 1, BEHIND_MS_MAX);
  assertEquals(verdict(20_000).kind, "skip");
});

Deno.test("Gaps: who comes nearer is given time, up to ten seconds, or so many after others said nothing", () => {
  const { waiting, says, verdict } = gapsOf();
  says(BOB, 5, 5);
  says(DORA, 1, 1, 0, 0);
  says(DORA, 1, 2, BEHIND_MS_MAX, 8_000);
  const kindAt = (nowMs: number) => verdict(nowMs).kind;
  assertEquals([8_000 + NEARING_MS_MAX - 1_001, WAITING_MS_MAX].map(kindAt), ["ask", "skip"]);

  // It waited for others until then, that said nothing.
  waiting.heldMs = 9_000;
  assertEquals([8_000 + NEARING_MS_MAX, 8_001 + NEARING_MS_MAX].map(kindAt), ["ask", "skip"]);
  for (const counter of [1, 2]) says(DORA, 1, counter, 18_000);
  assertEquals([verdict(18_999).kind, verdict(19_000).kind], ["ask", "skip"]);
});

Deno.test("Gaps: a newcomer goes by who brought the bundle alone, but takes what any neighbour has", () => {
  const { says, verdict } = gapsOf({ newcomer: true });
  says(BOB, 5, 5);
  assertEquals(verdict(1_000).kind, "skip");
  says(DORA, 3, 5);
  assertEquals(verdict(1_000).kind, "wait");
});

Deno.test("Gaps: what only another author names is waived where nobody has it, and skipped where all had it", () => {
  const never = gapsOf();
  never.says(BOB, 1, 5);
  const waiving = gapsOf();
  for (const by of [BOB, DORA]) waiving.says(by, 1, 2);
  // Nobody has come so far, nor delivered what waits: nobody is a witness.
  const unwitnessed = { kind: "ask", likely: false, isHeld: false } as const;
  assertEquals(waiving.verdict(2_000, FIRST_OF_OTHERS), unwitnessed);
  assertEquals(never.verdict(2_000, FIRST_OF_OTHERS).kind, "wait");

  const gone = gapsOf();
  for (const by of [BOB, DORA]) gone.says(by, 5, 5);
  assertEquals(gone.verdict(2_000, FIRST_OF_OTHERS), { kind: "skip", counter: 4, floor: 105 });
});

Deno.test("Gaps: who announces what it doesn't give isn't believed, once another went on without that, or most where its author itself went on", () => {
  const { gaps, says, verdict } = gapsOf();
  for (const [by, low] of [[BOB, 5], [DORA, 3]] as const) says(by, low, 5);
  const word = { type: "not-given", from: DORA.key, stream: STREAM, given: 2, counter: 5 } as const;
  const throughTime = FIFTH.header.value.time;
  gaps.notGiven({ ...word, throughTime: throughTime - 1, isOver: false });
  assertEquals(verdict(2_000, FIRST_OF_OTHERS).kind, "wait", "it hasn't come so far");
  gaps.notGiven({ ...word, throughTime, isOver: false });
  assertEquals(verdict(2_000, FIRST_OF_OTHERS).kind, "waive");
  assertEquals(verdict(2_000).kind, "wait", "the author itself has signed what comes after");
  gaps.setNeighbours([BOB.key, DORA.key, ANN.key], 0);
  says(ANN, 5, 5);
  assertEquals(verdict(2_000), { kind: "skip", counter: 4, floor: 105 });

  const joining = gapsOf({ newcomer: true });
  joining.gaps.setNeighbours([BOB.key, DORA.key, ANN.key], 0);
  joining.gaps.notGiven({ ...word, from: BOB.key, throughTime, isOver: false });
  for (const [by, low] of [[BOB, 3], [DORA, 4], [ANN, 4]] as const) joining.says(by, low, 5);
  assertEquals(joining.verdict(2_000), { kind: "skip", counter: 3, floor: 104 }, "no further");

  const slow = gapsOf();
  for (const [by, low, to] of [[BOB, 1, 2], [DORA, 3, 5]] as const) slow.says(by, low, to);
  slow.gaps.notGiven({ ...word, throughTime, isOver: false });
  assertEquals(slow.verdict(2_000, FIRST_OF_OTHERS).kind, "wait", "nobody went on without it");
  slow.gaps.notGiven({ ...word, throughTime, isOver: true });
  slow.says(BOB, 5, 5);
  assertEquals(slow.verdict(2_000).kind, "skip", "one did, and the other gave nothing twice");
});

Deno.test("Gaps: who has shown that it has none of these any more can't give them", () => {
  const { gaps, says, verdict } = gapsOf();
  says(BOB, 1, 2);
  says(DORA, 3, 5);
  gaps.passedOver({ type: "passed-over", from: DORA.key, stream: STREAM, after: 2, before: 5 });
  assertEquals(verdict(2_000).kind, "ask", "who has nothing yet may still get it");
  says(BOB, 5, 5);
  assertEquals(verdict(2_000).kind, "skip");
});

Deno.test("Gaps: what doesn't come isn't forgotten while something waits for it, however many streams don't come, and is bounded", () => {
  const others = Array.from({ length: NOT_GIVEN_STREAMS_MAX }, (_, n) => entryOf(n));
  const liars = Array.from({ length: NOT_GIVEN_SOURCES_MAX - 1 }, (_, n) => keyOf(`liar ${n}`));
  const passed = { type: "passed-over", after: 2, before: 5 } as const;
  const denied = { type: "not-given", given: 2, counter: 5, isOver: true } as const;
  const throughTime = FIFTH.header.value.time;
  for (const isAwaited of [true, false]) {
    const [head, previous] = [gapsOf({ isAwaited }), gapsOf({ isAwaited })];
    const note = (from: PeerKey, stream: typeof STREAM) => {
      head.gaps.notGiven({ ...denied, throughTime, from, stream });
      previous.gaps.passedOver({ ...passed, from, stream });
    };
    const kinds = () => [head.verdict(2_000, FIRST_OF_OTHERS).kind, previous.verdict(2_000).kind];
    for (const { says } of [head, previous]) {
      says(BOB, 5, 5);
      says(DORA, 3, 5);
    }
    for (const stream of [...others, STREAM]) note(DORA.key, stream);
    for (const liar of liars) note(liar, STREAM);
    const found = kinds();
    for (const stream of others) note(DORA.key, stream);

    assertEquals(found, ["waive", "skip"]);
    assertEquals(kinds(), isAwaited ? ["waive", "skip"] : ["wait", "wait"]);
    note(DORA.key, STREAM);
    for (const liar of [...liars, BOB.key]) note(liar, STREAM);
    assertEquals(kinds(), ["wait", "wait"], "so many others");
  }
});

Deno.test("Gaps: all agree on a frontier once all have had it for ten seconds, a newcomer's at once", () => {
  for (const [newcomer, agreed] of [[false, [false, true]], [true, [true, true]]] as const) {
    const { gaps, says } = gapsOf({ newcomer });
    says(BOB, 6, 5, 0);
    const entry = { ...STREAM, low: 6, counter: 5, id: idOf(FIFTH), unkept: 0, closed: false };
    assertEquals(gaps.agreed(entry, 2, 20_000), false);
    says(DORA, 6, 5, 0);
    const times = [STATEMENT_MS_MAX - 1, STATEMENT_MS_MAX];
    assertEquals(times.map((nowMs) => gaps.agreed(entry, 2, nowMs)), [...agreed]);
    gaps.setNeighbours([], 0);
    assertEquals(gaps.agreed(entry, 2, 20_000), false);
  }
});

Deno.test("Gaps: a single neighbour isn't believed for five seconds, if others are in the room", () => {
  for (const mayBeOthers of [true, false]) {
    const { gaps, says, verdict } = gapsOf({ mayBeOthers });
    says(BOB, 6, 5);
    gaps.setNeighbours([BOB.key], 20_000);
    const entry = { ...STREAM, low: 6, counter: 5, id: idOf(FIFTH), unkept: 0, closed: false };
    const at = [20_000, 24_999, 25_000];
    const expected = mayBeOthers ? ["ask", "ask", "skip"] : ["skip", "skip", "skip"];
    assertEquals(at.map((nowMs) => verdict(nowMs).kind), expected);
    assertEquals(
      at.map((nowMs) => gaps.agreed(entry, 2, nowMs)),
      mayBeOthers ? [false, false, true] : [true, true, true],
    );
  }
});

Deno.test("Gaps: a newcomer that gets a second neighbour doesn't believe the first one before the second has spoken", () => {
  for (const speaks of [true, false]) {
    const { gaps, says, verdict } = gapsOf({ newcomer: true });
    gaps.setNeighbours([BOB.key], 20_000);
    says(BOB, 5, 5);
    gaps.setNeighbours([BOB.key, DORA.key], 20_002);
    assertEquals(verdict(20_003).kind, "ask");
    if (speaks) says(DORA, 3, 5, 20_003);
    assertEquals(verdict(25_000).kind, speaks ? "wait" : "skip");
  }
});

Deno.test("Gaps: a newcomer waits for what each neighbour has, five seconds at most: who brought the bundle may have been deceived", () => {
  const eve = fakeSigner("eve");
  /** When it goes on, where Eve, the only neighbour that has it, says so, says that she hasn't, or says nothing of it. */
  const verdicts = (eveSays: number | null) => {
    const { gaps, says, verdict } = gapsOf({ newcomer: true });
    gaps.setNeighbours([BOB.key], 20_000);
    gaps.setNeighbours([BOB.key, DORA.key, eve.key], 20_001);
    says(BOB, 5, 5, 20_001);
    says(DORA, 1, 1, 20_001); // another newcomer, say
    gaps.note(eve.key, [], 0, 20_001, 20_001);
    const before = verdict(20_002).kind;
    if (eveSays !== null) says(eve, eveSays, 5, 20_003);
    return [before, verdict(20_004).kind, verdict(25_000).kind];
  };
  assertEquals(verdicts(3), ["ask", "wait", "wait"]);
  assertEquals(verdicts(5), ["ask", "skip", "skip"]);
  assertEquals(verdicts(null), ["ask", "ask", "skip"]);
});

Deno.test("Gaps: another one that comes and goes leaves a single neighbour unbelieved for five of ten seconds at most", () => {
  const { gaps, says, verdict } = gapsOf({ mayBeOthers: true });
  says(BOB, 5, 5);
  const verdicts: string[] = [];
  for (let nowMs = 20_000; nowMs < 40_000; nowMs += 2_500) {
    gaps.setNeighbours([BOB.key, DORA.key], nowMs);
    gaps.setNeighbours([BOB.key], nowMs);
    verdicts.push(verdict(nowMs).kind);
  }
  assertEquals(verdicts, ["ask", "ask", "skip", "skip", "ask", "ask", "skip", "skip"]);
});

Deno.test("Gaps: a sender that has nothing of what comes before isn't blamed for that, if it has delivered it all", () => {
  const { gaps, waiting, says } = gapsOf();
  says(BOB, 3, 5);
  assertEquals(gaps.isExcused(waiting, BLOCKER, 2), false);
  says(BOB, 5, 5);
  assertEquals([gaps.isExcused(waiting, BLOCKER, 2), gaps.floor()], [true, 105]);
  gaps.peerDown(BOB.key);
  assertEquals(gaps.isExcused(waiting, BLOCKER, 2), false);
});

function entryOf(number: number, counter = 1) {
  const author = number.toString(16).padStart(64, "0") as PeerKey;
  const id = "ab".repeat(32) as BundleId;
  return { author, incarnation: 1, low: 2, counter, unkept: 0, id, closed: false };
}

Deno.test(
  "Statements are bounded in all, and who states much displaces its own alone",
  SLOW,
  () => {
    const statements = new Statements();
    const [bob, liars] = [keyOf("Bob"), ["Eve", "Mallory", "Trudy"].map(keyOf)];
    const streams = Array.from({ length: 50_000 }, (_, number) => entryOf(number));
    const some = streams.slice(0, 10);
    for (const entry of some) statements.note(bob, entry, 0, 0);
    for (const liar of liars) for (const entry of streams) statements.note(liar, entry, 0, 0);

    const held = (peer: PeerKey, of = streams) => of.filter((at) => statements.entry(at, peer));
    assertEquals(held(bob), some);
    const counts = liars.map((liar) => held(liar).length);
    const all = counts.reduce((sum, count) => sum + count, some.length);
    assert(all <= 2 * FRONTIER_AUTHORS_MAX, `${all} are held`);
    assert(Math.min(...counts) > 40_000, `${counts}`);
  },
);

Deno.test("Statements of one neighbour go when it does, and its places are free", () => {
  const statements = new Statements(3);
  const [bob, carl] = [keyOf("Bob"), keyOf("Carl")];
  for (const number of [1, 2, 3]) statements.note(bob, entryOf(number), 0, 0);
  statements.peerDown(bob);
  for (const number of [4, 5, 6]) statements.note(carl, entryOf(number), 0, 0);
  statements.note(carl, entryOf(4, 2), 0, 0);
  statements.note(carl, entryOf(7), 0, 0);

  const held = [1, 2, 3, 4, 5, 6, 7].map((number) =>
    [bob, carl].map((peer) => statements.entry(entryOf(number), peer)?.counter ?? 0)
  );
  assertEquals(held, [[0, 0], [0, 0], [0, 0], [0, 2], [0, 0], [0, 1], [0, 1]]);
});
