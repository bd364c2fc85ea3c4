/** How two rosters that differ are compared, and what is sent of them. */

import { assertEquals } from "@std/assert";
import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import { type Entry, rosterBucketOf } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import { RosterExchange } from "../../../../lib/protocols/mesh/roster/roster_exchange.ts";
import { ROSTER_BUCKETS, ROSTER_PART_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { RosterMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { keyOf, statementOf } from "../membership_fixtures.ts";
import { bob, carl, entryOf, tableWith } from "./roster_cases.ts";

const ANN = keyOf("Ann");

function exchangeOf(...entries: readonly Entry[]) {
  const table = tableWith(entryOf("Ann", 5, { sinceMs: 100 }), ...entries);
  const sent: [PeerKey, RosterMessage][] = [];
  const vouched: number[] = [];
  const part = new RosterExchange(
    ANN,
    table,
    { vouch: (_, claims) => void vouched.push([...claims].length) },
    { send: (to, message) => void sent.push([to, message]) },
    5_000,
  );
  return { part, table, vouched, sent: () => sent.splice(0) };
}

const types = (sent: readonly (readonly [PeerKey, RosterMessage])[]) =>
  sent.map(([to, { type }]) => [to, type]);
const OTHERS = Array.from({ length: ROSTER_BUCKETS }, () => "11".repeat(32) as Hash);
const TOLD = [[bob, "roster-summary"]];

Deno.test("RosterExchange: rosters are compared once a second, the same two digests once a minute, equal ones never", () => {
  const { part, table, sent } = exchangeOf();
  const compares = (theirs: string, nowMs: number) => {
    part.compare(bob, theirs as Hash, nowMs);
    return types(sent());
  };
  assertEquals([compares(table.digest.root(), 0), compares("x", 0)], [[], TOLD]);
  assertEquals([compares("y", 999), compares("y", 1_000)], [[], TOLD]);
  assertEquals([compares("y", 60_999), compares("y", 61_000)], [[], TOLD]);
  part.neighbourDown(bob);
  assertEquals(compares("y", 61_001), TOLD);

  part.missed(carl, 0);
  part.missed(carl, 999);
  part.missed(carl, 1_000);
  assertEquals(types(sent()).length, 2);
});

Deno.test("RosterExchange: an accusation by an earlier beacon is answered with the latest, and nothing else", () => {
  const { part, sent } = exchangeOf();
  const answers = (verdict: "accuse" | "deny", number: number) => {
    part.answer(bob, statementOf("Bob", verdict, "Ann", number).statement.value, 350);
    return sent();
  };
  const { signed } = entryOf("Ann", 5);
  assertEquals(answers("accuse", 4), [[bob, {
    type: "beacons",
    beacons: [{ signed, ageMs: 250 }],
  }]]);
  assertEquals([answers("accuse", 5), answers("deny", 4)], [[], []]);
});

Deno.test("RosterExchange: a question is answered bucket by bucket, with what is newer than what the other has", () => {
  const [lost, old] = [entryOf("Bob", 3, { state: "lost", sinceMs: 50 }), entryOf("Carl", 2)];
  const { part, sent, vouched } = exchangeOf(lost, old);
  const buckets = [rosterBucketOf(bob), rosterBucketOf(carl)];
  part.supply(carl, {
    type: "roster-want",
    buckets,
    known: [{ key: bob, incarnation: 1, number: 2 }, { key: carl, incarnation: 1, number: 2 }],
  }, 150);
  const { claim, signed } = lost;
  const entries = [{ claim: claim.signed, beacon: signed, lost: true, ageMs: 100 }];
  assertEquals(sent(), [
    [carl, { type: "roster-part", bucket: buckets[0]!, entries, last: true }],
    [carl, { type: "roster-part", bucket: buckets[1]!, entries: [], last: true }],
  ]);
  assertEquals(vouched, [1]);
});

Deno.test("RosterExchange: a full bucket comes in several parts, the last of which says so", () => {
  const bucket = rosterBucketOf(bob);
  const names = Array.from({ length: 8_000 }, (_, index) => `P${index}`)
    .filter((name) => rosterBucketOf(keyOf(name)) === bucket).slice(0, ROSTER_PART_MAX + 1);
  const { part, sent } = exchangeOf(...names.map((name) => entryOf(name, 1)));
  part.supply(bob, { type: "roster-want", buckets: [bucket], known: [] }, 0);
  const parts = sent().map(([, message]) =>
    message.type === "roster-part" ? [message.entries.length, message.last] : []
  );
  assertEquals(parts, [[ROSTER_PART_MAX, false], [1, true]]);
});

Deno.test("RosterExchange: what differs is asked for, without naming ourselves, until a neighbour has given all", () => {
  const { part, sent } = exchangeOf(entryOf("Bob", 3));
  part.offer(bob, { type: "roster-summary", hashes: OTHERS });
  assertEquals(part.hasOne(), false);
  const asked = new Set<number>();
  const known: PeerKey[] = [];
  for (part.ask(0);; part.ask(0)) {
    const [question] = sent();
    if (question?.[1].type !== "roster-want") break;
    known.push(...question[1].known.map(({ key }) => key));
    for (const bucket of question[1].buckets) {
      asked.add(bucket);
      const answer = { type: "roster-part", bucket, entries: [], last: true } as const;
      assertEquals([part.isAwaited(bob, answer), part.isAwaited(carl, answer)], [true, false]);
      part.partDone(bob, answer, 0);
    }
  }
  assertEquals([asked.size, known, part.hasOne()], [ROSTER_BUCKETS, [bob], true]);
});

Deno.test("RosterExchange: what a neighbour named without its claim is asked for again; one that is gone isn't", () => {
  const { part, sent } = exchangeOf();
  part.need(bob, carl);
  part.ask(0);
  const [question] = sent();
  assertEquals(question?.[1].type === "roster-want" && question[1].buckets, [rosterBucketOf(carl)]);
  assertEquals(part.nextMs(), 5_000);
  part.need(bob, bob);
  part.neighbourDown(bob);
  part.tick(5_000);
  part.ask(5_000);
  assertEquals([sent(), part.nextMs(), part.hasOne()], [[], null, false]);
});
