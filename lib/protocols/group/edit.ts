/**
 * An edit: what a member asks for, signed by it, and what the coordinator has decided. Only what is committed has a
 * place in the history.
 */

import { type Bytes, concatBytes, type Crypto, type Signer, utf8 } from "../../base/crypto.ts";
import type { Hash, PeerKey, RequestId } from "../../base/ids.ts";
import { nameFault } from "../../base/names.ts";
import { utf8Length } from "../../base/text.ts";
import {
  type Embedded,
  embedded,
  encode,
  fixedBytes,
  hexId,
  type Infer,
  list,
  makeEmbedded,
  record,
  text,
  uint,
} from "../../base/schema.ts";
import {
  EDIT_REASON_BYTES_MAX,
  EDIT_REQUEST_BYTES_MAX,
  INCARNATION_BYTES,
  MEMBERS_MAX,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "./limits.ts";

const count = uint(Number.MAX_SAFE_INTEGER);

const editRequestSchema = record({
  /** The group in which it was asked for: it can't be repeated in another. */
  group: hexId<Hash>(),
  requester: hexId<PeerKey>(),
  /** The requester's name then. */
  name: text(NAME_BYTES_MAX),
  /** Of the requester's process, which numbers what it asks for from 1. */
  incarnation: fixedBytes(INCARNATION_BYTES),
  number: count,
  /** The requester's wall clock, ms since 1970; for display alone. */
  askedAt: count,
  /** Number of the entry. */
  seq: count,
  /** What it is to read. */
  text: text(TEXT_BYTES_MAX),
});
export type EditRequest = Infer<typeof editRequestSchema>;

/** A request in its exact bytes, and the requester's signature over them: sent and kept so. */
export const signedEditRequestSchema = record({
  request: embedded(editRequestSchema, EDIT_REQUEST_BYTES_MAX),
  signature: fixedBytes(64),
});
export interface SignedEditRequest {
  readonly request: Embedded<EditRequest>;
  readonly signature: Uint8Array;
}

/** Somebody by key, under the name of then. */
export const namedKeySchema = record({ key: hexId<PeerKey>(), name: text(NAME_BYTES_MAX) });
export type NamedKey = Infer<typeof namedKeySchema>;

/** What was committed. */
export const editSchema = record({
  /** Its number, from 1; those of edits that were aborted are missing in a history. */
  edit: count,
  signed: signedEditRequestSchema,
  /** Who was asked, and agreed. */
  agreed: list(namedKeySchema, MEMBERS_MAX),
});
export type Edit = Infer<typeof editSchema>;

const TAGS = {
  request: utf8("p2pchat group edit request 1\0"),
  id: utf8("p2pchat group edit id 1\0"),
} as const;

/** Signs what one asks for. */
export function signEditRequest(signer: Signer, request: EditRequest): SignedEditRequest {
  const made = makeEmbedded(editRequestSchema, request);
  const exact = { bytes: made.bytes.slice(), value: made.value };
  return { request: exact, signature: signer.sign(tagged(exact.bytes)) };
}

/** A request from its parts, as a log keeps them. */
export function editRequestFrom(request: EditRequest, signature: Uint8Array): SignedEditRequest {
  const made = makeEmbedded(editRequestSchema, request);
  return { request: { bytes: made.bytes.slice(), value: made.value }, signature };
}

/** Who is asked before an edit: the author of the entry, all other members, or nobody. */
export const EDIT_POLICIES = ["own", "ask", "auto"] as const;
export type EditPolicy = typeof EDIT_POLICIES[number];

/**
 * Whether a member's user is asked for agreement. Whoever asks has agreed.
 * @param author Who said the entry; null where that isn't known.
 */
export function needsAgreement(
  policy: EditPolicy,
  member: PeerKey,
  requester: PeerKey,
  author: PeerKey | null,
): boolean {
  if (member === requester || policy === "auto") return false;
  return policy === "ask" || member === author;
}

/** A decoder's bytes are the link's: what is kept has its own. */
export function keptRequest({ request, signature }: SignedEditRequest): SignedEditRequest {
  return {
    request: { bytes: request.bytes.slice(), value: request.value },
    signature: signature.slice(),
  };
}

/** Whether the requester's signature fits. Never throws. */
export function isRequestAuthentic(crypto: Crypto, signed: SignedEditRequest): boolean {
  const { bytes, value } = signed.request;
  return crypto.verify(value.requester, tagged(bytes), signed.signature);
}

function tagged(bytes: Uint8Array): Bytes {
  return concatBytes(TAGS.request, bytes);
}

/** What is wrong with a request by itself, the signature aside; null where nothing is. */
export function requestFault(
  { request: { value } }: SignedEditRequest,
  group: Hash,
): string | null {
  if (value.group !== group) return "it was asked for in another group";
  if (value.seq < 1) return "no entry has a number below 1";
  if (value.number < 1) return "its number is below 1";
  if (value.text.length === 0) return "an entry can't be empty";
  const name = nameFault(value.name);
  return name === null ? null : `its requester's name ${name}`;
}

/** As much of a reason as a message takes: names, and what a voter says, may make it longer. */
export function boundedReason(reason: string): string {
  if (utf8Length(reason) <= EDIT_REASON_BYTES_MAX) return reason;
  const codePointsMax = EDIT_REASON_BYTES_MAX / 4 - 1;
  return `${Array.from(reason).slice(0, codePointsMax).join("")}…`;
}

/** The id of a request: the same however often it is sent, and no other has it. */
export function requestId(
  crypto: Crypto,
  { requester, incarnation, number }: EditRequest,
): RequestId {
  return crypto.sha256<RequestId>(TAGS.id, encode(placeSchema, { requester, incarnation, number }));
}
const placeSchema = record({
  requester: hexId<PeerKey>(),
  incarnation: fixedBytes(INCARNATION_BYTES),
  number: count,
});
