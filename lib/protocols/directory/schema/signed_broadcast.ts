/**
 * What the sender of a broadcast signs: for which directory, with which key and name, its own number, when it was sent,
 * and the text. So a directory can keep a broadcast back, but not change or redate it, invent one in another's name, or
 * pass one on that was said elsewhere; and by the number, which rises with each broadcast of a key, a receiver knows
 * one that comes again. The time is what the sender says: nobody proves its clock.
 */

import {
  type Bytes,
  concatBytes,
  type Crypto,
  type Signer,
  utf8,
} from "../../../base/crypto/crypto.ts";
import { encode, type Infer, peerKey, record, text, uint } from "../../../base/schema/schema.ts";
import { NAME_BYTES_MAX, TEXT_BYTES_MAX } from "./limits.ts";

const signedSchema = record({
  directory: peerKey(),
  key: peerKey(),
  /** The name under which the sender is in; the directory's own is `*directory*`. */
  from: text(NAME_BYTES_MAX),
  own: uint(Number.MAX_SAFE_INTEGER),
  /** The sender's wall clock, ms since 1970. */
  sentAt: uint(Number.MAX_SAFE_INTEGER),
  text: text(TEXT_BYTES_MAX),
});
type Signed = Infer<typeof signedSchema>;

const TAG: Bytes = utf8("p2pchat directory broadcast 2\0");

/** The sender's signature (Ed25519) over a tag for broadcasts and these fields. */
export function signBroadcast(signer: Signer, said: Omit<Signed, "key">): Bytes {
  return signer.sign(signedBytes({ ...said, key: signer.key }));
}

/** Whether `said.key` has signed this. Never throws. */
export function isSaid(crypto: Crypto, said: Signed, signature: Uint8Array): boolean {
  return crypto.verify(said.key, signedBytes(said), signature);
}

function signedBytes({ directory, key, from, own, sentAt, text }: Signed): Bytes {
  return concatBytes(TAG, encode(signedSchema, { directory, key, from, own, sentAt, text }));
}
