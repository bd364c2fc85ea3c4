import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { nodeCrypto, nodeSigner } from "../../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../../lib/base/errors.ts";
import type { Hash, MessageId, PeerKey, RequestId } from "../../../../lib/base/ids.ts";
import {
  isRequestAuthentic,
  type SignedEditRequest,
  signEditRequest,
} from "../../../../lib/protocols/group/schema/edit.ts";
import {
  type Epoch,
  isSignedBy,
  recordedView,
  signEpoch,
} from "../../../../lib/protocols/group/schema/epoch.ts";
import { signFormerKeys } from "../../../../lib/protocols/group/schema/former_keys.ts";
import {
  COORDINATOR_NAME,
  isAuthentic,
  signBatch,
  type SignedBatch,
} from "../../../../lib/protocols/group/schema/history.ts";
import {
  COORDINATOR_STATE_LOG,
  MEMBER_STATE_LOG,
} from "../../../../lib/protocols/group/schema/records.ts";
import type { LogRecord, RecordOf } from "../../../../lib/base/schema/log_records.ts";
import { joinCells, splitCells } from "../../../../lib/store/disk/record_line.ts";
import { foundedBy } from "../founded.ts";

const GROUP = "5a".repeat(32) as Hash;
const FOUNDING = { ...foundedBy("c".repeat(64) as PeerKey), edits: "ask", private: true } as const;
const KEY = "b".repeat(64) as PeerKey;
const SIGNER = nodeSigner(new Uint8Array(32).fill(1));
type MemberState = RecordOf<typeof MEMBER_STATE_LOG>;
type CoordinatorState = RecordOf<typeof COORDINATOR_STATE_LOG>;

