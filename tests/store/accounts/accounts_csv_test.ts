import { assert, assertEquals, assertLess } from "@std/assert";
import { stringify } from "@std/csv/stringify";
import fc from "fast-check";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { foldName, nameFault } from "../../../lib/base/text/names.ts";
import type { Account } from "../../../lib/store/accounts/accounts.ts";
import {
  accountLines,
  accountRow,
  type AccountTable,
  parseAccounts,
} from "../../../lib/store/accounts/accounts_csv.ts";
import { checksumOf, checksumText } from "../../../lib/store/disk/record_line.ts";
import { accountOf, hashNumber, keyNumber } from "../../contracts/accounts_contract.ts";
import { cpuMs } from "../../cpu_time.ts";
import { SLOW } from "../../given.ts";

const PATH = "accounts.csv";
const HEADER = "name,hash,created,keys,check\n";
const ALICE = accountOf("alice", { keys: [keyNumber(1), keyNumber(2)] });
const ROW = `${accountRow(ALICE).text}\n`;

function fileOf(accounts: readonly Account[]): string {
  const table: AccountTable = new Map(
    accounts.map((account) => [foldName(account.name), accountRow(account)]),
  );
  return [...accountLines(table)].join("");
}

function parsed(text: string | Uint8Array, complaintsMax = 1) {
  const bytes = typeof text === "string" ? utf8(text) : text;
  const { table, complaints } = parseAccounts(PATH, bytes, complaintsMax);
  return {
    accounts: [...table.values()].map(({ account }) => account),
    complaints: complaints.map(({ code, message }) => `${code}: ${message}`),
  };
}

/** A row with a checksum that fits, whatever its cells say. */
function rowOf(...cells: readonly string[]): string {
  const checked = stringify([cells]).replace(/\r\n$/, "");
  return `${checked},${checksumText(checksumOf(utf8(checked)))}\n`;
}

Deno.test("accountRow() is a line that people and scripts can read", () => {
  assertEquals(
    fileOf([ALICE]),
    HEADER +
      `alice,"${ALICE.hash}",2026-09-21T14:13:20.000Z,${keyNumber(1)} ${keyNumber(2)},` +
      `${ROW.trimEnd().slice(-8)}\n`,
  );
  const checked = ROW.slice(0, ROW.lastIndexOf(","));
  assertEquals(ROW.trimEnd().slice(-8), checksumText(checksumOf(utf8(checked))));
});

const names = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,8}$/),
  fc.string({ unit: "binary", minLength: 1, maxLength: 6 }),
  fc.constantFrom("Zoë", "Bоb", "李明", "ﬁ", "ß"),
).filter((name) => nameFault(name) === null).map((name) => name.normalize("NFC"));
const base64 = fc.stringMatching(/^[A-Za-z0-9+/]{22,86}$/);
const hashes = fc.tuple(
  fc.constantFrom("$scrypt$ln=17,r=8,p=1", "$scrypt$ln=9", "$argon2id$v=19$m=65536,t=3,p=4", "$x"),
  base64,
  base64,
).map((parts) => parts.join("$"));
const someAccounts = fc.uniqueArray(
  fc.record<Account>({
    name: names,
    hash: hashes,
    createdMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
    keys: fc.uniqueArray(fc.nat(99).map(keyNumber), { maxLength: 16 }),
  }),
  { maxLength: 8, selector: ({ name }) => foldName(name) },
);

Deno.test("what is written of any accounts is read as the same ones", () => {
  fc.assert(fc.property(someAccounts, (accounts) => {
    const text = fileOf(accounts);
    assertEquals(parsed(text).complaints, []);
    assertEquals(parsed(text).accounts, accounts);
    assertEquals(text.split("\n").length, accounts.length + 2, "each is one line");
  }));
});

