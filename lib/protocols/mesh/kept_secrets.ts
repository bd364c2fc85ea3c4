/**
 * The secrets of a private room that a member keeps, and what each of them is good for: the current one admits
 * newcomers; the others let members find each other that don't all know the same rotations.
 *
 * Which rotations are kept doesn't depend on the order in which they came: the highest (`compareRotations`), at most
 * `ROTATIONS_PER_EPOCH_MAX` of one epoch and `ROTATIONS_KEPT_MAX` in all, and the lowest of all.
 */

import { sameBytes } from "../../base/bytes.ts";
import type { Crypto } from "../../base/crypto.ts";
import type { Hash, PeerKey, RoomId } from "../../base/ids.ts";
import type { ChannelSecret } from "../noise/channel_handshake.ts";
import { claimIdOf, isClaimSigned } from "./credentials.ts";
import { ROTATIONS_KEPT_MAX, ROTATIONS_PER_EPOCH_MAX } from "./limits.ts";
import { type MeshRecord, rotationRecord } from "./records.ts";
import {
  channelSecret,
  type ClaimedRotation,
  type RoomSecret,
  rotationIdOf,
  Stays,
} from "./rotations.ts";

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
  /** The highest first. */
  #rotations: readonly KeptRotation[] = [];
  /**
   * Kept until its rotation is known, or a later one and an earlier one: a member that makes a later one before it was
   * told of any has no other secret that others know.
   */
  #invited: Invited | null = null;

  /**
   * @param records The room's records on disk; rotations were checked before they were written, the claims beside them
   *   not always.
   */
  constructor(readonly room: RoomId, readonly crypto: Crypto, records: readonly MeshRecord[]) {
    for (const record of records) {
      if (record.kind === "rotation") {
        const rotation = withSignedClaim(crypto, record.rotation, records);
        if (rotation !== null) this.add(this.known(rotation));
      } else if (record.kind === "invited") this.invitedWith(record.secret);
    }
  }

  /** The highest first. */
  get rotations(): readonly KeptRotation[] {
    return this.#rotations;
  }

  /** Epoch of the current secret; 0 where none is known. */
  get epoch(): number {
    return this.currentOpens()?.epoch ?? 0;
  }

  /** The secret that an invite holds; null where none is known. */
  current(): RoomSecret | null {
    const [highest] = this.#rotations;
    if (highest === undefined || this.#isInvitedLatest()) return this.#invited?.secret ?? null;
    const { epoch, secret } = highest.rotation.rotation.value;
    return { epoch, secret };
  }

  /** Notes the secret of the invite with which we join. */
  invitedWith(secret: RoomSecret): void {
    if (this.#isTold(secret)) return;
    this.#invited = { secret, opens: channelSecret(this.room, secret) };
  }

  /** A rotation with its id, epoch and channel secret. */
  known(claimed: ClaimedRotation): KeptRotation {
    const { value } = claimed.rotation.rotation;
    return {
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
  wants(rotation: Place): boolean {
    return !this.has(rotation.id) && kept([...this.#rotations, rotation]).includes(rotation);
  }

  /** Keeps a checked rotation, and drops those for which there is no place any more. */
  add(rotation: KeptRotation): void {
    if (this.has(rotation.id)) return;
    this.#rotations = kept([...this.#rotations, rotation]);
    if (this.#invited !== null && this.#isTold(this.#invited.secret)) this.#invited = null;
  }

  /** The secrets of an epoch, one of which a dialler must know. */
  opening(epoch: number): readonly Uint8Array[] {
    return this.#all().filter((opens) => opens.epoch === epoch).map(({ key }) => key);
  }

  /** The secret that admits newcomers; null where none is known. */
  currentOpens(): ChannelSecret | null {
    return this.#all()[0] ?? null;
  }

  /**
   * Whether a member with this secret is among those who stayed at each removal since. Another secret of the epoch that
   * a removal's rotation has was made without knowing of that: in the other half of a split, perhaps by who was removed.
   * @param mayRemove Whether the author of a rotation may remove somebody.
   */
  hasStayed(
    peer: PeerKey,
    secret: ChannelSecret,
    mayRemove: (author: PeerKey) => boolean,
  ): boolean {
    return this.#rotations.every(({ opens, stays, rotation: { rotation: { value } } }) =>
      stays === null || opens.epoch < secret.epoch || isSame(opens, secret) || stays.has(peer) ||
      !mayRemove(value.author)
    );
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
    return [...new Set([...all.slice(0, 2), ...all.slice(-1)])];
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
    const [highest] = this.#rotations;
    return this.#invited !== null && this.#invited.secret.epoch > (highest?.epoch ?? 0);
  }

  /** Whether the known rotations make an invite's secret useless. */
  #isTold({ epoch }: RoomSecret): boolean {
    const [highest] = this.#rotations;
    return highest !== undefined && highest.epoch >= epoch &&
      this.#rotations.at(-1)!.epoch <= epoch;
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

type Place = Pick<KeptRotation, "id" | "epoch" | "stays">;

/** Those of `rotations` that are kept, the highest first. */
function kept<Rotation extends Place>(rotations: readonly Rotation[]): readonly Rotation[] {
  const ordered = rotations.toSorted(compareRotations);
  const few = ordered.filter((rotation, index) =>
    ordered[index - ROTATIONS_PER_EPOCH_MAX]?.epoch !== rotation.epoch
  );
  return few.length <= ROTATIONS_KEPT_MAX
    ? few
    : [...few.slice(0, ROTATIONS_KEPT_MAX - 1), ...few.slice(-1)];
}

/**
 * Negative where `a` wins over `b`: the higher (epoch, whether it names who stays, id). Of two made at once that after a
 * removal wins: the other one's author may have told it to who was removed.
 */
export function compareRotations(a: Place, b: Place): number {
  if (a.epoch !== b.epoch) return b.epoch - a.epoch;
  if ((a.stays === null) !== (b.stays === null)) return a.stays === null ? 1 : -1;
  return a.id > b.id ? -1 : a.id < b.id ? 1 : 0;
}
