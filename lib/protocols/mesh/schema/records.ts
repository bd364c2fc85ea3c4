/** What a member of a mesh keeps on disk, in the order in which it was written. */

import {
  type BundleId,
  distinctEndpoints,
  type Endpoint,
  type PeerKey,
} from "../../../base/ids.ts";
import type { Contact, StreamEntry } from "./messages.ts";
import type { ClaimedRotation, RoomSecret } from "./rotations.ts";
import type { Stream } from "./author_stream.ts";
import type {
  Bundle,
  Head,
  Proof,
  SignedBeacon,
  SignedClaim,
  SignedGenesis,
  SignedRuling,
} from "./structures.ts";

export type MeshRecord =
  /** First of all: which room this is. */
  | { readonly kind: "genesis"; readonly genesis: SignedGenesis }
  /** Written before anything is sent under it; the next start takes a higher one. */
  | { readonly kind: "incarnation"; readonly incarnation: number }
  /** A name's owner; every kept bundle's claim comes before it. */
  | { readonly kind: "claim"; readonly claim: SignedClaim }
  /** A bundle that was delivered, own ones included, in the order of delivery; moves its stream's frontier. */
  | { readonly kind: "bundle"; readonly bundle: Bundle }
  /** We were admitted as a newcomer: what is above these frontiers is new to us. Until the first `shown`. */
  | { readonly kind: "arrival"; readonly baseline: readonly StreamEntry[] }
  /**
   * This bundle and all before it have been shown, or were never to be (too old for a newcomer); where
   * `through` is null, all bundles before this record. The first one ends a newcomer's arrival.
   */
  | { readonly kind: "shown"; readonly through: BundleId | null }
  /**
   * Frontiers that no kept bundle accounts for: where a newcomer began, what was skipped, what was
   * dropped as too old. `low` is 1 + the last counter that isn't kept.
   */
  | { readonly kind: "frontier"; readonly entries: readonly StreamEntry[] }
  /**
   * At a compaction: the place in room order up to which nothing is kept, the room time up to which unknown
   * authors are refused, and heads that aren't kept any more; those that are left over are in records after it.
   */
  | {
    readonly kind: "floor";
    readonly time: number;
    readonly id: BundleId;
    readonly authorsTime: number;
    readonly heads: readonly Head[];
  }
  | { readonly kind: "proof"; readonly proof: Proof }
  /** Room time has jumped to `time`, by `jumpedMs` in all, at `atMs` of our clock; precedes bundles of that time. */
  | {
    readonly kind: "time";
    readonly time: number;
    readonly jumpedMs: number;
    readonly atMs: number;
  }
  /**
   * At a compaction: a proof, which may have been dropped since to make room for others, excludes bundles of this
   * stream that reach `from`. The first bundle that it excluded here begins at `before`.
   */
  | {
    readonly kind: "closed";
    readonly stream: Stream;
    readonly from: number;
    readonly before: number;
  }
  /** Where a member could be dialled, latest last; for finding the room again. */
  | { readonly kind: "member"; readonly beacon: SignedBeacon; readonly heardWallMs: number }
  /**
   * A member that we have dialled and met, at the endpoint that we dialled, whatever it announces. First the admitting
   * one: all that is known of the room until the first `member`.
   */
  | { readonly kind: "entrance"; readonly contact: Contact; readonly heardWallMs: number }
  /** A neighbour that has dialled us, at the endpoint that it announces. */
  | { readonly kind: "caller"; readonly contact: Contact; readonly heardWallMs: number }
  /** Keys that were present in a private room while we were. */
  | { readonly kind: "seen"; readonly keys: readonly PeerKey[] }
  /** A private room's secret; the highest (epoch, id) counts. Our own is synced before anybody is told of it. */
  | { readonly kind: "rotation"; readonly rotation: ClaimedRotation }
  /** What the founder or a deputy has decided about a key. */
  | { readonly kind: "ruling"; readonly ruling: SignedRuling }
  /** The secret with which we joined, the only one that we have until its rotation is known. */
  | { readonly kind: "invited"; readonly secret: RoomSecret }
  /** The user accepts this key under this name, now or again (`/trust`). */
  | { readonly kind: "pin"; readonly name: string; readonly key: PeerKey }
  /** A private message of ours that waits for its receiver: synced before it is shown or sent. */
  | {
    readonly kind: "private-queued";
    readonly to: PeerKey;
    /** The name under which the receiver was shown. */
    readonly name: string;
    /** The incarnation under which it was typed. */
    readonly incarnation: number;
    readonly counter: number;
    readonly sentAt: number;
    readonly text: string;
    /** The heads that we had been shown when it was typed. */
    readonly heads: readonly Head[];
  }
  /** A private message of ours waits no more: its receiver has it, or it was given up. */
  | {
    readonly kind: "private-ended";
    readonly to: PeerKey;
    readonly incarnation: number;
    readonly counter: number;
  }
  /** Private messages of this sender's incarnation up to this counter were seen: never show them again. */
  | {
    readonly kind: "private-received";
    readonly from: PeerKey;
    readonly incarnation: number;
    readonly counter: number;
  }
  /** For the console at the next start: how the last process ended. */
  | { readonly kind: "left"; readonly reason: "quit" };

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
    const { key, endpoint } = record.kind === "member"
      ? record.beacon.beacon.value
      : record.contact;
    const before = latest.get(key);
    if (key === self || (endpoint === null && before === undefined)) continue;
    const hasQuit = record.kind === "member" && record.beacon.beacon.value.state === "quit";
    const isMet = isFirstHand(record) || before?.isMet === true;
    const proven = record.kind === "entrance" ? endpoint : before?.proven ?? null;
    const told = record.kind === "entrance" ? before?.told ?? null : endpoint;
    latest.set(key, { key, proven, told, hasQuit, isMet, heardWallMs });
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

function contactsOf({ key, proven, told }: Remembered): readonly Contact[] {
  return distinctEndpoints([proven, told].filter((endpoint) => endpoint !== null))
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
export type FirstHandRecord = Extract<MeshRecord, { readonly kind: FirstHandKind }>;

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
  readonly hasQuit: boolean;
  readonly isMet: boolean;
  readonly heardWallMs: number;
}