const EPOCH: Epoch = {
  group: GROUP,
  by: SIGNER.key,
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
    signedIn: { number: 1, round: 0 },
    rules: null,
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

/** What somebody asks for, in the words that programs may take for others. */
function asked(text: string, number = 1): SignedEditRequest {
  return signEditRequest(SIGNER, {
    group: GROUP,
    requester: SIGNER.key,
    name: "alice",
    incarnation: new Uint8Array(8).fill(9),
    number,
    askedAt: 1_769_860_800_000,
    seq: 41 + number,
    entry: "e1".repeat(32) as MessageId,
    old: "0d".repeat(32) as Hash,
    text,
  });
}

/** As a later version would sign it. */
function laterAsked(): SignedEditRequest {
  const known = asked("from the future").request;
  const bytes = new Uint8Array([...known.bytes, 1, 2, 3]);
  return { request: { bytes, value: known.value }, signature: new Uint8Array(64).fill(5) };
}

const AGREED = [
  { key: KEY, name: "Zoë", signature: new Uint8Array(64).fill(4) },
  { key: SIGNER.key, name: "a\tb, \\n", signature: new Uint8Array(64).fill(5) }, // nobody has checked it
] as const;

function decided(...wanted: readonly SignedEditRequest[]): SignedBatch {
  return signBatch(SIGNER, {
    kind: "edits",
    signedIn: { number: 0, round: 0 },
    rules: null,
    edits: wanted.map((signed, index) => ({
      edit: 7 + index,
      signed,
      view: 12,
      agreed: AGREED.slice(0, index),
    })),
    group: GROUP,
    author: SIGNER.key,
    name: COORDINATOR_NAME,
    incarnation: new Uint8Array(8).fill(9),
    counter: 7,
    sentAt: 1_769_860_800_000,
    texts: [],
  });
}

const AWKWARD = ["tab\there\nline", '{"command":"x"}', "%s%n", "/exit", "\\", "edit 7"] as const;
const AWKWARD_EDITS = decided(...AWKWARD.map((text, index) => asked(text, index + 1)));

/** As a later version would sign it: it knows a field more. */
function later(): SignedBatch {
  const known = said("from the future").batch;
  const bytes = new Uint8Array([...known.bytes, 1, 2, 3]);
  return {
    batch: { bytes, value: known.value },
    signature: new Uint8Array(64).fill(5),
    view: null,
  };
}

const MEMBER: readonly MemberState[] = [
  { kind: "group", group: GROUP, founding: FOUNDING, coordinator: KEY },
  { kind: "group", group: GROUP, founding: FOUNDING, coordinator: KEY, starts: ["0a0b0c"] },
  {
    kind: "group",
    group: GROUP,
    founding: FOUNDING,
    coordinator: KEY,
    starts: ["0a0b0c", "09".repeat(8)],
  },
  { kind: "former", signed: signFormerKeys(SIGNER, { group: GROUP, keys: [KEY, SIGNER.key] }) },
  { kind: "promised", ballot: { number: 12, round: 0 }, isLeaving: true },
  { kind: "promised", ballot: { number: 12, round: 3 }, isLeaving: false },
  { kind: "view", signed: SIGNED },
  { kind: "begun", signed: SIGNED },
  { kind: "recovered" },
  { kind: "out" },
  { kind: "held", after: 41, batch: said("hello") },
  { kind: "held", after: 0, batch: said("tab\there", "line \\n\nfeed", "") },
  { kind: "held", after: 42, batch: later() },
  { kind: "held", after: 42, batch: { ...said("hi"), view: recordedView(SIGNED) } },
  { kind: "dropped", position: 41 },
  { kind: "dropped", position: 41, givenUp: 7 },
  { kind: "levelling", position: 41 },
  { kind: "levelled", ballot: { number: 13, round: 0 } },
  { kind: "said", batch: said("hello", "again") },
  { kind: "held", after: 43, batch: decided(asked("at eight?")) },
  { kind: "held", after: 44, batch: AWKWARD_EDITS },
  { kind: "held", after: 50, batch: decided(asked("a"), laterAsked(), asked("b", 2)) },
  { kind: "prepared", edit: 7, view: 3, isConsented: true, signed: asked("at eight?") },
  ...AWKWARD.map((text) => ({ kind: "asked", edit: 7, signed: asked(text) } as const)),
  { kind: "prepared", edit: 0, view: 0, isConsented: false, signed: laterAsked() },
  { kind: "settled", id: "66".repeat(32) as RequestId },
  { kind: "logged", point: EPOCH.start },
];

const COORDINATOR: readonly CoordinatorState[] = [
  { kind: "group", group: GROUP, founding: FOUNDING },
  { kind: "fresh" },
  { kind: "rules", rules: null },
  { kind: "rules", rules: { edits: "auto" } },
  { kind: "key", key: KEY },
  { kind: "number", number: 12 },
  { kind: "decided", signed: SIGNED },
  { kind: "lost" },
  { kind: "lost", told: { founding: FOUNDING, signed: SIGNED } },
  { kind: "recounted", signed: SIGNED },
  { kind: "secret", secret: { epoch: 3, secret: new Uint8Array(16).fill(6) } },
  { kind: "confirmed", ballot: { number: 12, round: 0 } },
  { kind: "kicked", key: fingerprintOf(KEY), name: "Zoë" },
  { kind: "kicked", key: fingerprintOf(KEY), name: "Mal", because: "equivocated" },
  { kind: "allowed", key: fingerprintOf(KEY) },
  { kind: "given-up", ballot: { number: 11, round: 0 } },
  { kind: "edits", number: 64 },
  { kind: "committed", batch: AWKWARD_EDITS },
  { kind: "applied", incarnation: "09".repeat(8), counter: 12 },
  {
    kind: "aborted",
    edit: 7,
    id: "66".repeat(32) as RequestId,
    reason: { code: "no", who: [KEY, KEY], said: "Bob said\tno\n%s" },
  },
  {
    kind: "aborted",
    edit: 8,
    id: "67".repeat(32) as RequestId,
    reason: { code: "forgotten", who: [], said: "" },
  },
  { kind: "logged", point: EPOCH.start },
];

/** Through the cells of a line in the file. */
function throughLine({ kind, fields }: LogRecord): LogRecord {
  const [first, ...rest] = splitCells(joinCells([kind, ...fields])) as readonly string[];
  return { kind: first!, fields: rest };
}

for (const [number, record] of MEMBER.entries()) {
  Deno.test(`MEMBER_STATE_LOG.record() gives back ${number}: ${JSON.stringify(record).slice(0, 60)}`, () => {
    assertEquals(MEMBER_STATE_LOG.record(throughLine(MEMBER_STATE_LOG.line(record))), record);
  });
}

for (const record of COORDINATOR) {
  Deno.test(`COORDINATOR_STATE_LOG.record() gives back ${JSON.stringify(record).slice(0, 60)}`, () => {
    assertEquals(
      COORDINATOR_STATE_LOG.record(throughLine(COORDINATOR_STATE_LOG.line(record))),
      record,
    );
  });
}

Deno.test("MEMBER_STATE_LOG.record() keeps signatures that fit", () => {
  const held = MEMBER_STATE_LOG.record(
    MEMBER_STATE_LOG.line({ kind: "held", after: 0, batch: said("a", "b") }),
  );
  const begun = MEMBER_STATE_LOG.record(MEMBER_STATE_LOG.line({ kind: "begun", signed: SIGNED }));

  assertEquals(held.kind === "held" && isAuthentic(nodeCrypto, held.batch), true);
  const edits = MEMBER_STATE_LOG.record(
    throughLine(MEMBER_STATE_LOG.line({ kind: "held", after: 0, batch: AWKWARD_EDITS })),
  );
  assertEquals(edits.kind === "held" && isAuthentic(nodeCrypto, edits.batch), true);
  const prepared = MEMBER_STATE_LOG.record(
    throughLine(MEMBER_STATE_LOG.line({ kind: "asked", edit: 7, signed: asked("x") })),
  );
  assertEquals(prepared.kind === "asked" && isRequestAuthentic(nodeCrypto, prepared.signed), true);
  assertEquals(begun.kind === "begun" && isSignedBy(nodeCrypto, SIGNER.key, begun.signed), true);
});

Deno.test("MEMBER_STATE_LOG.record() gives back any texts", () => {
  const texts = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(texts, (texts) => {
      const record: MemberState = { kind: "held", after: 1, batch: said(...texts) };
      assertEquals(MEMBER_STATE_LOG.record(throughLine(MEMBER_STATE_LOG.line(record))), record);
    }),
    { numRuns: 50 },
  );
});

