import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { P2pchatError } from "../../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { foldName } from "../../../../lib/base/text/names.ts";
import {
  CLIENT_LOG,
  type ClientRecord,
  FORGETTING_CLIENT,
} from "../../../../lib/protocols/directory/schema/client_records.ts";
import { joinCells, splitCells } from "../../../../lib/store/disk/record_line.ts";

const STORE = "0123456789abcdef";
const SENT_AT = 1_700_000_000_000;
const place = { store: STORE, as: foldName("Zoë"), number: 1_700_000_000_123 };
const key = fingerprintOf("b".repeat(64) as PeerKey);
const directory = fingerprintOf("d".repeat(64) as PeerKey);
const heard = {
  kind: "heard",
  from: "Bob",
  sentAt: SENT_AT,
  text: "hello",
  ...place,
  key,
  own: SENT_AT,
  directory,
  isLasting: true,
} as const;

const RECORDS: readonly ClientRecord[] = [
  heard,
  { ...heard, from: "*directory*", text: "tab\there\nline \\n" },
  { ...heard, sentAt: Number.MAX_SAFE_INTEGER, text: "" },
  { kind: "through", ...place },
  { kind: "spoke", from: "Bob", as: place.as, key, own: 7, sentAt: 8, directory, isLasting: false },
  { kind: "forgotten", as: place.as, directory, start: "k7", sentAt: SENT_AT },
  { kind: "said", own: 7 },
  { kind: "shown", ...place, as: foldName("ß") },
];

/** What is read of a record that was written, through the cells of its line. */
function reread(record: ClientRecord): ClientRecord {
  const { kind, fields } = CLIENT_LOG.line(record);
  const [first, ...rest] = splitCells(joinCells([kind, ...fields])) as readonly string[];
  return CLIENT_LOG.record({ kind: first!, fields: rest });
}

for (const record of RECORDS) {
  Deno.test(`CLIENT_LOG.record() gives back ${JSON.stringify(record).slice(0, 60)}, through its line`, () => {
    assertEquals(reread(record), record);
  });
}

Deno.test("CLIENT_LOG.line() keeps any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assertEquals(reread({ ...heard, text }), { ...heard, text });
    }),
    { numRuns: 50 },
  );
});

Deno.test("CLIENT_LOG.line() puts time, name and text where cut and grep find them", () => {
  const { fields } = CLIENT_LOG.line(heard);

  assertEquals(fields.slice(0, 3), ["2023-11-14T22:13:20.000Z", "Bob", "hello"]);
});

const TIME = "2026-01-01T00:00:00.000Z";
/** Of each kind, what stands in a field in which not everything may. */
const CHECKED: readonly (readonly [kind: string, fields: readonly string[], free: number[]])[] = [
  [
    "heard",
    [TIME, "Bob", "hi", "ann", STORE, "5", key, "7", directory, "lasting"],
    [1, 2],
  ],
  ["spoke", [TIME, "Bob", "ann", key, "7", directory, "passing"], [1]],
  ["forgotten", [TIME, "k7", "ann", directory], []],
  ["said", ["7"], []],
  ["through", ["ann", STORE, "5"], []],
  ["shown", ["ann", STORE, "5"], []],
];
const WRONG = ["", "-1", "1.5", "1e3", "0x10", "1950-01-01T00:00:00.000Z", "Ann", `${STORE}00`];

function assertCorrupt(kind: string, fields: readonly string[]): void {
  const what = JSON.stringify([kind, ...fields]);
  const error = assertThrows(() => CLIENT_LOG.record({ kind, fields }), P2pchatError, kind, what);
  assertEquals(error.code, "store-corrupt");
}

for (const [kind, fields, free] of CHECKED) {
  Deno.test(`CLIENT_LOG.record() refuses a ${kind} with any field damaged or missing`, () => {
    CLIENT_LOG.record({ kind, fields });
    for (const at of fields.keys()) {
      assertCorrupt(kind, fields.slice(0, at));
      if (free.includes(at)) continue;
      // A name may look like a number.
      const wrong = fields[at] === "ann" ? ["", "Ann"] : WRONG;
      for (const each of wrong) assertCorrupt(kind, fields.with(at, each));
    }
  });
}

Deno.test("CLIENT_LOG.record() refuses a kind that it doesn't know", () => {
  assertCorrupt("tomorrow", ["5"]);
});

Deno.test("FORGETTING_CLIENT leaves no text of any record, and what tells that a broadcast came before", () => {
  const { withoutWords, withEarlierWords } = FORGETTING_CLIENT;
  // A kind that is added has to be thought of.
  assertEquals(Object.keys(CLIENT_LOG.rows), [
    "heard",
    "through",
    "spoke",
    "forgotten",
    "said",
    "shown",
  ]);
  assertEquals(withoutWords(heard), { ...heard, text: "" });
  const others = RECORDS.filter(({ kind }) => kind !== "heard");
  assertEquals(others.map(withoutWords), others);
  const later = { ...heard, number: heard.number + 1 };
  assertEquals(
    withEarlierWords([heard, later, ...others], [heard, ...others]),
    [heard, { ...later, text: "" }, ...others],
  );
});
