// deno-lint-ignore-file no-console -- a program of its own, run by `make fuzz`
/**
 * Bytes that nobody would write, for the table of accounts: whatever they are, each row is there, told with its line,
 * or was being written; what is read is written as it was; and a sign-up follows. `SECONDS` (10) and `SEED` (by
 * chance); a failure prints the seed that repeats it.
 */

import { assert, assertEquals } from "@std/assert";
import { concatBytes, utf8 } from "../../lib/base/crypto.ts";
import {
  ACCOUNT_ROW_BYTES_MAX,
  accountLines,
  accountRow,
  parseAccounts,
} from "../../lib/store/accounts_csv.ts";
import { accountOf, hashNumber, keyNumber } from "../contracts/accounts_contract.ts";
import { Random } from "../sim/random.ts";

const PATH = "accounts.csv";
const HEADER = "name,hash,created,keys,check";

/** What tables consist of, and what breaks readers of CSV. */
const PIECES = ["alice", "bob", '"', '""', ",", "\n", "\r\n", "\r", " ", "\0", "\0\0\0\0", "\ufeff"]
  .concat(["$scrypt$ln=30,r=99,p=99$", "\x1b[2J", "\u202e", "\u0130", "x".repeat(3_000), HEADER])
  .concat([accountRow(accountOf("user1")).text, accountRow(accountOf("USER2")).text])
  .map(utf8)
  .concat([Uint8Array.of(0xff, 0xfe), Uint8Array.of(0xed, 0xa0, 0x80), Uint8Array.of(0xc3)]);

/** A table, changed in some places; or plain noise. */
function input(random: Random): Uint8Array {
  if (random.chance(0.05)) return random.bytes(random.below(300));
  const lines = Array.from({ length: random.below(8) }, (_, at) => {
    const keys = Array.from({ length: random.below(4) }, (_, key) => keyNumber(key));
    const { text } = accountRow(accountOf(`user${at}`, { hash: hashNumber(at), keys }));
    return `${text}${random.pick(["\n", "\n", "\r\n"])}`;
  });
  let bytes: Uint8Array = utf8(`${HEADER}\n${lines.join("")}`);
  for (let changes = random.below(4); changes > 0; changes--) {
    const from = random.below(bytes.length + 1);
    const to = random.chance(0.6) ? from : Math.min(bytes.length, from + random.below(12));
    bytes = concatBytes(bytes.subarray(0, from), random.pick(PIECES), bytes.subarray(to));
  }
  return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

/** @returns Whether nothing was wrong. */
function check(bytes: Uint8Array): boolean {
  const { table, complaints, bytes: end, torn } = parseAccounts(PATH, bytes, 100);
  for (const { code, message } of complaints) {
    assert(code === "bad-file" || code === "store-corrupt", message);
    assert(/^Cannot read accounts\.csv[,:] line \d+[: ].+; .+$/.test(message), message);
    assert(message.length < 700, "a sentence, however long the line");
  }
  assertEquals(end + (torn?.bytes ?? 0), bytes.length);
  assert((torn?.bytes ?? 0) <= ACCOUNT_ROW_BYTES_MAX);
  const added = accountRow(accountOf("added"));
  const written = utf8([...accountLines(table), added.text].join(""));
  const again = parseAccounts(PATH, written, 100);
  assertEquals([...again.table.values()], [...table.values(), added]);
  assertEquals([again.complaints, again.torn], [[], null]);
  if (complaints.length > 0) return false;
  // What a sign-up appends to.
  const kept = bytes.subarray(0, end);
  const feed = kept.at(-1) === 0x0a ? "" : "\n";
  const appended = parseAccounts(PATH, concatBytes(kept, utf8(`${feed}${added.text}\n`)), 100);
  assertEquals([...appended.table.values()], [...table.values(), added]);
  return torn === null;
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
    console.error(`accounts: failed after ${tables} tables; the last one was`);
    console.error(bytes.toHex());
    console.error(`Again: SEED=${seed} deno run --allow-env tests/fuzz/accounts_fuzz.ts`);
    Deno.exit(1);
  }
  console.log(`accounts: ${tables} tables (${good} without a fault), seed ${seed}`);
}