Deno.test("MEMBER_STATE_LOG.record() gives back any edits", () => {
  const texts = fc.array(fc.string({ unit: "grapheme", minLength: 1 }), {
    minLength: 1,
    maxLength: 9,
  });
  fc.assert(
    fc.property(texts, (texts) => {
      const batch = decided(...texts.map((text, index) => asked(text, index + 1)));
      const record: MemberState = { kind: "held", after: 1, batch };
      assertEquals(MEMBER_STATE_LOG.record(throughLine(MEMBER_STATE_LOG.line(record))), record);
    }),
    { numRuns: 50 },
  );
});

Deno.test("lines of edits have number, entry, who and what where cut and grep find them", () => {
  const signed = asked("at eight?");
  const prepared = MEMBER_STATE_LOG.line({
    kind: "prepared",
    edit: 7,
    view: 3,
    isConsented: true,
    signed,
  });
  const own = MEMBER_STATE_LOG.line({ kind: "asked", edit: 7, signed });
  const committed = COORDINATOR_STATE_LOG.line({ kind: "committed", batch: decided(signed) });
  const aborted = COORDINATOR_STATE_LOG.line({
    kind: "aborted",
    edit: 7,
    id: "66".repeat(32) as RequestId,
    reason: { code: "no", who: [], said: "no" },
  });

  assertEquals(prepared.fields.slice(0, 6), ["7", "3", "consented", "42", "alice", "at eight?"]);
  assertEquals(own.fields.slice(0, 4), ["7", "42", "alice", "at eight?"]);
  assertEquals(committed.fields.slice(0, 6), [
    "2026-01-31T12:00:00.000Z",
    "*coordinator*",
    "7",
    "42",
    "alice",
    "at eight?",
  ]);
  assertEquals(aborted.fields.slice(0, 2), ["7", "no"]);
});

