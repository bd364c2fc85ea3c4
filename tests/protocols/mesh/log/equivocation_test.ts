import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { checkProof, guiltOf } from "../../../../lib/protocols/mesh/log/equivocation.ts";
import type { BundleId } from "../../../../lib/base/ids.ts";
import {
  PROOF_BYTES_MAX,
  PROOFS_MAX,
  REFERENCE_HEADS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Bundle, Proof } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, headOf, idOf, Member, ROOM } from "../order_members.ts";
import { SLOW } from "../../../given.ts";

const eve = fakeSigner("eve");
const mallory = fakeSigner("mallory");

function named(bundle: Bundle) {
  return { id: idOf(bundle), header: bundle.header.value };
}

function signed({ header, signature }: Bundle) {
  return { header, signature };
}

function proofOf(first: Bundle, second: Bundle): Proof {
  return { first: signed(first), second: signed(second) };
}

/** Eve says "a", then two different things for the next place; others answer each, and go on. */
function forkedRoom() {
  const start = forged(eve, "a");
  const next = { counter: 2, previous: idOf(start), heads: [headOf(start)], time: 20_000 };
  const [left, right] = [forged(eve, "left", next), forged(eve, "right", next)];
  const after = (bundle: Bundle, text: string) =>
    forged(eve, text, {
      counter: 3,
      previous: idOf(bundle),
      heads: [headOf(bundle)],
      time: 20_001,
    });
  const [leftMore, rightMore] = [after(left, "left more"), after(right, "right more")];
  const answer = (who: string, to: Bundle) =>
    forged(fakeSigner(who), `${who} answers`, { heads: [headOf(to)], time: 30_000 });
  const honest = [answer("ann", left), answer("bob", right), answer("carl", rightMore)];
  return { start, left, right, leftMore, rightMore, honest };
}

const HISTORY = ["a", "ann answers", "bob answers", "carl answers"];

Deno.test("guiltOf() finds overlaps, broken chains and belied heads, and nothing else", () => {
  const { start, left, right, leftMore, rightMore } = forkedRoom();
  const stream = { author: eve.key, incarnation: 1 };
  const answer = (head: Parameters<typeof headOf>[0], fields: object) =>
    forged(fakeSigner("ann"), "x", { heads: [{ ...headOf(head), ...fields }], time: 60_000 });
  const guilt = (first: Bundle, second: Bundle) => guiltOf(named(first), named(second));

  assertEquals(guilt(left, right), { stream, from: 2 });
  assertEquals(guilt(right, left), { stream, from: 2 });
  assertEquals(guilt(left, rightMore), { stream, from: 2 });
  assertEquals(guilt(rightMore, left), { stream, from: 2 });
  assertEquals(guilt(left, left), null);
  assertEquals(guilt(start, left), null);
  assertEquals(guilt(start, leftMore), null);
  assertEquals(guilt(left, forged(eve, "another start of the program", { incarnation: 2 })), null);
  assertEquals(guilt(answer(left, {}), left), null);
  assertEquals(guilt(answer(left, { time: 19_999 }), left)?.from, 1);
  assertEquals(guilt(answer(left, { counter: 1 }), left)?.from, 1);
});

Deno.test("checkProof() believes two valid signatures alone, for this room", () => {
  const { left, right } = forkedRoom();
  const forgery = { ...right, signature: mallory.sign(new Uint8Array(32)) };

  assertEquals(checkProof(fakeCrypto, ROOM, proofOf(left, right))?.from, 2);
  assertEquals(checkProof(fakeCrypto, ROOM, proofOf(left, forgery)), null);
  assertEquals(checkProof(fakeCrypto, ROOM, proofOf(left, left)), null);
  assertEquals(checkProof(fakeCrypto, "cd".repeat(32) as never, proofOf(left, right)), null);
});

