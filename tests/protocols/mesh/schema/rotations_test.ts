import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  encodeInvite,
  type Invite,
  latestEpoch,
  parseInvite,
  Stays,
} from "../../../../lib/protocols/mesh/schema/rotations.ts";
import {
  EPOCHS_AHEAD_MAX,
  EPOCHS_PER_SECOND,
  STAY_TAG_BYTES,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { cpuMs } from "../../../cpu_time.ts";
import { keyOf } from "../membership_fixtures.ts";
import { BASE32_ALPHABET, decodeBase32, encodeBase32 } from "../../../../lib/base/text/base32.ts";
import { concatBytes } from "../../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../../lib/base/errors.ts";
import type { RoomId } from "../../../../lib/base/ids.ts";
import { hasInvite } from "../../../../lib/base/text/invite_text.ts";
import { crc32 } from "node:zlib";
import { SLOW } from "../../../given.ts";

Deno.test("Stays has those whose keys begin with its tags", () => {
  const stays = new Stays(
    ["Ann", "Bob"].map((name) => Uint8Array.fromHex(keyOf(name)).slice(0, STAY_TAG_BYTES)),
  );
  assertEquals(["Ann", "Bob", "Cem"].map((name) => stays.has(keyOf(name))), [true, true, false]);
  assertEquals(new Stays([]).has(keyOf("Ann")), false);
});

Deno.test("latestEpoch() grows by the second since the room was founded, and leaves deputies room", () => {
  const latest = (wallMs: number, mayRemove = false) => latestEpoch(10_000, wallMs, mayRemove);
  const ahead = EPOCHS_AHEAD_MAX;
  assertEquals([latest(0), latest(10_999), latest(13_000)], [
    ahead,
    ahead,
    ahead + 3 * EPOCHS_PER_SECOND,
  ]);
  assertEquals(latest(10_000, true), 2 * ahead);
});

const ROOM = "0123456789abcdef".repeat(4) as RoomId;
const INVITE: Invite = {
  room: ROOM,
  secret: { epoch: 300, secret: Uint8Array.from({ length: 16 }, (_, at) => at * 17) },
  endpoints: [{ host: "192.168.1.5", port: 55_107 }, { host: "fe80::1%eth0", port: 1 }],
};
const TEXT = encodeInvite(INVITE);

function isInvite(text: string): boolean {
  try {
    parseInvite(text);
    return true;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    return false;
  }
}

/** What `parseInvite` says of a text that it can't read. */
function fault(text: string): string {
  const { code, message } = assertThrows(() => parseInvite(text), P2pchatError);
  assertEquals(code, "bad-credentials");
  return message;
}

Deno.test("parseInvite() reads any invite again, in either case and with blanks around it", () => {
  const endpoint = fc.record({
    host: fc.string({ maxLength: 80 }),
    port: fc.integer({ min: 0, max: 65_535 }),
  });
  const secret = fc.record({
    epoch: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    secret: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  });
  fc.assert(fc.property(
    fc.option(secret),
    fc.array(endpoint, { maxLength: 4 }),
    (secret, endpoints) => {
      const invite = { room: ROOM, secret, endpoints };
      const text = encodeInvite(invite);
      assertEquals(parseInvite(text), invite);
      assertEquals(parseInvite(` ${text.toUpperCase()}\n`), invite);
    },
  ));
});

Deno.test("parseInvite() reads an invite as an e-mail has it", () => {
  const wrapped = TEXT.replace(/.{40}/g, "$&\r\n  ");
  const texts = [
    wrapped,
    `${TEXT}.`,
    `${TEXT},`,
    `"${TEXT}".`,
    `“${TEXT}”`,
    `<${TEXT}>`,
    `'${TEXT}`,
  ];
  for (const text of texts) assertEquals(parseInvite(text), INVITE, text);
  for (const text of [`${TEXT.slice(0, 9)}.${TEXT.slice(9)}`, `.${TEXT}x`]) {
    assertEquals(isInvite(text), false, text);
  }
});

Deno.test("hasInvite() finds an invite, its beginning, or a mistyped one within a text; no name, and no fingerprint", () => {
  const texts = [
    TEXT,
    TEXT.toUpperCase(),
    TEXT.slice(0, 33),
    `${TEXT.slice(0, -1)}x`,
    `"${TEXT}",`,
  ];
  for (const text of texts) assertEquals(hasInvite(text), true, text);
  const others = [TEXT.slice(0, 32), "bob", "x".repeat(100), `the key is ${TEXT.slice(0, 27)}`, ""];
  for (const text of others) assertEquals(hasInvite(text), false, text);
});

Deno.test("an invite is one word of lower-case letters and digits", () => {
  assert(/^[a-z2-7]+$/.test(TEXT), TEXT);
  assertEquals(TEXT.length, 138);
});

Deno.test("parseInvite() finds each wrong character, and each two neighbours that changed places", () => {
  for (let at = 0; at < TEXT.length; at++) {
    for (const character of BASE32_ALPHABET) {
      const mistyped = TEXT.slice(0, at) + character + TEXT.slice(at + 1);
      if (mistyped !== TEXT) assertEquals(isInvite(mistyped), false, `${at} ${character}`);
    }
    const next = TEXT[at + 1];
    const swapped = TEXT.slice(0, at) + next + TEXT[at] + TEXT.slice(at + 2);
    if (next !== undefined && swapped !== TEXT) assertEquals(isInvite(swapped), false, `${at}`);
  }
});

Deno.test(
  "parseInvite() finds any two characters that changed places, and what is missing or too much",
  SLOW,
  () => {
    for (let one = 0; one < TEXT.length; one++) {
      for (let other = one + 1; other < TEXT.length; other++) {
        const characters = [...TEXT];
        [characters[one], characters[other]] = [TEXT[other]!, TEXT[one]!];
        const swapped = characters.join("");
        if (swapped !== TEXT) assertEquals(isInvite(swapped), false, `${one} ${other}`);
      }
      assertEquals(isInvite(TEXT.slice(0, one) + TEXT.slice(one + 1)), false);
      assertEquals(isInvite(TEXT.slice(0, one) + "a" + TEXT.slice(one)), false);
      assertEquals(isInvite(TEXT.slice(0, one)), false);
    }
  },
);

Deno.test("parseInvite() says what is wrong, and nothing of what was typed", () => {
  for (const text of ["", "x", TEXT.slice(3), `${TEXT}é`, `${TEXT} ${TEXT}`, "192.168.1.5"]) {
    const message = fault(text);
    assert(message.startsWith("Cannot read the invite: a character of it is wrong"), message);
    assert(text === "" || text === "x" || !message.includes(text), message);
  }
  const later = decodeBase32(TEXT)!.slice(0, -4);
  later[0] = 9;
  assert(
    fault(encodeBase32(concatBytes(later, checkOf(later)))).includes("another version of p2pchat"),
  );
});

Deno.test("parseInvite() reads or refuses any text, and any bytes with the right check", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    isInvite(text);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, asOurs) => {
    if (asOurs && bytes.length > 0) bytes[0] = 1;
    isInvite(encodeBase32(concatBytes(bytes, checkOf(bytes))));
  }));
});

function checkOf(bytes: Uint8Array): Uint8Array {
  const check = new Uint8Array(4);
  new DataView(check.buffer).setUint32(0, crc32(bytes), true);
  return check;
}

Deno.test("parseInvite() takes a time that grows with the text, whatever that is", SLOW, () => {
  const signs = ">".repeat(400_000);
  const tookMs = cpuMs(() => {
    for (const text of [`${TEXT}${signs}a`, `${signs}a${signs}`, signs, `${signs}${TEXT}`]) {
      assert(!isInvite(text));
    }
    assert(isInvite(`${"(".repeat(400_000)}${TEXT}${signs}`));
  });

  assert(tookMs < 20_000, "minutes, where it grows with its square");
});
