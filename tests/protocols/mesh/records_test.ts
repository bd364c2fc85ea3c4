import { assert, assertEquals } from "@std/assert";
import type { BundleId } from "../../../lib/base/ids.ts";
import { FRONTIER_AUTHORS_MAX } from "../../../lib/protocols/mesh/limits.ts";
import type { SyncEntry } from "../../../lib/protocols/mesh/messages.ts";
import {
  arrivalRecords,
  type MeshRecord,
  notedBaseline,
  rememberedContacts,
} from "../../../lib/protocols/mesh/records.ts";
import { toLogRecord } from "../../../lib/runtime/mesh_records.ts";
import { beaconOf, keyOf } from "./membership_fixtures.ts";

const NAMES = ["Bob", "Carl", "Dora", "Eve"];

function member(who: string, heardWallMs: number, state: "alive" | "quit" = "alive"): MeshRecord {
  const endpoint = { host: who.toLowerCase(), port: 55_107 };
  return { kind: "member", beacon: beaconOf(who, 1, { endpoint, state }), heardWallMs };
}

function namesOf(records: readonly MeshRecord[]): readonly (string | undefined)[] {
  const contacts = rememberedContacts(records, keyOf("Ann"));
  return contacts.map(({ key }) => NAMES.find((name) => keyOf(name) === key));
}

Deno.test("rememberedContacts gives those who were there before those who had quit", () => {
  const records = [
    member("Bob", 1),
    member("Carl", 2),
    member("Dora", 3),
    member("Dora", 4, "quit"),
    member("Eve", 5, "quit"),
  ];
  assertEquals(namesOf(records), ["Carl", "Bob", "Eve", "Dora"]);
});

Deno.test("rememberedContacts takes one who quit and came back for one who is there", () => {
  const records = [member("Bob", 1, "quit"), member("Carl", 2, "quit"), member("Bob", 3)];
  assertEquals(namesOf(records), ["Bob", "Carl"]);
});

Deno.test("notedBaseline gives back the last baseline that was written as a whole, of any length", () => {
  const [first, second] = [1, 2].map((counter) => arrivalRecords(entries(700, counter)));
  const [torn, whole] = [second!.slice(0, -1), [...first!, ...second!]];

  for (const length of [0, 1, 255, 256, 512, 700]) {
    assertEquals(notedBaseline(arrivalRecords(entries(length, 1))), entries(length, 1));
  }
  assertEquals(notedBaseline(torn), null);
  assertEquals(notedBaseline([...first!, ...torn]), entries(700, 1));
  assertEquals(notedBaseline(whole), entries(700, 2));
});

Deno.test("the baseline of the largest room is written in lines that one can still look at", () => {
  const lengths = arrivalRecords(entries(FRONTIER_AUTHORS_MAX, 1)).map((record) =>
    toLogRecord(record).fields.join("\t").length
  );

  assertEquals(lengths.length, FRONTIER_AUTHORS_MAX / 256 + 1);
  assert(Math.max(...lengths) < 65_536, `the longest has ${Math.max(...lengths)} characters`);
});

function entries(length: number, counter: number): readonly SyncEntry[] {
  const author = keyOf("Bob");
  const id = "1".repeat(64) as BundleId;
  return Array.from(
    { length },
    (_, incarnation) => ({ author, incarnation, counter, id, low: 1, closed: false }),
  );
}
