/** What a member of a mesh keeps on disk, in the order in which it was written. */

import { MalformedError } from "../../../base/errors.ts";
import {
  type BundleId,
  distinctEndpoints,
  type Endpoint,
  type PeerKey,
} from "../../../base/ids.ts";
import {
  base64,
  cell,
  type Column,
  count,
  hex,
  isoTime,
  packed,
  packedText,
  text,
  time,
  unpacked,
  word,
} from "../../../base/schema/cells.ts";
import {
  columns,
  list,
  mappedRow,
  nullable,
  optional,
  recordLog,
  type RecordOf,
  row,
} from "../../../base/schema/log_records.ts";
import { encode } from "../../../base/schema/schema.ts";
import { quotedStart, utf8Length } from "../../../base/text/text.ts";
import {
  type Bundle,
  bundleSchema,
  headSchema,
  proofSchema,
  signedBeaconSchema,
  signedClaimSchema,
  signedGenesisSchema,
  signedHeaderSchema,
  signedRotationSchema,
  type SignedRuling,
  signedRulingSchema,
  type Stream,
  textListSchema,
} from "./structures.ts";
import { BUNDLE_TEXT_BYTES_MAX, BUNDLE_TEXTS_MAX } from "./limits.ts";
import { type Contact, type StreamEntry, streamEntrySchema } from "./messages.ts";
import type { ClaimedRotation } from "./rotations.ts";

/** When somebody was last heard of. Another clock, which may be wrong, gave the time. */
const heardWallMs = cell<number>(
  "time",
  (ms) => new Date(ms).toISOString(),
  (text) => {
    const ms = Date.parse(text);
    if (Number.isNaN(ms)) throw new MalformedError(`no time is ${quotedStart(text)}`);
    return ms;
  },
);

const heads = list(packed(headSchema));
const entries = list(packed(streamEntrySchema));
const contact = columns({
  key: hex<PeerKey>(),
  endpoint: columns({ host: text(), port: count() }),
});

const CELLS_BEFORE_TEXTS = 2;

/** Time and author, the texts, and the signed header: its texts are what people search. */
const bundle: Column<Bundle> = {
  width: null,
  describe: () => [
    "*time*, or empty",
    "*author*",
    "*texts*, any number of cells",
    "signed header, base64; the whole bundle where the time is empty",
  ],
  write(cells, { header, signature, texts }) {
    const { author, sentAt } = header.value;
    // Texts are stored as plain cells if these restore the exact bytes; a later version's bytes may contain more.
    const isPlain = encode(textListSchema, texts.value).length === texts.bytes.length;
    if (!isPlain) {
      cells.push("", author, packedText(bundleSchema, { header, signature, texts }));
      return;
    }
    const signed = packedText(signedHeaderSchema, { header, signature });
    cells.push(isoTime(sentAt), author, ...texts.value, signed);
  },
  read(cells) {
    if (cells[0] === "") return unpacked(bundleSchema, cells[CELLS_BEFORE_TEXTS] ?? "");
    const texts = cells.slice(CELLS_BEFORE_TEXTS, -1);
    const { header, signature } = unpacked(signedHeaderSchema, cells.at(-1) ?? "");
    checkTexts(texts);
    const bytes = encode(textListSchema, texts);
    return { header, signature, texts: { bytes, value: texts } };
  },
};

/** @throws {MalformedError} If the texts exceed the limits, so that they couldn't be encoded. */
function checkTexts(texts: readonly string[]): void {
  if (texts.length > BUNDLE_TEXTS_MAX) throw new MalformedError("a bundle has too many texts");
  for (const text of texts) {
    if (!text.isWellFormed()) throw new MalformedError("a text has half a character");
    if (utf8Length(text) > BUNDLE_TEXT_BYTES_MAX) {
      throw new MalformedError("a text is longer than any may be");
    }
  }
}

interface Closed {
  readonly stream: Stream;
  readonly from: number;
  readonly before: number;
}