Deno.test("MEMBER_STATE_LOG.line() puts time, name and texts where cut and grep find them", () => {
  const { fields } = MEMBER_STATE_LOG.line({
    kind: "held",
    after: 41,
    batch: said("hello", "again"),
  });

  assertEquals(fields.slice(0, 5), ["41", "2026-01-31T12:00:00.000Z", "alice", "hello", "again"]);
  assertEquals(MEMBER_STATE_LOG.line({ kind: "begun", signed: SIGNED }).fields.slice(0, 3), [
    "3.2",
    "41",
    "alice Zoë",
  ]);
});

const ASKED = MEMBER_STATE_LOG.line({ kind: "asked", edit: 7, signed: asked("a") }).fields;
/** Two edits, to the second of which Zoë agreed. */
const HELD =
  MEMBER_STATE_LOG.line({ kind: "held", after: 1, batch: decided(asked("a"), asked("b")) }).fields;

/** What a line says, and what is wrong with that. */
const BAD_EDITS: readonly (readonly [LogRecord, string])[] = [
  [{ kind: "asked", fields: ASKED.slice(0, -1) }, "the group of an edit is missing"],
  [{ kind: "asked", fields: ASKED.slice(0, 5) }, "the group of an edit is missing"],
  [{ kind: "asked", fields: ASKED.with(1, "-1") }, 'no count is "-1"'],
  [{ kind: "asked", fields: ASKED.with(2, "\ud800") }, "a name has half a character"],
  [{ kind: "asked", fields: ASKED.with(2, "x".repeat(129)) }, "a name is longer than any may be"],
  [{ kind: "asked", fields: ASKED.with(3, "\udfff") }, "a text has half a character"],
  [{ kind: "asked", fields: ASKED.with(3, "x".repeat(65_537)) }, "a text is longer than any"],
  [{ kind: "asked", fields: ASKED.with(7, "noon") }, 'no time is "noon"'],
  [{ kind: "asked", fields: ASKED.with(11, "00".repeat(70_000)) }, "longer than it may be"],
  [{ kind: "prepared", fields: ASKED }, "who was asked is missing"],
  [
    { kind: "prepared", fields: ["7", "3", "unasked", ...ASKED.slice(1, -1)] },
    "the group of an edit is missing",
  ],
  [{ kind: "settled", fields: ["66"] }, 'no id or key is "66"'],
  [
    { kind: "settled", fields: ["6".repeat(5_000)] },
    `no id or key is "${"6".repeat(60)}...": a newer version`,
  ],
  [{ kind: "held", fields: HELD.with(5, "a\ud800") }, "a name has half a character"],
  [{ kind: "held", fields: HELD.with(16, "1") }, "is"],
  [{ kind: "held", fields: HELD.with(16, "65") }, "no more than 64 agree to an edit"],
  [{ kind: "held", fields: HELD.with(16, "60") }, "cells of an edit are missing"],
  [{ kind: "held", fields: HELD.with(HELD.length - 11, "Z\ud800") }, "a name has half a character"],
  [{ kind: "held", fields: HELD.with(HELD.length - 10, "key") }, 'no id or key is "key"'],
  [
    { kind: "held", fields: [...HELD.slice(0, 3), ...tooManyEdits(), ...HELD.slice(-8)] },
    "a batch has too many edits",
  ],
  [
    { kind: "held", fields: [...HELD.slice(0, 3), ...tooLongEdits(), ...HELD.slice(-8)] },
    "a batch is longer than any may be",
  ],
];

