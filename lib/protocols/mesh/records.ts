/** What a member of a mesh keeps on disk, in the order in which it was written. */

import type { BundleId, PeerKey } from "../../base/ids.ts";
import type { Contact, StreamEntry } from "./messages.ts";
import type { ClaimedRotation, RoomSecret } from "./rotations.ts";
import type { Stream } from "./stream.ts";
import type {
  Bundle,
  Head,
  Proof,
  SignedBeacon,
  SignedClaim,
  SignedGenesis,
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
  /** A newcomer was let in: what lies above these frontiers is new to it. Until the first `shown` (`arrivalRecords`). */
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
  /** Room time has jumped to `time`, so far in all, by this machine's clock at `atMs`; before what is of that time. */
  | {
    readonly kind: "time";
    readonly time: number;
    readonly jumpedMs: number;
    readonly atMs: number;
  }
  /**
   * At a compaction: a proof, which may have been let go of since, to make room for others, excludes what reaches
   * `from`. The first that it excluded here begins at `before`.
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
   * Who lets us in, as we dialled it: all that is known of the room until the first `member`. Later other members
   * that we have dialled and met, each where it says that it can be dialled.
   */
  | { readonly kind: "entrance"; readonly contact: Contact; readonly heardWallMs: number }
  /** A neighbour that has dialled us, where it says that it can be dialled. */
  | { readonly kind: "caller"; readonly contact: Contact; readonly heardWallMs: number }
  /** A private room's secret; the highest (epoch, id) counts. Synced before anybody is told of our own. */
  | { readonly kind: "rotation"; readonly rotation: ClaimedRotation }
  /** The secret that we came in with: all that opens the room to us until its rotation is known. */
  | { readonly kind: "invited"; readonly secret: RoomSecret }
  /** The user accepts this key under this name, now or again (`/trust`). */
  | { readonly kind: "pin"; readonly name: string; readonly key: PeerKey }
  /** A private message of ours that waits for its receiver: synced before it is shown or sent. */
  | {
    readonly kind: "private-queued";
    readonly to: PeerKey;
    /** As which the receiver was shown. */
    readonly name: string;
    /** Under which it was typed. */
    readonly incarnation: number;
    readonly counter: number;
    readonly sentAt: number;
    readonly text: string;
    /** What we had been shown when it was typed. */
    readonly heads: readonly Head[];
  }
  /** It waits no more: its receiver has it, or it was given up. */
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
  /** The console's last word to the next start: how the last one ended. */
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

/** A room may have 65,536 authors: a baseline takes several records, of which a killed process may have written some. */
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

/** Kinds that nobody has who wasn't welcomed into the room, or founded it. */
const OF_MEMBERS: ReadonlySet<MeshRecord["kind"]> = new Set(
  ["arrival", "shown", "bundle", "member", "rotation"],
);

/** Whether any of a room's records shows that we were in it; a claim alone shows that we were about to be. */
export function wasInRoom(records: readonly MeshRecord[]): boolean {
  return records.some(({ kind }) => OF_MEMBERS.has(kind));
}

/** What else is known of a rotation isn't kept. */
export function rotationRecord({ rotation, claim }: ClaimedRotation): MeshRecord {
  return { kind: "rotation", rotation: { rotation, claim } };
}

/**
 * Members that can be dialled, each where it was heard of last, and in the order of that: first those whom we have met
 * and who weren't known to have quit, last those who had, and whom we never met. Between them the others take turns: who
 * had quit may be back, and whom we never met somebody may have made up, as many as he liked.
 */
export function rememberedContacts(records: readonly MeshRecord[], self: PeerKey): Contact[] {
  const latest = new Map<PeerKey, Remembered>();
  for (const record of records) {
    if (record.kind !== "member" && !isFirstHand(record)) continue;
    const { heardWallMs } = record;
    const { key, endpoint } = record.kind === "member"
      ? record.beacon.beacon.value
      : record.contact;
    if (key === self || endpoint === null) continue;
    const hasQuit = record.kind === "member" && record.beacon.beacon.value.state === "quit";
    const isMet = isFirstHand(record) || latest.get(key)?.isMet === true;
    latest.set(key, { contact: { key, endpoint }, hasQuit, isMet, heardWallMs });
  }
  const lastFirst = [...latest.values()].toSorted((a, b) => b.heardWallMs - a.heardWallMs);
  const those = (isMet: boolean, hasQuit: boolean) =>
    lastFirst.filter((one) => one.isMet === isMet && one.hasQuit === hasQuit)
      .map(({ contact }) => contact);
  return [
    ...those(true, false),
    ...inTurn(those(false, false), those(true, true)),
    ...those(false, true),
  ];
}

function inTurn<T>(one: readonly T[], other: readonly T[]): readonly T[] {
  const common = Math.min(one.length, other.length);
  const turns = one.slice(0, common).flatMap((item, at) => [item, other[at]!]);
  return [...turns, ...one.slice(common), ...other.slice(common)];
}

/** Whether we have dialled a member, or it has dialled us. */
export type FirstHandKind = "entrance" | "caller";
/** Of members that we have met, each proven by a handshake. */
export type FirstHandRecord = Extract<MeshRecord, { readonly kind: FirstHandKind }>;

/** Whether a handshake with the member itself is behind it, and not what others told. */
export function isFirstHand(record: MeshRecord): record is FirstHandRecord {
  return record.kind === "entrance" || record.kind === "caller";
}

interface Remembered {
  readonly contact: Contact;
  readonly hasQuit: boolean;
  readonly isMet: boolean;
  readonly heardWallMs: number;
}
