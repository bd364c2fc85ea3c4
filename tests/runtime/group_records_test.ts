import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { nodeCrypto, nodeSigner } from "../../lib/base/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { Hash, PeerKey } from "../../lib/base/ids.ts";
import { type Epoch, isSignedBy, signEpoch } from "../../lib/protocols/group/epoch.ts";
import { isAuthentic, signBatch, type SignedBatch } from "../../lib/protocols/group/history.ts";
import {
  coordinatorLine,
  coordinatorRecord,
  type CoordinatorState,
  memberLine,
  memberRecord,
  type MemberState,
} from "../../lib/runtime/group_records.ts";
import type { LogRecord } from "../../lib/store/log_format.ts";
import { joinCells, splitCells } from "../../lib/store/record_line.ts";

const GROUP = "5a".repeat(32) as Hash;
const KEY = "b".repeat(64) as PeerKey;
const SIGNER = nodeSigner(new Uint8Array(32).fill(1));
const EPOCH: Epoch = {
  group: GROUP,
  view: 3,
  ballot: { number: 3, round: 2 },
  members: [
    {
      key: SIGNER.key,
      name: "alice",
      incarnation: new Uint8Array(8).fill(9),
      host: null,
      port: 9000,
    },
    { key: KEY, name: "Zoë", incarnation: new Uint8Array(8), host: "10.0.0.2", port: 9001 },
  ],
  start: { position: 41, digest: "77".repeat(32) as Hash },
};
const SIGNED = signEpoch(SIGNER, EPOCH);

function said(...texts: readonly string[]): SignedBatch {
  return signBatch(SIGNER, {
    kind: "texts",
    edits: [],
    group: GROUP,
    author: SIGNER.key,
    name: "alice",
    incarnation: new Uint8Array(8).fill(9),
    counter: 7,
    sentAt: 1_769_860_800_000,
    texts,
  });
}

/** As a later version would sign it: it knows a field more. */
function later(): SignedBatch {
  const known = said("from the future").batch;
  const bytes = new Uint8Array([...known.bytes, 1, 2, 3]);
  return { batch: { bytes, value: known.value }, signature: new Uint8Array(64).fill(5) };
}

const MEMBER: readonly MemberState[] = [
  { kind: "group", group: GROUP, coordinator: KEY },
  { kind: "promised", ballot: { number: 12, round: 0 }, isLeaving: true },
  { kind: "promised", ballot: { number: 12, round: 3 }, isLeaving: false },
  { kind: "begun", signed: SIGNED },
  { kind: "out" },
  { kind: "held", after: 41, batch: said("hello") },
  { kind: "held", after: 0, batch: said("tab\there", "line \\n\nfeed", "") },
  { kind: "held", after: 42, batch: later() },
  { kind: "dropped", position: 41 },
  { kind: "levelling", position: 41 },
  { kind: "levelled", ballot: { number: 13, round: 0 } },
  { kind: "said", batch: said("hello", "again") },
  { kind: "logged", point: EPOCH.start },
];

const COORDINATOR: readonly CoordinatorState[] = [
  { kind: "group", group: GROUP },
  { kind: "number", number: 12 },
  { kind: "decided", signed: SIGNED },
  { kind: "confirmed", ballot: { number: 12, round: 0 } },
  { kind: "kicked", key: KEY, name: "Zoë" },
  { kind: "allowed", key: KEY },
  { kind: "given-up", ballot: { number: 11, round: 0 } },
  { kind: "logged", point: EPOCH.start },
];

/** Through the cells of a line in the file. */
function throughLine({ kind, fields }: LogRecord): LogRecord {
  const [first, ...rest] = splitCells(joinCells([kind, ...fields])) as readonly string[];
  return { kind: first!, fields: rest };
}

for (const record of MEMBER) {
  Deno.test(`memberRecord() gives back ${JSON.stringify(record).slice(0, 60)}`, () => {
    assertEquals(memberRecord(throughLine(memberLine(record))), record);
  });
}

for (const record of COORDINATOR) {
  Deno.test(`coordinatorRecord() gives back ${JSON.stringify(record).slice(0, 60)}`, () => {
    assertEquals(coordinatorRecord(throughLine(coordinatorLine(record))), record);
  });
}

Deno.test("memberRecord() keeps signatures that fit", () => {
  const held = memberRecord(memberLine({ kind: "held", after: 0, batch: said("a", "b") }));
  const begun = memberRecord(memberLine({ kind: "begun", signed: SIGNED }));

  assertEquals(held.kind === "held" && isAuthentic(nodeCrypto, held.batch), true);
  assertEquals(begun.kind === "begun" && isSignedBy(nodeCrypto, SIGNER.key, begun.signed), true);
});

Deno.test("memberRecord() gives back any texts", () => {
  const texts = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(texts, (texts) => {
      const record: MemberState = { kind: "held", after: 1, batch: said(...texts) };
      assertEquals(memberRecord(throughLine(memberLine(record))), record);
    }),
    { numRuns: 50 },
  );
});

Deno.test("memberLine() puts time, name and texts where cut and grep find them", () => {
  const { fields } = memberLine({ kind: "held", after: 41, batch: said("hello", "again") });

  assertEquals(fields.slice(0, 5), ["41", "2026-01-31T12:00:00.000Z", "alice", "hello", "again"]);
  assertEquals(memberLine({ kind: "begun", signed: SIGNED }).fields.slice(0, 3), [
    "3.2",
    "41",
    "alice Zoë",
  ]);
});

const BAD: readonly LogRecord[] = [
  { kind: "grown", fields: [] },
  { kind: "group", fields: [GROUP] },
  { kind: "promised", fields: ["3.0"] },
  { kind: "promised", fields: ["3.1.2"] },
  { kind: "begun", fields: ["3", "4", "alice", "AAAA"] },
  { kind: "dropped", fields: ["-1"] },
  { kind: "held", fields: ["1", "2026-01-31T12:00:00.000Z", "alice"] },
  { kind: "said", fields: memberLine({ kind: "said", batch: said("a") }).fields.with(3, "key") },
  { kind: "said", fields: memberLine({ kind: "said", batch: said("a") }).fields.with(7, "00") },
  { kind: "said", fields: memberLine({ kind: "said", batch: said("a") }).fields.with(2, "\ud800") },
  {
    kind: "said",
    fields: memberLine({ kind: "said", batch: said("a") }).fields.with(2, "x".repeat(65_537)),
  },
];

for (const line of BAD) {
  Deno.test(`memberRecord() refuses ${JSON.stringify(line).slice(0, 80)}`, () => {
    const error = assertThrows(() => memberRecord(line), P2pchatError);
    assertEquals(error.code, "store-corrupt");
  });
}
