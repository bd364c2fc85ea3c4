/** What a compacted log says of the order, and what is kept of it. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { Ledger } from "../../../../lib/protocols/mesh/log/ledger.ts";
import {
  INCARNATIONS_PER_AUTHOR_MAX,
  STATEMENT_MS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  claimIdOf,
  forged,
  GENESIS_TIME,
  headOf,
  idOf,
  Member,
  WALL_MS,
} from "../order_members.ts";
import { shuffled, talk, talkSteps } from "../order_talk.ts";
import { gap, says, weights } from "./order_cases.ts";

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
    { numRuns: 30 },
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

Deno.test("Order shows no more of a start that it went on without, however often its author starts", () => {
  const [ann, bob] = [new Member("ann"), new Member("bob")];
  ann.step({ type: "neighbours", peers: [bob.key] });
  const missed = forged(bob.signer, "missed", { incarnation: 2 });
  const entry = { ...headOf(missed), low: 2, unkept: 0, closed: false };
  ann.receive(bob, forged(bob.signer, "start 1", { incarnation: 1 }));
  for (const nowMs of [1, STATEMENT_MS_MAX + 1]) says(ann, bob, [entry], nowMs);
  for (let start = 3; start <= INCARNATIONS_PER_AUTHOR_MAX + 3; start++) {
    ann.receive(bob, forged(bob.signer, `start ${start}`, { incarnation: start }));
  }
  const after = new Member("ann", { records: ann.order.snapshot(), incarnation: 2 });
  for (const member of [ann, after]) member.receive(bob, missed, 0, "range");

  for (const member of [ann, after]) {
    assertEquals(member.order.frontier(missed.header.value).counter, 1);
    assertEquals(member.history().includes("missed"), false);
  }
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
