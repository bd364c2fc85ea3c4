import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { P2pchatError } from "../../../../lib/base/errors.ts";
import type {
  BundleId,
  ClaimId,
  Hash,
  PeerKey,
  ProcessKey,
  RoomId,
} from "../../../../lib/base/ids.ts";
import { decode, encode, makeEmbedded } from "../../../../lib/base/schema/schema.ts";
import {
  FORGETTING_ROOM,
  MESH_LOG,
  type MeshRecord,
} from "../../../../lib/protocols/mesh/schema/records.ts";
import {
  beaconSchema,
  type Bundle,
  bundleSchema,
  claimSchema,
  genesisSchema,
  type Head,
  headerSchema,
  rotationSchema,
  rulingSchema,
  textListSchema,
} from "../../../../lib/protocols/mesh/schema/structures.ts";
import type { LogRecord } from "../../../../lib/base/schema/log_records.ts";
import { joinCells, splitCells } from "../../../../lib/store/disk/record_line.ts";

const id = <T extends string>(digit: string) => digit.repeat(64) as T;
const signature = new Uint8Array(64).fill(7);

function bundle(texts: readonly string[], sentAt = 1_700_000_000_000): Bundle {
  return {
    header: makeEmbedded(headerSchema, {
      version: 1,
      room: id<RoomId>("a"),
      author: id<PeerKey>("b"),
      incarnation: 5,
      kind: "texts",
      counter: 1,
      count: texts.length,
      claim: id<ClaimId>("c"),
      previous: null,
      heads: [],
      time: 9,
      sentAt,
      textsHash: id<Hash>("d"),
    }),
    signature,
    texts: makeEmbedded(textListSchema, texts),
  };
}

const claim = {
  claim: makeEmbedded(claimSchema, {
    version: 1,
    room: id<RoomId>("a"),
    name: "Bob",
    folded: "bob",
    key: id<PeerKey>("b"),
    incarnation: 3,
    after: { time: 1, id: id<BundleId>("e") },
    time: 2,
    admitter: id<PeerKey>("d"),
  }),
  signature,
  admission: signature,
};
const genesis = {
  genesis: makeEmbedded(genesisSchema, {
    version: 1,
    nonce: new Uint8Array(16),
    private: false,
    founder: id<PeerKey>("b"),
    time: 1,
  }),
  signature,
};
const beacon = {
  beacon: makeEmbedded(beaconSchema, {
    version: 1,
    room: id<RoomId>("a"),
    key: id<PeerKey>("b"),
    incarnation: 3,
    number: 4,
    state: "alive" as const,
    claim: id<ClaimId>("c"),
    endpoint: { host: "::1", port: 55_107 },
    meeting: null,
    passive: false,
    boxKey: new Uint8Array(32),
    epoch: 0,
    frontier: id<Hash>("1"),
    roster: id<Hash>("2"),
    latest: 0,
    intervalMs: 10_000,
    process: id<ProcessKey>("3"),
    away: "lunch",
  }),
  signature,
};
const rotation = {
  rotation: makeEmbedded(rotationSchema, {
    version: 1,
    room: id<RoomId>("a"),
    epoch: 3,
    secret: new Uint8Array(16).fill(5),
    author: id<PeerKey>("b"),
    stays: [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)],
    removed: 1,
    removedId: new Uint8Array(16).fill(3),
  }),
  signature,
};
const ruling = {
  ruling: makeEmbedded(rulingSchema, {
    version: 1,
    room: id<RoomId>("a"),
    kind: "remove",
    subject: id<PeerKey>("b"),
    author: id<PeerKey>("c"),
    counter: 7,
  }),
  signature,
};
const header = { header: bundle(["x"]).header, signature };

const HEAD: Head = {
  author: id<PeerKey>("b"),
  incarnation: 1,
  counter: 2,
  time: 5,
  id: id<BundleId>("d"),
};
const ENTRY = {
  author: id<PeerKey>("b"),
  incarnation: 1,
  low: 4,
  counter: 9,
  id: id<BundleId>("9"),
  closed: false,
};

