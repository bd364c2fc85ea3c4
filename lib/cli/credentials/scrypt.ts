/** scrypt, off the event loop. */

import { scrypt } from "node:crypto";
import type { Bytes } from "../../base/crypto/crypto.ts";
import { memoryBytes, type ScryptParameters } from "../../base/crypto/password_hash.ts";

/** Memory limit beyond what scrypt needs, since OpenSSL counts more. */
const SPARE_BYTES = 1024 * 1024;

/**
 * Hashes a password.
 * @param parameters Within the limits of `parseScryptHash`.
 */
export function nodeScrypt(
  password: Uint8Array,
  salt: Uint8Array,
  parameters: ScryptParameters,
  hashBytes: number,
): Promise<Bytes> {
  const { ln, r, p } = parameters;
  const options = { N: 2 ** ln, r, p, maxmem: memoryBytes(parameters) + SPARE_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, options, (error, hash) => {
      if (error === null || error === undefined) resolve(new Uint8Array(hash));
      else reject(error);
    });
  });
}
