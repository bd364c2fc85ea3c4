/**
 * A public key in the form that people see, compare and copy: one word of 27 letters and digits.
 *
 * The first 26 base32 characters (RFC 4648, in lower case) are the first 130 bits of SHA-256 of the raw key, so
 * that nobody can find a second key with the same fingerprint; the last is a check character, which tells a typing
 * error from another key.
 */

import { hash } from "node:crypto";
import { BASE32_ALPHABET, base32ValueAt } from "./base32.ts";
import { REFUSED_POINTS } from "../crypto/ed25519_points.ts";
import { P2pchatError } from "../errors.ts";
import type { PeerKey } from "../ids.ts";
import { quotedStart } from "./text.ts";

declare const brand: unique symbol;
/** 27 base32 characters in lower case, the last of which is the check character. */
export type Fingerprint = string & { readonly [brand]: "Fingerprint" };

const HASH_CHARACTERS = 26;
/** Length of a fingerprint. */
export const FINGERPRINT_CHARACTERS = HASH_CHARACTERS + 1;
/** Length of the short form: enough to tell two Bobs apart, not to prove who is who. It grows by as much. */
const SHORT_CHARACTERS = 4;
/** So many keys of one name are told apart by their starts; of more, made up by liars, none is compared. */
export const NAMESAKES_MAX = 16;

// Rendering a list of members needs the fingerprint of each; a room has at most 4,096 members.
const CACHE_MAX = 4_096;
const cache = new Map<PeerKey, Fingerprint>();

/** The fingerprint of a public key. */
export function fingerprintOf(key: PeerKey): Fingerprint {
  const cached = cache.get(key);
  if (cached !== undefined) return cached;
  const digest = hash("sha256", Uint8Array.fromHex(key), "buffer");
  const values: number[] = [];
  for (let bit = 0; values.length < HASH_CHARACTERS; bit += 5) {
    const at = bit >> 3;
    const pair = digest[at]! * 256 + digest[at + 1]!;
    values.push((pair >> (11 - (bit & 7))) & 31);
  }
  const text = [...values, checkOf(values)].map((value) => BASE32_ALPHABET[value]).join("");
  const fingerprint = text as Fingerprint;
  if (cache.size >= CACHE_MAX) cache.clear();
  cache.set(key, fingerprint);
  return fingerprint;
}

/**
 * Reads a fingerprint that somebody typed or stored, in any case.
 * @throws {P2pchatError} `usage`, saying whether its length, a character, the check or the key behind it is wrong.
 */
export function parseFingerprint(text: string): Fingerprint {
  const fault = fingerprintFault(text);
  if (fault === null) return text.toLowerCase() as Fingerprint;
  throw new P2pchatError(
    "usage",
    `Cannot use fingerprint ${quotedStart(text)}: ${fault}; copy it again`,
  );
}

/** Why `text` cannot be a fingerprint, as part of a sentence; `null` where it can. */
export function fingerprintFault(text: string): string | null {
  if (text.length !== FINGERPRINT_CHARACTERS) {
    return `it must have ${FINGERPRINT_CHARACTERS} characters, has ${text.length}`;
  }
  let sum = 0;
  for (let at = 0; at < text.length; at++) {
    const value = base32ValueAt(text, at);
    if (value === -1) {
      const character = String.fromCodePoint(text.codePointAt(at)!);
      return `character ${at + 1} must be a letter or 2 to 7, not ${quotedStart(character)}`;
    }
    sum = timesX(sum) ^ value;
  }
  // A fingerprint with the right check character sums to 0.
  if (sum !== 0) {
    return "a character is mistyped, its check doesn't fit";
  }
  const refused = refusedKeys().get(text.toLowerCase());
  return refused === undefined ? null : `no key may have it: ${refused}`;
}

let builtRefused: ReadonlyMap<string, string> | null = null;

/** Fingerprints of the keys that are refused everywhere. Built when a first fingerprint is read. */
function refusedKeys(): ReadonlyMap<string, string> {
  builtRefused ??= new Map(
    [...REFUSED_POINTS].map(([key, reason]) => [fingerprintOf(key as PeerKey), reason]),
  );
  return builtRefused;
}

/**
 * The start of a fingerprint by which somebody is told apart from others of the same name, as in `Bob~k7f3`: none of
 * theirs begins so. Keys that begin alike cost little to make, so the start grows with them; where there are more than
 * `NAMESAKES_MAX`, it is the whole fingerprint.
 * @param namesakes The keys that have the name, the plain one's too; this one may be among them.
 * @param fingerprintOf What is shown of each.
 */
export function startApart<Key>(
  fingerprint: string,
  namesakes: ReadonlySet<Key>,
  fingerprintOf: (key: Key) => string,
): string {
  if (namesakes.size > NAMESAKES_MAX) return fingerprint;
  let length = SHORT_CHARACTERS;
  for (const namesake of namesakes) {
    const other = fingerprintOf(namesake);
    if (other === fingerprint) continue;
    while (length < fingerprint.length && other.startsWith(fingerprint.slice(0, length))) {
      length += SHORT_CHARACTERS;
    }
  }
  return fingerprint.slice(0, length);
}

/**
 * The check value: a polynomial over GF(32) in the powers of a generator, which all differ for 26 characters. It
 * detects any single wrong character and any two swapped ones.
 */
function checkOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum = timesX(sum) ^ value;
  return timesX(sum);
}

/** Multiplies by x modulo x^5 + x^2 + 1, which is primitive. */
function timesX(value: number): number {
  return value < 16 ? value << 1 : (value << 1) ^ 0b100101;
}
