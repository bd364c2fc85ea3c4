/** Each bundle is delivered once and after all that it names; what is wrong is refused, what waits is bounded. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { HEADS_MAX, WAITING_BUNDLES_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { SLOW } from "../../../given.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, idOf, Member, types } from "../order_members.ts";
import { shuffled, talk, talkSteps } from "../order_talk.ts";
import { weights } from "./order_cases.ts";

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
      { numRuns: 30 },
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
    { numRuns: 30 },
  );
});

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
    { numRuns: 30 },
  );
});

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
