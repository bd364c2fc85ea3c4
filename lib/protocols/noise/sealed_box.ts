/**
 * Sealing to a receiver that needn't be there: `Noise_N_25519_ChaChaPoly_SHA256` (Noise revision 34, section 7.4).
 *
 * Only the receiver's key opens it, with the same prologue. It doesn't authenticate the sender: a caller that needs
 * that signs inside. Secrecy against a later theft of the receiver's key begins when that key is deleted.
 *
 * Format: one handshake message whose payload is the plaintext's length (4 bytes, big-endian) and as much of
 * it as a Noise message holds, then transport messages with the rest, all but the last of full size.
 */

import { type Bytes, concatBytes } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { HandshakeState } from "./handshake_state.ts";
import {
  EMPTY,
  KEY_BYTES,
  type KeyPair,
  keyPairFromSeed,
  NOISE_MESSAGE_BYTES_MAX,
  TAG_BYTES,
} from "./primitives.ts";

const LENGTH_BYTES = 4;
const FIRST_CHUNK_BYTES_MAX = NOISE_MESSAGE_BYTES_MAX - KEY_BYTES - TAG_BYTES - LENGTH_BYTES;
const CHUNK_BYTES_MAX = NOISE_MESSAGE_BYTES_MAX - TAG_BYTES;

/** Longest plaintext: a 64 KiB text with signature and padding fits, and no caller needs more. */
export const SEALED_PLAINTEXT_BYTES_MAX = 256 * 1_024;

/**
 * Seals `plaintext` so that the owner of `recipient` alone can open it.
 * @param recipient X25519 public key, 32 bytes.
 * @param prologue The context to which it is bound; `openFrom` needs the same bytes.
 * @param ephemeralSeed 32 unpredictable bytes, used once.
 * @throws {RemoteProtocolError} If `recipient` is a key of low order.
 */
export function sealTo(
  recipient: Uint8Array,
  prologue: Uint8Array,
  plaintext: Uint8Array,
  ephemeralSeed: Uint8Array,
): Bytes {
  invariant(plaintext.length <= SEALED_PLAINTEXT_BYTES_MAX, "a sealed plaintext is bounded");
  const handshake = new HandshakeState({
    pattern: "N",
    initiator: true,
    prologue,
    ephemeral: keyPairFromSeed(ephemeralSeed),
    remoteStatic: recipient,
  });
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, plaintext.length);
  const first = plaintext.subarray(0, FIRST_CHUNK_BYTES_MAX);
  const parts = [handshake.writeMessage(concatBytes(length, first))];
  const { sending } = handshake.split();
  for (let at = first.length; at < plaintext.length; at += CHUNK_BYTES_MAX) {
    const chunk = plaintext.subarray(at, at + CHUNK_BYTES_MAX);
    const sealed = new Uint8Array(chunk.length + TAG_BYTES);
    sending.sealInto(sealed, 0, EMPTY, chunk);
    parts.push(sealed);
  }
  return concatBytes(...parts);
}

/**
 * Opens what `sealTo` made for the owner of `recipient`.
 * @throws {RemoteProtocolError} If it was sealed to another key or with another prologue, was changed, cut off
 * or lengthened.
 */
export function openFrom(recipient: KeyPair, prologue: Uint8Array, sealed: Uint8Array): Bytes {
  const handshake = new HandshakeState({
    pattern: "N",
    initiator: false,
    prologue,
    static: recipient,
  });
  const { payload } = handshake.readMessage(sealed.subarray(0, NOISE_MESSAGE_BYTES_MAX));
  if (payload.length < LENGTH_BYTES) throw badLength(payload.length);
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  if (length > SEALED_PLAINTEXT_BYTES_MAX) throw badLength(length);

  const chunks: Uint8Array[] = [payload.subarray(LENGTH_BYTES)];
  const { receiving } = handshake.split();
  for (let at = NOISE_MESSAGE_BYTES_MAX; at < sealed.length; at += NOISE_MESSAGE_BYTES_MAX) {
    chunks.push(receiving.open(EMPTY, sealed.subarray(at, at + NOISE_MESSAGE_BYTES_MAX)));
  }
  const plaintext = concatBytes(...chunks);
  if (plaintext.length !== length) throw badLength(plaintext.length);
  return plaintext;
}

function badLength(length: number): RemoteProtocolError {
  return new RemoteProtocolError(
    `Cannot open sealed text: its length of ${length} bytes isn't the one it names`,
  );
}