Deno.test("Order excludes both of two contradicting bundles, whichever came first", SLOW, () => {
  const { start, left, right, leftMore, rightMore, honest } = forkedRoom();
  const all = [start, left, right, leftMore, rightMore, ...honest];
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (order) => {
      const [member, network] = [new Member("member"), new Member("network")];
      // Whoever relays has what it relays: what was dropped for want of parents comes again.
      for (const bundle of [...order, ...order]) member.receive(network, bundle);

      assertEquals(member.history(), HISTORY);
      const proofs = member.effects.filter(({ type }) => type === "equivocation");
      assert(proofs.length > 0);
      const again = new Member("member", { records: member.disk, incarnation: 2 });
      assertEquals(again.history(), HISTORY);
      assertEquals(again.order.root(), member.order.root());
      const compacted = new Member("member", {
        records: member.order.snapshot(),
        incarnation: 2,
      });
      assertEquals(compacted.history(), HISTORY);
      assertEquals(compacted.order.root(), member.order.root());
    }),
    { numRuns: 30 },
  );
});

Deno.test("Order has one history with those who saw one side only, or nothing, once the proof is there", () => {
  const { start, left, right, leftMore, rightMore, honest } = forkedRoom();
  const network = new Member("network");
  const proof = proofOf(right, left);
  const sides: readonly (readonly Bundle[])[] = [[left, leftMore], [right, rightMore], []];
  const roots = sides.map((side) => {
    const member = new Member("member");
    member.receive(network, start);
    for (const bundle of side) member.receive(network, bundle);
    member.step({ type: "proof", from: network.key, proof });
    for (const bundle of honest) member.receive(network, bundle);

    assertEquals(member.history(), HISTORY);
    return member.order.root();
  });
  assertEquals(new Set(roots).size, 1);
});

Deno.test("Order tells of a proof once, and keeps it", () => {
  const { left, right } = forkedRoom();
  const member = new Member("member");
  const proof = proofOf(left, right);
  const from = new Member("network").key;

  const first = member.step({ type: "proof", from, proof });
  const again = member.step({ type: "proof", from, proof: proofOf(right, left) });
  const late = member.receive(new Member("network"), left);

  assertEquals(first, [
    { type: "persist", records: [{ kind: "proof", proof }], token: null },
    { type: "equivocation", proof, from },
  ]);
  assertEquals(again, []);
  assertEquals(late.map(({ type }) => type), ["duplicate"]);
});

Deno.test("Order checks no signature of a proof of what is known, however often it comes", () => {
  const { left, right, leftMore, rightMore } = forkedRoom();
  const member = new Member("member");
  const from = new Member("network").key;
  let checks = 0;
  const { verify } = fakeCrypto;
  fakeCrypto.verify = (...signed) => {
    checks++;
    return verify.apply(fakeCrypto, signed);
  };
  const checksFor = (proof: Proof) => {
    const before = checks;
    member.step({ type: "proof", from, proof });
    return checks - before;
  };
  try {
    const counts = [[leftMore, rightMore], [left, right], [right, left], [leftMore, rightMore]]
      .map(([first, second]) => checksFor(proofOf(first!, second!)));
    assertEquals(counts, [2, 2, 0, 0]);
  } finally {
    fakeCrypto.verify = verify;
  }
});

Deno.test("Order blames who sends a proof that proves nothing", () => {
  const { start, left } = forkedRoom();
  const member = new Member("member");
  const from = new Member("network").key;

  const effects = member.step({ type: "proof", from, proof: proofOf(start, left) });

  assert(effects[0]?.type === "penalise" && effects[0].peer === from);
  assertEquals(effects.length, 1);
});

Deno.test("Order finds an author that belies the time of a head, and excludes it alone", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  const honest = ann.sayOne("hello");
  const lie = forged(mallory, "lie", {
    heads: [{ ...headOf(honest), time: 8_000_000 }],
    time: 8_000_001,
  });

  bob.receive(ann, honest);
  const effects = bob.receive(ann, lie);

  assertEquals(effects.map(({ type }) => type), ["persist", "equivocation", "duplicate"]);
  assertEquals(bob.history(), ["hello"]);
});

Deno.test("Order still names what an excluded bundle stood for as a head", () => {
  const { left, right, start } = forkedRoom();
  const [ann, bob, network] = [new Member("ann"), new Member("bob"), new Member("network")];
  const seenByEve = ann.sayOne("ann first");
  const named = forged(eve, "left", {
    ...left.header.value,
    heads: [headOf(start), headOf(seenByEve)],
    time: 30_000,
  });
  for (const bundle of [seenByEve, start, named, right]) bob.receive(network, bundle);

  const answer = bob.sayOne("answer");

  assert(answer.header.value.heads.some(({ id }) => id === idOf(seenByEve)));
});

