/**
 * An epoch: a view, or a round of it, begins where all its members hold the same history, under a ballot. It is signed
 * by the one that decided it: the coordinator (round 0) or the view's sequencer (later rounds).
 *
 * An epoch says where its members are, which only they need to know; histories last, and are read by whoever joins
 * later. So the view is signed a second time, in the form in which histories record it: who had which name, and where
 * the view began.
 */

import { concatBytes, type Crypto, type Signer, utf8 } from "../../../base/crypto/crypto.ts";
import type { Endpoint, Hash, PeerKey } from "../../../base/ids.ts";
import {
  type Embedded,
  embedded,
  fixedBytes,
  hexId,
  hostText,
  type Infer,
  list,
  makeEmbedded,
  nullable,
  peerKey,
  personName,
  record,
  uint,
} from "../../../base/schema/schema.ts";
import { INCARNATION_BYTES, MEMBERS_MAX, NAME_BYTES_MAX, ROUND_MAX } from "./limits.ts";

/**
 * The number under which members agree: that of the view that is about to begin, and a round of it. A member that has
 * reported for a ballot takes part in nothing under a lower one.
 *
 * Ballots as in Paxos (Lamport, The Part-Time Parliament, TOCS 1998, section 2.2); here the coordinator leads
 * those of round 0, and a view's sequencer, while the coordinator is away, the rounds after that.
 */
export const ballotSchema = record({
  number: uint(Number.MAX_SAFE_INTEGER),
  round: uint(ROUND_MAX),
});
export type Ballot = Infer<typeof ballotSchema>;

/** Below all others: the ballot of a member that has never been in a view. */
export const NO_BALLOT: Ballot = { number: 0, round: 0 };

/** Negative where `a` comes first, 0 where they are the same. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.number - b.number || a.round - b.round;
}

/** Whether they agree in number and round. */
export function isSameBallot(a: Ballot, b: Ballot): boolean {
  return compareBallots(a, b) === 0;
}

/** `3`, or `3.1` for its first round; for the log and for tests. */
export function ballotText({ number, round }: Ballot): string {
  return round === 0 ? String(number) : `${number}.${round}`;
}

/** An end of history: how far it goes, and its digest there. */
export interface HistoryPoint {
  /** Entries, edits and rules together; 0 for an empty history. */
  readonly position: number;
  readonly digest: Hash;
}

export const historyPointSchema = record({
  position: uint(Number.MAX_SAFE_INTEGER),
  digest: hexId<Hash>(),
});

/** Longest host name (RFC 1035), or an address. */
const HOST_BYTES_MAX = 255;

/** Where somebody listens. */
export const endpointSchema = record({ host: hostText(HOST_BYTES_MAX), port: uint(65_535) });

/** A member or newcomer to meet, and where. */
export const memberSchema = record({
  key: peerKey(),
  name: personName(NAME_BYTES_MAX),
  /** Of its process; what another process of it says doesn't belong to this epoch. */
  incarnation: fixedBytes(INCARNATION_BYTES),
  /** Null: the host of the coordinator, as the reader dials it. */
  host: nullable(hostText(HOST_BYTES_MAX)),
  port: uint(65_535),
});
export type Member = Infer<typeof memberSchema>;

/** Exported for its table in PROTOCOL.md. */
export const epochSchema = record({
  group: hexId<Hash>(),
  /** The key that signs it. */
  by: peerKey(),
  /** Number of the view. */
  view: uint(Number.MAX_SAFE_INTEGER),
  /** What the coordinator decides has `number` equal to `view`, and `round` 0. */
  ballot: ballotSchema,
  /** The oldest first; the first one is the sequencer. */
  members: list(memberSchema, MEMBERS_MAX),
  /** The history that all members hold, and that is therefore stable. */
  start: historyPointSchema,
});
export type Epoch = Infer<typeof epochSchema>;

/** An epoch of `MEMBERS_MAX` members takes 28 KB; a later version may have more in it. */
export const EPOCH_BYTES_MAX = 40 * 1_024;

