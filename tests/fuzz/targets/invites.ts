/**
 * Invites as nobody copies them: each is one, which is written as it was read, or refused with a sentence that doesn't
 * repeat it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { crc32 } from "node:zlib";
import { decodeBase32, encodeBase32 } from "../../../lib/base/text/base32.ts";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import {
  encodeInvite,
  type Invite,
  parseInvite,
} from "../../../lib/protocols/mesh/schema/rotations.ts";
import { hasInvite } from "../../../lib/base/text/invite_text.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import type { Target } from "../target.ts";

const OPEN: Invite = {
  room: "ab".repeat(32) as RoomId,
  secret: null,
  endpoints: [{ host: "10.0.0.1", port: 55_107 }, { host: "member.example", port: 1 }],
};
const SECRET: Invite = {
  ...OPEN,
  secret: { epoch: 300, secret: new Uint8Array(16).fill(7) },
  endpoints: [{ host: "fe80::1", port: 65_535 }],
};

export const INVITE = encodeInvite(SECRET);
const PIECES = ['"', "<", ">", "(", ").", "!", " ", "\n", "\u2028", "=", "0", "1", "I", "l", "“"]
  .concat([INVITE, encodeInvite(OPEN), INVITE.slice(0, 40), INVITE.toUpperCase()])
  .map(utf8)
  .concat(NO_TEXT);
const CHECK_BYTES = 4;

/** The word of any bytes, with the check that is right for them. */
function wordOf(content: Uint8Array): string {
  const check = new Uint8Array(CHECK_BYTES);
  new DataView(check.buffer).setUint32(0, crc32(content), true);
  return encodeBase32(concatBytes(content, check));
}

function make(random: Random): Uint8Array {
  const word = encodeInvite(random.pick([OPEN, SECRET]));
  if (random.chance(0.5)) return spoilt(utf8(word), PIECES, random);
  const content = decodeBase32(word)!.subarray(0, -CHECK_BYTES);
  return utf8(wordOf(spoilt(content, NUMBERS, random)));
}

/** The invite of what the word says now. */
function withCheck(input: Uint8Array): Uint8Array {
  const bytes = decodeBase32(new TextDecoder().decode(input).trim());
  return bytes === null ? input : utf8(wordOf(bytes.subarray(0, -CHECK_BYTES)));
}

function check(input: Uint8Array): boolean {
  const text = new TextDecoder().decode(input);
  hasInvite(text);
  try {
    const invite = parseInvite(text);
    assertEquals(parseInvite(encodeInvite(invite)), invite);
    assert(invite.endpoints.length <= 4);
    return true;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    assertEquals(error.code, "bad-credentials");
    assertMatch(error.message, /^(?:Cannot read the invite: |The invite is for a group )/);
    return false;
  }
}

export const invitesTarget: Target = {
  name: "invites",
  pieces: PIECES,
  make,
  mend: withCheck,
  check,
};
