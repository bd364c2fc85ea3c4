/**
 * Bytes that nobody would write, for the table of accounts: whatever they are, each row is there, told with its line, or
 * was being written; what is read is written as it was; and a sign-up follows.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import {
  accountLines,
  accountRow,
  parseAccounts,
} from "../../../lib/store/accounts/accounts_csv.ts";
import { accountOf, hashNumber, keyNumber } from "../../contracts/accounts_contract.ts";
import type { Random } from "../../sim/random.ts";
import { checksumOf, checksumText } from "../../../lib/store/disk/record_line.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import type { Target } from "../target.ts";

const PATH = "accounts.csv";
const HEADER = "name,hash,created,keys,check";

/** What tables consist of, and what breaks readers of CSV. */
const PIECES = ["alice", "bob", '"', '""', ",", "\n", "\r\n", "\r", " ", "\0", "\0\0\0\0", "\ufeff"]
  .concat(["$scrypt$ln=30,r=99,p=99$", "\x1b[2J", "\u202e", "\u0130", "x".repeat(3_000), HEADER])
  .concat([accountRow(accountOf("user1")).text, accountRow(accountOf("USER2")).text])
  .map(utf8)
  .concat(NO_TEXT);

/** A table, changed in some places; or plain noise. */
function input(random: Random): Uint8Array {
  const lines = Array.from({ length: random.below(8) }, (_, at) => {
    const keys = Array.from({ length: random.below(4) }, (_, key) => keyNumber(key));
    const { text } = accountRow(accountOf(`user${at}`, { hash: hashNumber(at), keys }));
    return `${text}${random.pick(["\n", "\n", "\r\n"])}`;
  });
  const bytes = spoilt(utf8(`${HEADER}\n${lines.join("")}`), PIECES, random);
  return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

/** @returns Whether nothing was wrong. */
function check(bytes: Uint8Array): boolean {
  const { table, complaints } = parseAccounts(PATH, bytes, 100);
  for (const { code, message } of complaints) {
    assert(code === "bad-file" || code === "store-corrupt", message);
    assert(/^Cannot read accounts\.csv[,:] line \d+[: ].+; .+$/.test(message), message);
    assert(message.length < 700, "a sentence, however long the line");
  }
  const added = accountRow(accountOf("added"));
  const written = utf8([...accountLines(table), added.text].join(""));
  const again = parseAccounts(PATH, written, 100);
  assertEquals([...again.table.values()], [...table.values(), added]);
  assertEquals(again.complaints, []);
  return complaints.length === 0;
}

/** Each row with the checksum of what it says now. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const [header, ...rows] = new TextDecoder().decode(bytes).split("\n");
  const checked = rows.map((row) => {
    const content = /^(.*),[^,]*$/.exec(row)?.[1];
    return content === undefined ? row : `${content},${checksumText(checksumOf(utf8(content)))}`;
  });
  return utf8([header, ...checked].join("\n"));
}

export const accountsTarget: Target = {
  name: "accounts",
  pieces: PIECES,
  make: input,
  mend: withChecksums,
  check,
};
