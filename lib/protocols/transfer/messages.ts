/**
 * Every message of file transfer, and the offer, which is signed. The modes carry these messages beside their own: the
 * codes are above those of every mode.
 */

import {
  bytes,
  embedded,
  fixedBytes,
  hexId,
  type Infer,
  message,
  type MessageOf,
  nullable,
  oneOf,
  peerKey,
  record,
  text,
  uint,
} from "../../base/schema/schema.ts";
import type { Hash, OfferId } from "../../base/ids.ts";
import {
  FILE_BYTES_MAX,
  FILE_NAME_BYTES_MAX,
  HASH_BYTES,
  LEAF_BYTES,
  LEAVES_MAX,
  OFFER_BYTES_MAX,
  PROOF_HASHES_MAX,
  WINDOW_LEAVES_MAX,
} from "./limits.ts";

const OFFER_VERSION = 1;
const signature = fixedBytes(64);
const file = hexId<OfferId>();
const leaf = uint(LEAVES_MAX - 1);

export const offerSchema = record({
  version: uint(OFFER_VERSION),
  /** Where it is offered: the room's id, or what two who are alone agree on. */
  context: hexId<Hash>(),
  from: peerKey(),
  /** Whom it is for; null: for all who are there. */
  to: nullable(peerKey()),
  /** The signer's wall clock, ms since 1970: for display, and so that the same file can be offered again. */
  at: uint(Number.MAX_SAFE_INTEGER),
  name: text(FILE_NAME_BYTES_MAX),
  size: uint(FILE_BYTES_MAX),
  digest: hexId<Hash>(),
});
export const signedOfferSchema = record({
  offer: embedded(offerSchema, OFFER_BYTES_MAX),
  signature,
});
export type Offer = Infer<typeof offerSchema>;
export type SignedOffer = Infer<typeof signedOfferSchema>;

/** Why somebody hasn't the file, or has it no more. */
export const LACKING = ["unknown", "busy", "changed", "disk", "stopped"] as const;
/** Why the signer takes an offer back. */
export const WITHDRAWALS = ["cancelled", "changed"] as const;

const offer = message(200, "offer", {
  from: "the signer, or somebody who has the file or has just heard of it",
  to: "everybody that it is for",
  when:
    "it is made; a link comes up to somebody that it is for; if it is for all, also from who only heard of it, and when " +
    "it was heard first",
  answer: "none; `want` where the user takes it",
  lane: "news",
}, { offer: signedOfferSchema });
const withdraw = message(201, "withdraw", {
  from: "the signer, or somebody who has heard of it",
  to: "everybody that the offer is for",
  when: "the signer takes the offer back; later, to who still passes on an offer for all",
  lane: "news",
}, { file, reason: oneOf(WITHDRAWALS), signature });
const want = message(202, "want", {
  from: "a receiver",
  to: "everybody that it has a link to",
  when: "it begins, a link comes up, and every few seconds while it lacks leaves",
  answer: "`have` or `lack`",
  lane: "news",
}, { file });
const have = message(203, "have", {
  from: "a holder",
  to: "a receiver, or the signer",
  when: "a `want` came; also, once, to the signer, when all is there",
  answer: "`request`s from who fetches it",
  lane: "data",
}, {
  file,
  /** A bit for each leaf, the lowest of the first byte for the first one; null: all are there. */
  leaves: nullable(bytes(LEAVES_MAX / 8)),
});
const lack = message(204, "lack", {
  from: "whoever was asked",
  to: "a receiver",
  when: "a `want` or `request` can't be answered, or not any more",
  lane: "news",
}, { file, reason: oneOf(LACKING) });
const request = message(205, "request", {
  from: "a receiver",
  to: "a holder that has these leaves",
  when: "it has room for them: so many leaves, and no more, may be sent to it",
  answer: "so many `leaf`s, or `lack`",
  lane: "control",
}, { file, first: leaf, count: uint(WINDOW_LEAVES_MAX) });
const release = message(206, "release", {
  from: "a receiver",
  to: "a holder",
  when: "the leaves that it asked for are of no use any more",
  lane: "control",
}, { file });
const leafMessage = message(207, "leaf", {
  from: "a holder",
  to: "a receiver that asked for it",
  when: "the bulk lane of their link has room",
  lane: "bulk",
}, {
  file,
  leaf,
  /** The hashes beside its way to the top, from below. */
  proof: bytes(PROOF_HASHES_MAX * HASH_BYTES),
  bytes: bytes(LEAF_BYTES),
});

export const TRANSFER_MESSAGES = [
  offer,
  withdraw,
  want,
  have,
  lack,
  request,
  release,
  leafMessage,
] as const;

export type TransferMessage = MessageOf<typeof TRANSFER_MESSAGES[number]>;
export type LeafMessage = Extract<TransferMessage, { readonly type: "leaf" }>;
export type Lacking = typeof LACKING[number];
export type Withdrawal = typeof WITHDRAWALS[number];