Deno.test("Order names the latest of a stream that a liar's bundles stood for one after the other", () => {
  const { left, right, start } = forkedRoom();
  const [ann, bob, network] = [new Member("ann"), new Member("bob"), new Member("network")];
  const [first, second] = [ann.sayOne("ann first"), ann.sayOne("ann second")];
  const one = forged(eve, "left", {
    ...left.header.value,
    heads: [headOf(start), headOf(first)],
    time: 30_000,
  });
  const two = forged(eve, "left too", {
    ...left.header.value,
    counter: left.header.value.counter + 1,
    previous: idOf(one),
    heads: [headOf(one), headOf(second)],
    time: 40_000,
  });
  for (const bundle of [first, start, one, second, two, right]) bob.receive(network, bundle);

  const answer = bob.sayOne("answer");

  assert(answer.header.value.heads.some(({ id }) => id === idOf(second)));
});

Deno.test(
  "Order lets go of the oldest proofs, and not of what they prove, when they take too much",
  SLOW,
  () => {
    const member = new Member("member");
    const network = new Member("network");
    const { start, left, right, leftMore } = forkedRoom();
    for (const bundle of [start, left]) member.receive(network, bundle);
    member.step({ type: "proof", from: fakeSigner("bob").key, proof: proofOf(left, right) });
    const heads = Array.from({ length: REFERENCE_HEADS_MAX }, (_, counter) => ({
      ...headOf(forged(fakeSigner("carl"), "x")),
      incarnation: counter,
      counter: 2 ** 52,
      time: 2 ** 52,
    }));
    const proofs = Array.from({ length: 100 }, (_, number) => {
      const liar = fakeSigner(`liar ${number}`);
      const lie = (sentAt: number) =>
        forged(liar, "", { kind: "heads", heads, time: 2 ** 52 + 1, sentAt });
      return proofOf(lie(1), lie(2));
    });

    for (const proof of proofs) member.step({ type: "proof", from: fakeSigner("bob").key, proof });

    const kept = member.order.snapshot().flatMap((record) =>
      record.kind === "proof" ? [record.proof] : []
    );
    // Nobody was heard but Eve: hers stays.
    assertEquals(kept, [proofOf(left, right), ...proofs.slice(1 - kept.length)]);
    const bytes = kept.reduce(
      (sum, { first, second }) => sum + first.header.bytes.length + second.header.bytes.length,
      0,
    );
    assert(bytes <= PROOF_BYTES_MAX && bytes > PROOF_BYTES_MAX - 200_000, `${bytes}`);
    const first = proofs[0]!.first.header.value;
    const again = new Member("member", { records: member.order.snapshot(), incarnation: 2 });
    again.receive(network, leftMore);
    for (const { order } of [member, again]) {
      assertEquals([order.closedFrom(first), order.closedFrom(left.header.value)], [1, 2]);
      assertEquals(order.proofOf(first), null);
      assertEquals(order.root(), member.order.root());
      assertEquals(order.history(10).map(({ text }) => text), ["a"]);
    }
  },
);

Deno.test(
  "Order lets go of the oldest of all proofs where all are of authors who were heard",
  SLOW,
  () => {
    const member = new Member("member");
    const network = new Member("network");
    const proofs = Array.from({ length: PROOFS_MAX + 1 }, (_, number) => {
      const liar = fakeSigner(`liar ${number}`);
      const next = { counter: 2, previous: "00".repeat(32) as BundleId };
      member.receive(network, forged(liar, "a"));
      return proofOf(forged(liar, "one", next), forged(liar, "two", next));
    });
    for (const proof of proofs) member.step({ type: "proof", from: fakeSigner("bob").key, proof });

    const proven = proofs.map(({ first }) => member.order.proofOf(first.header.value));
    assertEquals(proven, [null, ...proofs.slice(1)]);
  },
);
