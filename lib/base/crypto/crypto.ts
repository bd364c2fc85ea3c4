/**
 * The cryptography that machines use, as a port. The program's adapter is `node:crypto` (`nodeCrypto`), the
 * simulator's a cheap one in which nothing can be forged. No primitive is implemented here.
 */

import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
} from "node:crypto";
import { dropOldest } from "../collections/bounded.ts";
import { pointFault } from "./ed25519_points.ts";
import type { HexId, PeerKey } from "../ids.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** What machines may compute. All functions are synchronous and pure. */
export interface Crypto {
  /** SHA-256 of the parts, one after the other, as a hexadecimal id of the kind the caller names. */
  sha256<Id extends HexId>(...parts: readonly Uint8Array[]): Id;
  /**
   * Whether `signature` (64 bytes) is `key`'s Ed25519 signature over `message`, in the strict sense: no key or R that
   * `ed25519_points.ts` refuses, and S below the order of the base point. Never throws.
   */
  verify(key: PeerKey, message: Uint8Array, signature: Uint8Array): boolean;
}

/** The secret half of an identity, as a machine sees it. */
export interface Signer {
  readonly key: PeerKey;
  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Bytes;
}

// RFC 8410: the fixed DER bytes before a raw 32-byte Ed25519 key.
const ED25519_PUBLIC_DER_PREFIX = Uint8Array.fromHex("302a300506032b6570032100");
const ED25519_PRIVATE_DER_PREFIX = Uint8Array.fromHex("302e020100300506032b657004220420");

// Parsing a key costs as much as a verification; a room has at most 4,096 members.
const KEY_CACHE_MAX = 4_096;
const keyCache = new Map<PeerKey, KeyObject | null>();

function publicKeyObject(key: PeerKey): KeyObject | null {
  const cached = keyCache.get(key);
  if (cached !== undefined) return cached;
  const parsed = pointFault(key) === null ? parsedKey(key) : null;
  keyCache.set(key, parsed);
  dropOldest(keyCache, KEY_CACHE_MAX);
  return parsed;
}

function parsedKey(key: PeerKey): KeyObject | null {
  try {
    const der = concatBytes(ED25519_PUBLIC_DER_PREFIX, Uint8Array.fromHex(key));
    return createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch {
    return null; // not a point of the curve: no signature of it can be valid
  }
}

/** The program's cryptography. */
export const nodeCrypto: Crypto = {
  sha256<Id extends HexId>(...parts: readonly Uint8Array[]): Id {
    // Joining the parts first would cost as much again.
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest("hex") as Id;
  },
  verify(key, message, signature) {
    if (signature.length !== 64 || pointFault(signature.subarray(0, 32).toHex()) !== null) {
      return false;
    }
    const parsed = publicKeyObject(key);
    return parsed !== null && nodeVerify(null, message, parsed, signature);
  },
};

/** The signer of the identity whose 32-byte Ed25519 seed is `seed`. The seed isn't kept. */
export function nodeSigner(seed: Uint8Array): Signer {
  const privateKey = createPrivateKey({
    key: Buffer.from(concatBytes(ED25519_PRIVATE_DER_PREFIX, seed)),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const key = new Uint8Array(spki.subarray(-32)).toHex() as PeerKey;
  return { key, sign: (message) => new Uint8Array(nodeSign(null, message, privateKey)) };
}

/** The parts, one after the other, in a new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

const UTF8 = new TextEncoder();

/** The UTF-8 bytes of `text`: domain tags, names, message texts. */
export function utf8(text: string): Bytes {
  return UTF8.encode(text);
}
