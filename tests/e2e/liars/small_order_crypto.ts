/**
 * The cryptography of a program whose key is the neutral point of the curve: its one signature fits every message,
 * where a key of small order is let through. It stands in the place of `lib/base/crypto/crypto.ts`.
 */

import type { PeerKey } from "../../../lib/base/ids.ts";
import type { Bytes, Signer } from "../../../lib/base/crypto/crypto.ts";

export * from "../../../lib/base/crypto/crypto.ts";

const NEUTRAL = Uint8Array.of(1, ...new Uint8Array(31));

export function nodeSigner(): Signer {
  const signature: Bytes = Uint8Array.of(...NEUTRAL, ...new Uint8Array(32));
  return { key: NEUTRAL.toHex() as PeerKey, sign: () => signature };
}
