/** scrypt (RFC 7914) by `node:crypto`, which computes it in a thread of its own. */

import { scrypt } from "node:crypto";
import type { Bytes } from "../base/crypto.ts";
import { memoryBytes, type ScryptParameters } from "../base/password_hash.ts";

/** Beyond what scrypt is known to take, for what OpenSSL counts in. */
const SPARE_BYTES = 1024 * 1024;

/**
 * The hash of a password.
 * @param parameters Within the bounds of `parseScryptHash`.
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
