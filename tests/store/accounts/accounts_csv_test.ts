import { assert, assertEquals, assertLess } from "@std/assert";
import { stringify } from "@std/csv/stringify";
import fc from "fast-check";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
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
  const { table, complaints, torn, ...rest } = parseAccounts(PATH, bytes, complaintsMax);
  return {
    accounts: [...table.values()].map(({ account }) => account),
    complaints: complaints.map(({ code, message }) => `${code}: ${message}`),
    torn,
    ...rest,
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
    const { complaints, torn } = parsed(changed);
    // At the end of the last row, a write that was cut short looks the same.
    if (torn !== null) assertEquals([line, torn.line], [4, 4]);
    else {assertEquals(
        complaints[0]?.includes(`line ${line} `),
        true,
        `byte ${at}: ${complaints[0]}`,
      );}
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
    'the name "a/b" is not possible: a name consists of letters, digits, "_", "-" and ".", not of "/" (U+002F)',
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
    'the fingerprint "k7f3" is not possible: it must have 27 characters, has 4',
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
    const { accounts, complaints, torn } = parsed(text, 2);

    assertEquals(torn, null);
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

Deno.test("a last row that was cut short anywhere is left out, and its bytes are told", () => {
  const good = `${HEADER}${ROW}`;
  const last = accountRow(accountOf("bob")).text;
  for (let length = 1; length < last.length; length++) {
    const { accounts, complaints, ...rest } = parsed(good + last.slice(0, length));
    assertEquals([accounts, complaints], [[ALICE], []]);
    assertEquals(rest, {
      torn: { line: 3, bytes: length },
      bytes: good.length,
      lastRowAt: HEADER.length,
    });
  }
  // All of it is there but for the line feed.
  assertEquals(parsed(good + last).accounts.length, 2);
});

Deno.test("a last row with a page of zeros in it was cut short; one with a letter changed was not", () => {
  const good = utf8(`${HEADER}${ROW}`);
  const row = accountRow(accountOf("bob")).text;
  const holed = utf8(`${row.slice(0, 20)}${"\0".repeat(30)}${row.slice(50)}\n`);
  assertEquals(parsed(concatBytes(good, holed)).torn, { line: 3, bytes: holed.length });
  const garbage = Uint8Array.of(...utf8(row.slice(0, 40)), 0xff, 0x0a, 0x00, 0x0a);
  assertEquals(parsed(concatBytes(good, garbage)).torn, { line: 3, bytes: garbage.length });

  const bytes = utf8(`${row}\n`);
  for (const [at, byte] of [[1, 0x65], [1, 0xff], [30, 0x80], [row.indexOf('",') + 3, 0xc3]]) {
    const changed = parsed(concatBytes(good, bytes.with(at!, byte!)));
    assertEquals([changed.torn, changed.complaints.length], [null, 1], `${at}`);
  }
});

Deno.test("a last row that was changed by hand is damage, also where the editor left no line feed", () => {
  const good = `${HEADER}${ROW}`;
  const row = accountRow(accountOf("bob")).text;
  for (const end of ["", "\r", "\n"]) {
    const changed = parsed(`${good}${row.replace("bob", "bo2")}${end}`);
    assertEquals([changed.torn, changed.complaints.length], [null, 1], JSON.stringify(end));
  }
  // What was never on the disk in a row that has its end.
  const holed = `${row.slice(0, 20)}${"\0".repeat(30)}${row.slice(50)}`;
  assertEquals(parsed(good + holed).torn, { line: 3, bytes: holed.length });
});

Deno.test("damage before what was cut short is told all the same", () => {
  const text = `${HEADER}${ROW.replace("alice", "alicf")}bob,"$scr`;
  const { complaints, torn } = parsed(text, 9);
  assertEquals(torn?.line, 3);
  assertEquals(complaints.length, 1);
  // More than a row's length isn't dropped, whatever it looks like.
  const much = parsed(`${HEADER}${ROW}${"\0".repeat(3_000)}`);
  assertEquals([much.torn, much.complaints.length], [null, 1]);
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
