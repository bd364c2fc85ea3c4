/**
 * Secrets of a private room: made, signed, checked, and turned into the key that opens a channel; and the invites that
 * carry them. The form is checked before the signature, which costs more.
 */

import { concatBytes, type Crypto, type Signer, utf8 } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { Endpoint, Hash, PeerKey, RoomId } from "../../../base/ids.ts";
import { decode, encode, makeEmbedded } from "../../../base/schema/schema.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import { derivedKey } from "../../noise/primitives.ts";
import { claimFormFault, type InRoom, ownedClaim } from "./credentials.ts";
import {
  EPOCHS_AHEAD_MAX,
  EPOCHS_PER_SECOND,
  ROOM_SECRET_BYTES,
  STAY_TAG_BYTES,
} from "./limits.ts";
import {
  checkId,
  inviteSchema,
  rotationSchema,
  type SignedClaim,
  signedId,
  type SignedRotation,
  signId,
  STRUCTURE_VERSION,
  TAGS,
} from "./structures.ts";
import { INVITE_KINDS, inviteText, readInvite } from "../../../base/text/invite_text.ts";

/** The epoch of the first secret, which only the founder can make. */
export const FIRST_EPOCH = 1;

/** A secret as an invite has it. */
export interface RoomSecret {
  readonly epoch: number;
  readonly secret: Uint8Array;
}

/** A rotation, and the claim that shows its author to be a member. */
export interface ClaimedRotation {
  readonly rotation: SignedRotation;
  readonly claim: SignedClaim;
}

/**
 * The latest epoch that is accepted `wallMs` after 1970, in a room that was founded at `foundedMs`.
 * @param mayRemove Whether its author may remove others.
 */
export function latestEpoch(foundedMs: number, wallMs: number, mayRemove: boolean): number {
  const seconds = Math.max(0, Math.floor((wallMs - foundedMs) / 1_000));
  return (mayRemove ? 2 : 1) * EPOCHS_AHEAD_MAX + EPOCHS_PER_SECOND * seconds;
}

const ROOM_KEY_TAG = utf8(TAGS.roomKey);

/** SHA-256 of a tag and the rotation's exact bytes, without the signature. */
export function rotationIdOf(crypto: Crypto, { rotation }: Pick<SignedRotation, "rotation">): Hash {
  return signedId(crypto, "rotation", rotation.bytes);
}

/** A fresh secret of this epoch, signed. */
export function signRotation(
  env: Environment,
  signer: Signer,
  { room, epoch, stays = null, removed = 0, removedId = null }: {
    readonly room: RoomId;
    readonly epoch: number;
    /** After a removal, the members that stay; at most `STAYS_MAX`. */
    readonly stays?: readonly PeerKey[] | null;
    /** How many keys are known to be removed. */
    readonly removed?: number;
    /** `KeptRulings.removedId`. */
    readonly removedId?: Uint8Array | null;
  },
): SignedRotation {
  const rotation = makeEmbedded(rotationSchema, {
    version: STRUCTURE_VERSION,
    room,
    epoch,
    secret: env.randomBytes(ROOM_SECRET_BYTES),
    author: signer.key,
    stays: stays?.map(tagOf) ?? null,
    removed,
    removedId,
  });
  return { rotation, signature: signId(signer, rotationIdOf(env.crypto, { rotation })) };
}

function tagOf(key: PeerKey): Uint8Array {
  return Uint8Array.fromHex(key).slice(0, STAY_TAG_BYTES);
}

/** Whom a rotation names as members that stay. They are looked up in a set that is made when that is first asked. */
export class Stays {
  #hex: ReadonlySet<string> | null = null;

  constructor(readonly tags: readonly Uint8Array[]) {}

  has(key: PeerKey): boolean {
    this.#hex ??= new Set(this.tags.map((tag) => tag.toHex()));
    return this.#hex.has(key.slice(0, 2 * STAY_TAG_BYTES));
  }
}

/** What the two ends of a channel must both know. The same secret opens no other room, and counts for no other epoch. */
export function channelSecret(room: RoomId, { epoch, secret }: RoomSecret): ChannelSecret {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, epoch);
  const info = concatBytes(Uint8Array.fromHex(room), number);
  return { epoch, key: derivedKey(secret, ROOM_KEY_TAG, info) };
}

/** Why a rotation can't be one of `room` whoever signed it; `null` where it can. */
export function rotationFormFault(
  { rotation: { rotation: { value } }, claim }: ClaimedRotation,
  room: InRoom,
): string | null {
  if (value.version !== STRUCTURE_VERSION) {
    return `it is of version ${value.version}, expected ${STRUCTURE_VERSION}`;
  }
  if (value.room !== room.id) return "it is for another room";
  if (value.epoch < FIRST_EPOCH) return "it has no epoch";
  // So the first secret is the same for all, whoever rotates, and how often.
  if (value.epoch === FIRST_EPOCH && value.author !== room.genesis.genesis.value.founder) {
    return "the first secret isn't the founder's";
  }
  if (claim.claim.value.key !== value.author) return "the claim beside it is another member's";
  return claimFormFault(claim.claim.value, room);
}

/** Whether its author signed the rotation; `id` is `rotationIdOf` of it. */
export function isRotationSigned(crypto: Crypto, signed: SignedRotation, id: Hash): boolean {
  return checkId(crypto, signed.rotation.value.author, id, signed.signature);
}

/** A copy that doesn't keep the frame alive in which it came. */
export function ownedRotation({ rotation: signed, claim }: ClaimedRotation): ClaimedRotation {
  const { bytes, value } = signed.rotation;
  const stays = value.stays?.map((tag) => tag.slice()) ?? null;
  const removedId = value.removedId?.slice() ?? null;
  const owned = { ...value, secret: value.secret.slice(), stays, removedId };
  const rotation = { bytes: bytes.slice(), value: owned };
  return { rotation: { rotation, signature: signed.signature.slice() }, claim: ownedClaim(claim) };
}

/** What a member gives to somebody who is to join. */
export interface Invite {
  readonly room: RoomId;
  /** Null for an open room. */
  readonly secret: RoomSecret | null;
  /** Where members listen, at most 4. */
  readonly endpoints: readonly Endpoint[];
}

/** One word, in lower case, as `parseInvite` reads it. */
export function encodeInvite(invite: Invite): string {
  return inviteText(encode(inviteSchema, { version: INVITE_KINDS.room, ...invite }));
}

/**
 * Reads what somebody pasted or typed, in any case, also as it stands in an e-mail.
 * @throws {P2pchatError} `bad-credentials`. The text isn't in the error: it may be as good as a secret.
 */
export function parseInvite(text: string): Invite {
  const { room, secret, endpoints } = readInvite(
    text,
    "room",
    (bytes) => decode(inviteSchema, bytes),
  );
  return { room, secret, endpoints };
}
