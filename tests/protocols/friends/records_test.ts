import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { FRIENDS_LOG, type FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { joinCells, splitCells } from "../../../lib/store/disk/record_line.ts";

const KEY = "b".repeat(64) as PeerKey;
const ID = "0123456789abcdef".repeat(2);
const SENT_AT = 1_700_000_000_000;
const position = { epoch: 447_000_000_000_123, number: 7 };
const message = { position, id: ID, sentAt: SENT_AT, text: "hello" };

const RECORDS: readonly FriendsRecord[] = [
  { kind: "queued", to: "bob", ...message },
  { kind: "queued", to: "Zoë", ...message, text: "tab\there\nline \\n" },
  { kind: "queued", to: "bob", ...message, position: null },
  { kind: "queued", to: "bob", ...message, sentAt: Number.MAX_SAFE_INTEGER },
  { kind: "released", to: "bob", from: position },
  { kind: "delivered", to: "bob", through: position },
  { kind: "unsent", to: "bob", id: ID },
  { kind: "received", from: "bob", key: KEY, ...message },
  { kind: "received", from: "bob", key: KEY, ...message, text: "" },
  { kind: "skipped", key: KEY, through: position },
  { kind: "shown", key: KEY, through: position },
];

/** What is read of a record that was written, through the cells of its line. */
function reread(record: FriendsRecord): FriendsRecord {
  const { kind, fields } = FRIENDS_LOG.line(record);
  const [first, ...rest] = splitCells(joinCells([kind, ...fields])) as readonly string[];
  return FRIENDS_LOG.record({ kind: first!, fields: rest });
}

for (const record of RECORDS) {
  Deno.test(`FRIENDS_LOG.record() gives back ${JSON.stringify(record).slice(0, 60)}, through its line`, () => {
    assertEquals(reread(record), record);
  });
}

Deno.test("FRIENDS_LOG.line() keeps any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const record: FriendsRecord = { kind: "received", from: "bob", key: KEY, ...message, text };
      assertEquals(reread(record), record);
    }),
    { numRuns: 50 },
  );
});

Deno.test("FRIENDS_LOG.line() puts time, name and text where cut and grep find them", () => {
  for (const record of RECORDS) {
    if (record.kind !== "queued" && record.kind !== "received") continue;
    const { fields } = FRIENDS_LOG.line(record);
    const name = record.kind === "queued" ? record.to : record.from;
    assertEquals(fields.slice(1, 3), [name, record.text]);
  }
  assertEquals(FRIENDS_LOG.line(RECORDS[1]!).fields[0], "2023-11-14T22:13:20.000Z");
});

/** Of each kind, what stands in a field in which not everything may. */
const CHECKED: readonly (readonly [kind: string, fields: readonly string[], free: number[]])[] = [
  ["queued", ["2026-01-01T00:00:00.000Z", "bob", "hi", ID, "5", "1"], [1, 2]],
  ["released", ["bob", "5", "1"], [0]],
  ["delivered", ["bob", "5", "1"], [0]],
  ["unsent", ["bob", ID], [0]],
  ["received", ["2026-01-01T00:00:00.000Z", "bob", "hi", ID, "5", "1", KEY], [1, 2]],
  ["skipped", [KEY, "5", "1"], []],
  ["shown", [KEY, "5", "1"], []],
];
const BEFORE_1970 = "1950-01-01T00:00:00.000Z";
const WRONG = [
  "",
  " ",
  "-1",
  "1.5",
  "1e3",
  "0x10",
  "NaN",
  BEFORE_1970,
  ID.toUpperCase(),
  `${KEY}0`,
];

function assertCorrupt(kind: string, fields: readonly string[]): void {
  const what = JSON.stringify([kind, ...fields]);
  const error = assertThrows(() => FRIENDS_LOG.record({ kind, fields }), P2pchatError, kind, what);
  assertEquals(error.code, "store-corrupt");
}

for (const [kind, fields, free] of CHECKED) {
  Deno.test(`FRIENDS_LOG.record() refuses a ${kind} with any field damaged or missing`, () => {
    FRIENDS_LOG.record({ kind, fields });
    for (const at of fields.keys()) {
      assertCorrupt(kind, fields.slice(0, at));
      if (free.includes(at)) continue;
      for (const wrong of WRONG) assertCorrupt(kind, fields.with(at, wrong));
    }
  });
}

Deno.test("FRIENDS_LOG.record() refuses a kind that it doesn't know", () => {
  assertCorrupt("tomorrow", ["5"]);
});
