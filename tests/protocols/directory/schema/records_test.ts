import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { P2pchatError } from "../../../../lib/base/errors.ts";
import type { FoldedName, PeerKey } from "../../../../lib/base/ids.ts";
import {
  type BroadcastRecord,
  DIRECTORY_LOG,
  type DirectoryRecord,
} from "../../../../lib/protocols/directory/schema/records.ts";
import { joinCells, splitCells } from "../../../../lib/store/disk/record_line.ts";

const KEY = "b".repeat(64) as PeerKey;
const STORE = "0123456789abcdef";
const SIGNATURE = "07".repeat(64);
const BROADCAST: BroadcastRecord = {
  kind: "broadcast",
  number: 1_700_000_000_001,
  from: "Zoë",
  fromKey: KEY,
  fromAccount: true,
  own: 7_000_000_000_000_000,
  sentAt: 1_600_000_000_000,
  takenAt: 1_700_000_000_000,
  ttlMs: 1_800_000,
  text: "dinner",
  signature: new Uint8Array(64).fill(7),
};
const bob = "bob" as FoldedName;

const RECORDS: readonly DirectoryRecord[] = [
  { kind: "store", store: STORE, last: 0, directory: KEY },
  { kind: "store", store: STORE, last: 1_700_000_000_001, directory: KEY },
  BROADCAST,
  { ...BROADCAST, fromAccount: false },
  { ...BROADCAST, from: "*directory*", fromKey: null, fromAccount: false },
  { ...BROADCAST, text: "tab\there\nline \\n" },
  { ...BROADCAST, sentAt: Number.MAX_SAFE_INTEGER },
  { ...BROADCAST, takenAt: Number.MAX_SAFE_INTEGER },
  { kind: "got", account: bob, through: 1_700_000_000_001 },
  { kind: "forgotten", account: bob },
];

/** What is read of a record that was written, through the cells of its line. */
function reread(record: DirectoryRecord): DirectoryRecord {
  const { kind, fields } = DIRECTORY_LOG.line(record);
  const [first, ...rest] = splitCells(joinCells([kind, ...fields])) as readonly string[];
  return DIRECTORY_LOG.record({ kind: first!, fields: rest });
}

for (const [at, record] of RECORDS.entries()) {
  Deno.test(`DIRECTORY_LOG.record() gives back ${record.kind}, number ${at}, through its line`, () => {
    assertEquals(reread(record), record);
  });
}

Deno.test("DIRECTORY_LOG.line() keeps any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assertEquals(reread({ ...BROADCAST, text }), { ...BROADCAST, text });
    }),
    { numRuns: 50 },
  );
});

Deno.test("DIRECTORY_LOG.line() puts time, name and text where cut and grep find them", () => {
  const { fields } = DIRECTORY_LOG.line(BROADCAST);
  assertEquals(fields.slice(0, 3), ["2023-11-14T22:13:20.000Z", "Zoë", "dinner"]);
});

/** Of each kind, what stands in a field in which not everything may. */
const TIME = "2026-01-01T00:00:00.000Z";
const CHECKED: readonly (readonly [kind: string, fields: readonly string[], free: number[]])[] = [
  ["store", [STORE, "5", KEY], []],
  ["broadcast", [TIME, "bob", "hi", "5", "account", KEY, "7", "8", "60000", SIGNATURE], [1, 2]],
  ["broadcast", [TIME, "bob", "hi", "5", "guest", KEY, "7", "8", "60000", SIGNATURE], [1, 2]],
  ["broadcast", [TIME, "*directory*", "hi", "5", "operator", "-", "7", "8", "60000", SIGNATURE], [
    1,
    2,
  ]],
  ["got", ["bob", "5"], [0]],
  ["forgotten", ["bob"], [0]],
];
const WRONG = ["", " ", "-1", "1.5", "1e3", "NaN", `${KEY}0`, STORE.toUpperCase(), "member"];

function assertCorrupt(kind: string, fields: readonly string[]): void {
  const what = JSON.stringify([kind, ...fields]);
  const error = assertThrows(
    () => DIRECTORY_LOG.record({ kind, fields }),
    P2pchatError,
    kind,
    what,
  );
  assertEquals(error.code, "store-corrupt");
}

for (const [kind, fields, free] of CHECKED) {
  Deno.test(`DIRECTORY_LOG.record() refuses ${kind} ${fields[4] ?? ""} with any field damaged or missing`, () => {
    DIRECTORY_LOG.record({ kind, fields });
    for (const at of fields.keys()) {
      assertCorrupt(kind, fields.slice(0, at));
      if (free.includes(at)) continue;
      for (const wrong of WRONG) assertCorrupt(kind, fields.with(at, wrong));
    }
  });
}

Deno.test("DIRECTORY_LOG.record() refuses a kind that it doesn't know, and an operator with a key", () => {
  assertCorrupt("tomorrow", ["5"]);
  assertCorrupt("broadcast", [
    TIME,
    "*directory*",
    "hi",
    "5",
    "operator",
    KEY,
    "7",
    "8",
    "60000",
    SIGNATURE,
  ]);
});
