import { assertEquals } from "@std/assert";
import { type MeshRecord, rememberedContacts } from "../../../lib/protocols/mesh/records.ts";
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