export const signedEpochSchema = record({
  epoch: embedded(epochSchema, EPOCH_BYTES_MAX),
  signature: fixedBytes(64),
  /** Of the same key, over the epoch's view as histories record it. */
  viewSignature: fixedBytes(64),
});
export interface SignedEpoch {
  readonly epoch: Embedded<Epoch>;
  readonly signature: Uint8Array;
  readonly viewSignature: Uint8Array;
}

/** Exported for its table in PROTOCOL.md. */
export const recordedViewSchema = record({
  group: hexId<Hash>(),
  /** The key that signs it. */
  by: peerKey(),
  /** Number of the view. */
  view: uint(Number.MAX_SAFE_INTEGER),
  /** The oldest first. */
  members: list(record({ key: peerKey(), name: personName(NAME_BYTES_MAX) }), MEMBERS_MAX),
  /** Where it began. */
  start: historyPointSchema,
});
export type RecordedView = Infer<typeof recordedViewSchema>;

/** A view of `MEMBERS_MAX` members takes 10.5 KB; a later version may have more in it. */
export const RECORDED_VIEW_BYTES_MAX = 16 * 1_024;

export const signedViewSchema = record({
  recorded: embedded(recordedViewSchema, RECORDED_VIEW_BYTES_MAX),
  signature: fixedBytes(64),
});
export interface SignedView {
  readonly recorded: Embedded<RecordedView>;
  readonly signature: Uint8Array;
}

const TAGS = {
  epoch: utf8("p2pchat group epoch 1\0"),
  view: utf8("p2pchat group view 1\0"),
} as const;

/** Signs a tag for epochs and the exact bytes (Ed25519), so that no signature of anything else fits; the view, too. */
export function signEpoch(signer: Signer, epoch: Omit<Epoch, "by">): SignedEpoch {
  const made = makeEmbedded(epochSchema, { ...epoch, by: signer.key });
  const exact = { bytes: made.bytes.slice(), value: made.value };
  return {
    epoch: exact,
    signature: signer.sign(concatBytes(TAGS.epoch, exact.bytes)),
    viewSignature: signer.sign(concatBytes(TAGS.view, recordedOf(exact.value).bytes)),
  };
}

/** Whether `key` has signed the epoch, and its view. Never throws. */
export function isSignedBy(crypto: Crypto, key: PeerKey, signed: SignedEpoch): boolean {
  return signed.epoch.value.by === key &&
    crypto.verify(key, concatBytes(TAGS.epoch, signed.epoch.bytes), signed.signature) &&
    isViewSignedBy(crypto, key, recordedView(signed));
}

/** Whether `key` has signed the recorded view. Never throws. */
export function isViewSignedBy(
  crypto: Crypto,
  key: PeerKey,
  { recorded, signature }: SignedView,
): boolean {
  return recorded.value.by === key &&
    crypto.verify(key, concatBytes(TAGS.view, recorded.bytes), signature);
}

/** The epoch's view as histories record it. */
export function recordedView({ epoch, viewSignature }: SignedEpoch): SignedView {
  return { recorded: recordedOf(epoch.value), signature: viewSignature };
}

function recordedOf({ group, by, view, members, start }: Epoch): Embedded<RecordedView> {
  const names = members.map(({ key, name }) => ({ key, name }));
  const { bytes, value } = makeEmbedded(recordedViewSchema, {
    group,
    by,
    view,
    members: names,
    start,
  });
  return { bytes: bytes.slice(), value };
}

/** A copy to keep: a decoder's bytes belong to the link's buffer. */
export function keptView({ recorded, signature }: SignedView): SignedView {
  return {
    recorded: { bytes: recorded.bytes.slice(), value: recorded.value },
    signature: signature.slice(),
  };
}

/** @param coordinatorHost Where the reader dials the coordinator. */
export function endpointOf(
  { host, port }: Pick<Member, "host" | "port">,
  coordinatorHost: string,
): Endpoint {
  return { host: host ?? coordinatorHost, port };
}
