/**
 * What is signed, in one place: the 32 raw bytes of a structure's id, which is SHA-256 of a domain tag
 * and the structure's exact bytes. The tag makes a signature for one purpose worthless for another.
 */

import { type Bytes, type Crypto, type Signer, utf8 } from "../../../base/crypto/crypto.ts";
import type { HexId, PeerKey } from "../../../base/ids.ts";
import { TAGS } from "./structures.ts";

type Tag = keyof typeof TAGS;

const TAG_BYTES = Object.fromEntries(
  Object.entries(TAGS).map(([tag, text]) => [tag, utf8(text)]),
) as Readonly<Record<Tag, Bytes>>;

/** The id of the structure with these exact bytes. */
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
