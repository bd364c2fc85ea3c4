import { assert, assertEquals } from "@std/assert";
import type { BundleId, PeerKey } from "../../../../lib/base/ids.ts";
import { FRONTIER_AUTHORS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { Statements } from "../../../../lib/protocols/mesh/log/statements.ts";
import { keyOf } from "../membership_fixtures.ts";
import { SLOW } from "../../../given.ts";

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
