/**
 * Bytes that nobody would write, for the table of users: whatever they are, each line is a row or a complaint with a
 * sentence, good rows are read again from what is written of them, and a row that is added changes no other.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import {
  formatUserInfo,
  parseUserInfo,
  type UserInfo,
  type UserInfoRow,
  userInfoRows,
  withUserInfo,
} from "../../../lib/store/users/user_info.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import type { Target } from "../target.ts";

const PATH = "users.txt";
const KEYS = Array.from(
  { length: 8 },
  (_, at) => fingerprintOf(at.toString().repeat(64) as PeerKey),
);
const ADDED: UserInfo = {
  name: "added",
  endpoint: { host: "added.example", port: 5001 },
  fingerprint: null,
};

/** What tables consist of, and what breaks readers of text. */
const PIECES = [
  "alice",
  "bob",
  "BOB",
  "Zoë",
  "ﬀ",
  "≈",
  "localhost",
  "10.0.0.1",
  "::1",
  "[fe80::1%e]",
]
  .concat(["5001", "0", "65535", "65536", "1e3", "#", " # ", "\t", " ", "\n", "\r\n", "\r"])
  .concat(["\ufeff", "\0", "\x1b[2J", "\u2028", "\u202e", "\u0130", "\u212a", "x".repeat(300)])
  .concat(KEYS, KEYS.map((key) => key.toUpperCase()))
  .map(utf8)
  .concat(NO_TEXT);

/** Rows of which most are good, changed in some places; or plain noise. */
function input(random: Random): Uint8Array {
  const lines = Array.from({ length: random.below(8) }, (_, at) => {
    const key = random.chance(0.3) ? ` ${KEYS[at]}` : "";
    const port = random.chance(0.9) ? 5_001 + at : 5_001;
    return `user${at} host${random.below(8)}.example ${port}${key}${random.pick(["\n", "\r\n"])}`;
  });
  return spoilt(utf8(lines.join("")), PIECES, random);
}

const said = ({ name, endpoint, fingerprint }: UserInfoRow) => ({ name, endpoint, fingerprint });

/** @returns Whether nothing was wrong. */
function check(bytes: Uint8Array): boolean {
  const { rows, complaints } = parseUserInfo(PATH, bytes, 100);
  for (const { code, message } of complaints) {
    assertEquals(code, "bad-file");
    assert(/^Cannot read users\.txt, line \d+: .+; .+$/.test(message), message);
    assert(message.length < 700, "a sentence, however long the line");
  }
  const again = userInfoRows(PATH, utf8(formatUserInfo(rows)));
  assertEquals(again.map(said), rows.map(said));
  try {
    const added = withUserInfo(PATH, bytes, ADDED);
    assertEquals(userInfoRows(PATH, added.bytes), [...rows, added.row]);
    assertEquals(added.bytes.subarray(0, bytes.length), bytes);
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    assert(complaints.length > 0, error.message);
  }
  return complaints.length === 0;
}

export const usersTarget: Target = { name: "users", pieces: PIECES, make: input, check };
