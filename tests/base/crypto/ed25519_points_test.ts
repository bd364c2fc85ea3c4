// Keys of small order and encodings that no honest program sends.

import { assert, assertEquals } from "@std/assert";
import { generateKeyPairSync, sign } from "node:crypto";
import { nodeCrypto, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { pointFault, REFUSED_POINTS } from "../../../lib/base/crypto/ed25519_points.ts";
import { fingerprintFault, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { decode, encode, peerKey, record } from "../../../lib/base/schema/schema.ts";
import { SLOW } from "../../given.ts";

// The curve of RFC 8032, section 5.1: -x^2 + y^2 = 1 + d x^2 y^2 over the field of 2^255 - 19.
const P = 2n ** 255n - 19n;
/** The order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

function modulo(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let [at, rest] = [modulo(base), exponent]; rest > 0n; at = at * at % P, rest >>= 1n) {
    if (rest & 1n) result = result * at % P;
  }
  return result;
}

const inverse = (value: bigint) => power(value, P - 2n);
const D = modulo(-121665n * inverse(121666n));

type Point = readonly [x: bigint, y: bigint];
/** A point, (x / z, y / z): a sum of those needs no division. */
type Projective = readonly [x: bigint, y: bigint, z: bigint];

function sum([x1, y1, z1]: Projective, [x2, y2, z2]: Projective): Projective {
  const [xs, ys, z] = [x1 * x2 % P, y1 * y2 % P, z1 * z2 % P];
  const product = D * xs % P * ys % P;
  const [less, more] = [modulo(z * z - product), modulo(z * z + product)];
  return [
    modulo(z * less % P * (x1 * y2 + x2 * y1)),
    modulo(z * more % P * (ys + xs)),
    less * more % P,
  ];
}

/** Both points with this y; none where there is none. */
function pointsAt(y: bigint): readonly Point[] {
  const square = modulo((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (modulo(x * x - square) !== 0n) x = modulo(x * power(2n, (P - 1n) / 4n));
  return modulo(x * x - square) === 0n ? [[x, y], [modulo(-x), y]] : [];
}

/** The 32 bytes of a number and a sign, whatever the number: two forms may be of one point. */
function encoded(y: bigint, sign: bigint): string {
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => Number((y >> BigInt(8 * at)) & 255n));
  bytes[31]! |= Number(sign) << 7;
  return bytes.toHex();
}

function times([x, y]: Point, count: bigint): Point {
  let result: Projective = [0n, 1n, 1n];
  let at: Projective = [x, y, 1n];
  for (let rest = count; rest > 0n; at = sum(at, at), rest >>= 1n) {
    if (rest & 1n) result = sum(result, at);
  }
  const divisor = inverse(result[2]);
  return [result[0] * divisor % P, result[1] * divisor % P];
}

Deno.test(
  "pointFault() refuses the eight points of small order, in every form, and those alone",
  SLOW,
  () => {
    const small = new Map<string, Point>();
    for (let y = 2n; small.size < 8; y++) {
      for (const point of pointsAt(y)) {
        // What is left of a point, without its part of the large order.
        const rest = times(point, L);
        small.set(rest.join(), rest);
      }
    }
    const canonical = [...small.values()].map(([x, y]) => encoded(y, x & 1n));
    assertEquals(canonical.length, 8);
    for (const hex of canonical) {
      assertEquals(pointFault(hex), "it is a point of small order, for which anybody can sign");
    }
    // A sign that x = 0 doesn't have, and y of P or more: 2 and 19 times 2 forms.
    assertEquals(REFUSED_POINTS.size, 8 + 2 + 38);
    for (let y = P; y < 2n ** 255n; y++) {
      for (const sign of [0n, 1n]) assert(pointFault(encoded(y, sign)) !== null);
    }
    for (let count = 0; count < 20; count++) {
      const { publicKey } = generateKeyPairSync("ed25519");
      const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
      assertEquals(pointFault(new Uint8Array(raw).toHex()), null);
    }
  },
);

Deno.test("verify() accepts no signature that is good for every message", () => {
  const neutral = `01${"00".repeat(31)}`;
  const anybodys = Uint8Array.fromHex(neutral + "00".repeat(32));

  for (const text of ["one", "another"]) {
    assertEquals(nodeCrypto.verify(neutral as PeerKey, utf8(text), anybodys), false);
  }
});

Deno.test("verify() accepts a signature in one form alone", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32))
    .toHex() as PeerKey;
  const signature = new Uint8Array(sign(null, utf8("text"), privateKey));
  assertEquals(nodeCrypto.verify(key, utf8("text"), signature), true);

  let s = L;
  for (let at = 0; at < 32; at++) s += BigInt(signature[32 + at]!) << BigInt(8 * at);
  const greater = new Uint8Array(signature);
  greater.set(Uint8Array.fromHex(encoded(s, 0n)), 32);
  assertEquals(nodeCrypto.verify(key, utf8("text"), greater), false);
  const low = new Uint8Array(signature);
  low.set(Uint8Array.fromHex(`01${"00".repeat(31)}`));
  assertEquals(nodeCrypto.verify(key, utf8("text"), low), false);
});

Deno.test("peerKey() and fingerprints refuse what nobody's key can be", () => {
  const schema = record({ key: peerKey() });
  for (const [key, reason] of REFUSED_POINTS) {
    const bytes = encode(schema, { key: key as PeerKey });
    let text = "";
    try {
      decode(schema, bytes);
    } catch (error) {
      text = (error as Error).message;
    }
    assert(text.includes(reason), text);
    assertEquals(fingerprintFault(fingerprintOf(key as PeerKey)), `no key may have it: ${reason}`);
  }
});
