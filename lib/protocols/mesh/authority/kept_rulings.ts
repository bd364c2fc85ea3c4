/**
 * Who may be in a room: rulings by the founder and by deputies, whom the founder alone appoints. Each is signed, and about
 * one key.
 *
 * Which rulings count is a function of those that are known, and of nothing else: members that know the same agree,
 * in whatever order they came to know them, and two halves that meet end up with the union.
 * - The founder can't be removed, and what the founder rules about a key comes before what deputies rule about it.
 * - A deputy's rulings count as long as it is one: until the founder ends that, or removes it. About other deputies they
 *   never count, so that no two can remove each other. Those of a former deputy are kept and passed on all the same: the
 *   founder takes over removals of which it hasn't heard before.
 * - Of several by one rank about one key the one with the highest (counter, kind, id) counts: who rules takes the next
 *   counter after all that it knows of, and of two made apart from each other a removal counts.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import { type Crypto, type Signer, utf8 } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey, RoomId } from "../../../base/ids.ts";
import { type Infer, makeEmbedded } from "../../../base/schema/schema.ts";
import type { InRoom } from "../schema/credentials.ts";
import {
  DEPUTY_RULINGS_MAX,
  LATE_REMOVALS_MAX,
  PROOF_RULINGS_MAX,
  REMOVED_ID_BYTES,
  RULINGS_MAX,
} from "../schema/limits.ts";
import { type MeshRecord, rulingRecord } from "../schema/records.ts";
import {
  checkId,
  type Rotation,
  rulingSchema,
  signedId,
  type SignedRuling,
  signId,
  STRUCTURE_VERSION,
} from "../schema/structures.ts";

export type RulingKind = Infer<typeof rulingSchema>["kind"];

/** A ruling that was checked, and its id. */
export interface KeptRuling {
  readonly id: Hash;
  readonly signed: SignedRuling;
}

/** SHA-256 of a tag and the ruling's exact bytes, without the signature. */
function rulingIdOf(crypto: Crypto, { ruling }: Pick<SignedRuling, "ruling">): Hash {
  return signedId(crypto, "ruling", ruling.bytes);
}

/** @param signer Its author's. */
export function signRuling(
  crypto: Crypto,
  signer: Signer,
  ruling: { room: RoomId; kind: RulingKind; subject: PeerKey; counter: number },
): SignedRuling {
  const embedded = makeEmbedded(rulingSchema, {
    version: STRUCTURE_VERSION,
    ...ruling,
    author: signer.key,
  });
  return { ruling: embedded, signature: signId(signer, rulingIdOf(crypto, { ruling: embedded })) };
}

/** Why a ruling can't be one of `room` whoever signed it; null where it can. */
function rulingFormFault({ ruling: { value } }: SignedRuling, room: InRoom): string | null {
  if (value.version !== STRUCTURE_VERSION) {
    return `it is of version ${value.version}, expected ${STRUCTURE_VERSION}`;
  }
  if (value.room !== room.id) return "it is for another room";
  const { founder } = room.genesis.genesis.value;
  if (value.subject === founder) return "it is about the founder";
  if (isOfOffice(value.kind) && value.author !== founder) {
    return "only the founder appoints deputies";
  }
  return null;
}

/** Whether a ruling of this kind makes a deputy or ends that. */
export function isOfOffice(kind: RulingKind): boolean {
  return kind === "deputy" || kind === "no-deputy";
}

/** The order of kinds where counters are equal: a removal before its end, the end of an office before the office. */
const KIND_RANK: Readonly<Record<RulingKind, number>> = {
  "allow": 0,
  "remove": 1,
  "deputy": 0,
  "no-deputy": 1,
};

export class KeptRulings {
  /**
   * By the key that they are about: the highest of each author, apart by whether it is about an office. At most
   * `RULINGS_MAX`, half of them the founder's, so that no deputy can keep the founder from ruling.
   */
  readonly #rulings = new Map<PeerKey, Map<string, KeptRuling>>();
  /** How many are kept of each author. */
  readonly #counts = new Map<PeerKey, number>();
  /** Null where it isn't known yet. */
  #removedId: Uint8Array | null = null;
  readonly #founder: PeerKey;

