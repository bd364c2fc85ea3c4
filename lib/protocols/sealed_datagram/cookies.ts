/**
 * Cookies: a sender that returns one receives at the address for which it was made. They are computed, not kept
 * (as in RFC 6347, section 4.2.1, and WireGuard): a flood from made-up addresses leaves nothing behind.
 */

import { createHmac } from "node:crypto";
import { type Bytes, concatBytes, utf8 } from "../../base/crypto.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { COOKIE_BYTES } from "./formats.ts";
import { COOKIE_SLOT_MS } from "./limits.ts";

export class Cookies {
  readonly #secret: Uint8Array;

  /** `secret`: 32 unpredictable bytes of this process. */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** The cookie for an initiation from `from` whose index and first message are `message`. */
  make(from: Endpoint, message: Uint8Array, nowMs: number): Bytes {
    return this.#of(from, message, Math.floor(nowMs / COOKIE_SLOT_MS));
  }

  /** Whether `cookie` was made for them, at most two slots ago. */
  isGood(cookie: Uint8Array, from: Endpoint, message: Uint8Array, nowMs: number): boolean {
    const slot = Math.floor(nowMs / COOKIE_SLOT_MS);
    return isEqual(cookie, this.#of(from, message, slot)) ||
      isEqual(cookie, this.#of(from, message, slot - 1));
  }

  #of(from: Endpoint, message: Uint8Array, slot: number): Bytes {
    const said = concatBytes(message, utf8(`${slot} ${endpointText(from)}`));
    const mac = createHmac("sha256", this.#secret).update(said).digest();
    return new Uint8Array(mac.subarray(0, COOKIE_BYTES));
  }
}

/** Compares in a time that doesn't reveal where they differ. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let different = 0;
  for (let at = 0; at < a.length; at++) different |= a[at]! ^ b[at]!;
  return different === 0;
}
