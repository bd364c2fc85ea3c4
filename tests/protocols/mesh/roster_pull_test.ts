import { assertEquals } from "@std/assert";
import type { Hash } from "../../../lib/base/ids.ts";
import { ROSTER_BUCKETS, ROSTER_BUCKETS_AT_ONCE } from "../../../lib/protocols/mesh/limits.ts";
import { RosterPull } from "../../../lib/protocols/mesh/roster_pull.ts";
import { keyOf } from "./membership_fixtures.ts";

const [bob, mallory] = [keyOf("Bob"), keyOf("Mallory")];

function hashes(digit: string): readonly Hash[] {
  return Array.from({ length: ROSTER_BUCKETS }, () => digit.repeat(64) as Hash);
}

Deno.test("RosterPull.next() asks each neighbour in turn, however often one offers and doesn't answer", () => {
  const pull = new RosterPull();
  pull.offer(mallory, hashes("1"));
  pull.offer(bob, hashes("2"));
  const asked: string[] = [];
  for (let turn = 1; turn <= 8; turn++) {
    pull.offer(mallory, hashes("1"));
    const question = pull.next(() => hashes("0"), turn);
    assertEquals(question?.buckets.length, ROSTER_BUCKETS_AT_ONCE);
    asked.push(question!.peer);
    pull.expire(turn);
  }

  assertEquals(asked.filter((peer) => peer === bob).length, 4);
});
