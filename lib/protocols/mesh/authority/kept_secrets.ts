/**
 * The secrets of a private room that a member keeps, and what each of them is good for: the current one admits
 * newcomers, if its author knew of the same removals; the others let members find each other that don't all know the
 * same rotations.
 *
 * Which rotations are kept doesn't depend on the order in which they came: of those that say who stays only where their
 * authors may, and of all others, the highest (`compare`), at most `ROTATIONS_PER_EPOCH_MAX` of one epoch and
 * `ROTATIONS_KEPT_MAX` in all, and one of the lowest epoch of all.
 *
 * What the rulings say of a rotation's author counts, and is asked anew when they change: a secret made by who was
 * removed is void. It admits nobody, however high its epoch; it only lets those find each other that have stayed.
 */

import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey, RoomId } from "../../../base/ids.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import { claimIdOf, isClaimSigned } from "../schema/credentials.ts";
import { ROTATIONS_KEPT_MAX, ROTATIONS_PER_EPOCH_MAX } from "../schema/limits.ts";
import { type MeshRecord, rotationRecord } from "../schema/records.ts";
import {
  channelSecret,
  type ClaimedRotation,
  ownedRotation,
  type RoomSecret,
  rotationIdOf,
  Stays,
} from "../schema/rotations.ts";
import type { KeptRulings } from "./kept_rulings.ts";

/** A rotation that was checked, with its id, epoch and channel secret. */
export interface KeptRotation extends ClaimedRotation {
  readonly id: Hash;
  readonly epoch: number;
  readonly opens: ChannelSecret;
  /** Null where nobody was removed. */
  readonly stays: Stays | null;
}

/** The secret of the invite with which we joined. */
interface Invited {
  readonly secret: RoomSecret;
  readonly opens: ChannelSecret;
}

export class KeptSecrets {
  /** The highest first, those that are void last. */
  #rotations: readonly KeptRotation[] = [];
  /** By the rulings as they were when the rotations were sorted. */
  #current: KeptRotation | null = null;
  /**
   * Kept until its rotation is known, or a member has told of those that it knows, an earlier one among them: who makes
   * a later one before has no other secret that others know. Until then it is the current one, unless a later one is
   * known: who comes over from a half that made another secret of this epoch finds nobody by that one. After that it is
   * worth nothing: its author may be the only one that has its rotation, and may have been removed.
   */
  #invited: Invited | null = null;

  /**
   * @param records The room's records on disk; rotations were checked before they were written, the claims beside them
   *   not always.
   * @param rulings Which keys are removed, the rotations' authors perhaps among them, and who may remove others.
   */
  constructor(
    readonly room: RoomId,
    readonly crypto: Crypto,
    records: readonly MeshRecord[],
    readonly rulings: KeptRulings,
  ) {
    for (const record of records) {
      if (record.kind === "rotation") {
        const rotation = withSignedClaim(crypto, record.rotation, records);
        if (rotation !== null) this.add(this.known(rotation));
      } else if (record.kind === "invited") this.invitedWith(record.secret);
    }
  }

  /** The highest first, those that are void last. */
  get rotations(): readonly KeptRotation[] {
    return this.#rotations;
  }

  /** The rotation whose secret is current; null where all that are known are void, or none is known. */
  get currentRotation(): KeptRotation | null {
    return this.#current;
  }

