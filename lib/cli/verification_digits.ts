/** The digits that two people compare by voice to be sure that nobody is in between. */

import { scryptSync } from "node:crypto";

// Deliberately slow: finding a key with the same 20 digits takes 2^66 of these, 16 MiB and some 40 ms each.
const SCRYPT = { N: 16_384, r: 8, p: 1 } as const;
const SALT = "p2pchat verification 1";
const DIGITS = 20;
/** More bits than the digits have (66), so that all digits are equally likely. */
const BYTES = 16;

/**
 * The digits of both keys, those of the smaller key first, 20 each in groups of five; the same at both ends. Each
 * half depends on only one key, so a birthday search over both gains nothing. Takes some 80 ms.
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
