/**
 * The identity proof inside the second and third handshake message: the Ed25519 identity key and its signature
 * over (domain tag, role, mode, transcript hash).
 *
 * The hash covers the preface, both ephemeral keys and the signer's X25519 key, so that the signature is worth
 * nothing in any other handshake. The role keeps a proof from being sent back to its maker, the mode keeps
 * one identity's proofs in one mode out of another.
 */

import {
  type Bytes,
  concatBytes,
  type Crypto,
  type Signer,
  utf8,
} from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { ChannelMode } from "./preface.ts";

const DOMAIN = utf8("p2pchat channel identity 1\0");
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Length of a proof: key and signature. */
export const IDENTITY_PROOF_BYTES = KEY_BYTES + SIGNATURE_BYTES;

/** The side that made the proof. */
type Role = "dialler" | "listener";

/** The proof of `signer` for one handshake. */
export function encodeIdentityProof(
  signer: Signer,
  role: Role,
  mode: ChannelMode,
  hash: Uint8Array,
): Bytes {
  return concatBytes(Uint8Array.fromHex(signer.key), signer.sign(signed(role, mode, hash)));
}

/**
 * The key that made the proof.
 * @throws {RemoteProtocolError} If the signature isn't that key's for this handshake.
 */
export function verifyIdentityProof(
  crypto: Crypto,
  proof: Uint8Array,
  role: Role,
  mode: ChannelMode,
  hash: Uint8Array,
): PeerKey {
  const key = proof.subarray(0, KEY_BYTES).toHex() as PeerKey;
  const signature = proof.subarray(KEY_BYTES, IDENTITY_PROOF_BYTES);
  if (!crypto.verify(key, signed(role, mode, hash), signature)) {
    throw new RemoteProtocolError(
      `Cannot believe the other side's identity: its signature isn't that of the key it names (${
        fingerprintOf(key)
      })`,
    );
  }
  return key;
}

function signed(role: Role, mode: ChannelMode, hash: Uint8Array): Bytes {
  return concatBytes(DOMAIN, utf8(`${role}\0${mode}\0`), hash);
}
