/**
 * The signed structures of the mesh, and what is made of them: genesis, claim, beacon, statement,
 * rotation, ruling, header, proof. Their formats are final: they are stored, and compared as bytes.
 *
 * What is signed is always SHA-256 of a domain tag and the structure's exact bytes (its id), so that a
 * signature for one purpose is worth nothing for another. Bytes after the known fields belong to a
 * later version: they are kept and signed, and ignored.
 */

import { presenceFields } from "../../../base/machine/user_presence.ts";
import {
  bool,
  bytes,
  embedded,
  fixedBytes,
  hexId,
  type Infer,
  list,
  nullable,
  oneOf,
  peerKey,
  record,
  text,
  trailing,
  uint,
} from "../../../base/schema/schema.ts";
import type {
  BundleId,
  ClaimId,
  Hash,
  HexId,
  PeerKey,
  ProcessKey,
  RoomId,
} from "../../../base/ids.ts";
import {
  BEACON_INTERVAL_MS_MAX,
  BUNDLE_TEXT_BYTES_MAX,
  BUNDLE_TEXTS_MAX,
  EPOCH_MAX,
  FOLDED_NAME_BYTES_MAX,
  HEADS_MAX,
  HOST_BYTES_MAX,
  INVITE_ADDRESSES_MAX,
  NAME_BYTES_MAX,
  REFERENCE_HEADS_MAX,
  REMOVED_ID_BYTES,
  ROOM_SECRET_BYTES,
  RULINGS_MAX,
  STAY_TAG_BYTES,
  STAYS_MAX,
} from "./limits.ts";
import { type Bytes, type Crypto, type Signer, utf8 } from "../../../base/crypto/crypto.ts";

/** Version of all structures below; a structure of another version is refused. */
export const STRUCTURE_VERSION = 1;

/** Domain tags: the first bytes of everything that is hashed to be signed. */
export const TAGS = {
  genesis: "p2pchat mesh genesis 1\n",
  claim: "p2pchat mesh claim 1\n",
  admission: "p2pchat mesh admission 1\n",
  beacon: "p2pchat mesh beacon 1\n",
  statement: "p2pchat mesh statement 1\n",
  rotation: "p2pchat mesh rotation 1\n",
  ruling: "p2pchat mesh ruling 1\n",
  header: "p2pchat mesh header 1\n",
  message: "p2pchat mesh message 1\n",
  privateMessage: "p2pchat mesh private message 1\n",
  roomKey: "p2pchat mesh room key 1\n",
  announcement: "p2pchat mesh announcement 1\n",
} as const;

const version = uint(STRUCTURE_VERSION);
/** Time in a room: ms, near the wall time of its authors, and always later than what it follows. */
const roomTime = uint(Number.MAX_SAFE_INTEGER);
const counter = uint(Number.MAX_SAFE_INTEGER);
const signature = fixedBytes(64);

export const endpointSchema = record({ host: text(HOST_BYTES_MAX), port: uint(65_535) });

/** Founds a room. The room's id is SHA-256 over the tag and these bytes, which name the only key that can appoint deputies. */
export const genesisSchema = record({
  version,
  nonce: fixedBytes(16),
  private: bool(),
  founder: peerKey(),
  time: roomTime,
});
export const signedGenesisSchema = record({ genesis: embedded(genesisSchema, 256), signature });
export type SignedGenesis = Infer<typeof signedGenesisSchema>;

/**
 * A member's right to a name, signed by the claimant and by the member who admitted it. Of two claims
 * to one folded name the one with the smaller (time, id) wins everywhere.
 */
export const claimSchema = record({
  version,
  room: hexId<RoomId>(),
  name: text(NAME_BYTES_MAX),
  folded: text(FOLDED_NAME_BYTES_MAX),
  key: peerKey(),
  incarnation: counter,
  /** The latest head the admitting member had been shown; `time` is after it. Null in an empty room. */
  after: nullable(record({ time: roomTime, id: hexId<BundleId>() })),
  time: roomTime,
  admitter: peerKey(),
});
export const signedClaimSchema = record({
  claim: embedded(claimSchema, 1_024),
  /** The claimant's, over the claim's id. */
  signature,
  /** The admitting member's, over the tag `admission` and the claim's bytes. */
  admission: signature,
});
export type Claim = Infer<typeof claimSchema>;
export type SignedClaim = Infer<typeof signedClaimSchema>;

/** In beacons that an earlier version has kept on disk. */
const NO_PROCESS = "0".repeat(64) as ProcessKey;

