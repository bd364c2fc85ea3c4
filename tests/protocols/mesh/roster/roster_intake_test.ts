/** What is read of what neighbours bring, what is news, and who pays for what isn't signed. */

import { assertEquals } from "@std/assert";
import type { ClaimId, PeerKey } from "../../../../lib/base/ids.ts";
import { RosterIntake } from "../../../../lib/protocols/mesh/roster/roster_intake.ts";
import type { Entry } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import type { KnownClaim } from "../../../../lib/protocols/mesh/schema/credentials.ts";
import {
  ACTIVE_VIEW_MAX,
  CLAIMS_AHEAD_MAX,
  ROSTER_MAX,
  VOUCHERS_CHECKED_BURST,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { beaconOf, claimOf, COPY, keyOf, ROOM } from "../membership_fixtures.ts";
import { bob, carl, dora, entryOf, tableWith } from "./roster_cases.ts";

const IN_ROOM = { id: ROOM.room, genesis: ROOM.genesis };

/** Ann's, whose neighbour is Bob, and who knows these. */
function intakeOf(...entries: readonly Entry[]) {
  const claims = new Map<ClaimId, KnownClaim>();
  const faults: string[] = [];
  const brought: (readonly [PeerKey, ClaimId])[] = [];
  const removed = new Set<PeerKey>();
  const table = tableWith(...entries);
  const part = new RosterIntake(
    table,
    { has: (id) => claims.has(id), get: (id) => claims.get(id) ?? null },
    {
      penalise: (_, fault) => {
        faults.push(fault);
        return false;
      },
      hasClaim: (from, id) => void brought.push([from, id]),
    },
    fakeCrypto,
    (key) => removed.has(key),
  );
  part.neighbourUp(bob);
  const check = (signed = beaconOf("Carl", 1), nowMs = 0) =>
    part.check(bob, signed, IN_ROOM, nowMs).is;
  return { part, table, claims, removed, brought, check, faults: () => faults.splice(0) };
}

Deno.test("RosterIntake: a beacon is news where it is later than the known one, of somebody who may be here", () => {
  const { part, removed, table } = intakeOf(entryOf("Carl", 3));
  const isNews = (who: string, number: number) => part.isNews(beaconOf(who, number).beacon.value);
  assertEquals([isNews("Carl", 3), isNews("Carl", 4), isNews("Dora", 1)], [false, true, true]);
  removed.add(dora);
  assertEquals(isNews("Dora", 1), false);
  for (let n = table.liveCount; n < ROSTER_MAX; n++) table.put(entryOf(`P${n}`, 1));
  assertEquals([isNews("Carl", 4), isNews("Emil", 1)], [true, false]);
});

Deno.test("RosterIntake: a beacon's claim is the one in use, a known one, or one that came ahead of it", () => {
  const { part, claims, brought, check, faults } = intakeOf(entryOf("Dora", 1));
  assertEquals([check(beaconOf("Dora", 2)), check()], ["good", "without-claim"]);
  part.claimAhead(carl, claimOf("Carl").signed);
  assertEquals(check(), "without-claim", "who isn't a neighbour brings nothing");
  part.claimAhead(bob, claimOf("Carl").signed);
  assertEquals(brought, [[carl, claimOf("Carl").id], [bob, claimOf("Carl").id]]);
  assertEquals([check(), check()], ["good", "without-claim"], "it was taken");

  claims.set(claimOf("Carl").id, claimOf("Carl"));
  assertEquals([check(), faults()], ["good", []]);
});

Deno.test("RosterIntake: of claims that come ahead the last are kept, and none that is known", () => {
  const { part, check } = intakeOf();
  part.claimAhead(bob, claimOf("Carl").signed);
  for (let n = 0; n < CLAIMS_AHEAD_MAX; n++) part.claimAhead(bob, claimOf(`P${n}`).signed);
  assertEquals([check(), check(beaconOf("P0", 1))], ["without-claim", "good"]);
});

Deno.test("RosterIntake: who passes on what isn't signed, or is another's, pays; a copy's beacon costs nobody", () => {
  const { part, claims, check, faults } = intakeOf(entryOf("Dora", 1));
  for (const who of ["Carl", "Dora"]) claims.set(claimOf(who).id, claimOf(who));
  const good = beaconOf("Carl", 1);
  const forged = { ...good, signature: new Uint8Array(64) };
  const elsewhere = beaconOf("Carl", 1, { room: "cd".repeat(32) as typeof ROOM.room });
  const others = beaconOf("Carl", 1, { claim: claimOf("Dora").id });
  assertEquals([forged, elsewhere, others].map((signed) => check(signed)), [
    "penalised",
    "penalised",
    "penalised",
  ]);
  assertEquals(faults(), ["invalid-signature", "protocol", "protocol"]);
  assertEquals([check(beaconOf("Dora", 2, { process: COPY })), faults()], ["of a copy", []]);

  part.claimAhead(bob, { ...claimOf("Emil").signed, signature: new Uint8Array(64) });
  assertEquals([check(beaconOf("Emil", 1)), faults()], ["penalised", ["invalid-signature"]]);
});

Deno.test("RosterIntake: a live member's beacons have a rate, which ends with it", () => {
  const { part, check } = intakeOf(entryOf("Dora", 1));
  const read = Array.from({ length: 100 }, () => check(beaconOf("Dora", 2)));
  assertEquals(read.filter((is) => is === "good").length, 80);
  part.forget(dora);
  assertEquals(check(beaconOf("Dora", 2)), "good");
});

Deno.test("RosterIntake: of one neighbour so much is read, by its key; far more is a flood, by its link", () => {
  const { part, faults } = intakeOf();
  const brings = (count: number, nowMs = 0) => part.mayBring(bob, count, nowMs);
  assertEquals([brings(ROSTER_MAX), brings(1), brings(500, 1_000)], [true, false, true]);
  part.neighbourDown(bob);
  assertEquals(brings(1, 10_000), false);
  part.neighbourUp(bob);
  assertEquals([brings(5_000, 10_000), brings(4_000, 10_000)], [false, true]);
  assertEquals([brings(ACTIVE_VIEW_MAX * ROSTER_MAX, 10_000), faults()], [false, ["flood"]]);

  // More neighbours than an active view has share what that many may bring.
  const crowd = intakeOf().part;
  for (let n = 1; n < 2 * ACTIVE_VIEW_MAX; n++) crowd.neighbourUp(keyOf(`P${n}`));
  assertEquals([crowd.mayBring(bob, ROSTER_MAX / 2, 0), crowd.mayBring(bob, 1, 0)], [true, false]);
});

Deno.test("RosterIntake: questions and vouching claims have rates, too, and are a neighbour's alone", () => {
  const { part } = intakeOf();
  assertEquals([part.mayAsk(carl, 1, 0), part.mayVouch(carl, 0)], [false, false]);
  let asked = 0;
  while (part.mayAsk(bob, 64, 0)) asked++;
  let vouched = 0;
  while (part.mayVouch(bob, 0)) vouched++;
  assertEquals([asked, part.mayAsk(bob, 0, 0), vouched], [16, false, VOUCHERS_CHECKED_BURST]);
  assertEquals([part.isNeighbour(bob), [...part.neighbours()]], [true, [bob]]);
});
