/**
 * Which 32 bytes no honest Ed25519 program ever sends as a key, or as the first half of a signature.
 *
 * The curve has 8 points whose order divides its cofactor. A key that is one of them belongs to anybody: one fixed
 * signature is valid for every message, or for one in eight. And RFC 8032 (5.1.2) gives each point one encoding;
 * others, whose y is at least 2^255 - 19 or whose x is a negative zero, would give one person several keys and
 * fingerprints. `node:crypto` accepts keys of both kinds; libsodium, and ed25519-dalek's `verify_strict`, refuse
 * them as this does.
 */

const SMALL_ORDER = "it is a point of small order, for which anybody can sign";
const NOT_CANONICAL = "it isn't in canonical form";

/**
 * y of the points of small order, little-endian: 0 (order 4), 1 (the neutral point), -1 (order 2), and those of order
 * 8. x may have either sign. The test derives them from the equation of the curve (RFC 8032, 5.1).
 */
const SMALL_ORDER_Y = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

/** The encodings that are refused, 64 lower-case hexadecimal digits, each with the reason as part of a sentence. */
export const REFUSED_POINTS: ReadonlyMap<string, string> = new Map([
  ...SMALL_ORDER_Y.flatMap((y) => bothSigns(y, SMALL_ORDER)),
  ...tooLargeY().flatMap((y) => bothSigns(y, NOT_CANONICAL)),
]);

/** Why this point is refused, as part of a sentence; null where it may be one. */
export function pointFault(hex: string): string | null {
  return REFUSED_POINTS.get(hex) ?? null;
}

/** The 19 numbers from 2^255 - 19 to 2^255 - 1. */
function tooLargeY(): readonly string[] {
  return Array.from({ length: 19 }, (_, at) => `${(0xed + at).toString(16)}${"ff".repeat(30)}7f`);
}

/** The sign of x is the highest bit of the last byte. */
function bothSigns(y: string, reason: string): readonly (readonly [string, string])[] {
  const last = Number.parseInt(y.slice(-2), 16) + 0x80;
  return [[y, reason], [y.slice(0, -2) + last.toString(16), reason]];
}
