import { assertEquals } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import {
  ROSTER_BUCKETS,
  ROSTER_BUCKETS_AT_ONCE,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { RosterPull } from "../../../../lib/protocols/mesh/roster/roster_exchange.ts";
import { keyOf } from "../membership_fixtures.ts";

const [bob, mallory] = [keyOf("Bob"), keyOf("Mallory")];

const PULL_MS = 5_000;

function hashes(digit: string): readonly Hash[] {
  return Array.from({ length: ROSTER_BUCKETS }, () => digit.repeat(64) as Hash);
}

Deno.test("RosterPull.next() asks each neighbour in turn, however often one offers and doesn't answer", () => {
  const pull = new RosterPull(1);
  pull.offer(mallory, hashes("1"));
  pull.offer(bob, hashes("2"));
  const asked: string[] = [];
  for (let turn = 1; turn <= 8; turn++) {
    pull.offer(mallory, hashes("1"));
    const question = pull.next(() => hashes("0"), turn);
    assertEquals(question?.buckets.length, ROSTER_BUCKETS_AT_ONCE);
    asked.push(question!.peer);
    pull.expire(turn + 1);
  }

  assertEquals(asked.filter((peer) => peer === bob).length, 4);
});

Deno.test("RosterPull asks others beside a neighbour whose answer has no end, and waits for it no more", () => {
  const pull = new RosterPull(PULL_MS);
  pull.offer(mallory, hashes("1"));
  const question = pull.next(() => hashes("0"), 0)!;
  pull.offer(bob, hashes("2"));
  const asked: (readonly [number, string])[] = [[0, question.peer]];
  const answered: number[] = [];
  for (let nowMs = 1_000; nowMs <= 60_000; nowMs += 1_000) {
    // One part now and then, never the last; and offers without end.
    pull.partCame(mallory, question.buckets[0]!, false, nowMs);
    if (nowMs % 3_000 === 0) pull.offer(mallory, hashes("3"));
    if ((pull.dueMs ?? Infinity) <= nowMs) pull.expire(nowMs);
    for (let next; (next = pull.next(() => hashes("0"), nowMs)) !== null;) {
      asked.push([nowMs, next.peer]);
      if (next.peer !== bob) continue;
      for (const bucket of next.buckets) pull.partCame(bob, bucket, true, nowMs);
      answered.push(...next.buckets);
    }
  }

  const [, second, ...others] = asked;
  assertEquals(second, [2 * PULL_MS, bob]);
  assertEquals(others.every(([nowMs, peer]) => nowMs === 2 * PULL_MS && peer === bob), true);
  assertEquals(answered, Array.from({ length: ROSTER_BUCKETS }, (_, bucket) => bucket));
  assertEquals(pull.awaits(mallory, question.buckets[0]!), true);
});
