/** What our own beacons say, and when another one is due. */

import { HERE } from "../../../../lib/base/machine/user_presence.ts";
import { assertEquals } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import { OwnLease } from "../../../../lib/protocols/mesh/roster/own_lease.ts";
import { RosterDigest } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import { ROSTER_LAN } from "../../../../lib/protocols/mesh/roster/roster_io.ts";
import { isBeaconSigned } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { beaconOf, claimOf, COPY, PROCESS, ROOM } from "../membership_fixtures.ts";

const SELF = {
  claim: claimOf("Ann").signed,
  endpoint: { host: "10.0.0.1", port: 4_000 },
  passive: false,
  boxKey: new Uint8Array(32),
  process: PROCESS,
  ...HERE,
};

/** Ann's, who came in at 1 s as her fifth start. */
function leaseOf() {
  const progress = { epoch: () => 3, frontier: () => "fe".repeat(32) as Hash, latest: () => 77 };
  const entrance = { room: { id: ROOM.room, genesis: ROOM.genesis }, incarnation: 5, atMs: 1_000 };
  const own = new OwnLease(
    entrance,
    SELF,
    claimOf("Ann"),
    { crypto: fakeCrypto },
    fakeSigner("Ann"),
    progress,
  );
  const digest = new RosterDigest(fakeCrypto);
  const beacon = (nowMs: number, state: "alive" | "quit" = "alive") =>
    own.makeBeacon(state, 10_000, digest, nowMs).beacon.value;
  return { own, digest, beacon };
}

Deno.test("OwnLease: a beacon says how far we are, where we are, and who is here with us", () => {
  const { own, digest, beacon } = leaseOf();
  assertEquals([own.signed, own.number], [null, 0]);
  const first = beacon(2_000);
  const { number, incarnation, epoch, latest, endpoint, roster, intervalMs, state } = first;
  assertEquals([number, incarnation, epoch, latest, intervalMs, state], [
    1,
    5,
    3,
    77,
    10_000,
    "alive",
  ]);
  assertEquals([endpoint, roster], [SELF.endpoint, digest.root()]);
  assertEquals(isBeaconSigned(fakeCrypto, own.signed!), true);

  own.describe({ endpoint: null }, claimOf("Ann", "Anna"));
  const second = beacon(3_000);
  assertEquals([second.number, second.endpoint, second.claim], [
    2,
    null,
    claimOf("Ann", "Anna").id,
  ]);
  assertEquals([second.roster !== roster, own.ended], [true, false]);
  assertEquals([beacon(4_000, "quit").state, own.ended], ["quit", true]);
});

Deno.test("OwnLease: a later start of our key, or a copy of this one, is another", () => {
  const { own } = leaseOf();
  const isOther = (incarnation: number, process = PROCESS) =>
    own.isOfOther(beaconOf("Ann", 1, { incarnation, process }).beacon.value);
  assertEquals([isOther(4), isOther(5), isOther(6), isOther(5, COPY)], [false, false, true, true]);
});

Deno.test("OwnLease: who holds us for lost is shown a later beacon, the later the larger the room, but not what it lacks", () => {
  const { own, beacon } = leaseOf();
  beacon(2_000);
  const due = (number: number, live = 3, incarnation = 5) =>
    own.revivalMs({ incarnation, number }, live);
  assertEquals([due(1), due(2), due(1, 1_000)], [2_200, 2_200, 4_000]);
  assertEquals([due(0), due(9, 3, 4), own.refreshMs()], [null, null, 2_200]);
  own.giveUp();
  assertEquals(due(1), null);
});

Deno.test("OwnLease: much that was delivered makes a beacon due early; in a small room anything does, a second later", () => {
  const { own, beacon } = leaseOf();
  beacon(2_000);
  const delivered = (messages: number, live: number, nowMs = 5_000) =>
    own.delivered(messages, 10, ROSTER_LAN, live, nowMs);
  const small = ROSTER_LAN.settledBeaconMembersMax;
  assertEquals([delivered(1, small), delivered(1, small + 1)], [6_000, null]);
  const rest = ROSTER_LAN.earlyBeaconMessages - 3;
  assertEquals([delivered(rest, 100), delivered(1, 100), delivered(0, 3)], [null, 2_200, 2_050]);
  beacon(6_000);
  assertEquals(delivered(1, 100), null);
  assertEquals(own.delivered(1, ROSTER_LAN.earlyBeaconBytes, ROSTER_LAN, 100, 6_001), 6_200);
});

Deno.test("OwnLease: a renewal may go along with others' in the last quarter of its interval", () => {
  const { own, beacon } = leaseOf();
  beacon(2_000);
  assertEquals(own.renewableMs(10_000, { beatAlongShare: 0.25 }), 9_500);
});