export const MESH_LOG = recordLog("mesh-room", 1, {
  genesis: row("First of all: which room this is.", { genesis: packed(signedGenesisSchema) }),
  incarnation: row(
    "Written before anything is sent under it; the next start takes a higher one.",
    { incarnation: count() },
  ),
  claim: row("A name's owner; every kept bundle's claim comes before it.", {
    claim: packed(signedClaimSchema, {
      name: ({ claim }) => claim.value.name,
      key: ({ claim }) => claim.value.key,
    }),
  }),
  bundle: row(
    "A bundle that was delivered, own ones included, in the order of delivery; moves its stream's frontier.",
    { bundle },
  ),
  arrival: row(
    "We were admitted as a newcomer: what is above these frontiers is new to us. Until the first `shown`.",
    { baseline: entries },
  ),
  shown: row(
    "This bundle and all before it have been shown, or were never to be (too old for a newcomer); without a bundle, all bundles before this record. The first one ends a newcomer's arrival.",
    { through: nullable(hex<BundleId>()) },
  ),
  frontier: row(
    "Frontiers that no kept bundle accounts for: where a newcomer began, what was skipped, what was dropped as too old. `low` is 1 + the last counter that isn't kept.",
    { entries },
  ),
  floor: row(
    "At a compaction: the place in room order up to which nothing is kept, the room time up to which unknown authors are refused, and heads that aren't kept any more; those that are left over are in records after it.",
    { time: count(), id: hex<BundleId>(), authorsTime: count(), heads },
  ),
  proof: row("Proof that an author has signed two things in one place.", {
    proof: packed(proofSchema),
  }),
  time: row(
    "Room time has jumped to `time`, by `jumpedMs` in all, at `atMs` of our clock; precedes bundles of that time.",
    { time: count(), jumpedMs: count(), atMs: count() },
  ),
  closed: mappedRow(
    "At a compaction: a proof, which may have been dropped since to make room for others, excludes bundles of this stream that reach `from`. The first bundle that it excluded here begins at `before`; older logs don't say that.",
    columns({
      stream: columns({ author: hex<PeerKey>(), incarnation: count() }),
      from: count(),
      before: optional(count()),
    }),
    (closed: Closed) => closed,
    ({ before, ...rest }) => ({ ...rest, before: before ?? rest.from }),
  ),
  member: row("Where a member could be dialled, latest last; for finding the room again.", {
    heardWallMs,
    beacon: packed(signedBeaconSchema, {
      key: ({ beacon }) => beacon.value.key,
      host: ({ beacon }) => beacon.value.endpoint?.host ?? "-",
      port: ({ beacon }) => String(beacon.value.endpoint?.port ?? 0),
    }),
  }),
  entrance: row(
    "A member that we have dialled and met, at the endpoint that we dialled, whatever it announces. First the admitting one: all that is known of the room until the first `member`.",
    { heardWallMs, contact },
  ),
  caller: row(
    "A neighbour that has dialled us, at the endpoint that it announces; or we, at ours.",
    {
      heardWallMs,
      contact,
    },
  ),
  seen: row("Keys that were present in a private room while we were.", {
    keys: list(hex<PeerKey>()),
  }),
  rotation: row(
    "A private room's secret, and the claim of who rotated it; the highest (epoch, id) counts. Our own is synced before anybody is told of it.",
    {
      rotation: columns({
        rotation: packed(signedRotationSchema, {
          epoch: ({ rotation }) => String(rotation.value.epoch),
          author: ({ rotation }) => rotation.value.author,
        }),
        claim: packed(signedClaimSchema),
      }),
    },
  ),
  ruling: row("What the founder or a deputy has decided about a key.", {
    ruling: packed(signedRulingSchema, {
      kind: ({ ruling }) => ruling.value.kind,
      subject: ({ ruling }) => ruling.value.subject,
      author: ({ ruling }) => ruling.value.author,
    }),
  }),
  invited: row(
    "The secret with which we joined, which counts until a member tells of rotations.",
    { secret: columns({ epoch: count(), secret: base64() }) },
  ),
  pin: row("The user accepts this key under this name, now or again (`/trust`).", {
    name: text(),
    key: hex<PeerKey>(),
  }),
  "private-queued": row(
    "A private message of ours that waits for its receiver: synced before it is shown or sent.",
    {
      sentAt: time(),
      to: hex<PeerKey>(),
      /** The name under which the receiver was shown. */
      name: text(),
      /** The incarnation under which it was typed. */
      incarnation: count(),
      counter: count(),
      text: text(),
      /** The heads that we had been shown when it was typed. */
      heads,
    },
  ),
  "private-ended": row(
    "A private message of ours waits no more: its receiver has it, or it was given up.",
    { to: hex<PeerKey>(), incarnation: count(), counter: count() },
  ),
  "private-received": row(
    "Private messages of this sender's incarnation up to this counter were seen: never show them again.",
    { from: hex<PeerKey>(), incarnation: count(), counter: count() },
  ),
  left: row("For the console at the next start: how the last process ended.", {
    reason: word({ quit: "quit" }, (text) => `no reason for leaving is ${quotedStart(text)}`),
  }),
});

