/**
 * The keys that a coordinator had before its present one: its decisions on edits under one of them stay valid. The
 * coordinator signs the list, so that members can give it back when its disk is lost; nobody needs to be trusted for
 * that.
 */

import {
  type Bytes,
  concatBytes,
  type Crypto,
  type Signer,
  utf8,
} from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  type Embedded,
  embedded,
  fixedBytes,
  hexId,
  type Infer,
  list,
  makeEmbedded,
  peerKey,
  record,
} from "../../../base/schema/schema.ts";
import type { SignedBatch } from "./history.ts";
import { FORMER_KEYS_MAX } from "./limits.ts";

const formerKeysSchema = record({
  group: hexId<Hash>(),
  /** The oldest first. */
  keys: list(peerKey(), FORMER_KEYS_MAX),
});
type FormerKeys = Infer<typeof formerKeysSchema>;

/** Twice what such a list takes: a later version may have more in it. */
const FORMER_KEYS_BYTES_MAX = 2 * 32 * (FORMER_KEYS_MAX + 2);

export const signedFormerKeysSchema = record({
  former: embedded(formerKeysSchema, FORMER_KEYS_BYTES_MAX),
  signature: fixedBytes(64),
});
export interface SignedFormerKeys {
  readonly former: Embedded<FormerKeys>;
  readonly signature: Uint8Array;
}

const TAG: Bytes = utf8("p2pchat group former keys 1\0");

/** Signs a tag for such lists and the exact bytes (Ed25519), with the present key. */
export function signFormerKeys(signer: Signer, former: FormerKeys): SignedFormerKeys {
  const made = makeEmbedded(formerKeysSchema, former);
  const exact = { bytes: made.bytes.slice(), value: made.value };
  return { former: exact, signature: signer.sign(concatBytes(TAG, exact.bytes)) };
}

/** A copy to keep: a decoder's bytes belong to the link's buffer. */
export function keptFormerKeys({ former, signature }: SignedFormerKeys): SignedFormerKeys {
  return {
    former: { bytes: former.bytes.slice(), value: former.value },
    signature: signature.slice(),
  };
}

/** Whether `coordinator` has signed the list for this group. Never throws. */
export function isFormerOf(
  crypto: Crypto,
  coordinator: PeerKey,
  group: Hash,
  { former, signature }: SignedFormerKeys,
): boolean {
  return former.value.group === group &&
    crypto.verify(coordinator, concatBytes(TAG, former.bytes), signature);
}

/**
 * What is wrong with the author of a decision; null where nothing is. That its author has signed a batch doesn't mean
 * that the author may decide.
 */
export function deciderFault(
  { batch: { value: { kind, author } } }: SignedBatch,
  mayDecide: (key: PeerKey) => boolean,
): string | null {
  if (kind === "texts" || mayDecide(author)) return null;
  return kind === "edits" ? "somebody else has decided on an edit" : "somebody else has set rules";
}
