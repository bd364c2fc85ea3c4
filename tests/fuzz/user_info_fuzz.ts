// deno-lint-ignore-file no-console -- a program of its own, run by `make fuzz`
/**
 * Bytes that nobody would write, for the table of users: whatever they are, each line is a row or a complaint with
 * a sentence, good rows are read again from what is written of them, and a row that is added changes no other.
 * `SECONDS` (10) and `SEED` (by chance); a failure prints the seed that repeats it.
 */

import { assert, assertEquals } from "@std/assert";
import { concatBytes, utf8 } from "../../lib/base/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { fingerprintOf } from "../../lib/base/fingerprint.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import {
  formatUserInfo,
  parseUserInfo,
  type UserInfo,
  type UserInfoRow,
  userInfoRows,
  withUserInfo,
} from "../../lib/store/user_info.ts";
import { Random } from "../sim/random.ts";

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
  .concat([Uint8Array.of(0xff, 0xfe), Uint8Array.of(0xed, 0xa0, 0x80), Uint8Array.of(0xc3)]);

/** Rows of which most are good, changed in some places; or plain noise. */
function input(random: Random): Uint8Array {
  if (random.chance(0.05)) return random.bytes(random.below(300));
  const lines = Array.from({ length: random.below(8) }, (_, at) => {
    const key = random.chance(0.3) ? ` ${KEYS[at]}` : "";
    const port = random.chance(0.9) ? 5_001 + at : 5_001;
    return `user${at} host${random.below(8)}.example ${port}${key}${random.pick(["\n", "\r\n"])}`;
  });
  let bytes: Uint8Array = utf8(lines.join(""));
  for (let changes = random.below(4); changes > 0; changes--) {
    const from = random.below(bytes.length + 1);
    const to = random.chance(0.6) ? from : Math.min(bytes.length, from + random.below(12));
    bytes = concatBytes(bytes.subarray(0, from), random.pick(PIECES), bytes.subarray(to));
  }
  return bytes;
}

const said = ({ name, endpoint, fingerprint }: UserInfoRow) => ({ name, endpoint, fingerprint });

/** @returns Whether nothing was wrong. */
function check(bytes: Uint8Array): boolean {
  const { rows, complaints } = parseUserInfo(PATH, bytes, 100);
  for (const { code, message } of complaints) {
    assertEquals(code, "bad-file");
    assert(/^Cannot read users\.txt, line \d+: .+; .+$/.test(message), message);
    assert(message.length < 500, "a sentence, however long the line");
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

if (import.meta.main) {
  const seed = Number(Deno.env.get("SEED") || Math.floor(Math.random() * 2 ** 32));
  const untilMs = performance.now() + 1_000 * Number(Deno.env.get("SECONDS") || 10);
  const random = new Random(seed);
  let [tables, good] = [0, 0];
  let bytes: Uint8Array = new Uint8Array();
  try {
    for (; performance.now() < untilMs; tables++) {
      bytes = input(random);
      if (check(bytes)) good++;
    }
  } catch (error) {
    console.error(error);
    console.error(`users: failed after ${tables} tables; the last one was`);
    console.error(bytes.toHex());
    console.error(`Again: SEED=${seed} deno run --allow-env tests/fuzz/user_info_fuzz.ts`);
    Deno.exit(1);
  }
  console.log(`users: ${tables} tables (${good} without a fault), seed ${seed}`);
}