  /** @param records The room's records on disk; rulings were checked before they were written. */
  constructor(readonly room: InRoom, readonly crypto: Crypto, records: readonly MeshRecord[]) {
    this.#founder = room.genesis.genesis.value.founder;
    for (const record of records) {
      if (record.kind === "ruling") this.add(this.known(record.ruling));
    }
  }

  known(signed: SignedRuling): KeptRuling {
    return { id: rulingIdOf(this.crypto, signed), signed };
  }

  /** All that are kept, those about offices first: without these the others mean nothing. */
  get all(): readonly SignedRuling[] {
    const all = [...this.#each()].map(({ signed }) => signed);
    const isFirst = ({ ruling: { value } }: SignedRuling) => isOfOffice(value.kind) ? 0 : 1;
    return all.sort((a, b) => isFirst(a) - isFirst(b));
  }

  /** Whether no ruling of this author about another key would be kept. */
  isFullFor(author: PeerKey): boolean {
    const founders = this.#count(this.#founder);
    if (this.isFounder(author)) return founders >= RULINGS_MAX / 2;
    return this.#count(author) >= DEPUTY_RULINGS_MAX || this.#size - founders >= RULINGS_MAX / 2;
  }

  /**
   * Whether a ruling would be kept; to be asked before its signature is checked. Those of keys that have never been
   * deputies aren't: anybody can make any number of such keys.
   */
  wants(ruling: KeptRuling): boolean {
    const { author, subject } = ruling.signed.ruling.value;
    if (!this.isFounder(author) && this.#office(author) === null) return false;
    const known = this.#rulings.get(subject)?.get(placeOf(ruling));
    return known === undefined ? !this.isFullFor(author) : compareRulings(ruling, known) > 0;
  }

  /** Keeps a checked ruling, in the place of an earlier one of its author about the same. @returns Whether it did. */
  add(ruling: KeptRuling): boolean {
    if (!this.wants(ruling)) return false;
    const { author, subject } = ruling.signed.ruling.value;
    const about = this.#about(subject);
    const before = about.size;
    this.#rulings.set(subject, about.set(placeOf(ruling), ruling));
    this.#counts.set(author, this.#count(author) + about.size - before);
    this.#removedId = null;
    return true;
  }

  /** What is wrong with a ruling that would be kept; null where it holds. */
  faultOf(
    ruling: KeptRuling,
  ): { readonly is: "protocol" | "invalid-signature"; readonly text: string } | null {
    const fault = rulingFormFault(ruling.signed, this.room);
    if (fault !== null) {
      return { is: "protocol", text: `passed on a ruling that can't be right: ${fault}` };
    }
    if (!this.wants(ruling) || isRulingSigned(this.crypto, ruling)) return null;
    return { is: "invalid-signature", text: "passed on a ruling that its author didn't sign" };
  }

  /**
   * Those of these rulings that aren't known here, if they show, with those that are, that the key was removed, and by
   * whom; else null. None is kept: whoever shows them isn't passing them on, and they would be no news when they come.
   */
  showRemoved(
    key: PeerKey,
    rulings: readonly SignedRuling[],
  ): { readonly fresh: readonly SignedRuling[]; readonly by: PeerKey } | null {
    const shown = new KeptRulings(this.room, this.crypto, this.snapshot());
    const fresh = rulings.filter((signed) => {
      const ruling = shown.known(signed);
      return shown.faultOf(ruling) === null && shown.add(ruling);
    });
    const removal = shown.removalOf(key);
    return removal === null ? null : { fresh, by: removal.signed.ruling.value.author };
  }

  get founder(): PeerKey {
    return this.#founder;
  }

  isFounder(key: PeerKey): boolean {
    return key === this.#founder;
  }

  isDeputy(key: PeerKey): boolean {
    return this.#office(key)?.signed.ruling.value.kind === "deputy" &&
      !this.#isRemovedByFounder(key);
  }

  /** Whether this key's owner may remove others. */
  mayRemove(key: PeerKey): boolean {
    return this.isFounder(key) || this.isDeputy(key);
  }

  /** The keys that are removed. */
  get removed(): readonly PeerKey[] {
    return [...this.#rulings.keys()].filter((key) => this.isRemoved(key));
  }

  get removedCount(): number {
    return this.removed.length;
  }

  get deputies(): readonly PeerKey[] {
    return [...this.#rulings.keys()].filter((key) => this.isDeputy(key));
  }

  /** Tells apart which keys are removed: members that know of the same have the same. */
  get removedId(): Uint8Array {
    return this.#removedId ??= this.#idOfRemoved();
  }

  #idOfRemoved(): Uint8Array {
    const removed = this.removed.toSorted().join("");
    return Uint8Array.fromHex(this.crypto.sha256(utf8(removed))).slice(0, REMOVED_ID_BYTES);
  }

  /** Whether these are the keys that are removed here; of somebody who doesn't say which, whether they are as many. */
  areRemoved({ removed, removedId }: Pick<Rotation, "removed" | "removedId">): boolean {
    return removedId === null ? removed >= this.removedCount : sameBytes(removedId, this.removedId);
  }

  /** Whether the founder has removed or allowed this key: no deputy's ruling about it counts then. */
  isDecidedByFounder(key: PeerKey): boolean {
    return this.#of(this.#founder, key, false) !== null;
  }

  /** Whether the key may not be in the room. */
  isRemoved(key: PeerKey): boolean {
    return this.#rulings.size > 0 && this.removalOf(key) !== null;
  }

  /** The removal that counts; null where the key may be in the room. */
  removalOf(key: PeerKey): KeptRuling | null {
    const decision = this.decisionOn(key);
    return decision?.signed.ruling.value.kind === "remove" ? decision : null;
  }

  /** The removal, or the end of one, that counts; null where nothing that counts was decided about the key. */
  decisionOn(key: PeerKey): KeptRuling | null {
    return this.#of(this.#founder, key, false) ?? this.#deputiesDecisionOn(key);
  }

  /** The deputy whose decision about this key the founder's has reversed; null where there is none. */
  overruledOn(key: PeerKey): PeerKey | null {
    const founders = this.#of(this.#founder, key, false);
    const deputys = this.#deputiesDecisionOn(key)?.signed.ruling.value;
    if (founders === null || deputys === undefined) return null;
    return founders.signed.ruling.value.kind === deputys.kind ? null : deputys.author;
  }

  #deputiesDecisionOn(key: PeerKey): KeptRuling | null {
    if (this.isDeputy(key)) return null;
    let highest: KeptRuling | null = null;
    for (const ruling of this.#about(key).values()) {
      const { kind, author } = ruling.signed.ruling.value;
      if (isOfOffice(kind) || !this.isDeputy(author)) continue;
      if (highest === null || compareRulings(ruling, highest) > 0) highest = ruling;
    }
    return highest;
  }

  /**
   * What shows the key that it was removed: the removal, the office of its author, and of each former deputy that has
   * let the key in again why it has no say any more. At most `PROOF_RULINGS_MAX`.
   */
  proofOf(key: PeerKey): readonly SignedRuling[] {
    const removal = this.removalOf(key);
    if (removal === null) return [];
    const ends = [...this.#about(key).values()].filter((ruling) =>
      ruling.signed.ruling.value.kind === "allow" && compareRulings(ruling, removal) > 0
    ).map((ruling) => this.#endOf(ruling.signed.ruling.value.author));
    const office = this.#office(removal.signed.ruling.value.author);
    return [office, ...ends.slice(0, PROOF_RULINGS_MAX - 2), removal]
      .filter((ruling) => ruling !== null).map(({ signed }) => signed);
  }

  /** Why this former deputy has no say any more; null where it never had, or has. */
  #endOf(former: PeerKey): KeptRuling | null {
    if (this.mayRemove(former)) return null;
    const isOut = this.#isRemovedByFounder(former);
    return isOut ? this.#of(this.#founder, former, false) : this.#office(former);
  }

  /** The keys that this deputy, and no ruling of the founder's, keeps out. */
  removedBy(deputy: PeerKey): readonly PeerKey[] {
    return this.#removedFirstBy(deputy, deputy);
  }

  /** The keys that somebody has removed who is no deputy any more, and that the founder keeps out since. */
  takenOverFrom(former: PeerKey): readonly PeerKey[] {
    return this.#removedFirstBy(former, this.#founder);
  }

  /** Who has removed a key before the founder, and is no deputy any more; null where there is none. */
  removedBefore(key: PeerKey): PeerKey | null {
    if (this.removalOf(key)?.signed.ruling.value.author !== this.#founder) return null;
    for (const { signed: { ruling: { value } } } of this.#about(key).values()) {
      if (value.kind === "remove" && !this.mayRemove(value.author)) return value.author;
    }
    return null;
  }

  /**
   * Whether this is a former deputy's removal, later than all that is known about the key, on which the founder hasn't
   * decided: it counted where it was made, and may have been made before the founder ended that. Nobody can tell.
   */
  isLateRemoval(ruling: KeptRuling): boolean {
    const { kind, author, subject } = ruling.signed.ruling.value;
    if (kind !== "remove" || this.mayRemove(author) || this.isDeputy(subject)) return false;
    if (this.isDecidedByFounder(subject)) return false;
    return [...this.#about(subject).values()].every((other) =>
      isOfOffice(other.signed.ruling.value.kind) || compareRulings(other, ruling) <= 0
    );
  }

  /** Whether the founder's program takes over further late removals: most places stay for what the user decides. */
  get hasPlaceForLate(): boolean {
    return this.#count(this.#founder) < LATE_REMOVALS_MAX;
  }

  #removedFirstBy(deputy: PeerKey, by: PeerKey): readonly PeerKey[] {
    const keys: PeerKey[] = [];
    for (const { signed: { ruling: { value } } } of this.#each()) {
      if (value.author !== deputy || value.kind !== "remove") continue;
      if (this.removalOf(value.subject)?.signed.ruling.value.author === by) {
        keys.push(value.subject);
      }
    }
    return keys;
  }

  /** The counter of this author's next ruling about this key. What deputies count is nothing to the founder's. */
  nextCounter(author: PeerKey, key: PeerKey): number {
    let next = 1;
    for (const { signed: { ruling: { value } } } of this.#about(key).values()) {
      if (this.isFounder(author) && value.author !== author) continue;
      next = Math.max(next, value.counter + 1);
    }
    return Math.min(next, Number.MAX_SAFE_INTEGER);
  }

  /** The records that a compacted log holds. */
  snapshot(): readonly MeshRecord[] {
    return this.all.map(rulingRecord);
  }

  #office(key: PeerKey): KeptRuling | null {
    return this.#of(this.#founder, key, true);
  }

  #count(author: PeerKey): number {
    return this.#counts.get(author) ?? 0;
  }

