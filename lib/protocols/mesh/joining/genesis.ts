/** How a room begins, how a member that was in one begins again, and the number of each process start. */

import type { Crypto, Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { BundleId, PeerKey, RoomId } from "../../../base/ids.ts";
import { foldName } from "../../../base/text/names.ts";
import {
  admitClaim,
  claimTime,
  completeClaim,
  roomIdOf,
  signGenesis,
} from "../schema/credentials.ts";
import type { MeshRecord } from "../schema/records.ts";
import { type ClaimedRotation, FIRST_EPOCH, signRotation } from "../schema/rotations.ts";
import { type SignedClaim, type SignedGenesis, STRUCTURE_VERSION } from "../schema/structures.ts";
import { INCARNATION_MAX } from "../schema/limits.ts";

export interface FoundedRoom {
  readonly room: RoomId;
  readonly genesis: SignedGenesis;
  readonly claim: SignedClaim;
  readonly incarnation: number;
  /** A private room's first secret; null in an open one. */
  readonly rotation: ClaimedRotation | null;
  /** To be on disk before anything is sent. */
  readonly records: readonly MeshRecord[];
}

const NONCE_BYTES = 16;

/**
 * A new room with us as its only member, under a claim that we admit ourselves.
 * @param name In NFC and possible (`parseName`).
 */
export function foundRoom(
  env: Environment,
  signer: Signer,
  { name, isPrivate }: { readonly name: string; readonly isPrivate: boolean },
): FoundedRoom {
  const time = Math.max(0, Math.floor(env.wallMs()));
  const genesis = signGenesis(env.crypto, signer, {
    version: STRUCTURE_VERSION,
    nonce: env.randomBytes(NONCE_BYTES),
    private: isPrivate,
    founder: signer.key,
    time,
  });
  const room = roomIdOf(env.crypto, genesis);
  const incarnation = Math.max(1, time);
  const claim = claimAlone(env, signer, {
    room,
    name,
    incarnation,
    admitterTime: time - 1,
    after: null,
  });
  const rotation = isPrivate
    ? { rotation: signRotation(env, signer, { room, epoch: FIRST_EPOCH }), claim }
    : null;
  const records: MeshRecord[] = [
    { kind: "genesis", genesis },
    { kind: "incarnation", incarnation },
    { kind: "claim", claim },
  ];
  if (rotation !== null) records.push({ kind: "rotation", rotation });
  return { room, genesis, claim, incarnation, rotation, records };
}

/**
 * A claim for a member that is alone in its room: nobody else is there to admit the name. For others it is vouched for
 * (`roster_claims.ts`) by the claim of `admitterTime` with which this member joined, or by its having founded the room.
 */
export function claimAlone(
  env: Environment,
  signer: Signer,
  { room, name, incarnation, admitterTime, after }: {
    readonly room: RoomId;
    readonly name: string;
    readonly incarnation: number;
    readonly admitterTime: number;
    readonly after: { readonly time: number; readonly id: BundleId } | null;
  },
): SignedClaim {
  const admitted = admitClaim(env.crypto, signer, {
    version: STRUCTURE_VERSION,
    room,
    name,
    folded: foldName(name),
    key: signer.key,
    incarnation,
    after,
    time: claimTime(env.wallMs(), admitterTime, after?.time ?? null),
    admitter: signer.key,
  });
  return completeClaim(env.crypto, signer, admitted);
}

/** What a member's disk says of the room it was in. */
export interface EarlierMembership {
  readonly room: RoomId;
  readonly genesis: SignedGenesis;
  /** 1 + the highest incarnation on disk. */
  readonly incarnationMin: number;
  /** Our own claims, in the order in which they were given. */
  readonly ownClaims: readonly SignedClaim[];
  /** The claim to the name that we had last; null where there is none. */
  readonly held: SignedClaim | null;
}

/** The membership that these records tell of; null where they don't begin with a genesis. */
export function earlierMembership(
  crypto: Crypto,
  self: PeerKey,
  records: readonly MeshRecord[],
): EarlierMembership | null {
  let genesis: SignedGenesis | null = null;
  let incarnationMin = 1;
  const ownClaims: SignedClaim[] = [];
  let held: SignedClaim | null = null;
  for (const record of records) {
    if (record.kind === "genesis") genesis ??= record.genesis;
    else if (record.kind === "incarnation") {
      incarnationMin = Math.max(incarnationMin, record.incarnation + 1);
    } else if (record.kind === "claim" && record.claim.claim.value.key === self) {
      ownClaims.push(record.claim);
      held = record.claim;
    }
  }
  if (genesis === null) return null;
  ownClaims.sort((a, b) => a.claim.value.time - b.claim.value.time);
  return { room: roomIdOf(crypto, genesis), genesis, incarnationMin, ownClaims, held };
}

/** One in 256 such pairs of starts collides; the other bits hold milliseconds for another five centuries. */
const CHANCES = 2 ** 8;
/** Ten years: far beyond what a clock is wrong by. */
const AHEAD_MS_MAX = 3_650 * 24 * 60 * 60 * 1_000;

/**
 * The number of a process start: higher than that of every earlier start with the same key, as far as anybody
 * knows, and else as late as the clock says.
 *
 * Two copies of a profile, or one that was put back to an old state, may know of the same last number while
 * their clocks are slow. If both took the next one, neither would give way to the other, and their messages
 * would have the same counters. So the lowest bits are left to chance.
 * @param atLeast 1 + the highest incarnation of our key that is known.
 */
export function freshIncarnation(env: Environment, atLeast: number): number {
  const slot = Math.max(Math.ceil(atLeast / CHANCES), Math.floor(env.wallMs()));
  const chance = Math.floor(env.random() * CHANCES);
  return Math.min(INCARNATION_MAX, slot * CHANCES + chance);
}

/** When the last process of this profile began, by its wall clock, or later; Infinity where there was none. */
export function earlierStartMs(records: readonly MeshRecord[]): number {
  const all = records.flatMap((each) => each.kind === "incarnation" ? [each.incarnation] : []);
  return all.length === 0 ? Infinity : Math.max(...all) / CHANCES;
}

/**
 * The highest incarnation that is accepted from others, which may lie: were it the end of the range, no start
 * could follow. Honest ones exceed it only for a member whose clock was ten years ahead once.
 */
export function believableIncarnation(env: Environment): number {
  return Math.min(INCARNATION_MAX, Math.floor(env.wallMs() + AHEAD_MS_MAX) * CHANCES);
}