Deno.test("accounts that a spreadsheet has quoted otherwise are the same", () => {
  fc.assert(fc.property(someAccounts, (accounts) => {
    const lines = fileOf(accounts).trimEnd().split("\n").map((line) => {
      const cells = /^([^",]*),"?([^"]*?)"?,([^",]*),([^",]*),([^",]*)$/.exec(line)?.slice(1);
      return cells?.map((cell) => `"${cell}"`).join(",") ?? line;
    });
    assertEquals(parsed(`\ufeff${lines.join("\r\n")}\r\n\r\n`).accounts, accounts);
  }));
});

Deno.test("one wrong byte anywhere but in what lets it be another row is found, with its line", () => {
  const text = fileOf([ALICE, accountOf("bob"), accountOf("carol")]);
  const bytes = utf8(text);
  for (let at = HEADER.length; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 0x02;
    const line = text.slice(0, at).split("\n").length;
    const { complaints } = parsed(changed);
    assert(complaints[0]?.includes(`line ${line} `), `byte ${at}: ${complaints[0]}`);
  }
});

const WITHOUT = "restore the file from a copy, or move it away to start without any account; " +
  "to go on without what this line says, delete the line";

const COMPLAINTS: readonly (readonly [row: string, code: string, found: string])[] = [
  ["bob\n", "store-corrupt", "it must have 5 columns, has 1 column"],
  [`bob,"x\n`, "store-corrupt", "it is no row of CSV"],
  [`bob,"x"y,z,,\n`, "store-corrupt", "it is no row of CSV"],
  [ROW.replace("alice", "alicf"), "store-corrupt", "its checksum doesn't fit"],
  [ROW.replace(/,[^,]*$/, ",\n"), "store-corrupt", "its checksum doesn't fit"],
  ["x".repeat(2_049) + "\n", "store-corrupt", "it is longer than any row"],
  [
    rowOf("a/b", hashNumber(1), "2026-01-31T12:00:00.000Z", ""),
    "bad-file",
    'the name "a/b" is invalid: letters, digits, "_", "-" and "." only, not "/" (U+002F)',
  ],
  [
    rowOf("bob", "secret", "2026-01-31T12:00:00.000Z", ""),
    "bad-file",
    "the hash isn't a PHC string, as in $scrypt$ln=17,r=8,p=1$SALT$HASH",
  ],
  [
    rowOf("bob", hashNumber(1), "yesterday", ""),
    "bad-file",
    'the time "yesterday" isn\'t one as in 1970-01-01T00:00:00.000Z',
  ],
  [
    rowOf("bob", hashNumber(1), "2026-01-31T12:00:00.000Z", "k7f3"),
    "bad-file",
    'the fingerprint "k7f3" is invalid: it must have 27 characters, has 4',
  ],
  [
    rowOf("bob", hashNumber(1), "2026-01-31T12:00:00.000Z", "k ".repeat(16) + "k"),
    "bad-file",
    "it has 17 keys, 16 at most may be there",
  ],
  [
    rowOf("ALICE", hashNumber(1), "2026-01-31T12:00:00.000Z", ""),
    "bad-file",
    'the name "ALICE" is that of line 2 already',
  ],
];

for (const [row, code, found] of COMPLAINTS) {
  Deno.test(`parseAccounts() complains: ${found}`, () => {
    const carol = accountOf("carol");
    const text = `${HEADER}${ROW}\n${row}${accountRow(carol).text}\n`;
    const { accounts, complaints } = parsed(text, 2);

    assertEquals(complaints, [
      code === "bad-file"
        ? `bad-file: Cannot read accounts.csv, line 4: ${found}; delete the line, and add the account anew`
        : `store-corrupt: Cannot read accounts.csv: line 4 is damaged, ${found}; ${WITHOUT}`,
    ]);
    assertEquals(accounts, [ALICE, carol]);
  });
}

Deno.test("parseAccounts() counts physical lines, also where quotes hold some", () => {
  const quoted = rowOf("bo\nb", hashNumber(1), "2026-01-31T12:00:00.000Z", "");
  const { complaints } = parsed(`${HEADER}${quoted}${ROW}bad\n`, 9);
  assertEquals(complaints.map((text) => /line \d+/.exec(text)![0]), ["line 2", "line 3", "line 5"]);
});

Deno.test("parseAccounts() says what is wrong with another file, and with an empty one", () => {
  for (const text of ["name,password\nbob,x\n", "# name address\n", "\n"]) {
    assertEquals(parsed(text, 9).complaints.length, 1);
    assert(parsed(text).complaints[0]!.startsWith(
      "bad-file: Cannot read accounts.csv, line 1: a table of accounts begins with name,hash,created,keys,check, ",
    ));
  }
  assertEquals(parsed("").complaints, [
    `store-corrupt: Cannot read accounts.csv: line 1 is damaged, the file is empty; ${WITHOUT}`,
  ]);
});

Deno.test("parseAccounts() quotes no row, which has a password's hash, where the header is missing", () => {
  const [complaint] = parsed(ROW).complaints;

  assert(complaint!.includes("line 1: a table of accounts begins with"), complaint);
  assert(!complaint!.includes("$scrypt"), complaint);
});

Deno.test(
  "parseAccounts() takes eight times as long for eight times as many accounts, not sixty-four",
  SLOW,
  () => {
    const leastMs = (count: number) => {
      const accounts = Array.from(
        { length: count },
        (_, at) => accountOf(`user${at}`, { keys: [keyNumber(at)] }),
      );
      const bytes = utf8(fileOf(accounts));
      // The least of some rounds: what is collected meanwhile is in the others.
      const took = Array.from({ length: 3 }, () =>
        cpuMs(() => {
          assertEquals(parseAccounts(PATH, bytes).table.size, count);
        }));
      return Math.min(...took);
    };
    leastMs(500); // compiles it

    // A clock may go in steps of 10 ms.
    assertLess(leastMs(32_000), 20 * leastMs(4_000) + 100);
  },
);