  get #size(): number {
    let size = 0;
    for (const count of this.#counts.values()) size += count;
    return size;
  }

  *#each(): Iterable<KeptRuling> {
    for (const about of this.#rulings.values()) yield* about.values();
  }

  #about(key: PeerKey): Map<string, KeptRuling> {
    return this.#rulings.get(key) ?? new Map();
  }

  #isRemovedByFounder(key: PeerKey): boolean {
    return this.#of(this.#founder, key, false)?.signed.ruling.value.kind === "remove";
  }

  #of(author: PeerKey, subject: PeerKey, office: boolean): KeptRuling | null {
    return this.#rulings.get(subject)?.get(placeName(author, office)) ?? null;
  }
}

function placeOf({ signed: { ruling: { value } } }: KeptRuling): string {
  return placeName(value.author, isOfOffice(value.kind));
}

function placeName(author: PeerKey, office: boolean): string {
  return `${author}/${office}`;
}

/** Positive where `a` counts rather than `b`, both of one rank and about one key. */
function compareRulings(a: KeptRuling, b: KeptRuling): number {
  const [first, second] = [a.signed.ruling.value, b.signed.ruling.value];
  if (first.counter !== second.counter) return first.counter - second.counter;
  const byKind = KIND_RANK[first.kind] - KIND_RANK[second.kind];
  if (byKind !== 0) return byKind;
  return a.id > b.id ? 1 : a.id < b.id ? -1 : 0;
}

/** Whether the ruling's author signed it; `id` is `rulingIdOf` of it. */
function isRulingSigned(crypto: Crypto, { id, signed }: KeptRuling): boolean {
  return checkId(crypto, signed.ruling.value.author, id, signed.signature);
}

/** A copy that doesn't keep the frame alive in which it came. */
export function ownedRuling({ id, signed }: KeptRuling): KeptRuling {
  const { bytes, value } = signed.ruling;
  return {
    id,
    signed: { ruling: { bytes: bytes.slice(), value }, signature: signed.signature.slice() },
  };
}
