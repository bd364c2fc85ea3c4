import { assert, assertEquals, assertThrows } from "@std/assert";
import { stringify } from "@std/csv/stringify";
import fc from "fast-check";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { nameFault } from "../../../lib/base/text/names.ts";
import { importRows } from "../../../lib/cli/tools/accounts_import.ts";

function read(text: string) {
  return importRows("in.csv", utf8(text)).map((row) =>
    row instanceof P2pchatError ? `${row.code}: ${row.message}` : row
  );
}

Deno.test("importRows() reads names and passwords, with the lines that they begin in", () => {
  const text = "\ufeffname,password\r\n" +
    "alice,correct horse\r\n" +
    "\r\n" +
    'Zoe\u0308,"with, comma and ""quotes"""\r\n' +
    '"bob","several\nlines of\nit"\n' +
    '"eve","several\r\nlines of it"\n' +
    "carol, blanks count ";
  const several = (line: number) =>
    `weak-password: Cannot add line ${line} of in.csv: its password is in several lines, ` +
    "which nobody can type";
  assertEquals(read(text), [
    { line: 2, name: "alice", password: "correct horse" },
    { line: 4, name: "Zoë", password: 'with, comma and "quotes"' },
    several(5),
    several(8),
    { line: 10, name: "carol", password: " blanks count " },
  ]);
  assertEquals(read("name,password\n"), []);
});

Deno.test("importRows() says of each row why it can't be an account, and repeats no cell", () => {
  const text = "name,password\n" +
    "alice,correct horse\n" +
    "hunter2!,alice\n" +
    "bob,hunter2\n" +
    '"ALICE",another password\n' +
    "carol\n" +
    "dora,hunter2,hunter2\n" +
    `eve,${"hunter2".repeat(200)}\n` +
    '"x\ny",hunter2hunter2\n' +
    "fay,\n" +
    "gus,good enough\n";
  const rows = read(text);
  const why = (line: number, found: string) => `Cannot add line ${line} of in.csv: ${found}`;
  const columns = (count: string) =>
    `it must have a name and a password, has ${count}; a comma must be in quotes`;
  assertEquals(rows, [
    { line: 2, name: "alice", password: "correct horse" },
    `bad-name: ${
      why(3, 'its name is invalid: letters, digits, "_", "-" and "." only, not "!" (U+0021)')
    }`,
    `weak-password: ${why(4, "its password is too short: at least 8 characters")}`,
    `name-taken: ${why(5, "its name is that of line 2 already")}`,
    `bad-file: ${why(6, columns("1 column"))}`,
    `bad-file: ${why(7, columns("3 columns"))}`,
    `weak-password: ${why(8, "its password is too long: at most 1024 bytes")}`,
    `bad-name: ${
      why(9, 'its name is invalid: letters, digits, "_", "-" and "." only, not U+000A')
    }`,
    `weak-password: ${why(11, "its password is empty: at least 8 characters")}`,
    { line: 12, name: "gus", password: "good enough" },
  ]);
  assert(!rows.filter((row) => typeof row === "string").join().includes("hunter2"));
});

Deno.test("importRows() refuses a file that is no such one, with the line", () => {
  const refusals: readonly (readonly [text: string, message: string])[] = [
    ["", "Cannot read in.csv, line 1: the first row must be name,password; nothing was added"],
    [
      "\nalice,correct horse\n",
      "Cannot read in.csv, line 2: the first row must be name,password; nothing was added",
    ],
    [
      'name,password\nalice,correct horse\nbob,"\nnever\nends\n',
      "Cannot read in.csv, line 3: it is no row of CSV; a quote must be in quotes, and doubled; nothing was added",
    ],
    [
      'name,password\nalice,sec"ret"\n',
      "Cannot read in.csv, line 2: it is no row of CSV; a quote must be in quotes, and doubled; nothing was added",
    ],
  ];
  for (const [text, message] of refusals) {
    const error = assertThrows(() => read(text), P2pchatError);
    assertEquals([error.code, error.message], ["bad-file", message]);
  }
  const bytes = Uint8Array.of(...utf8("name,password\nbob,"), 0xff);
  assertThrows(() => importRows("in.csv", bytes), P2pchatError, "it isn't UTF-8 text");
});

Deno.test("whatever passwords are written as CSV, importRows() reads them, and their lines", () => {
  const names = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,9}$/).filter((name) =>
    nameFault(name) === null
  );
  const passwords = fc.string({ unit: "grapheme", minLength: 8, maxLength: 30 });
  const parts = fc.constantFrom('"', ",", "\n", " ", "\t", "a", "é", "'");
  const awkward = fc.array(parts, { minLength: 8, maxLength: 20 }).map((all) => all.join(""));
  const rows = fc.uniqueArray(fc.tuple(names, fc.oneof(passwords, awkward)), {
    selector: ([name]) => name,
    maxLength: 8,
  });
  fc.assert(fc.property(rows, (rows) => {
    let line = 2;
    const expected = rows.map(([name, password]) => {
      const row = { line, name, password };
      line += 1 + password.split("\n").length - 1;
      return row;
    });
    const read = importRows("in.csv", utf8(stringify([["name", "password"], ...rows])));
    assertEquals(
      read.map((row, at) => {
        const { line, password } = expected[at]!;
        if (!(row instanceof P2pchatError)) return row;
        assert(row.message.includes(` line ${line} `) && /\p{Cc}/u.test(password), row.message);
        return expected[at];
      }),
      expected,
    );
  }));
});