const RECORDS: readonly MeshRecord[] = [
  { kind: "genesis", genesis },
  { kind: "incarnation", incarnation: 1_700_000_000_001 },
  { kind: "claim", claim },
  { kind: "bundle", bundle: bundle(["tab\there", "line\nfeed", "", "\\n isn't one"]) },
  { kind: "bundle", bundle: bundle(["by a clock that no date can hold"], 2 ** 53 - 1) },
  { kind: "arrival", baseline: [] },
  {
    kind: "arrival",
    baseline: [ENTRY],
  },
  { kind: "shown", through: null },
  { kind: "shown", through: id<BundleId>("8") },
  {
    kind: "frontier",
    entries: [ENTRY],
  },
  {
    kind: "floor",
    time: 7,
    id: id<BundleId>("c"),
    authorsTime: 3,
    heads: [HEAD],
  },
  { kind: "proof", proof: { first: header, second: header } },
  { kind: "time", time: 1_700_000_000_000, jumpedMs: 5, atMs: 1_600_000_000_000 },
  { kind: "closed", stream: { author: id<PeerKey>("d"), incarnation: 3 }, from: 7, before: 5 },
  { kind: "member", beacon, heardWallMs: 1_700_000_000_123 },
  {
    kind: "entrance",
    contact: { key: id<PeerKey>("b"), endpoint: { host: "bob.local", port: 55_107 } },
    heardWallMs: 1_700_000_000_123,
  },
  {
    kind: "caller",
    contact: { key: id<PeerKey>("b"), endpoint: { host: "192.168.1.5", port: 1 } },
    heardWallMs: 1_700_000_000_123,
  },
  { kind: "seen", keys: [id<PeerKey>("b"), id<PeerKey>("d")] },
  { kind: "rotation", rotation: { rotation, claim } },
  { kind: "ruling", ruling },
  { kind: "invited", secret: { epoch: 2 ** 32 - 1, secret: new Uint8Array(16).fill(7) } },
  { kind: "pin", name: "Bob", key: id<PeerKey>("b") },
  {
    kind: "private-queued",
    to: id<PeerKey>("b"),
    name: "Bob",
    incarnation: 1_700_000_000_001,
    counter: 3,
    sentAt: 1_700_000_000_123,
    text: "tab\there\nand a line",
    heads: [HEAD],
  },
  {
    kind: "private-queued",
    to: id<PeerKey>("b"),
    name: "Bob",
    incarnation: 1,
    counter: 4,
    sentAt: 2 ** 53 - 1,
    text: "",
    heads: [],
  },
  { kind: "private-ended", to: id<PeerKey>("b"), incarnation: 1, counter: 2 },
  { kind: "private-received", from: id<PeerKey>("b"), incarnation: 1, counter: 2 },
  { kind: "left", reason: "quit" },
];

for (const record of RECORDS) {
  Deno.test(`MESH_LOG.record() gives back a record of kind ${record.kind}, through its line too`, () => {
    const line = MESH_LOG.line(record);

    const read = splitCells(joinCells([line.kind, ...line.fields])) as readonly string[];

    assertEquals(MESH_LOG.record({ kind: read[0] as string, fields: read.slice(1) }), record);
  });
}

Deno.test("MESH_LOG.line() puts a bundle's time, author and texts where cut and grep find them", () => {
  const { fields } = MESH_LOG.line({ kind: "bundle", bundle: bundle(["hello", "there"]) });

  assertEquals(fields.slice(0, 4), [
    "2023-11-14T22:13:20.000Z",
    id("b"),
    "hello",
    "there",
  ]);
});

Deno.test("MESH_LOG.line() keeps the exact bytes of a bundle's texts, those of a later version too", () => {
  const known = makeEmbedded(textListSchema, ["hi"]);
  const longer = { ...known, bytes: Uint8Array.of(...known.bytes, 1, 2, 3) };
  const later = { ...bundle(["hi"]), texts: longer };

  const read = MESH_LOG.record(MESH_LOG.line({ kind: "bundle", bundle: later }));

  assertEquals(read, { kind: "bundle", bundle: decode(bundleSchema, encode(bundleSchema, later)) });
  assertEquals(read.kind === "bundle" && read.bundle.texts.bytes, longer.bytes);
});