  /** The highest epoch of all that are kept; 0 where none is known. Another rotation takes the next. */
  get latestEpoch(): number {
    return Math.max(this.#invited?.secret.epoch ?? 0, ...this.#rotations.map(({ epoch }) => epoch));
  }

  /** Whether its author is removed, and may have told the secret to anybody. */
  isVoid(rotation: Place): boolean {
    return this.rulings.isRemoved(authorOf(rotation));
  }

  /** Rulings have changed, and with them perhaps which secret is current. */
  sortAnew(): void {
    this.#sort(this.#rotations);
  }

  /**
   * Whether somebody who is removed may have been told the current secret: its author believed others to be removed than
   * we do. That it believed the same counts of who may remove, and of who has stayed at the last removal, if it names
   * nobody itself. Anybody else may say so: a second key, say, of who was removed.
   */
  get isRemovalUnknown(): boolean {
    const { rulings } = this;
    const current = this.currentRotation;
    if (current === null) return rulings.removedCount > 0;
    const { value } = current.rotation.rotation;
    if (this.isOfOtherRemovals) return true;
    const hasStayed = this.#removals().next().value?.stays?.has(value.author) === true;
    const isBelieved = rulings.mayRemove(value.author) || (current.stays === null && hasStayed);
    return !isBelieved && rulings.removedCount > 0;
  }

  /**
   * Whether the current secret's author says itself that it believed others to be removed than we do. The secret admits
   * nobody then: with it, somebody would come in whom the removed one has told it.
   */
  get isOfOtherRemovals(): boolean {
    if (this.#current === null || this.#isInvitedLatest()) return false;
    return !this.rulings.areRemoved(this.#current.rotation.rotation.value);
  }

  /** Epoch of the current secret; 0 where none is known. */
  get epoch(): number {
    return this.currentOpens()?.epoch ?? 0;
  }

  /** The secret that an invite holds; null where none is known. */
  current(): RoomSecret | null {
    if (this.#isInvitedLatest()) return this.#invited?.secret ?? null;
    const current = this.currentRotation;
    if (current === null) return null;
    const { epoch, secret } = current.rotation.rotation.value;
    return { epoch, secret };
  }

  /** All that are kept, the current one first. */
  all(): readonly RoomSecret[] {
    const current = this.current();
    const others = this.#rotations.map(({ rotation }) => rotation.rotation.value)
      .filter(({ epoch, secret }) => epoch !== current?.epoch || secret !== current.secret)
      .map(({ epoch, secret }) => ({ epoch, secret }));
    return current === null ? others : [current, ...others];
  }

  /** Notes the secret of the invite with which we join. */
  invitedWith(secret: RoomSecret): void {
    if (this.#isTold(secret)) return;
    this.#invited = { secret, opens: channelSecret(this.room, secret) };
  }

  /** A rotation with its id, epoch and channel secret; the one that is kept, if it is. */
  known(claimed: ClaimedRotation): KeptRotation {
    const { value, bytes } = claimed.rotation.rotation;
    const kept = this.#rotations.find(({ epoch, rotation }) =>
      epoch === value.epoch && sameBytes(rotation.rotation.bytes, bytes)
    );
    return kept ?? {
      ...claimed,
      id: rotationIdOf(this.crypto, claimed.rotation),
      epoch: value.epoch,
      stays: value.stays === null ? null : new Stays(value.stays),
      opens: channelSecret(this.room, value),
    };
  }

  has(id: Hash): boolean {
    return this.#rotations.some((kept) => kept.id === id);
  }

  /** Whether a rotation would be kept; to be asked before its signatures are checked. */
  wants(rotation: KeptRotation): boolean {
    return !this.has(rotation.id) && this.#kept([...this.#rotations, rotation]).includes(rotation);
  }

  /** Keeps a copy of a checked rotation, and drops those for which there is no place any more. */
  add(rotation: KeptRotation): void {
    if (this.has(rotation.id)) return;
    const owned = ownedRotation(rotation);
    const { stays } = owned.rotation.rotation.value;
    const kept = { ...rotation, ...owned, stays: stays === null ? null : new Stays(stays) };
    this.#sort([...this.#rotations, kept]);
    this.told();
  }

  /** A member has told us of rotations that it knows: they count from now on, and not the invite's word. */
  told(): void {
    const opens = this.#invited?.opens;
    if (opens === undefined) return;
    const isEnough = (known: KeptRotation) =>
      known.epoch < opens.epoch || isSame(known.opens, opens);
    if (this.#rotations.some(isEnough)) this.#invited = null;
  }

  /** The secrets of an epoch, one of which a dialler must know. */
  opening(epoch: number): readonly Uint8Array[] {
    return this.#all().filter((opens) => opens.epoch === epoch).map(({ key }) => key);
  }

  /** The secret that admits newcomers; null where none is known. */
  currentOpens(): ChannelSecret | null {
    if (this.#isInvitedLatest()) return this.#invited?.opens ?? null;
    return this.currentRotation?.opens ?? null;
  }

  /**
   * Whose list of those that stay leaves out a member with this secret; null where it has stayed at each removal since.
   * Another secret of the epoch that a removal's rotation has was made without knowing of that: in the other half of a
   * split, perhaps by who was removed.
   * So was one that is void, of whatever epoch: who came by it has stayed if the last rotation since its author's removal
   * says so. As long as none is known, that one is on its way.
   *
   * Of two removals at once, the one that lost says nothing of who came by the other's secret where both had removed the
   * same: it can't know who came in later.
   *
   * No list leaves out the founder or a deputy: else any deputy could shut out those whom it may not remove.
   */
  leftOutBy(peer: PeerKey, secret: ChannelSecret): PeerKey | null {
    if (this.rulings.mayRemove(peer)) return null;
    const removals = [...this.#removals()];
    const made = this.#rotations.find(({ opens }) => isSame(opens, secret));
    if (made !== undefined && this.isVoid(made)) {
      const last = removals.find(({ stays }) => !stays.has(authorOf(made)));
      if (last !== undefined && !last.stays.has(peer)) return authorOf(last);
    }
    const removal = removals.find((removal) =>
      removal.epoch >= secret.epoch && !isSame(removal.opens, secret) && !removal.stays.has(peer) &&
      !(made !== undefined && this.#isRemoval(made) && isOfSame(made, removal) &&
        this.compare(made, removal) < 0)
    );
    return removal === undefined ? null : authorOf(removal);
  }

  /** Whether newcomers come in by this secret. */
  admits(secret: ChannelSecret): boolean {
    return this.isCurrent(secret) && !this.isOfOtherRemovals;
  }

  isCurrent(secret: ChannelSecret): boolean {
    const current = this.currentOpens();
    return current !== null && isSame(current, secret);
  }

  /**
   * The secrets to dial with, one after the other: a member that doesn't know the current one may know the one before,
   * and all that were ever told of any know the oldest.
   */
  toDialWith(): readonly ChannelSecret[] {
    const all = this.#all();
    const oldestEpoch = Math.min(...all.map(({ epoch }) => epoch));
    const oldest = all.findLast(({ epoch }) => epoch === oldestEpoch);
    return [...new Set([...all.slice(0, 2), oldest])].filter((opens) => opens !== undefined);
  }

  /** The records that a compacted log holds. */
  snapshot(): readonly MeshRecord[] {
    const records = this.#rotations.toReversed().map(rotationRecord);
    if (this.#invited !== null) records.push({ kind: "invited", secret: this.#invited.secret });
    return records;
  }

  #all(): readonly ChannelSecret[] {
    const rotations = this.#rotations.map(({ opens }) => opens);
    if (this.#invited === null) return rotations;
    const { opens } = this.#invited;
    return this.#isInvitedLatest() ? [opens, ...rotations] : [...rotations, opens];
  }

  #isInvitedLatest(): boolean {
    return this.#invited !== null &&
      this.#rotations.every(({ epoch }) => epoch <= this.#invited!.secret.epoch);
  }

  /** Whether the known rotations make an invite's secret useless. */
  #isTold(invited: RoomSecret): boolean {
    const opens = channelSecret(this.room, invited);
    return this.#rotations.some((known) => isSame(known.opens, opens)) ||
      (this.#rotations.some(({ epoch }) => epoch > invited.epoch) &&
        this.#rotations.some(({ epoch }) => epoch < invited.epoch));
  }

  /** Those that say who stays, by authors who may remove others; the highest first. */
  *#removals(): Generator<KeptRotation & { readonly stays: Stays }, undefined> {
    for (const rotation of this.#rotations) {
      const { stays } = rotation;
      if (stays !== null && this.#isRemoval(rotation)) yield { ...rotation, stays };
    }
  }

  /** Whether it says who stays, and its author may. */
  #isRemoval(rotation: Place): boolean {
    return rotation.stays !== null && this.rulings.mayRemove(authorOf(rotation));
  }

  /**
   * Negative where `a` wins over `b`: one that isn't void, then the higher (epoch, whether it is of a removal, id). Of two
   * made at once that after a removal wins: the other one's author may have told it to who was removed.
   */
  compare(a: Place, b: Place): number {
    const isVoid = this.isVoid(a);
    if (isVoid !== this.isVoid(b)) return isVoid ? 1 : -1;
    if (a.epoch !== b.epoch) return b.epoch - a.epoch;
    const isRemoval = this.#isRemoval(a);
    if (isRemoval !== this.#isRemoval(b)) return isRemoval ? -1 : 1;
    return a.id > b.id ? -1 : a.id < b.id ? 1 : 0;
  }

  #sort(rotations: readonly KeptRotation[]): void {
    this.#rotations = this.#kept(rotations);
    const [highest] = this.#rotations;
    this.#current = highest === undefined || this.isVoid(highest) ? null : highest;
  }

  /**
   * Those of `rotations` that are kept, the highest first. None that says who stays where its author may not: it is as
   * large as anybody makes it, and those that may are few.
   */
  #kept(rotations: readonly KeptRotation[]): readonly KeptRotation[] {
    const counts = new Map<number, number>();
    const allowed = rotations.filter((one) => one.stays === null || this.#isRemoval(one));
    const few = allowed.toSorted((a, b) => this.compare(a, b)).filter(({ epoch }) => {
      const count = (counts.get(epoch) ?? 0) + 1;
      counts.set(epoch, count);
      return count <= ROTATIONS_PER_EPOCH_MAX;
    });
    if (few.length <= ROTATIONS_KEPT_MAX) return few;
    const oldestEpoch = Math.min(...counts.keys());
    const oldest = few.findLast(({ epoch }) => epoch === oldestEpoch)!;
    const others = few.filter((rotation) => rotation !== oldest);
    return [...others.slice(0, ROTATIONS_KEPT_MAX - 1), oldest]
      .toSorted((a, b) => this.compare(a, b));
  }
}

function isSame(a: ChannelSecret, b: ChannelSecret): boolean {
  return a.epoch === b.epoch && sameBytes(a.key, b.key);
}

/**
 * The rotation, with the claim from its own record where the one beside it isn't signed: an earlier version wrote a
 * claim that it knew already as it was received, unchecked, and newcomers would close the link to us for it. Null where
 * there is no such record.
 */
function withSignedClaim(
  crypto: Crypto,
  rotation: ClaimedRotation,
  records: readonly MeshRecord[],
): ClaimedRotation | null {
  const { claim } = rotation;
  if (isClaimSigned(crypto, claim, claimIdOf(crypto, claim))) return rotation;
  const known = records.find((record) =>
    record.kind === "claim" && sameBytes(record.claim.claim.bytes, claim.claim.bytes)
  );
  return known?.kind === "claim" ? { ...rotation, claim: known.claim } : null;
}

type Place = Pick<KeptRotation, "id" | "epoch" | "stays" | "rotation">;

/** Whether their authors say that they knew of the same removals. */
function isOfSame(a: Place, b: Place): boolean {
  const [one, other] = [a.rotation.rotation.value, b.rotation.rotation.value];
  return one.removedId !== null && other.removedId !== null &&
    sameBytes(one.removedId, other.removedId);
}

function authorOf({ rotation }: Place): PeerKey {
  return rotation.rotation.value.author;
}