for (const [line, sentence] of BAD_EDITS) {
  Deno.test(`MEMBER_STATE_LOG.record() refuses ${JSON.stringify(line).slice(0, 60)}: ${sentence}`, () => {
    const error = assertThrows(() => MEMBER_STATE_LOG.record(line), P2pchatError);
    assertEquals(error.code, "store-corrupt");
    assertStringIncludes(error.message, sentence);
  });
}

const BAD: readonly LogRecord[] = [
  { kind: "grown", fields: [] },
  { kind: "group", fields: [GROUP] },
  { kind: "group", fields: [GROUP, KEY, "09".repeat(8)] },
  { kind: "group", fields: [GROUP, KEY, "0a0b0c", "0a0b0c"] },
  { kind: "former", fields: [KEY] },
  { kind: "former", fields: [KEY, "AAAA"] },
  { kind: "promised", fields: ["3.0"] },
  { kind: "promised", fields: ["3.1.2"] },
  { kind: "begun", fields: ["3", "4", "alice", "AAAA"] },
  { kind: "dropped", fields: ["-1"] },
  { kind: "dropped", fields: ["1", "-1"] },
  { kind: "held", fields: ["1", "2026-01-31T12:00:00.000Z", "alice"] },
  {
    kind: "said",
    fields: MEMBER_STATE_LOG.line({ kind: "said", batch: said("a") }).fields.with(3, "key"),
  },
  {
    kind: "said",
    fields: MEMBER_STATE_LOG.line({ kind: "said", batch: said("a") }).fields.with(7, "00"),
  },
  {
    kind: "said",
    fields: MEMBER_STATE_LOG.line({ kind: "said", batch: said("a") }).fields.with(2, "\ud800"),
  },
  {
    kind: "said",
    fields: MEMBER_STATE_LOG.line({ kind: "said", batch: said("a") }).fields.with(
      2,
      "x".repeat(65_537),
    ),
  },
];

/** Cells of 65 edits that nobody was asked about. */
function tooManyEdits(): readonly string[] {
  return Array.from({ length: 65 }, () => HELD.slice(3, 17)).flat();
}

/** Cells of edits that are allowed each, and not together. */
function tooLongEdits(): readonly string[] {
  const long = HELD.slice(3, 17).with(3, "x".repeat(60_000));
  return [...long, ...long];
}

const BAD_COORDINATOR: readonly LogRecord[] = [
  { kind: "edits", fields: ["many"] },
  { kind: "key", fields: ["6a"] },
  { kind: "applied", fields: ["09", "1"] },
  { kind: "applied", fields: ["09".repeat(8)] },
  { kind: "aborted", fields: ["7", "maybe", "", "", "66".repeat(32)] },
  { kind: "committed", fields: HELD.slice(1, -1) },
];

for (const [number, line] of BAD_COORDINATOR.entries()) {
  Deno.test(`COORDINATOR_STATE_LOG.record() refuses ${number}: ${JSON.stringify(line).slice(0, 80)}`, () => {
    const error = assertThrows(() => COORDINATOR_STATE_LOG.record(line), P2pchatError);
    assertEquals(error.code, "store-corrupt");
  });
}

for (const [number, line] of BAD.entries()) {
  Deno.test(`MEMBER_STATE_LOG.record() refuses ${number}: ${JSON.stringify(line).slice(0, 80)}`, () => {
    const error = assertThrows(() => MEMBER_STATE_LOG.record(line), P2pchatError);
    assertEquals(error.code, "store-corrupt");
  });
}

Deno.test("a key that is kept out is read where the whole key was written, too", () => {
  for (const [kind, ...fields] of [["kicked", "Zoë", KEY], ["allowed", KEY]] as const) {
    const record = COORDINATOR_STATE_LOG.record({ kind, fields });
    assertEquals("key" in record && record.key, fingerprintOf(KEY));
  }
  const fields = ["Zoë", fingerprintOf(KEY).replace(/.$/, (last) => last === "a" ? "b" : "a")];
  assertThrows(
    () => COORDINATOR_STATE_LOG.record({ kind: "kicked", fields }),
    P2pchatError,
    "no fingerprint",
  );
});
