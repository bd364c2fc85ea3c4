/**
 * Invites, contact cards and word codes as nobody copies them: each is one, which is written as it was read, or refused
 * with a sentence that doesn't repeat it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { crc32 } from "node:zlib";
import { decodeBase32, encodeBase32 } from "../../../lib/base/text/base32.ts";
import { concatBytes, nodeCrypto, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { PeerKey, RoomId } from "../../../lib/base/ids.ts";
import {
  encodeInvite,
  type Invite,
  parseInvite,
} from "../../../lib/protocols/mesh/schema/rotations.ts";
import {
  encodeGroupInvite,
  type GroupInvite,
  parseGroupInvite,
} from "../../../lib/protocols/group/schema/group_secrets.ts";
import { readCode, type WordCode } from "../../../lib/protocols/words/word_codes.ts";
import {
  CARD_START,
  type Contact,
  contactCard,
  parseContactCard,
} from "../../../lib/store/users/contact_card.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
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

const KEY = "ab".repeat(32) as PeerKey;
const GROUP: GroupInvite = {
  coordinator: KEY,
  secret: { epoch: 3, secret: new Uint8Array(16).fill(7) },
  endpoint: { host: "group.example", port: 55_108 },
};
/** What people are given besides. */
const OTHERS: readonly string[] = [
  encodeGroupInvite(GROUP),
  encodeGroupInvite({ ...GROUP, secret: null }),
  ...["10.0.0.1", "fe80::1", "friend.example"].map((host) =>
    contactCard({ name: "Bob", endpoint: { host, port: 5_001 }, fingerprint: fingerprintOf(KEY) })
  ),
  "7-cross-clock",
  "999 CROS cloc",
];

export const INVITE = encodeInvite(SECRET);
const PIECES = ['"', "<", ">", "(", ").", "!", " ", "\n", "\u2028", "=", "0", "1", "I", "l", "“"]
  .concat([INVITE, encodeInvite(OPEN), INVITE.slice(0, 40), INVITE.toUpperCase()])
  .concat(OTHERS, ["@", ":", "#", ".", "[", "]", "-", "\u0301", "0.0.0.0", "x".repeat(300)])
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
  if (random.chance(0.3)) {
    const word = spoilt(utf8(random.pick(OTHERS)), PIECES, random);
    return random.chance(0.5) ? withCheck(word) : word;
  }
  const word = encodeInvite(random.pick([OPEN, SECRET]));
  if (random.chance(0.5)) return spoilt(utf8(word), PIECES, random);
  const content = decodeBase32(word)!.subarray(0, -CHECK_BYTES);
  return utf8(wordOf(spoilt(content, NUMBERS, random)));
}

/** The invite, or the card, of what the word says now. */
function withCheck(input: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(input).trim();
  if (text.startsWith(CARD_START)) {
    const body = text.slice(0, Math.max(0, text.lastIndexOf(".")));
    const digest = Uint8Array.fromHex(nodeCrypto.sha256(utf8(body)));
    return utf8(`${body}.${encodeBase32(digest).slice(0, 8)}`);
  }
  const bytes = decodeBase32(text);
  return bytes === null ? input : utf8(wordOf(bytes.subarray(0, -CHECK_BYTES)));
}

interface Reader<Value> {
  read(text: string): Value;
  /** What is read as the same value. */
  write(value: Value): string;
  readonly refusal: RegExp;
}

function reader<Value>(given: Reader<Value>) {
  return (text: string): boolean => {
    let value: Value;
    try {
      value = given.read(text);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      assert(["bad-credentials", "usage", "bad-name"].includes(error.code), error.code);
      assertMatch(error.message, given.refusal);
      assert(error.message.length < 700, "a sentence, however long the word");
      return false;
    }
    assertEquals(given.read(given.write(value)), value);
    return true;
  };
}

const INVITE_REFUSAL =
  /^(?:Cannot read the invite: |The invite is for a |That is a word code, and no invite: )/;

const READERS = [
  reader<Invite>({
    read: (text) => {
      const invite = parseInvite(text);
      assert(invite.endpoints.length <= 4);
      return invite;
    },
    write: encodeInvite,
    refusal: INVITE_REFUSAL,
  }),
  reader<GroupInvite>({
    read: parseGroupInvite,
    write: encodeGroupInvite,
    refusal: INVITE_REFUSAL,
  }),
  reader<Contact>({ read: parseContactCard, write: contactCard, refusal: /^[A-Z].+$/s }),
  reader<WordCode>({ read: readCode, write: ({ text }) => text, refusal: /^(?:That|A word code)/ }),
];

function check(input: Uint8Array): boolean {
  const text = new TextDecoder().decode(input);
  hasInvite(text);
  return READERS.map((isRead) => isRead(text)).some((isRead) => isRead);
}

export const invitesTarget: Target = {
  name: "invites",
  pieces: PIECES,
  make,
  mend: withCheck,
  check,
};
