/**
 * The seed of an identity under a passphrase: ChaCha20-Poly1305 (RFC 8439) with a key that scrypt (RFC 7914) makes of the
 * passphrase. As cells of a row:
 *
 *     sealed  scrypt  17  8  1  SALT  SEED AND TAG
 *
 * N is 2 to the power of the first number, then r and p. The salt is drawn anew for each seal, so that no key is used
 * twice, and the nonce is zero. What the seed belongs to is sealed with it: its fingerprint, and the row itself.
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { type Bytes, concatBytes, utf8 } from "./crypto.ts";
import { isAffordable, SALT_BYTES, type ScryptParameters } from "./password_hash.ts";

/** What a row of a sealed seed begins with. */
export const SEALED_KIND = "sealed";
const ALGORITHM = "scrypt";
const DOMAIN = "p2pchat sealed seed 1";
const SEED_BYTES = 32;
const TAG_BYTES = 16;
/** Of the key that scrypt makes. */
export const SEAL_KEY_BYTES = 32;
const NONCE = new Uint8Array(12);

export interface SealedSeed extends ScryptParameters {
  readonly salt: Bytes;
  /** The encrypted seed and its tag. */
  readonly box: Bytes;
  /** Whose seed it is. */
  readonly fingerprint: string;
}

/** Seals `seed`, of 32 bytes. @param key What scrypt makes of the passphrase, this salt and these parameters. */
export function sealSeed(
  seed: Uint8Array,
  key: Uint8Array,
  as: Omit<SealedSeed, "box">,
): SealedSeed {
  const cipher = createCipheriv("chacha20-poly1305", key, NONCE, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(as), { plaintextLength: seed.length });
  const sealed = cipher.update(seed);
  cipher.final();
  return { ...as, box: concatBytes(sealed, cipher.getAuthTag()) };
}

/** The seed; null where the key is another one, or anything was changed. */
export function openSeed(sealed: SealedSeed, key: Uint8Array): Bytes | null {
  const { box } = sealed;
  const decipher = createDecipheriv("chacha20-poly1305", key, NONCE, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(sealed), { plaintextLength: SEED_BYTES });
  decipher.setAuthTag(box.subarray(SEED_BYTES));
  const seed = decipher.update(box.subarray(0, SEED_BYTES));
  try {
    decipher.final();
  } catch {
    return null; // the one thing final() checks here is the tag
  }
  return new Uint8Array(seed);
}

function boundTo({ ln, r, p, salt, fingerprint }: Omit<SealedSeed, "box">): Bytes {
  return utf8(`${DOMAIN}\n${[ALGORITHM, ln, r, p, salt.toHex(), fingerprint].join("\n")}`);
}

/** The cells of the row, which `parseSealedSeed` reads. */
export function sealedCells({ ln, r, p, salt, box }: SealedSeed): readonly string[] {
  return [SEALED_KIND, ALGORITHM, String(ln), String(r), String(p), salt.toHex(), box.toHex()];
}

const NUMBER = /^[1-9][0-9]{0,3}$/;
const HEX = /^[0-9a-f]*$/;

/** The sealed seed of a row, or what is wrong with it, as part of a sentence: also that it would cost too much to open. */
export function parseSealedSeed(
  cells: readonly string[],
  fingerprint: string,
): SealedSeed | string {
  const [kind, algorithm, ln = "", r = "", p = "", salt = "", box = "", ...rest] = cells;
  const isWhole = kind === SEALED_KIND && algorithm === ALGORITHM && rest.length === 0 &&
    [ln, r, p].every((number) => NUMBER.test(number)) && HEX.test(salt + box) &&
    salt.length === 2 * SALT_BYTES && box.length === 2 * (SEED_BYTES + TAG_BYTES);
  if (!isWhole) return "it holds no seed under a passphrase";
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (!isAffordable(parameters)) {
    return "to try a passphrase on it would take more memory or time than any that this program has sealed";
  }
  return {
    ...parameters,
    salt: Uint8Array.fromHex(salt),
    box: Uint8Array.fromHex(box),
    fingerprint,
  };
}
