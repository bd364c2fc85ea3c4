/**
 * What members show each other: genesis, claims, beacons, statements; made, signed and checked.
 *
 * The form is checked before the signature, which costs more. A form check returns the fault in words, or
 * `null`; the caller decides what to do about it.
 */

import { ownedBytes } from "../../../base/collections/bytes.ts";
import type { Bytes, Crypto, Signer } from "../../../base/crypto/crypto.ts";
import { parseHost } from "../../../base/text/endpoints.ts";
import type { ClaimId, Endpoint, Hash, PeerKey, RoomId } from "../../../base/ids.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { meetingPlace } from "../../../base/text/meeting_address.ts";
import { foldName, nameFault } from "../../../base/text/names.ts";
import { type Embedded, makeEmbedded } from "../../../base/schema/schema.ts";
import { INCARNATION_MAX, TIME_STEP_MS_MAX } from "./limits.ts";
import {
  type Beacon,
  beaconSchema,
  checkId,
  type Claim,
  claimSchema,
  genesisSchema,
  type SignedBeacon,
  type SignedClaim,
  type SignedGenesis,
  signedId,
  type SignedStatement,
  signId,
  type Statement,
  statementSchema,
  STRUCTURE_VERSION,
} from "./structures.ts";

/** A room and its genesis, by which claims to names in it are judged. */
export interface InRoom {
  readonly id: RoomId;
  readonly genesis: SignedGenesis;
}

/** SHA-256 of a tag and the record's exact bytes: no other record founds a room with this id. */
export function roomIdOf(crypto: Crypto, genesis: SignedGenesis): RoomId {
  return signedId(crypto, "genesis", genesis.genesis.bytes);
}

/** A claim's id covers what is claimed, not its signatures. */
export function claimIdOf(crypto: Crypto, claim: Pick<SignedClaim, "claim">): ClaimId {
  return signedId(crypto, "claim", claim.claim.bytes);
}

/** @param signer The founder's signer. */
export function signGenesis(
  crypto: Crypto,
  signer: Signer,
  genesis: SignedGenesis["genesis"]["value"],
): SignedGenesis {
  const embedded = makeEmbedded(genesisSchema, genesis);
  const signature = signId(signer, signedId<RoomId>(crypto, "genesis", embedded.bytes));
  return { genesis: embedded, signature };
}

/** The admitting member's half: the claim's exact bytes and its signature over them. */
export function admitClaim(
  crypto: Crypto,
  signer: Signer,
  claim: Claim,
): { readonly claim: Embedded<Claim>; readonly admission: Bytes } {
  const embedded = makeEmbedded(claimSchema, claim);
  return {
    claim: embedded,
    admission: signId(signer, signedId<Hash>(crypto, "admission", embedded.bytes)),
  };
}

/** The claimant's half: completes an admitted claim. */
export function completeClaim(
  crypto: Crypto,
  signer: Signer,
  admitted: { readonly claim: Embedded<Claim>; readonly admission: Uint8Array },
): SignedClaim {
  const signature = signId(signer, signedId<ClaimId>(crypto, "claim", admitted.claim.bytes));
  return { claim: admitted.claim, signature, admission: admitted.admission };
}

/** @param signer The signer of the member that the beacon is about. */
export function signBeacon(crypto: Crypto, signer: Signer, beacon: Beacon): SignedBeacon {
  const embedded = makeEmbedded(beaconSchema, beacon);
  const signature = signId(signer, signedId<Hash>(crypto, "beacon", embedded.bytes));
  return { beacon: embedded, signature };
}

/** @param signer The author's signer. */
export function signStatement(
  crypto: Crypto,
  signer: Signer,
  statement: Statement,
): SignedStatement {
  const embedded = makeEmbedded(statementSchema, statement);
  const signature = signId(signer, signedId<Hash>(crypto, "statement", embedded.bytes));
  return { statement: embedded, signature };
}

function versionFault(what: string, version: number): string | null {
  return version === STRUCTURE_VERSION
    ? null
    : `the ${what} is of version ${version}, expected ${STRUCTURE_VERSION}`;
}

/** Why a genesis record can't found the room `id`; `null` where it does. */
export function genesisFault(crypto: Crypto, signed: SignedGenesis, id: RoomId): string | null {
  const genesis = signed.genesis.value;
  const version = versionFault("genesis record", genesis.version);
  if (version !== null) return version;
  if (!checkId(crypto, genesis.founder, id, signed.signature)) {
    return "the founder didn't sign the genesis record";
  }
  return null;
}

/** Why a claim can't hold in `room` whoever signed it: cheap, before any signature. */
export function claimFormFault(claim: Claim, { id, genesis }: InRoom): string | null {
  const version = versionFault("claim", claim.version);
  if (version !== null) return version;
  if (claim.room !== id) return "the claim is for another room";
  if (claim.incarnation > INCARNATION_MAX) return "the claim's incarnation is out of range";
  const fault = nameFault(claim.name);
  if (fault !== null) return `the claim's name isn't possible: ${fault}`;
  if (claim.name.normalize("NFC") !== claim.name) return "the claim's name isn't in NFC";
  if (foldName(claim.name) !== claim.folded) return "the claim's folded name isn't its name's";
  // The bounds are the same for all: a refusal by the receiver's clock would divide the room.
  if (claim.time < genesis.genesis.value.time) return "the claim is older than the room";
  const { after, time } = claim;
  if (after !== null && (time <= after.time || time > after.time + TIME_STEP_MS_MAX)) {
    return "the claim's time isn't within a day after the head it names";
  }
  return null;
}