export type MeshRecord = RecordOf<typeof MESH_LOG>;

/** Kinds of records that have what was said, or say what was: without the one the others mean nothing. */
const OF_WORDS: ReadonlySet<MeshRecord["kind"]> = new Set(
  ["bundle", "arrival", "shown", "frontier", "floor", "time", "closed", "private-queued"],
);

/**
 * What a member keeps on disk that is to keep nothing said: who it is, and how it finds the room again. The next process
 * is as a newcomer, or as far as an earlier one had kept what was said.
 */
function withoutWords(record: MeshRecord): MeshRecord | null {
  if (record.kind === "member") return withoutPresence(record);
  return OF_WORDS.has(record.kind) ? null : record;
}

/** A beacon that says why somebody is away has words in it, which are signed with it: the address alone is kept. */
function withoutPresence(
  record: Extract<MeshRecord, { readonly kind: "member" }>,
): MeshRecord | null {
  const { key, endpoint, away } = record.beacon.beacon.value;
  if (away === null || away === "") return record;
  if (endpoint === null) return null;
  return { kind: "caller", heardWallMs: record.heardWallMs, contact: { key, endpoint } };
}

/**
 * A compacted log of such a member: what was said is as it was at the start, and of the private messages that waited then
 * those that wait still are there.
 */
function withEarlierWords(
  all: Iterable<MeshRecord>,
  earlier: readonly MeshRecord[],
): readonly MeshRecord[] {
  const before: MeshRecord[] = [];
  const waited = new Set<string>();
  for (const record of earlier) {
    if (record.kind === "private-queued") waited.add(placeOfQueued(record));
    else before.push(record);
  }
  const now = [...all].filter((record) =>
    record.kind === "private-queued"
      ? waited.has(placeOfQueued(record))
      : withoutWords(record) !== null
  );
  return [...before, ...now];
}

function placeOfQueued(
  { to, incarnation, counter }: Extract<MeshRecord, { readonly kind: "private-queued" }>,
): string {
  return `${to} ${incarnation} ${counter}`;
}

/** What a room leaves on a disk on which nothing that is said is to be. */
export const FORGETTING_ROOM = { withoutWords, withEarlierWords };

/** Frontiers or heads in one record: a line of a log file that a person can still look at. */
const ENTRIES_PER_RECORD = 256;

/** Items as records hold them, in their order; the last part has fewer than a record may hold, perhaps none. */
export function inParts<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const parts: (readonly Item[])[] = [];
  for (let start = 0; start <= items.length; start += ENTRIES_PER_RECORD) {
    parts.push(items.slice(start, start + ENTRIES_PER_RECORD));
  }
  return parts;
}

/** The `arrival` records of a baseline: of up to 65,536 authors, so a killed process may have written only some. */
export function arrivalRecords(baseline: readonly StreamEntry[]): readonly MeshRecord[] {
  return inParts(baseline).map((part) => ({ kind: "arrival", baseline: part }));
}

/** The last baseline that was written as a whole; null where none was. */
export function notedBaseline(records: readonly MeshRecord[]): readonly StreamEntry[] | null {
  let whole: readonly StreamEntry[] | null = null;
  let entries: StreamEntry[] = [];
  for (const record of records) {
    if (record.kind !== "arrival") continue;
    for (const entry of record.baseline) entries.push(entry);
    if (record.baseline.length === ENTRIES_PER_RECORD) continue;
    whole = entries;
    entries = [];
  }
  return whole;
}

