import { assertEquals, assertNotEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  rosterBucketOf,
  RosterDigest,
} from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import { ROSTER_BUCKETS } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { claimOf, keyOf } from "../membership_fixtures.ts";

const [ANN, BOB] = ["Ann", "Bob"].map(keyOf) as [PeerKey, PeerKey];

function digestOf(...members: readonly (readonly [PeerKey, number, string?])[]) {
  const digest = new RosterDigest(fakeCrypto);
  for (const [key, incarnation, state = "alive"] of members) {
    digest.set(key, incarnation, claimOf("Ann").id, state as "alive");
  }
  return digest;
}

Deno.test("RosterDigest: the same members have one hash, in whatever order they came", () => {
  const one = digestOf([ANN, 1], [BOB, 1]);
  assertEquals(one.root(), digestOf([BOB, 1], [ANN, 2], [ANN, 1]).root());
  for (const other of [digestOf([ANN, 2], [BOB, 1]), digestOf([ANN, 1, "lost"], [BOB, 1])]) {
    assertNotEquals(one.root(), other.root());
  }
  const beside = `${ANN.slice(0, 2)}${BOB.slice(2)}` as PeerKey;
  const both = digestOf([ANN, 1], [beside, 1]).root();
  assertEquals(both, digestOf([beside, 1], [ANN, 1]).root());
  for (let n = 0; n < 2; n++) one.delete(BOB);
  assertEquals(one.root(), digestOf([ANN, 1]).root());
});

Deno.test("RosterDigest: only the hash of a member's own bucket differs; buckets go by the first byte", () => {
  const bob = rosterBucketOf(BOB);
  const [before, after] = [digestOf([ANN, 1]).hashes(), digestOf([ANN, 1], [BOB, 1]).hashes()];
  assertEquals(
    before.map((hash, bucket) => hash !== after[bucket] ? bucket : -1).filter((at) => at >= 0),
    [bob],
  );
  const first = ["00", "03", "04", "7f", "ff"].map((byte) =>
    rosterBucketOf(byte.padEnd(64, "0") as PeerKey)
  );
  assertEquals([before.length, first], [ROSTER_BUCKETS, [0, 0, 1, 31, 63]]);
});
