/** What a bundle names and nobody gives: what waits for it, and for how long. */

import { assertEquals } from "@std/assert";
import type { Signer } from "../../../../lib/base/crypto/crypto.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import {
  BEHIND_MS_MAX,
  SYNC_STREAMS_MAX,
  WAITING_BUNDLES_MAX,
  WAITING_MS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { SyncEntry } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, headOf, idOf, Member, types } from "../order_members.ts";
import { gap, says } from "./order_cases.ts";

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

Deno.test("Order doesn't believe that a neighbour has what it didn't give, however much else it didn't, and however much waits", () => {
  const { bob, carl, dora, stream, entry } = gap();
  const liar = new Member("liar");
  carl.step({ type: "neighbours", peers: [bob.key, dora.key, liar.key] });
  const ghost = (name: string, incarnation: number) => ({
    author: fakeSigner(name).key,
    incarnation,
    counter: 900,
    time: 5_000,
    id: ID_UNKNOWN,
  });
  // So many wait that the time for looking at them is used up soon.
  for (let n = 1; n <= WAITING_BUNDLES_MAX; n++) {
    const heads = [ghost("nobody", n)];
    carl.receive(liar, forged(liar.signer, "lie", { incarnation: n, heads }), 0, "range");
  }
  // What two ranges don't bring.
  const announced = Array.from({ length: 2 * SYNC_STREAMS_MAX }, (_, n) => ghost("never", n + 1));
  const named = announced[100]!;
  const answer = forged(fakeSigner("emil"), "answer", { heads: [named] });
  carl.receive(bob, answer, 0, "range");
  const rest = { ...entry, low: 1 };
  const told = { ...rest, ...headOf(answer) };
  for (const from of [bob, liar]) says(carl, from, [{ ...rest, ...named, counter: 0 }, told], 1);
  says(carl, dora, announced.map((head) => ({ ...rest, ...head })), 2);
  const believed = [...carl.shown];
  for (const { author, incarnation } of announced) {
    carl.step({ ...NOT_GIVEN, from: dora.key, stream: { ...stream, author, incarnation } }, 1_000);
  }
  for (let nowMs = 1_500; nowMs < WAITING_MS_MAX; nowMs += 500) {
    carl.step({ type: "tick" }, nowMs);
  }

  assertEquals(believed, []);
  assertEquals(carl.shown, ["answer"]);
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

Deno.test("Order blames nobody for a bundle whose parent came later, and waits itself when the bundle is given up", () => {
  for (const by of ["head", "previous"] as const) {
    const { ann, bob, carl, dora, all, entry } = gap();
    for (const bundle of all) bob.receive(carl, bundle);
    const answer = by === "head" ? bob.sayOne("answer") : ann.sayOne("6");
    const told = [...types(carl.receive(bob, answer, 0))];

    for (let nowMs = 1_000; nowMs <= WAITING_MS_MAX + 1_000; nowMs += 1_000) {
      if (nowMs === 3_000) carl.receive(bob, all[4]!, nowMs, "range");
      says(carl, bob, [entry], nowMs);
      says(carl, dora, [{ ...entry, low: 1 }], nowMs); // and gives nothing
      told.push(...types(carl.step({ type: "tick" }, nowMs)));
    }

    assertEquals(told.filter((type) => type === "dropped" || type === "penalise"), ["dropped"], by);
  }
});
