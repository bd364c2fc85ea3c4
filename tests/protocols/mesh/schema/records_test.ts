import { assert, assertEquals } from "@std/assert";
import type { BundleId } from "../../../../lib/base/ids.ts";
import { Entrances } from "../../../../lib/protocols/mesh/membership/entrances.ts";
import {
  ACQUAINTANCES_MAX,
  FRONTIER_AUTHORS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { StreamEntry } from "../../../../lib/protocols/mesh/schema/messages.ts";
import {
  arrivalRecords,
  MESH_LOG,
  type MeshRecord,
  notedBaseline,
  rememberedContacts,
} from "../../../../lib/protocols/mesh/schema/records.ts";
import { beaconOf, keyOf } from "../membership_fixtures.ts";

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

Deno.test("rememberedContacts gives those who were dialled and met before those who were heard of", () => {
  const met = (who: string, heardWallMs: number): MeshRecord => {
    const endpoint = { host: who.toLowerCase(), port: 1 };
    return { kind: "entrance", contact: { key: keyOf(who), endpoint }, heardWallMs };
  };
  const records = [
    met("Bob", 1),
    member("Bob", 2),
    met("Carl", 3),
    member("Dora", 4),
    met("Eve", 5),
    member("Eve", 6, "quit"),
  ];

  assertEquals(namesOf(records), ["Carl", "Bob", "Bob", "Dora", "Eve", "Eve"]);
  // Where it was met comes before where it says that it is.
  const ports = rememberedContacts(records, keyOf("Ann")).map(({ endpoint }) => endpoint.port);
  assertEquals(ports, [1, 1, 55_107, 55_107, 1, 55_107]);
});

Deno.test("rememberedContacts gives a member that announces no address where it was met", () => {
  const endpoint = { host: "bob", port: 1 };
  const records: MeshRecord[] = [
    { kind: "entrance", contact: { key: keyOf("Bob"), endpoint }, heardWallMs: 1 },
    { kind: "member", beacon: beaconOf("Bob", 1, { endpoint: null }), heardWallMs: 2 },
    { kind: "member", beacon: beaconOf("Carl", 1, { endpoint: null }), heardWallMs: 3 },
  ];
  assertEquals(rememberedContacts(records, keyOf("Ann")), [{ key: keyOf("Bob"), endpoint }]);
});

Deno.test("Entrances keeps those who were met last, and writes each once in a while", () => {
  const contact = (at: number) => ({
    key: keyOf(`met ${at}`),
    endpoint: { host: "h", port: 1 + at },
  });
  const hourMs = 3_600_000;
  const entrances = new Entrances([
    { kind: "entrance", contact: contact(0), heardWallMs: 0 },
    { kind: "entrance", contact: contact(1), heardWallMs: 0 },
  ]);

  const written = [0, hourMs, 7 * hourMs].map((wallMs) =>
    entrances.met("entrance", contact(0), wallMs) !== null
  );
  const moved = { ...contact(0), endpoint: { host: "elsewhere", port: 1 } };
  assertEquals(written, [false, false, true]);
  assertEquals(entrances.met("entrance", moved, 7 * hourMs)?.contact, moved);
  assertEquals(entrances.contacts("entrance"), [contact(1), moved]);

  const last = 2 * ACQUAINTANCES_MAX - 1;
  for (let at = 2; at <= last; at++) entrances.met("entrance", contact(at), 8 * hourMs);
  assertEquals(entrances.records.length, ACQUAINTANCES_MAX);
  assertEquals(entrances.contacts("entrance").at(-1), contact(last));

  // Those who dial us displace nobody whom we dialled.
  assertEquals(entrances.met("caller", contact(last), 8 * hourMs), null);
  for (let at = 100; at < 200; at++) entrances.met("caller", contact(at), 8 * hourMs);
  const again = new Entrances(entrances.records);
  assertEquals(again.contacts("entrance"), entrances.contacts("entrance"));
  assertEquals(again.contacts("caller").length, ACQUAINTANCES_MAX);
  assertEquals(again.contacts("caller").at(-1), contact(199));
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
    MESH_LOG.line(record).fields.join("\t").length
  );

  assertEquals(lengths.length, FRONTIER_AUTHORS_MAX / 256 + 1);
  assert(Math.max(...lengths) < 65_536, `the longest has ${Math.max(...lengths)} characters`);
});

function entries(length: number, counter: number): readonly StreamEntry[] {
  const author = keyOf("Bob");
  const id = "1".repeat(64) as BundleId;
  return Array.from(
    { length },
    (_, incarnation) => ({ author, incarnation, counter, id, low: 1, closed: false }),
  );
}