/** Kinds of records that only a process has which was welcomed into the room, or founded it. */
const OF_MEMBERS: ReadonlySet<MeshRecord["kind"]> = new Set(
  ["arrival", "shown", "bundle", "member", "rotation"],
);

/** Whether any of a room's records shows that we were in it; a claim alone shows that we were about to be. */
export function wasInRoom(records: readonly MeshRecord[]): boolean {
  return records.some(({ kind }) => OF_MEMBERS.has(kind));
}

/** The record of a rotation: nothing else that is known of it is kept. */
export function rotationRecord({ rotation, claim }: ClaimedRotation): MeshRecord {
  return { kind: "rotation", rotation: { rotation, claim } };
}

export function rulingRecord(ruling: SignedRuling): MeshRecord {
  return { kind: "ruling", ruling };
}

/**
 * Contacts of members that can be dialled, in groups, within each the last one heard of first. A member comes at the
 * endpoint where we last met it, then at the one that it announces, if that is another. First come members that we
 * have met and that aren't known to have quit, last those that had quit and that we never met. Between them the two
 * other groups take turns: a member that had quit may be back, and members that we never met may be made up, in any
 * number.
 */
export function rememberedContacts(records: readonly MeshRecord[], self: PeerKey): Contact[] {
  const latest = new Map<PeerKey, Remembered>();
  for (const record of records) {
    if (record.kind !== "member" && !isFirstHand(record)) continue;
    const { heardWallMs } = record;
    const { key, endpoint, meeting } = record.kind === "member"
      ? record.beacon.beacon.value
      : { ...record.contact, meeting: latest.get(record.contact.key)?.meeting ?? null };
    const before = latest.get(key);
    if (key === self || (endpoint === null && before === undefined)) continue;
    const hasQuit = record.kind === "member" && record.beacon.beacon.value.state === "quit";
    const isMet = isFirstHand(record) || before?.isMet === true;
    const proven = record.kind === "entrance" ? endpoint : before?.proven ?? null;
    const told = record.kind === "entrance" ? before?.told ?? null : endpoint;
    latest.set(key, { key, proven, told, meeting, hasQuit, isMet, heardWallMs });
  }
  const lastFirst = [...latest.values()].toSorted((a, b) => b.heardWallMs - a.heardWallMs);
  const those = (isMet: boolean, hasQuit: boolean) =>
    lastFirst.filter((one) => one.isMet === isMet && one.hasQuit === hasQuit).flatMap(contactsOf);
  return [
    ...those(true, false),
    ...inTurn(those(false, false), those(true, true)),
    ...those(false, true),
  ];
}

function contactsOf({ key, proven, told, meeting }: Remembered): readonly Contact[] {
  return distinctEndpoints([proven, told, meeting].filter((endpoint) => endpoint !== null))
    .map((endpoint) => ({ key, endpoint }));
}

function inTurn<T>(one: readonly T[], other: readonly T[]): readonly T[] {
  const common = Math.min(one.length, other.length);
  const turns = one.slice(0, common).flatMap((item, at) => [item, other[at]!]);
  return [...turns, ...one.slice(common), ...other.slice(common)];
}

/** Whether we have dialled a member, or it has dialled us. */
export type FirstHandKind = "entrance" | "caller";
/** Records of members that we have met, each proven by a handshake. */
export type FirstHandRecord = RecordOf<typeof MESH_LOG, FirstHandKind>;

/** Whether the record comes from a handshake with the member itself, not from what others told. */
export function isFirstHand(record: MeshRecord): record is FirstHandRecord {
  return record.kind === "entrance" || record.kind === "caller";
}

interface Remembered {
  readonly key: PeerKey;
  /** Where we dialled and met it. */
  readonly proven: Endpoint | null;
  /** Where it says that it can be dialled. */
  readonly told: Endpoint | null;
  /** Where it says that it can be reached besides. */
  readonly meeting: Endpoint | null;
  readonly hasQuit: boolean;
  readonly isMet: boolean;
  readonly heardWallMs: number;
}
