/** Base32 (RFC 4648) in lower case and without padding: words that people copy, read aloud and type in either case. */

/** The alphabet: the character at index `i` stands for the value `i`. */
export const BASE32_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * The value of each character by its code, in either case; -1 outside the alphabet. A lookup table, since a table
 * of accounts has many characters to decode.
 */
const VALUES = new Int8Array(128).fill(-1);
for (const [value, character] of [...BASE32_ALPHABET].entries()) {
  VALUES[character.charCodeAt(0)] = VALUES[character.toUpperCase().charCodeAt(0)] = value;
}

const CHARACTER_BITS = 5;
const BYTE_BITS = 8;

/** The value of the character at index `at`, 0 to 31; -1 where it isn't in the alphabet. */
export function base32ValueAt(text: string, at: number): number {
  return VALUES[text.charCodeAt(at)] ?? -1;
}

/** The bytes as text; unused bits of the last character are 0. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << BYTE_BITS) | byte;
    bits += BYTE_BITS;
    for (; bits >= CHARACTER_BITS; bits -= CHARACTER_BITS) {
      text += BASE32_ALPHABET[(held >> (bits - CHARACTER_BITS)) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + BASE32_ALPHABET[(held << (CHARACTER_BITS - bits)) & 31];
}

/** The bytes that `text`, in either case, encodes; null where `encodeBase32` could not have produced it. */
export function decodeBase32(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new Uint8Array(Math.floor((text.length * CHARACTER_BITS) / BYTE_BITS));
  let length = 0;
  let bits = 0;
  let held = 0;
  for (let at = 0; at < text.length; at++) {
    const value = base32ValueAt(text, at);
    if (value === -1) return null;
    held = (held << CHARACTER_BITS) | value;
    bits += CHARACTER_BITS;
    if (bits < BYTE_BITS) continue;
    bits -= BYTE_BITS;
    bytes[length++] = held >> bits;
    held &= (1 << bits) - 1;
  }
  return bits < CHARACTER_BITS && held === 0 ? bytes : null;
}