/** A lease on a place in the roster, renewed by a higher (incarnation, number); quit wins over alive on a tie. */
export const beaconSchema = record({
  version,
  room: hexId<RoomId>(),
  key: peerKey(),
  incarnation: counter,
  number: counter,
  state: oneOf(["alive", "quit"]),
  claim: hexId<ClaimId>(),
  /** Where others can dial this member; null where nobody can. */
  endpoint: nullable(endpointSchema),
  passive: bool(),
  /** X25519 public key for private messages, new at each start and each 24 h. */
  boxKey: fixedBytes(32),
  /** Epoch of a private room's secret; 0 in an open room. */
  epoch: uint(Number.MAX_SAFE_INTEGER),
  /** Digest of the sender's frontiers: equal digests mean equal messages. */
  frontier: hexId<Hash>(),
  /** Digest of the sender's roster. */
  roster: hexId<Hash>(),
  /** Time of the last message in room order by others that the sender had been shown; 0 for none. */
  latest: roomTime,
  /** The next beacon follows within so many ms: the lease doesn't depend on how many members its reader knows. */
  intervalMs: trailing(uint(BEACON_INTERVAL_MS_MAX), 10_000),
  /** The member's process, as its links prove it: with another one, an incarnation was taken from a copied profile. */
  process: trailing(hexId<ProcessKey>(), NO_PROCESS),
  ...presenceFields,
  /** Where else others reach this member: through a meeting point. Null: nowhere else. */
  meeting: trailing(nullable(endpointSchema), null),
});
export const signedBeaconSchema = record({ beacon: embedded(beaconSchema, 1_024), signature });
export type Beacon = Infer<typeof beaconSchema>;
export type SignedBeacon = Infer<typeof signedBeaconSchema>;

/** What a neighbour says about a member: it no longer answers me (accuse), or it does (deny). */
export const statementSchema = record({
  version,
  room: hexId<RoomId>(),
  by: peerKey(),
  verdict: oneOf(["accuse", "deny"]),
  accused: peerKey(),
  /** The accused's latest (incarnation, number) that the speaker knows; a higher one refutes. */
  incarnation: counter,
  number: counter,
});
export const signedStatementSchema = record({
  statement: embedded(statementSchema, 512),
  signature,
});
export type Statement = Infer<typeof statementSchema>;
export type SignedStatement = Infer<typeof signedStatementSchema>;

/**
 * A secret of a private room, made when it is founded (epoch 1) or by any member later (1 + the epoch that it knew).
 * The highest (epoch, whether it names who stays, id) is the one that lets newcomers in.
 */
export const rotationSchema = record({
  version,
  room: hexId<RoomId>(),
  epoch: uint(EPOCH_MAX),
  secret: fixedBytes(ROOM_SECRET_BYTES),
  /** The member that made it. */
  author: peerKey(),
  /**
   * After a removal, the first bytes of the keys of all whom the author knows as members and who stay: nobody else comes
   * in by an earlier secret. Null where nobody was removed. It counts where the author is the founder, or a deputy.
   */
  stays: trailing(nullable(list(fixedBytes(STAY_TAG_BYTES), STAYS_MAX)), null),
  /** How many keys its author knew to be removed: those may know the secret of one who didn't know it of all. */
  removed: trailing(uint(RULINGS_MAX), 0),
  /**
   * Which keys these were: the first bytes of SHA-256 over all of them, sorted. Two members that removed at once knew of
   * the same if these agree. Null from who doesn't say.
   */
  removedId: trailing(nullable(fixedBytes(REMOVED_ID_BYTES)), null),
});
export const signedRotationSchema = record({
  rotation: embedded(rotationSchema, 256 + STAY_TAG_BYTES * STAYS_MAX),
  /** The author's, over the rotation's id. */
  signature,
});
export type Rotation = Infer<typeof rotationSchema>;
export type SignedRotation = Infer<typeof signedRotationSchema>;

/**
 * What the founder, or a deputy, has decided about a key: that it is shut out of the room, or isn't any more; that it is a
 * deputy, or isn't any more. Which of several count: `kept_rulings.ts`.
 */
export const rulingSchema = record({
  version,
  room: hexId<RoomId>(),
  kind: oneOf(["remove", "allow", "deputy", "no-deputy"]),
  /** The key that it is about. */
  subject: peerKey(),
  author: peerKey(),
  /** 1 + the highest of all rulings about this key that its author knew. */
  counter,
});
export const signedRulingSchema = record({
  ruling: embedded(rulingSchema, 256),
  /** The author's, over the ruling's id. */
  signature,
});
export type SignedRuling = Infer<typeof signedRulingSchema>;

/** An invite, as `--invite` takes it in base32 and with a check (`rotations.ts`). Not signed, and never on the wire. */
export const inviteSchema = record({
  version,
  room: hexId<RoomId>(),
  /** Null for an open room. */
  secret: nullable(record({ epoch: uint(EPOCH_MAX), secret: fixedBytes(ROOM_SECRET_BYTES) })),
  /** Where members listen. */
  endpoints: list(endpointSchema, INVITE_ADDRESSES_MAX),
});

/** Names the last counter of a bundle, so that what it depends on can be found and checked. */
export const headSchema = record({
  author: peerKey(),
  incarnation: counter,
  counter,
  time: roomTime,
  id: hexId<BundleId>(),
});
export type Head = Infer<typeof headSchema>;

