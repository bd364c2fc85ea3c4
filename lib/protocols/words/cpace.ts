/**
 * CPace: two who know the same password agree on a key; anybody else, even one of the two sides, can test one password
 * in one run, and none afterwards. `CPACE-RISTR255-SHA512` of draft-irtf-cfrg-cpace, initiator and responder, with its
 * key confirmation. The group is `@noble/curves`': hashing to it, multiplying, encoding; nothing of it is done here.
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { type Bytes, concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import { invariant } from "../../base/invariant.ts";

const { Point } = ristretto255;
type Element = InstanceType<typeof Point>;

const DSI = utf8("CPaceRistretto255");
const DSI_ISK = utf8("CPaceRistretto255_ISK");
const MAC_DSI = utf8("CPaceMac");
/** Input block of SHA-512 in bytes: the password fills the first one, so that hashing it takes the same time for all. */
const HASH_BLOCK_BYTES = 128;
/** Random bytes for a scalar: as long as the hash to which they go. */
export const SCALAR_SEED_BYTES = 64;

/** What a run is bound to; both sides must give the same. */
interface CPaceTerms {
  readonly password: Uint8Array;
  /** CI: the channel, and what it is used for. */
  readonly channel: Uint8Array;
  /** sid: no other run has it. */
  readonly session: Uint8Array;
}

/** What one side sends, and what both know of it. */
export interface CPaceShare {
  /** Y, as it was sent. */
  readonly share: Uint8Array;
  /** AD. */
  readonly data: Uint8Array;
}

/** `prepend_len` of each part, one after the other: each length as LEB128. */
export function lengthPrefixed(...parts: readonly Uint8Array[]): Bytes {
  return concatBytes(...parts.flatMap((part) => [lengthOf(part), part]));
}

function lengthOf({ length }: Uint8Array): Bytes {
  const bytes: number[] = [];
  let left = length;
  for (; left >= 128; left >>>= 7) bytes.push((left & 127) | 128);
  bytes.push(left);
  return new Uint8Array(bytes);
}

/** The generator for a password on a channel: `calculate_generator`. */
export function generatorOf({ password, channel, session }: CPaceTerms): Element {
  const before = 1 + lengthOf(password).length + password.length + lengthOf(DSI).length +
    DSI.length;
  const padding = new Uint8Array(Math.max(0, HASH_BLOCK_BYTES - before));
  const input = lengthPrefixed(DSI, password, padding, channel, session);
  return ristretto255_hasher.deriveToCurve!(sha512(input)) as Element;
}

/** `scalar_mult_vfy`: null where the bytes are no element, or the product is the neutral one. */
export function multiplied(share: Uint8Array, scalar: bigint): Bytes | null {
  let element: Element;
  try {
    element = Point.fromBytes(share);
  } catch {
    return null; // not the encoding of an element: whoever sent it breaks the protocol
  }
  if (element.equals(Point.ZERO)) return null;
  return new Uint8Array(element.multiply(scalar).toBytes());
}

/** One side of one run. Its scalar isn't kept beyond `keyWith`. */
export class CPace {
  /** What is sent to the other side. */
  readonly share: Bytes;
  readonly #terms: CPaceTerms;
  #scalar: bigint | null;

  /** @param scalar In 1 to the group's order - 1; `randomScalar`. */
  constructor(terms: CPaceTerms, scalar: bigint) {
    this.#terms = terms;
    this.#scalar = scalar;
    this.share = new Uint8Array(generatorOf(terms).multiply(scalar).toBytes());
  }

  /**
   * The key, ISK, of 64 bytes, with the other side's share. Called once.
   * @returns Null where that share is invalid: the run must be given up.
   */
  keyWith(theirs: Uint8Array, transcript: Uint8Array): Bytes | null {
    invariant(this.#scalar !== null, "a scalar is used for one key");
    const product = multiplied(theirs, this.#scalar);
    this.#scalar = null;
    if (product === null) return null;
    return sha512(lengthPrefixed(DSI_ISK, this.#terms.session, product), transcript);
  }
}

/** A scalar from `SCALAR_SEED_BYTES` unpredictable bytes, which are used once. */
export function randomScalar(seed: Uint8Array): bigint {
  invariant(seed.length === SCALAR_SEED_BYTES, "a scalar's seed has 64 bytes");
  const scalar = ristretto255_hasher.hashToScalar(seed);
  invariant(scalar !== 0n, "a random scalar isn't 0");
  return scalar;
}

/** `transcript_ir`: first the initiator's. */
export function transcriptOf(initiator: CPaceShare, responder: CPaceShare): Bytes {
  return concatBytes(
    lengthPrefixed(initiator.share, initiator.data),
    lengthPrefixed(responder.share, responder.data),
  );
}

/** What proves that the sender of `share` knows the key. */
export function confirmationOf(
  key: Uint8Array,
  session: Uint8Array,
  { share, data }: CPaceShare,
): Bytes {
  const mac = createHmac("sha512", sha512(MAC_DSI, session, key));
  return new Uint8Array(mac.update(lengthPrefixed(share, data)).digest());
}

/** Whether a confirmation is the expected one; the time it takes says nothing. */
export function isConfirmed(confirmation: Uint8Array, expected: Uint8Array): boolean {
  return confirmation.length === expected.length && timingSafeEqual(confirmation, expected);
}

function sha512(...parts: readonly Uint8Array[]): Bytes {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
