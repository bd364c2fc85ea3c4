/** The digits that two people compare by voice to know that nobody is in between. */

import { scryptSync } from "node:crypto";

// Cost on purpose: a look-alike of 20 digits takes 2^66 of these, 16 MiB and some 40 ms each.
const SCRYPT = { N: 16_384, r: 8, p: 1 } as const;
const SALT = "p2pchat verification 1";
const DIGITS = 20;
/** More bits than the digits carry (66), so that each is as likely as any. */
const BYTES = 16;

/**
 * Both keys' halves, the smaller key's first, 20 digits each in groups of five; the same at both ends.
 * Each half comes from one key alone, so that no birthday search over both helps. Takes some 80 ms.
 * @param ownKey Public key, hexadecimal, as is `peerKey`.
 */
export function verificationDigits(ownKey: string, peerKey: string): string {
  const keys = ownKey < peerKey ? [ownKey, peerKey] : [peerKey, ownKey];
  return keys.map((key) => half(Uint8Array.fromHex(key))).join("  ");
}

function half(key: Uint8Array): string {
  const hash = scryptSync(key, SALT, BYTES, SCRYPT);
  const digits = (BigInt(`0x${hash.toString("hex")}`) % 10n ** BigInt(DIGITS)).toString();
  return digits.padStart(DIGITS, "0").replace(/\d{5}(?=\d)/g, "$& ");
}
