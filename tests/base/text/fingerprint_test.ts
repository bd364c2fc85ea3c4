import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  fingerprintOf,
  NAMESAKES_MAX,
  parseFingerprint,
  startApart,
} from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";

const KEY = "11".repeat(32) as PeerKey;
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((key) => key.toHex() as PeerKey);

Deno.test("fingerprintOf() is base32 of SHA-256 of the raw key, and a check", () => {
  // SHA-256 of 32 bytes 0x11: 02d449a31fbb267c8f352e9968a79e3e...
  const fingerprint = fingerprintOf(KEY);

  assertEquals(fingerprint.slice(0, 26), "alketiy7xmthzdzvf2mwrj46hz");
  assertEquals(fingerprint.length, 27);
});

Deno.test("parseFingerprint() takes any case and gives back the one form", () => {
  fc.assert(fc.property(keys, (key) => {
    const fingerprint = fingerprintOf(key);
    assertEquals(parseFingerprint(fingerprint.toUpperCase()), fingerprint);
    assert(/^[a-z2-7]{27}$/.test(fingerprint));
  }));
});

Deno.test("parseFingerprint() finds each wrong character and each two that changed places", () => {
  const text = fingerprintOf(nodeSigner(new Uint8Array(32)).key) as string;
  for (let at = 0; at < text.length; at++) {
    for (const other of "abcdefghijklmnopqrstuvwxyz234567") {
      if (other === text[at]) continue;
      const wrong = text.slice(0, at) + other + text.slice(at + 1);
      assertThrows(() => parseFingerprint(wrong), P2pchatError, "check doesn't fit");
    }
    for (let to = at + 1; to < text.length; to++) {
      if (text[at] === text[to]) continue;
      const swapped = [...text];
      [swapped[at], swapped[to]] = [text[to]!, text[at]!];
      assertThrows(() => parseFingerprint(swapped.join("")), P2pchatError);
    }
  }
});

Deno.test("parseFingerprint() names what is wrong", () => {
  const text = fingerprintOf(KEY);
  assertThrows(
    () => parseFingerprint(text.slice(1)),
    P2pchatError,
    "must have 27 characters, has 26",
  );
  assertThrows(() => parseFingerprint(`1${text.slice(1)}`), P2pchatError, "character 1 must be");
  assertThrows(() => parseFingerprint(""), P2pchatError, "has 0");
  assertThrows(
    () => parseFingerprint(`${text.slice(0, -1)}\u0130`),
    P2pchatError,
    'character 27 must be a letter or 2 to 7, not "\u0130"; copy it again',
  );
});

/** Two keys whose fingerprints begin alike, which cost little to make. */
function alike(): readonly [PeerKey, PeerKey] {
  const seen = new Map<string, PeerKey>();
  for (let number = 0;; number++) {
    const key = number.toString(16).padStart(64, "0") as PeerKey;
    const start = fingerprintOf(key).slice(0, 4);
    const before = seen.get(start);
    if (before !== undefined) return [before, key];
    seen.set(start, key);
  }
}

Deno.test("startApart() grows until no other fingerprint begins so, and is all of it in a crowd", () => {
  const [one, other] = alike();
  const apart = (namesakes: readonly PeerKey[]) =>
    startApart(fingerprintOf(one), new Set(namesakes), fingerprintOf);
  const start = (length: number) => fingerprintOf(one).slice(0, length);

  assertEquals([apart([]), apart([one]), apart([KEY])], [start(4), start(4), start(4)]);
  assertEquals(apart([KEY, other, one]), start(8));
  const besides = (...namesakes: readonly string[]) =>
    startApart(start(27), new Set(namesakes), (same) => same);
  assertEquals(besides(`${start(26)}!`), start(27));
  assertEquals(
    besides(...Array.from({ length: NAMESAKES_MAX + 1 }, (_, at) => `f${at}`)),
    start(27),
  );
});
