/**
 * Cryptography for simulations: the properties of the real port at a hundredth of its cost.
 *
 * Hashes are two 64-bit mixing hashes (MurmurHash3's finalizer) stretched to 256 bits: the millions of values of a
 * run don't collide. A signature is derived from the signer's key and the message, so `verify` holds exactly for
 * what that key has signed. It isn't secure against somebody who reads this file, and needn't be: the simulator's
 * members are honest or send bytes that were never signed.
 */

import { type Bytes, type Crypto, type Signer, utf8 } from "../../lib/base/crypto/crypto.ts";
import type { HexId, PeerKey } from "../../lib/base/ids.ts";

/** Four 32-bit lanes, shared by all calls: no call happens during another. */
const lanes = new Uint32Array(4);
const SIGNATURE_BYTES = 64;
const HASH_WORDS = 8;

/** The hash that is made, shared as the lanes are. */
const hashBytes = new Uint8Array(HASH_WORDS * 4);
const hash = new DataView(hashBytes.buffer);

function begin(seed: number): void {
  lanes[0] = seed ^ 0x9e3779b9;
  lanes[1] = seed ^ 0x243f6a88;
  lanes[2] = seed ^ 0xb7e15162;
  lanes[3] = seed ^ 0x452821e6;
}

/**
 * Absorbs whole words, then the rest of `bytes`: each lane is multiplied and rotated, and affects the next. The
 * length is absorbed last, so that the boundary between two texts matters.
 */
function mixBytes(bytes: Uint8Array): void {
  const { length } = bytes;
  const whole = length & ~3;
  let a = lanes[0]!, b = lanes[1]!, c = lanes[2]!, d = lanes[3]!;
  let at = 0;
  for (let more = true; more;) {
    let word: number;
    if (at < whole) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      at += 4;
    } else {
      word = length;
      while (at < length) word = Math.imul(word, 257) + bytes[at++]! + 1;
      more = false;
    }
    a = Math.imul(a ^ word, 0xcc9e2d51);
    a = (a << 15) | (a >>> 17);
    b = Math.imul((b ^ word) + a, 0x1b873593);
    b = (b << 13) | (b >>> 19);
    c = Math.imul((c + word) ^ b, 0x85ebca6b);
    c = (c << 16) | (c >>> 16);
    d = Math.imul((d + word) ^ c, 0xc2b2ae35);
    d = (d << 11) | (d >>> 21);
    a = (a + d) | 0;
  }
  lanes[0] = a;
  lanes[1] = b;
  lanes[2] = c;
  lanes[3] = d;
}

/** The `index`th word of the output, from all lanes (MurmurHash3, fmix32). */
function outputWord(index: number): number {
  let word = lanes[index & 3]! ^ Math.imul(lanes[(index + 1) & 3]!, index + 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16) ^ lanes[(index + 2) & 3]!) >>> 0;
}

function outputHex(): string {
  for (let index = 0; index < HASH_WORDS; index++) hash.setUint32(index * 4, outputWord(index));
  return hashBytes.toHex();
}

const lanesByKey = new Map<string, Uint32Array>();

/** Starts from the state after absorbing `key`, which is cached: a run has few keys and many signatures. */
function beginSignature(key: PeerKey, message: Uint8Array): void {
  let after = lanesByKey.get(key);
  if (after === undefined) {
    begin(5);
    mixBytes(utf8(key));
    after = lanes.slice();
    lanesByKey.set(key, after);
  }
  lanes.set(after);
  mixBytes(message);
}

/** Hashes and verifies like `nodeCrypto`, cheaply and deterministically. */
export const fakeCrypto: Crypto = {
  sha256<Id extends HexId>(...parts: readonly Uint8Array[]): Id {
    // As with SHA-256, only the joined bytes count, not where one part ends.
    begin(1);
    if (parts.length === 1) mixBytes(parts[0]!);
    else mixBytes(joined(parts));
    return outputHex() as Id;
  },
  verify(key, message, signature) {
    if (signature.length !== SIGNATURE_BYTES) return false;
    beginSignature(key, message);
    for (let index = 0; index < SIGNATURE_BYTES / 4; index++) {
      const word = outputWord(index);
      const at = index * 4;
      if (
        signature[at] !== (word & 0xff) || signature[at + 1] !== ((word >>> 8) & 0xff) ||
        signature[at + 2] !== ((word >>> 16) & 0xff) || signature[at + 3] !== (word >>> 24)
      ) return false;
    }
    return true;
  },
};

let scratch = new Uint8Array(4_096);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > scratch.length) scratch = new Uint8Array(2 * length);
  let offset = 0;
  for (const part of parts) {
    scratch.set(part, offset);
    offset += part.length;
  }
  return scratch.subarray(0, length);
}

/** The identity for `seed`: the same seed always has the same key. */
export function fakeSigner(seed: number | string): Signer {
  begin(7);
  mixBytes(utf8(String(seed)));
  const key = outputHex() as PeerKey;
  return {
    key,
    sign(message) {
      beginSignature(key, message);
      const signature: Bytes = new Uint8Array(SIGNATURE_BYTES);
      for (let index = 0; index < SIGNATURE_BYTES / 4; index++) {
        const word = outputWord(index);
        signature[index * 4] = word;
        signature[index * 4 + 1] = word >>> 8;
        signature[index * 4 + 2] = word >>> 16;
        signature[index * 4 + 3] = word >>> 24;
      }
      return signature;
    },
  };
}
