/**
 * The roster's entries: live members, members that were lost or quit within a day, and floors of forgotten
 * ones. Data only: when a member dies is decided in `leases.ts`.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { type Crypto, utf8 } from "../../../base/crypto/crypto.ts";
import {
  type ClaimId,
  type Endpoint,
  type Hash,
  isSameEndpoint,
  type PeerKey,
} from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { isSamePresence } from "../../../base/machine/user_presence.ts";
import type { KnownClaim } from "../schema/credentials.ts";
import {
  FORGOTTEN_DIALLED_MS,
  ROSTER_BUCKETS,
  ROSTER_DEAD_MAX,
  ROSTER_FLOORS_MAX,
} from "../schema/limits.ts";
import type { Contact } from "../schema/messages.ts";
import type { Beacon, SignedBeacon } from "../schema/structures.ts";

/** The rank of a beacon among all beacons of its key. */
export interface Rank {
  readonly incarnation: number;
  readonly number: number;
  readonly quit: boolean;
}

export interface Entry {
  readonly key: PeerKey;
  readonly signed: SignedBeacon;
  readonly claim: KnownClaim;
  readonly state: "alive" | "lost" | "quit";
  /** Alive: when its latest beacon was made, as far as is known. Otherwise: when it died. */
  readonly sinceMs: number;
  /** Lost as far as our disk knows: this beacon may still be its latest, and shows that it is there if it comes. */
  readonly fromDisk?: boolean;
}

/** The rank of a beacon; of two beacons of one key the one with the higher rank holds. */
export function rankOf(beacon: Beacon): Rank {
  return {
    incarnation: beacon.incarnation,
    number: beacon.number,
    quit: beacon.state === "quit",
  };
}

/** Of two records for one key the higher (incarnation, number) wins, quit over alive on a tie. */
export function isNewer(rank: Rank, known: Rank): boolean {
  if (rank.incarnation !== known.incarnation) return rank.incarnation > known.incarnation;
  if (rank.number !== known.number) return rank.number > known.number;
  return rank.quit && !known.quit;
}

/** Whether the entry says no more than that a live member is still there, as most do. */
export function isRenewal(known: Entry, entry: Entry): boolean {
  const [before, now] = [known.signed.beacon.value, entry.signed.beacon.value];
  return known.state === "alive" && entry.state === "alive" && known.claim.id === entry.claim.id &&
    before.incarnation === now.incarnation;
}

/** Whether it says nothing at all that wasn't known but that the member is still there. */
export function isRepeat(known: Entry, entry: Entry): boolean {
  const [before, now] = [known.signed.beacon.value, entry.signed.beacon.value];
  return isRenewal(known, entry) && before.frontier === now.frontier &&
    before.epoch === now.epoch && before.passive === now.passive &&
    isSamePresence(before, now) && isSameEndpoint(before.endpoint, now.endpoint) &&
    isSameEndpoint(before.meeting, now.meeting);
}

export class RosterTable {
  readonly digest: RosterDigest;
  readonly #entries = new Map<PeerKey, Entry>();
  /** The same entries in the same order, by the digest's buckets, of which a neighbour asks for a few. */
  readonly #byBucket = Array.from({ length: ROSTER_BUCKETS }, () => new Map<PeerKey, Entry>());
  /** The dead in the order of their death; at most `ROSTER_DEAD_MAX`. */
  readonly #dead = new Set<PeerKey>();
  /** Floors of forgotten members; at most `ROSTER_FLOORS_MAX`, the one set first is dropped first. */
  readonly #floors = new Map<PeerKey, Rank>();
  /** Last endpoints of forgotten members; at most `ROSTER_DEAD_MAX`, the first forgotten is dropped first. */
  readonly #forgotten = new Map<
    PeerKey,
    { readonly endpoint: Endpoint; readonly sinceMs: number }
  >();
  readonly #claimUses = new Map<ClaimId, number>();

  constructor(crypto: Crypto) {
    this.digest = new RosterDigest(crypto);
  }