/**
 * What an author signs about one bundle. Its id is SHA-256 over the tag and these exact bytes.
 * A bundle of kind `heads` carries no text, takes one counter, and names 65 to 1,024 heads.
 */
export const headerSchema = record({
  version,
  room: hexId<RoomId>(),
  author: peerKey(),
  incarnation: counter,
  kind: oneOf(["texts", "heads"]),
  /** First counter of the bundle; an incarnation's counters start at 1 and leave no gap. */
  counter,
  /** How many counters it takes: one for each text, 1 for kind `heads`. */
  count: uint(BUNDLE_TEXTS_MAX),
  /** The claim of the name that the author had when the bundle was sent. */
  claim: hexId<ClaimId>(),
  /** The author's previous bundle in this incarnation; null for the first. */
  previous: nullable(hexId<BundleId>()),
  /** The latest bundles that the author had been shown, none an ancestor of another. */
  heads: list(headSchema, REFERENCE_HEADS_MAX),
  time: roomTime,
  /** The author's wall clock when it was typed, ms since 1970; for display alone. */
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  /** SHA-256 of the bundle's exact `texts` bytes. */
  textsHash: hexId<Hash>(),
});
/** 1,024 heads of at most 96 bytes, and the rest. */
const HEADER_BYTES_MAX = REFERENCE_HEADS_MAX * 96 + 1_024;
export const signedHeaderSchema = record({
  header: embedded(headerSchema, HEADER_BYTES_MAX),
  /** The author's, over the header's id. */
  signature,
});
export type Header = Infer<typeof headerSchema>;
export type SignedHeader = Infer<typeof signedHeaderSchema>;

export const textListSchema = list(text(BUNDLE_TEXT_BYTES_MAX), BUNDLE_TEXTS_MAX);
/** Texts of one bundle; at most 64 KiB of UTF-8 in all, so one text may fill it. Exported for its table. */
export const textsSchema = embedded(
  textListSchema,
  BUNDLE_TEXT_BYTES_MAX + BUNDLE_TEXTS_MAX * 4,
);

/** The unit that is signed, relayed, stored and announced, whole and byte for byte. */
export const bundleSchema = record({
  header: embedded(headerSchema, HEADER_BYTES_MAX),
  signature,
  texts: textsSchema,
});
export type Bundle = Infer<typeof bundleSchema>;

/** Two headers that cannot both be honest, each signed by the same author. */
export const proofSchema = record({ first: signedHeaderSchema, second: signedHeaderSchema });
export type Proof = Infer<typeof proofSchema>;

/** A message that only its receiver can read: Noise N to the receiver's box key. */
export const privateEnvelopeSchema = record({
  room: hexId<RoomId>(),
  from: peerKey(),
  to: peerKey(),
  /** The receiver's box key to which the envelope is sealed. */
  boxKey: fixedBytes(32),
  /** The sender's incarnation and its counter of private messages to this receiver. */
  incarnation: counter,
  counter,
  /** A message, or the receiver's acknowledgement of one. */
  kind: oneOf(["message", "acknowledgement"]),
  /** The text padded to 64 KiB at most, 64 heads of at most 96 bytes, and the rest. */
  sealed: bytes(BUNDLE_TEXT_BYTES_MAX + HEADS_MAX * 96 + 1_024),
});
export type PrivateEnvelope = Infer<typeof privateEnvelopeSchema>;

type Tag = keyof typeof TAGS;

const TAG_BYTES = Object.fromEntries(
  Object.entries(TAGS).map(([tag, text]) => [tag, utf8(text)]),
) as Readonly<Record<Tag, Bytes>>;

/** The id of the structure with these exact bytes, whose 32 raw bytes are signed. */
export function signedId<Id extends HexId>(crypto: Crypto, tag: Tag, bytes: Uint8Array): Id {
  return crypto.sha256<Id>(TAG_BYTES[tag], bytes);
}

/** The signature over an id, 64 bytes. */
export function signId(signer: Signer, id: HexId): Bytes {
  return signer.sign(Uint8Array.fromHex(id));
}

/** Whether `signature` is `key`'s over `id`. Never throws. */
export function checkId(
  crypto: Crypto,
  key: PeerKey,
  id: HexId,
  signature: Uint8Array,
): boolean {
  return crypto.verify(key, Uint8Array.fromHex(id), signature);
}

declare const brand: unique symbol;
/** `author/incarnation`. */
export type StreamKey = string & { readonly [brand]: "StreamKey" };

/** Each incarnation of an author has its own counters, frontier and bundles. */
export interface Stream {
  readonly author: PeerKey;
  readonly incarnation: number;
}

/** The same for the same author and incarnation, and no other. */
export function streamKey(stream: Stream): StreamKey {
  return `${stream.author}/${stream.incarnation}` as StreamKey;
}

/** The stream alone, of a header or a head. */
export function streamOf({ author, incarnation }: Stream): Stream {
  return { author, incarnation };
}
