/**
 * An edit: a member's request, signed by it, and the coordinator's decision. Only committed edits have a place in the
 * history.
 */

import {
  type Bytes,
  concatBytes,
  type Crypto,
  type Signer,
  utf8,
} from "../../../base/crypto/crypto.ts";
import type { Hash, MessageId, PeerKey, RequestId } from "../../../base/ids.ts";
import { nameFault } from "../../../base/text/names.ts";
import {
  type Embedded,
  embedded,
  encode,
  fixedBytes,
  hexId,
  type Infer,
  list,
  makeEmbedded,
  oneOf,
  peerKey,
  personName,
  record,
  text,
  uint,
} from "../../../base/schema/schema.ts";
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
  /** The group in which the edit was asked for: the request can't be replayed in another. */
  group: hexId<Hash>(),
  requester: peerKey(),
  /** The requester's name at that time. */
  name: text(NAME_BYTES_MAX),
  /** Incarnation of the requester's process, which numbers its requests from 1. */
  incarnation: fixedBytes(INCARNATION_BYTES),
  number: count,
  /** The requester's wall clock, ms since 1970; for display alone. */
  askedAt: count,
  /** Number of the entry to change, and its id: in another log the number may be another entry's. */
  seq: count,
  entry: hexId<MessageId>(),
  /** SHA-256 of what the entry reads before the edit, as the requester's log has it. */
  old: hexId<Hash>(),
  /** The entry's new text. */
  text: text(TEXT_BYTES_MAX),
});
export type EditRequest = Infer<typeof editRequestSchema>;

/** A request in its exact bytes, and the requester's signature over them: it is sent and kept in this form. */
export const signedEditRequestSchema = record({
  request: embedded(editRequestSchema, EDIT_REQUEST_BYTES_MAX),
  signature: fixedBytes(64),
});
export interface SignedEditRequest {
  readonly request: Embedded<EditRequest>;
  readonly signature: Uint8Array;
}

/** A member's key, and its name at that time. */
export interface NamedKey {
  readonly key: PeerKey;
  readonly name: string;
}

/** A member that was asked, and agreed: with its signature over that, see `consents.ts`. */
const agreedSchema = record({
  key: peerKey(),
  name: personName(NAME_BYTES_MAX),
  signature: fixedBytes(64),
});
export type Agreed = Infer<typeof agreedSchema>;

/** A committed edit. */
export const editSchema = record({
  /** Its number, from 1; the numbers of aborted edits are missing in a history. */
  edit: count,
  signed: signedEditRequestSchema,
  /** The view whose members voted. */
  view: count,
  /** All who had to be asked under the group's rules. */
  agreed: list(agreedSchema, MEMBERS_MAX),
});
export type Edit = Infer<typeof editSchema>;

const TAGS = {
  request: utf8("p2pchat group edit request 1\0"),
  id: utf8("p2pchat group edit id 1\0"),
} as const;

/** Signs a request of our own. */
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

/** SHA-256 of a text's UTF-8. */
export function textDigest(crypto: Crypto, text: string): Hash {
  return crypto.sha256<Hash>(utf8(text));
}

/** Who is asked before an edit: the author of the entry, all other members, or nobody. */
export const EDIT_POLICIES = ["own", "ask", "auto"] as const;
export type EditPolicy = typeof EDIT_POLICIES[number];

/** Why an edit is aborted; `edit_phases.ts` has the words, and says who is named with each. */
export const ABORT_CODES = [
  "no",
  "no-entry",
  "other-entry",
  "unsigned",
  "late",
  "author-absent",
  "author-gone",
  "asker-gone",
  "asker-left",
  "asker-restarted",
  "members-changed",
  "rules-pending",
  "given-up",
  "forgotten",
  "abandoned",
] as const;

export const abortReasonSchema = record({
  code: oneOf(ABORT_CODES),
  /**
   * Those concerned; with `given-up`, members whose logs rule it out, nobody where the operator gave it up. Each reader
   * knows them by their keys: what they call themselves may be another's name there.
   */
  who: list(peerKey(), MEMBERS_MAX),
  /** With `no`: why, in that member's words, part of a sentence; empty where its user said no. */
  said: text(EDIT_REASON_BYTES_MAX),
});
export type AbortReason = Infer<typeof abortReasonSchema>;

/**
 * What follows the reason of an edit in doubt. Another member may know the outcome, or the one that asked for the edit
 * may give it up, before the coordinator is back.
 */
export const TOLD_LATER = "the outcome follows";

/**
 * Whether a member's user is asked for agreement. The requester has agreed by asking.
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

/** A copy to keep: a decoder's bytes belong to the link's buffer. */
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

type RequestPlace = Pick<EditRequest, "requester" | "incarnation" | "number">;

/**
 * What was computed of requests. A member asks for it some ten times while an edit is under way: the hashes would be a
 * twentieth of its work.
 */
const IDS = new WeakMap<RequestPlace, RequestId>();
const CHANGES = new WeakMap<RequestPlace, EntryChange>();

/** The id of a request: the same however often it is sent, and no other has it. */
export function requestId(crypto: Crypto, request: RequestPlace): RequestId {
  const known = IDS.get(request);
  if (known !== undefined) return known;
  const id = crypto.sha256<RequestId>(TAGS.id, encode(placeSchema, request));
  IDS.set(request, id);
  return id;
}

/** What a committed request does to a history. */
export interface EntryChange {
  readonly request: RequestId;
  /** Number of the entry that it changes, and the digest of its new text. */
  readonly seq: number;
  readonly text: Hash;
}

export function changeBy(
  crypto: Crypto,
  request: RequestPlace & Pick<EditRequest, "seq" | "text">,
): EntryChange {
  const known = CHANGES.get(request);
  if (known !== undefined) return known;
  const { seq, text } = request;
  const change = { request: requestId(crypto, request), seq, text: textDigest(crypto, text) };
  CHANGES.set(request, change);
  return change;
}
const placeSchema = record({
  requester: peerKey(),
  incarnation: fixedBytes(INCARNATION_BYTES),
  number: count,
});