Deno.test("MESH_LOG.line() keeps any texts", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 20 }), (texts) => {
      const record: MeshRecord = { kind: "bundle", bundle: bundle(texts) };
      assertEquals(MESH_LOG.record(MESH_LOG.line(record)), record);
    }),
    { numRuns: 50 },
  );
});

/** The line of a bundle in which somebody has put these texts. */
function withTexts(...texts: readonly string[]): LogRecord {
  const { kind, fields } = MESH_LOG.line({ kind: "bundle", bundle: bundle(["hi"]) });
  return { kind, fields: [...fields.slice(0, 2), ...texts, fields.at(-1)!] };
}

const DAMAGED = [
  withTexts("half: \ud800"),
  withTexts("x".repeat(65_537)),
  withTexts(...Array(257).fill("")),
  { kind: "entrance", fields: ["soon", "ab".repeat(32), "localhost", "55107"] },
  { kind: "bundle", fields: [] },
  { kind: "bundle", fields: ["", "b"] },
  { kind: "frontier", fields: ["!"] },
  { kind: "incarnation", fields: ["-1"] },
  { kind: "pin", fields: ["Bob", "nokey"] },
  { kind: "left", fields: ["angry"] },
  { kind: "closed", fields: ["ab".repeat(32), "3", "-1"] },
  { kind: "member", fields: ["2020", "x"] },
  { kind: "tomorrow", fields: [] },
];

for (const record of DAMAGED) {
  Deno.test(`MESH_LOG.record() refuses ${JSON.stringify(record).slice(0, 100)}`, () => {
    const error = assertThrows(() => MESH_LOG.record(record), P2pchatError, record.kind);

    assertEquals(error.code, "store-corrupt");
  });
}

Deno.test("FORGETTING_ROOM leaves of a room's records who is who and where, and no words", () => {
  const left = RECORDS.map(FORGETTING_ROOM.withoutWords).filter((record) => record !== null);
  // A kind that is added has to be thought of: it is left on the disk, unless it has words in it.
  assertEquals([...new Set(left.map(({ kind }) => kind))], [
    "genesis",
    "incarnation",
    "claim",
    "proof",
    "caller",
    "entrance",
    "seen",
    "rotation",
    "ruling",
    "invited",
    "pin",
    "private-ended",
    "private-received",
    "left",
  ]);
  const lines = JSON.stringify(left.map(MESH_LOG.line));
  const texts = ["lunch", "and a line", Buffer.from("lunch").toString("base64").slice(0, 4)];
  assertEquals(texts.filter((text) => lines.includes(text)), []);
  const here = {
    ...beacon,
    beacon: makeEmbedded(beaconSchema, { ...beacon.beacon.value, away: "" }),
  };
  const member = { kind: "member", beacon: here, heardWallMs: 1 } as const;
  assertEquals(FORGETTING_ROOM.withoutWords(member), member);
});

Deno.test("FORGETTING_ROOM: a log that is written anew has what was said as it was, and what waits still of what waited then", () => {
  const rest = { to: id<PeerKey>("b"), name: "Bob", incarnation: 1, sentAt: 0, text: "x" };
  const queued = (counter: number) =>
    ({ kind: "private-queued", ...rest, counter, heads: [] }) as const;
  const shown = { kind: "shown", through: null } as const;
  const said = (text: string) => ({ kind: "bundle", bundle: bundle([text]) }) as const;
  const pin = { kind: "pin", name: "Bob", key: id<PeerKey>("b") } as const;
  const earlier = [pin, said("before"), shown, queued(1), queued(2)];
  const all = [said("before"), said("now"), shown, pin, queued(2), queued(3)];
  assertEquals(FORGETTING_ROOM.withEarlierWords(all, earlier), [
    pin,
    said("before"),
    shown,
    pin,
    queued(2),
  ]);
});