/** Whether the admitting member signed the claim. */
export function isClaimAdmitted(
  crypto: Crypto,
  signed: Pick<SignedClaim, "claim" | "admission">,
): boolean {
  const admission = signedId<Hash>(crypto, "admission", signed.claim.bytes);
  return checkId(crypto, signed.claim.value.admitter, admission, signed.admission);
}

/** Whether claimant and admitting member signed the claim; `id` is `claimIdOf` of it. */
export function isClaimSigned(crypto: Crypto, signed: SignedClaim, id: ClaimId): boolean {
  return checkId(crypto, signed.claim.value.key, id, signed.signature) &&
    isClaimAdmitted(crypto, signed);
}

/** Why a beacon can't hold in `room` whoever signed it; `null` where it can. */
export function beaconFormFault(beacon: Beacon, room: RoomId): string | null {
  const version = versionFault("beacon", beacon.version);
  if (version !== null) return version;
  if (beacon.room !== room) return "the beacon is for another room";
  // Far below the largest number: 1 + an incarnation that somebody sent must not overflow.
  if (beacon.incarnation > INCARNATION_MAX || beacon.number > INCARNATION_MAX) {
    return "the beacon's incarnation or number is out of range";
  }
  const { endpoint, meeting, key } = beacon;
  // People are shown it, and paste it into a shell.
  const isPossible = endpoint === null || parseHost(endpoint.host) === endpoint.host ||
    isMeetingPlaceOf(key, endpoint);
  if (!isPossible) return "the beacon's address names no possible host";
  if (meeting !== null && !isMeetingPlaceOf(key, meeting)) {
    return "the beacon's place at a meeting point isn't its member's";
  }
  return null;
}

function isMeetingPlaceOf(key: PeerKey, endpoint: Endpoint): boolean {
  return meetingPlace(endpoint)?.member === fingerprintOf(key);
}

/** Whether the member signed the beacon. */
export function isBeaconSigned(crypto: Crypto, signed: SignedBeacon): boolean {
  const id = signedId<Hash>(crypto, "beacon", signed.beacon.bytes);
  return checkId(crypto, signed.beacon.value.key, id, signed.signature);
}

/** Why a statement can't hold in `room` whoever signed it; `null` where it can. */
export function statementFormFault(statement: Statement, room: RoomId): string | null {
  const version = versionFault("statement", statement.version);
  if (version !== null) return version;
  if (statement.room !== room) return "the statement is for another room";
  if (statement.by === statement.accused) return "the statement is about its speaker";
  return null;
}

/** Whether the speaker signed the statement. */
export function isStatementSigned(crypto: Crypto, signed: SignedStatement): boolean {
  const id = signedId<Hash>(crypto, "statement", signed.statement.bytes);
  return checkId(crypto, signed.statement.value.by, id, signed.signature);
}

/** A claim and its id, computed once. */
export interface KnownClaim {
  readonly id: ClaimId;
  readonly signed: SignedClaim;
}

/** Negative where `a` wins a name over `b`: the smaller (time, id), the same everywhere. */
export function compareClaims(a: KnownClaim, b: KnownClaim): number {
  const byTime = a.signed.claim.value.time - b.signed.claim.value.time;
  if (byTime !== 0) return byTime;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The claim, or a copy where it would keep the frame alive in which it came. */
export function ownedClaim(signed: SignedClaim): SignedClaim {
  const { claim } = signed;
  const bytes = ownedBytes(claim.bytes);
  const signature = ownedBytes(signed.signature);
  const admission = ownedBytes(signed.admission);
  const isOwned = bytes === claim.bytes && signature === signed.signature &&
    admission === signed.admission;
  return isOwned ? signed : { claim: { bytes, value: claim.value }, signature, admission };
}

/** The beacon, or a copy where it would keep the frame alive in which it came. */
export function ownedBeacon(signed: SignedBeacon): SignedBeacon {
  const { bytes: shared, value } = signed.beacon;
  const bytes = ownedBytes(shared);
  const signature = ownedBytes(signed.signature);
  // The one byte array within: a view into the structure's own bytes would do, a copy is as small.
  const boxKey = ownedBytes(value.boxKey);
  const isOwned = bytes === shared && signature === signed.signature && boxKey === value.boxKey;
  return isOwned ? signed : { beacon: { bytes, value: { ...value, boxKey } }, signature };
}

/** The statement, or a copy where it would keep the frame alive in which it came. */
export function ownedStatement(signed: SignedStatement): SignedStatement {
  const { bytes: shared, value } = signed.statement;
  const bytes = ownedBytes(shared);
  const signature = ownedBytes(signed.signature);
  const isOwned = bytes === shared && signature === signed.signature;
  return isOwned ? signed : { statement: { bytes, value }, signature };
}

/**
 * The time of a new claim: wall time, but after the admitting member's claim, and within the bounds that the latest
 * head sets: at least 1 ms and at most a day after it.
 * @param admitterTime That of the admitting member's own claim.
 */
export function claimTime(
  wallMs: number,
  admitterTime: number,
  headTime: number | null,
): number {
  const wall = Math.min(
    Math.max(admitterTime + 1, Math.floor(wallMs)),
    Number.MAX_SAFE_INTEGER,
  );
  if (headTime === null) return wall;
  return Math.min(
    Math.max(wall, headTime + 1),
    headTime + TIME_STEP_MS_MAX,
    Number.MAX_SAFE_INTEGER,
  );
}
