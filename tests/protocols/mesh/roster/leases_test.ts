/** Who is here, who is gone, and what the user is told of it. */

import { assertEquals } from "@std/assert";
import type { Hash, PeerKey } from "../../../../lib/base/ids.ts";
import {
  HEARD_NOW,
  type HeardBeacon,
  Leases,
} from "../../../../lib/protocols/mesh/roster/leases.ts";
import type { Entrance } from "../../../../lib/protocols/mesh/roster/own_lease.ts";
import { ROSTER_LAN, type RosterEffect } from "../../../../lib/protocols/mesh/roster/roster_io.ts";
import type { Beacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { beaconOf, claimOf, keyOf, ROOM, WALL_MS } from "../membership_fixtures.ts";
import { bob, carl, entryOf, tableWith } from "./roster_cases.ts";

const OTHER_FRONTIER = "11".repeat(32) as Hash;

/** Ann's, who knows these to be here since 0 s, and came in then. */
function leasesOf(...live: readonly string[]) {
  const config = { timing: ROSTER_LAN, earlierMs: Infinity };
  const table = tableWith();
  const effects: RosterEffect[] = [];
  const passed: (readonly [number, number, number])[] = [];
  const suspected = new Set<PeerKey>();
  const dying: PeerKey[] = [];
  const part = new Leases(
    keyOf("Ann"),
    table,
    { forget() {} },
    {
      tick: () => dying.splice(0),
      settle: (key) => suspected.delete(key),
      forget: (key) => void suspected.delete(key),
    },
    {
      effect: (effect) => void effects.push(effect),
      beacon: ({ beacon }, { ageMs, waitMs }) =>
        void passed.push([beacon.value.number, ageMs, waitMs]),
    },
    { wallMs: () => WALL_MS },
    config,
  );
  const entrance: Entrance = {
    room: { id: ROOM.room, genesis: ROOM.genesis },
    incarnation: 7,
    atMs: 0,
  };
  const take = (
    who: string,
    number: number,
    nowMs: number,
    { change = {} as Partial<Beacon>, claim = claimOf(who), hearsay = HEARD_NOW } = {},
    since: Entrance | null = entrance,
  ) => {
    const signed = beaconOf(who, number, { claim: claim.id, ...change });
    const heard: HeardBeacon = { signed, claim, hearsay, from: carl };
    part.take(heard, since, nowMs);
  };
  for (const who of live) take(who, 1, 0);
  effects.splice(0);
  passed.splice(0);
  /** Each effect by its type, and what is particular to it. */
  const done = () =>
    effects.splice(0).map((effect) =>
      effect.type === "left"
        ? `left: ${effect.reason}${effect.silentMs === undefined ? "" : ` ${effect.silentMs}`}`
        : effect.type === "joined"
        ? `joined${effect.present ? ", was here" : ""}`
        : effect.type
    );
  return { config, part, table, take, done, passed: () => passed.splice(0), suspected, dying };
}

const LEASE_MS = 33_000;

Deno.test("Leases: a member is lost two beacons late, as it says itself when they come; the next is waited for", () => {
  const { part, take, done } = leasesOf("Bob", "Carl");
  take("Carl", 2, 20_000, { change: { intervalMs: 20_000 } });
  done();
  part.deadlines.tick(LEASE_MS - 1);
  assertEquals([done(), part.deadlines.nextMs()], [[], LEASE_MS]);
  part.deadlines.tick(LEASE_MS);
  assertEquals([done(), part.deadlines.nextMs()], [
    ["persist", `left: lost ${LEASE_MS}`],
    20_000 + 43_000,
  ]);
});

Deno.test("Leases: whatever age a neighbour says that a beacon has, the next one is waited for", () => {
  const { part, take, table } = leasesOf();
  take("Bob", 1, 50_000, { hearsay: { lost: false, ageMs: 999_999 } });
  assertEquals([table.get(bob)?.sinceMs, part.deadlines.nextMs()], [35_000, 68_000]);
});

Deno.test("Leases: who was here before us is told as such: by its number, or its start where it has just come", () => {
  const joined = (number: number, incarnation: number, nowMs: number, entered = true) => {
    const { take, done } = leasesOf();
    take("Bob", number, nowMs, { change: { incarnation } }, ...(entered ? [] : [null]));
    return done()[0];
  };
  const [here, came] = ["joined, was here", "joined"];
  assertEquals([joined(1, 6, 999), joined(1, 8, 999), joined(2, 8, 999)], [here, came, here]);
  assertEquals([joined(2, 6, 1_000), joined(1, 6, 0, false), joined(2, 8, 0, false)], [
    came,
    came,
    here,
  ]);
});

Deno.test("Leases: a later start of a key replaces the one before; another name is told, and any other beacon as news", () => {
  const { take, done, suspected } = leasesOf("Bob");
  take("Bob", 2, 1_000);
  assertEquals(done(), ["updated"]);
  take("Bob", 3, 2_000, { claim: claimOf("Bob", "Robert") });
  assertEquals(done(), ["reclaimed", "updated"]);
  suspected.add(bob);
  take("Bob", 4, 3_000, { claim: claimOf("Bob", "Robert") });
  assertEquals(done(), ["unsuspected", "updated"]);
  take("Bob", 1, 4_000, { change: { incarnation: 2 } });
  assertEquals(done(), ["left: replaced", "joined"]);
  suspected.add(bob);
  take("Bob", 1, 5_000, { change: { incarnation: 3 } });
  assertEquals(done(), ["left: lost", "joined"]);
});

Deno.test("Leases: a member that quit is gone at once, and its place on disk; a lost one that quits is forgotten", () => {
  const { take, done, table, part } = leasesOf("Bob");
  take("Bob", 2, 1_000, { change: { state: "quit" } });
  assertEquals([done(), table.get(bob)?.state], [["persist", "left: quit"], "quit"]);

  take("Carl", 2, 2_000, { hearsay: { lost: true, ageMs: 5_000 } });
  assertEquals([done(), table.get(carl)?.sinceMs], [["absent"], -3_000]);
  take("Carl", 3, 3_000, { change: { state: "quit" } });
  assertEquals(done(), ["persist", "forgotten"]);
  part.removed(carl);
  assertEquals([done(), table.get(carl)], [[], null]);
});

Deno.test("Leases: nobody is lost on a neighbour's word, which isn't passed on: its lease runs on", () => {
  const { take, done, table, passed } = leasesOf("Bob");
  take("Bob", 2, 10_000, { hearsay: { lost: true, ageMs: 0 } });
  assertEquals([done(), table.get(bob)?.state, table.get(bob)?.sinceMs], [["updated"], "alive", 0]);
  assertEquals(passed(), []);
  take("Bob", 3, 20_000, { change: { state: "quit" }, hearsay: { lost: true, ageMs: 0 } });
  assertEquals(passed(), [[3, 0, 0]]);
});

Deno.test("Leases: in a large room who is known waits half a second, newcomers a tenth, and what refutes something not", () => {
  const crowd = Array.from({ length: 2_000 }, (_, index) => `P${index}`);
  const { take, passed, suspected } = leasesOf(...crowd);
  take("P0", 2, 1_000, { change: { frontier: OTHER_FRONTIER } });
  take("Bob", 1, 1_000);
  take("P1", 2, 1_000, { change: { state: "quit" } });
  suspected.add(keyOf("P2"));
  take("P2", 2, 1_000);
  assertEquals(passed().map(([, , waitMs]) => waitMs), [500, 100, 0, 0]);
  const small = leasesOf("Bob");
  small.take("Bob", 2, 1_000, { change: { frontier: OTHER_FRONTIER } });
  assertEquals(small.passed(), [[2, 0, 0]]);
});

Deno.test("Leases: what changes nothing is passed on at times that all have in common", () => {
  const { take, passed } = leasesOf("Bob", "Carl");
  take("Bob", 2, 10_120);
  take("Carl", 2, 10_300);
  take("Bob", 3, 20_120, { change: { away: "lunch" } });
  assertEquals(passed().map(([, , waitMs]) => waitMs), [180, 1_500, 0]);
});

Deno.test("Leases: whom an accusation ends is lost, as is who is shut out, once", () => {
  const { part, done, dying, table } = leasesOf("Bob", "Carl");
  dying.push(bob, bob);
  part.endAccused(1_000);
  assertEquals([done(), table.get(bob)?.state], [["persist", "left: lost"], "lost"]);
  part.removed(carl);
  part.removed(carl);
  assertEquals(done(), ["left: removed"]);
});

Deno.test("Leases: a dead member is kept for a day, and one from our disk counts as lost until it is heard", () => {
  const { part, done, table } = leasesOf();
  const day = ROSTER_LAN.deadKeptMs;
  const record = {
    kind: "member",
    beacon: beaconOf("Bob", 3),
    heardWallMs: WALL_MS - 1_000,
  } as const;
  const own = claimOf("Ann");
  part.remember(record, claimOf("Bob"), own, 5_000);
  assertEquals([done(), table.get(bob)?.state, part.deadlines.nextMs()], [
    ["absent"],
    "lost",
    4_000 + day,
  ]);
  part.deadlines.tick(4_000 + day);
  assertEquals([done(), table.get(bob)], [["forgotten"], null]);

  part.remember(record, claimOf("Bob", "Ann", WALL_MS - 1), own, 5_000);
  assertEquals(done(), ["absent"], "that we took its name ourselves says nothing");
  // Somebody has let us in under its name since: it was free.
  part.remember(record, claimOf("Bob", "Ann", WALL_MS - 1), {
    ...own,
    signed: {
      ...own.signed,
      claim: { ...own.signed.claim, value: { ...own.signed.claim.value, admitter: carl } },
    },
  }, 5_000);
  assertEquals(done(), []);
  part.remember({ ...record, beacon: beaconOf("Ann", 3) }, own, own, 5_000);
  assertEquals([done(), table.get(keyOf("Ann"))], [[], null]);
});

Deno.test("Leases: a name is held on where the clock is ahead at one start, or was never set", () => {
  const day = ROSTER_LAN.deadKeptMs;
  const held = (heardWallMs: number, earlierMs: number) => {
    const { part, config } = leasesOf();
    config.earlierMs = earlierMs;
    const record = { kind: "member", beacon: beaconOf("Bob", 3), heardWallMs } as const;
    part.remember(record, claimOf("Bob"), claimOf("Ann"), 0);
    return part.deadlines.nextMs();
  };
  const hour = 3_600_000;
  assertEquals([
    held(WALL_MS - 40 * day, WALL_MS - 40 * day + hour),
    held(WALL_MS - 40 * day, WALL_MS - hour),
    held(1_000, WALL_MS - hour),
  ], [day - hour, day - 40 * day + hour, day]);
});

Deno.test("Leases: a member's address is on disk once in six hours, and when it has another one, or another name", () => {
  const { take, done } = leasesOf("Bob");
  const at = (port: number) => ({ change: { endpoint: { host: "10.0.0.2", port } } });
  const records = (number: number, nowMs: number, port: number, name = "Bob") => {
    take("Bob", number, nowMs, { ...at(port), claim: claimOf("Bob", name) });
    return done().filter((type) => type === "persist").length;
  };
  const { memberRecordMs } = ROSTER_LAN;
  assertEquals([records(2, 0, 1), records(3, memberRecordMs - 1, 1)], [1, 0]);
  assertEquals([records(4, memberRecordMs, 1), records(5, memberRecordMs + 1, 2)], [1, 1]);
  const named = [6, 7].map((number) => records(number, memberRecordMs + number, 2, "Robert"));
  assertEquals(named, [1, 0]);
});

Deno.test("Leases: beacons are the rarer the larger the room is", () => {
  const interval = (count: number) =>
    leasesOf(...Array.from({ length: count }, (_, index) => `P${index}`)).part.beaconIntervalMs();
  assertEquals([interval(1), interval(100), interval(1_000)], [
    15_000,
    15_000,
    1_000 * ROSTER_LAN.beaconIntervalPerMemberMs,
  ]);
});

Deno.test("Leases: the same beacon from the disk is a sign of life", () => {
  const table = tableWith({ ...entryOf("Bob", 3, { state: "lost" }), fromDisk: true });
  assertEquals(table.floorOf(bob)?.number, 2);
});
