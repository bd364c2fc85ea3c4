import { assertEquals } from "@std/assert";
import {
  FORGOTTEN_DIALLED_MS,
  ROSTER_BUCKETS,
  ROSTER_DEAD_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { RosterOutbox } from "../../../../lib/protocols/mesh/roster/roster_outbox.ts";
import { rosterBucketOf, RosterTable } from "../../../../lib/protocols/mesh/roster/roster_table.ts";
import type { Beacon } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { beaconOf, claimOf, keyOf } from "../membership_fixtures.ts";
import { SLOW } from "../../../given.ts";

const BOB = keyOf("Bob");

/** Bob, live, as his beacon says. */
function live(number: number, change: Partial<Beacon> = {}, claim = claimOf("Bob")) {
  const signed = beaconOf("Bob", number, { claim: claim.id, ...change });
  return { key: BOB, signed, claim, state: "alive", sinceMs: number } as const;
}

function tableWith(...entries: readonly Parameters<RosterTable["put"]>[0][]): RosterTable {
  const table = new RosterTable(fakeCrypto);
  for (const entry of entries) table.put(entry);
  return table;
}

Deno.test("RosterTable.put() takes in a renewal, which changes nothing else", () => {
  const table = tableWith(live(1), live(2));

  assertEquals(table.get(BOB)?.sinceMs, 2);
  assertEquals(table.floorOf(BOB)?.number, 2);
  assertEquals(table.liveCount, 1);
  assertEquals(table.digest.root(), tableWith(live(1)).digest.root());
});

Deno.test("RosterTable.put() puts whoever was heard of last last", () => {
  const ann = { ...live(1), key: keyOf("Ann"), signed: beaconOf("Ann", 1) };

  const table = tableWith(live(1), ann, live(2));

  assertEquals([...table.entries()].map(({ key }) => key), [keyOf("Ann"), BOB]);
});

Deno.test("RosterTable.put() counts another claim and incarnation of a live member", () => {
  const other = claimOf("Bob", "Robert");

  const renamed = tableWith(live(1), live(2, {}, other));
  const again = tableWith(live(1), live(1, { incarnation: 2 }));

  assertEquals([claimOf("Bob"), other].map(({ id }) => renamed.isClaimInUse(id)), [false, true]);
  assertEquals(renamed.digest.root(), tableWith(live(2, {}, other)).digest.root());
  assertEquals(again.digest.root(), tableWith(live(1, { incarnation: 2 })).digest.root());
});

Deno.test("RosterTable.entriesIn() has the entries of a bucket, as entries() has them", () => {
  const people = Array.from({ length: 300 }, (_, number) => {
    const [who, claim] = [`P${number}`, claimOf(`P${number}`)];
    return { ...live(number), key: keyOf(who), signed: beaconOf(who, 1), claim };
  });
  const table = tableWith(...people, people[7]!, { ...people[9]!, state: "lost" });
  table.forget(people[3]!.key);

  const all = [...table.entries()];
  for (let bucket = 0; bucket < ROSTER_BUCKETS; bucket++) {
    const expected = all.filter(({ key }) => rosterBucketOf(key) === bucket);
    assertEquals([...table.entriesIn(bucket)], expected);
  }
  assertEquals([all.length, table.entriesIn(ROSTER_BUCKETS)], [299, []]);
});

Deno.test("RosterOutbox.hasBeacon() knows what waits, and nothing later", () => {
  const outbox = new RosterOutbox();
  const heard = { ageMs: 0, from: keyOf("Ann"), waitMs: 100 };
  const brought = (who: string, number: number) =>
    outbox.hasBeacon(keyOf(who), beaconOf("Bob", number).beacon.value);
  outbox.beacon(beaconOf("Bob", 2), heard, 0);

  assertEquals([1, 2, 3].map((number) => brought("Carl", number)), [true, true, false]);
  assertEquals([brought("Dora", 1), brought("Eve", 2)], [true, true]);
  const sentTo = outbox.take(["Ann", "Carl", "Dora", "Eve"].map(keyOf), 100)
    .map((effect) => effect.type === "send" ? effect.to : effect.type);
  assertEquals(sentTo, [keyOf("Dora")]);
  assertEquals(brought("Carl", 2), false);
});

Deno.test(
  "RosterTable.excessDead() names who died first beyond the bound, and overdueDead() those of a time",
  SLOW,
  () => {
    const died = (index: number) => {
      const key = keyOf(`dead ${index}`);
      return { ...live(1), key, state: "lost", sinceMs: index } as const;
    };
    const table = tableWith(...Array.from({ length: ROSTER_DEAD_MAX }, (_, index) => died(index)));
    assertEquals(table.excessDead(), null);
    table.put(died(ROSTER_DEAD_MAX));
    const excess = table.excessDead();
    assertEquals(excess?.key, keyOf("dead 0"));
    table.forget(excess!.key);

    assertEquals(table.excessDead(), null);
    assertEquals(table.overdueDead(102, 100).map(({ sinceMs }) => sinceMs), [1, 2]);
  },
);

/** One who was lost then, and is forgotten. */
function forget(table: RosterTable, who: string, sinceMs: number) {
  const endpoint = { host: "192.0.2.1", port: 1 };
  const signed = beaconOf(who, 1, { endpoint });
  const key = keyOf(who);
  table.put({ key, signed, claim: claimOf(who), state: "lost", sinceMs });
  table.forget(key);
  return { key, endpoint };
}

Deno.test("RosterTable.forgotten() has those whom others can dial, until they are back or a week is over", () => {
  const table = tableWith({ ...live(1), state: "quit" });
  table.forget(BOB); // whom nobody can dial
  const ann = forget(table, "Ann", 10);
  const carl = forget(table, "Carl", FORGOTTEN_DIALLED_MS);
  assertEquals(table.forgotten(), [ann, carl]);

  const dan = forget(table, "Dan", FORGOTTEN_DIALLED_MS + 10);
  table.dropForgotten(FORGOTTEN_DIALLED_MS + 10);
  assertEquals(table.forgotten(), [carl, dan]);
  table.put({ ...live(1), key: dan.key, signed: beaconOf("Dan", 2), claim: claimOf("Dan") });
  assertEquals(table.forgotten(), [carl]);
});

Deno.test(
  "RosterTable.forgotten() has as many as there are dead at most, those who were forgotten last",
  SLOW,
  () => {
    const table = tableWith();
    const all = Array.from({ length: ROSTER_DEAD_MAX + 2 }, (_, n) => forget(table, `P${n}`, n));

    assertEquals(table.forgotten(), all.slice(2));
  },
);
