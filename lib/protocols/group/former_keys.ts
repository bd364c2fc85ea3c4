/**
 * The keys that a coordinator had before its present one: what it decided on edits under one of them stays decided.
 * It signs them, so that members can bring them back to it when its disk is lost; nobody's word counts for that.
 */

import { type Bytes, concatBytes, type Crypto, type Signer, utf8 } from "../../base/crypto.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import {
  type Embedded,
  embedded,
  fixedBytes,
  hexId,
  type Infer,
  list,
  makeEmbedded,
  record,
} from "../../base/schema.ts";
import type { SignedBatch } from "./history.ts";
import { FORMER_KEYS_MAX } from "./limits.ts";

const formerKeysSchema = record({
  group: hexId<Hash>(),
  /** The first one first. */
  keys: list(hexId<PeerKey>(), FORMER_KEYS_MAX),
});
export type FormerKeys = Infer<typeof formerKeysSchema>;

/** Twice what it takes: a later version may know more. */
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

/** Signs a tag of such lists and the exact bytes (Ed25519), with the present key. */
export function signFormerKeys(signer: Signer, former: FormerKeys): SignedFormerKeys {
  const made = makeEmbedded(formerKeysSchema, former);
  const exact = { bytes: made.bytes.slice(), value: made.value };
  return { former: exact, signature: signer.sign(concatBytes(TAG, exact.bytes)) };
}

/** A decoder's bytes are the link's: what is kept has its own. */
export function keptFormerKeys({ former, signature }: SignedFormerKeys): SignedFormerKeys {
  return {
    former: { bytes: former.bytes.slice(), value: former.value },
    signature: signature.slice(),
  };
}

/** Whether `coordinator` has signed them for this group. Never throws. */
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
 * What is wrong with who decided; null where nothing is. That a batch is signed by its author says nothing of who may
 * decide.
 */
export function deciderFault(
  { batch: { value: { kind, author } } }: SignedBatch,
  mayDecide: (key: PeerKey) => boolean,
): string | null {
  return kind !== "edits" || mayDecide(author) ? null : "somebody else has decided on an edit";
}