  get(key: PeerKey): Entry | null {
    return this.#entries.get(key) ?? null;
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** The claims that entries name, those of live members first. */
  *claims(): Iterable<KnownClaim> {
    for (const { state, claim } of this.#entries.values()) if (state === "alive") yield claim;
    for (const key of this.#dead) yield this.#entries.get(key)!.claim;
  }

  entriesIn(bucket: number): Iterable<Entry> {
    return this.#byBucket[bucket]?.values() ?? [];
  }

  get liveCount(): number {
    return this.#entries.size - this.#dead.size;
  }

  isClaimInUse(id: ClaimId): boolean {
    return this.#claimUses.has(id);
  }

  /** The rank that a beacon of this key must exceed; null where nothing is known of it. */
  floorOf(key: PeerKey): Rank | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return this.#floors.get(key) ?? null;
    const rank = rankOf(entry.signed.beacon.value);
    return entry.fromDisk === true && !rank.quit ? { ...rank, number: rank.number - 1 } : rank;
  }

  /** Whether another process is known under this incarnation: each draws another one. */
  isOfCopy({ key, incarnation, process }: Beacon): boolean {
    const known = this.#entries.get(key)?.signed.beacon.value;
    return known !== undefined && known.incarnation === incarnation && known.process !== process;
  }

  /** Makes `rank` the floor of this key: from now on only a newer beacon of it is taken. */
  setFloor(key: PeerKey, rank: Rank): void {
    this.#floors.delete(key);
    this.#floors.set(key, rank);
    dropOldest(this.#floors, ROSTER_FLOORS_MAX);
  }

  put(entry: Entry): void {
    const known = this.#entries.get(entry.key);
    if (known !== undefined && isRenewal(known, entry)) {
      this.#list(entry);
      return;
    }
    this.#remove(entry.key);
    this.#floors.delete(entry.key);
    this.#forgotten.delete(entry.key);
    this.#list(entry);
    this.#claimUses.set(entry.claim.id, (this.#claimUses.get(entry.claim.id) ?? 0) + 1);
    const beacon = entry.signed.beacon.value;
    if (entry.state !== "alive") this.#dead.add(entry.key);
    this.digest.set(entry.key, beacon.incarnation, entry.claim.id, entry.state);
  }

  /** Moves what is known of a key into the floors. */
  forget(key: PeerKey): void {
    const entry = this.#remove(key);
    if (entry === null) return;
    this.digest.delete(key);
    const beacon = entry.signed.beacon.value;
    this.setFloor(key, rankOf(beacon));
    if (beacon.endpoint === null) return;
    this.#forgotten.set(key, { endpoint: beacon.endpoint, sinceMs: entry.sinceMs });
    dropOldest(this.#forgotten, ROSTER_DEAD_MAX);
  }

  /** Drops the endpoints of members that died a week ago: they aren't dialled any more. */
  dropForgotten(nowMs: number): void {
    for (const [key, { sinceMs }] of this.#forgotten) {
      if (sinceMs + FORGOTTEN_DIALLED_MS <= nowMs) this.#forgotten.delete(key);
    }
  }

  /** Last endpoints of forgotten members, which may be there all the same. */
  forgotten(): readonly Contact[] {
    return [...this.#forgotten].map(([key, { endpoint }]) => ({ key, endpoint }));
  }

  /** The members that have been dead for `keptMs`, to be forgotten. */
  overdueDead(nowMs: number, keptMs: number): readonly Entry[] {
    return [...this.#dead].map((key) => this.#entries.get(key)!)
      .filter(({ sinceMs }) => sinceMs + keptMs <= nowMs);
  }

  /** The member that died first, where there are more dead than the bound; else null. */
  excessDead(): Entry | null {
    if (this.#dead.size <= ROSTER_DEAD_MAX) return null;
    const [first] = this.#dead;
    return this.#entries.get(first!)!;
  }

  /** When the first of the dead died; null where there are none. */
  firstDeathMs(): number | null {
    let first: number | null = null;
    for (const key of this.#dead) {
      const { sinceMs } = this.#entries.get(key)!;
      if (first === null || sinceMs < first) first = sinceMs;
    }
    return first;
  }

  /** Adds the entry at the end: the member heard of last comes last. */
  #list(entry: Entry): void {
    const { key } = entry;
    for (const entries of [this.#entries, this.#bucketOf(key)]) {
      entries.delete(key);
      entries.set(key, entry);
    }
  }

  #bucketOf(key: PeerKey): Map<PeerKey, Entry> {
    return this.#byBucket[rosterBucketOf(key)]!;
  }

  #remove(key: PeerKey): Entry | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    this.#bucketOf(key).delete(key);
    this.#dead.delete(key);
    const uses = this.#claimUses.get(entry.claim.id);
    invariant(uses !== undefined, "every entry's claim is counted");
    if (uses > 1) this.#claimUses.set(entry.claim.id, uses - 1);
    else this.#claimUses.delete(entry.claim.id);
    return entry;
  }
}

interface Bucket {
  /** The line that each member adds to the hash. */
  readonly lines: Map<PeerKey, string>;
  /** Null after a change. */
  hash: Hash | null;
}

/** The bucket of a key: its first byte decides. */
export function rosterBucketOf(key: PeerKey): number {
  return Math.floor(((16 * hexDigit(key, 0) + hexDigit(key, 1)) * ROSTER_BUCKETS) / 256);
}

/** Called for each member whenever rosters are compared: so it makes no string. */
function hexDigit(hex: string, at: number): number {
  const code = hex.charCodeAt(at); // 0x30 to 0x39, 0x61 to 0x66
  return (code & 15) + 9 * (code >> 6);
}

/**
 * A roster in buckets, each with a hash: equal hashes mean equal members. Kept up as members change, so
 * that a beacon costs one hash over 64 others.
 *
 * Live, lost and quit members are hashed, each with its claim: lost ones too, as their names must be held by all
 * members or by none. Beacon numbers are left out: at any moment they differ in a healthy room.
 */
export class RosterDigest {
  readonly #buckets: readonly Bucket[];
  #root: Hash | null = null;

  constructor(readonly crypto: Crypto) {
    this.#buckets = Array.from(
      { length: ROSTER_BUCKETS },
      () => ({ lines: new Map(), hash: null }),
    );
  }

  set(key: PeerKey, incarnation: number, claim: ClaimId, state: "alive" | "lost" | "quit"): void {
    this.#change(key, `${key} ${incarnation} ${claim} ${state}`);
  }

  delete(key: PeerKey): void {
    this.#change(key, null);
  }

  /** The hashes of all buckets, in order. */
  hashes(): readonly Hash[] {
    return this.#buckets.map((bucket) => {
      return bucket.hash ??= this.crypto.sha256<Hash>(
        utf8([...bucket.lines.values()].sort().join("\n")),
      );
    });
  }

  /** One hash over all of them. */
  root(): Hash {
    return this.#root ??= this.crypto.sha256<Hash>(utf8(this.hashes().join("\n")));
  }

  #change(key: PeerKey, line: string | null): void {
    const bucket = this.#buckets[rosterBucketOf(key)]!;
    if ((bucket.lines.get(key) ?? null) === line) return;
    if (line === null) bucket.lines.delete(key);
    else bucket.lines.set(key, line);
    bucket.hash = null;
    this.#root = null;
  }
}
