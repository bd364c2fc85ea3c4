import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import fc from "fast-check";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { cpuMs } from "../../cpu_time.ts";
import { canonicalHost, isUnspecified } from "../../../lib/base/text/endpoints.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { foldName, nameFault } from "../../../lib/base/text/names.ts";
import { quotedStart } from "../../../lib/base/text/text.ts";
import {
  formatUserInfo,
  ownRow,
  type OwnRowKey,
  parseUserInfo,
  type UserInfo,
  userInfoLine,
  type UserInfoRow,
  userInfoRows,
  withUserInfo,
} from "../../../lib/store/users/user_info.ts";

const PATH = "users.txt";
const KEY = fingerprintOf("01".repeat(32) as PeerKey);

function rowsOf(text: string): readonly UserInfoRow[] {
  return userInfoRows(PATH, utf8(text));
}

/** All complaints about a text, each of which must be a `bad-file`. */
function complaintsOf(content: string | Uint8Array, complaintsMax = 100): readonly string[] {
  const bytes = typeof content === "string" ? utf8(content) : content;
  return parseUserInfo(PATH, bytes, complaintsMax).complaints.map((error) => {
    assertEquals(error.code, "bad-file");
    return error.message;
  });
}

function row(
  line: number,
  name: string,
  host: string,
  port: number,
  key?: Fingerprint,
): UserInfoRow {
  return { name, endpoint: { host, port }, fingerprint: key ?? null, line };
}

Deno.test("parseUserInfo() reads rows with their physical lines", () => {
  const text = "\ufeff# friends\r\n" +
    "alice 192.168.1.5 5001\r\n" +
    "\n" +
    `bob\t \tbob.Example   6000 ${KEY.toUpperCase()}\t# his laptop\n` +
    "   # carol c 1\n" +
    "  dora [::1] 5001  \t\n" +
    "Zoë fe80::1%eth0 65535 # \u2028 # twice";

  assertEquals(rowsOf(text), [
    row(2, "alice", "192.168.1.5", 5001),
    row(4, "bob", "bob.Example", 6000, KEY),
    row(6, "dora", "::1", 5001),
    row(7, "Zoë", "fe80::1%eth0", 65535),
  ]);
});

Deno.test("parseUserInfo() reads an empty file, and one of a byte order mark", () => {
  for (const text of ["", "\n", "\r\r\n\r", "\ufeff", "\ufeff\r\n", "#", "# x"]) {
    assertEquals(rowsOf(text), []);
  }
});

Deno.test("parseUserInfo() knows an address again, however it is spelt", () => {
  const complaints = complaintsOf(
    utf8("alice ::1 5001\nbob 0:0:0:0:0:0:0:1 5001\ncarol [::1] 5002"),
  );

  assertEquals(complaints, [
    'Cannot read users.txt, line 2: the address "[0:0:0:0:0:0:0:1]:5001" is that of line 1 (alice) already; ' +
    "each row needs its own address, correct or remove one of the two",
  ]);
});

Deno.test("parseUserInfo() brings names into NFC", () => {
  assertEquals(rowsOf("Zoe\u0308 a 1")[0]?.name, "Zo\u00eb");
});

const OTHER_KEY = fingerprintOf("11".repeat(32) as PeerKey);

const COMPLAINTS: readonly (readonly [text: string, sentence: string])[] = [
  ...["00A0", "2003", "3000", "200B", "FEFF", "00AD", "0001", "2800", "115F"].map((code) =>
    [
      `bob${String.fromCodePoint(parseInt(code, 16))}10.0.0.1 5001`,
      `it has U+${code}, an odd blank or invisible character: ` +
      `${quotedStart(`bob${String.fromCodePoint(parseInt(code, 16))}10.0.0.1 5001`)}; ` +
      "write a space in its place, or delete it",
    ] as const
  ),
  ["bob", 'it must be NAME ADDRESS PORT [FINGERPRINT], has 1 word: "bob"; correct it'],
  [
    " bob  10.0.0.1:5001 # x",
    'it must be NAME ADDRESS PORT [FINGERPRINT], has 2 words: "bob 10.0.0.1:5001"; correct it',
  ],
  [
    `bob b 1 ${KEY} laptop`,
    `it must be NAME ADDRESS PORT [FINGERPRINT], has 5 words: "bob b 1 ${KEY} laptop"; ` +
    "correct it, a comment begins with #",
  ],
  ...["0.0.0.0", "::", "0:0::0"].map((host) =>
    [
      `bob ${host} 1`,
      `the address ${host} stands for all addresses of a machine, and nobody can dial it; ` +
      "write the one at which friends reach it",
    ] as const
  ),
  ["bob 1.2.3 1", 'the address must be a host name or an IP address, not "1.2.3"; correct it'],
  ["bob b#c 1", 'the address must be a host name or an IP address, not "b#c"; correct it'],
  [
    "\ufeffbob b 1",
    'it has U+FEFF, an odd blank or invisible character: "<U+FEFF>bob b 1"; write a space in its place, or delete it',
  ],
  [
    `bob b 1 ${KEY} his laptop`,
    `it must be NAME ADDRESS PORT [FINGERPRINT], has 6 words: "bob b 1 ${KEY} his laptop"; ` +
    "correct it, a comment begins with #",
  ],
  [
    "a/b b 1",
    'the name "a/b" is invalid: letters, digits, "_", "-" and "." only, ' +
    'not "/" (U+002F); choose another one',
  ],
  [
    "-b b 1",
    'the name "-b" is invalid: it must start with a letter or a digit; choose another one',
  ],
  [
    `${"x".repeat(70)} b 1`,
    `the name "${"x".repeat(60)}..." is invalid: ` +
    "at most 32 characters, this one has 70; choose another one",
  ],
  ["bob b/c 1", 'the address must be a host name or an IP address, not "b/c"; correct it'],
  [
    "bob b\x1b[2J 1",
    'it has U+001B, an odd blank or invisible character: "bob b␛[2J 1"; write a space in its place, or delete it',
  ],
  ["bob 1:2 1", 'the address must be a host name or an IP address, not "1:2"; correct it'],
  ["bob b 0", 'the port must be a whole number from 1 to 65535, not "0"; correct it'],
  ["bob b 70000", 'the port must be a whole number from 1 to 65535, not "70000"; correct it'],
  ["bob b http", 'the port must be a whole number from 1 to 65535, not "http"; correct it'],
  [
    "bob b 1 k7f3",
    'the fingerprint "k7f3" is invalid: it must have 27 characters, has 4; copy it again',
  ],
  [
    `bob b 1 1${KEY.slice(1)}`,
    `the fingerprint "1${KEY.slice(1)}" is invalid: ` +
    'character 1 must be a letter or 2 to 7, not "1"; copy it again',
  ],
  [
    `bob b 1 a${KEY.slice(1)}`,
    `the fingerprint "a${KEY.slice(1)}" is invalid: ` +
    "a character is mistyped, its check doesn't fit; copy it again",
  ],
  [
    "ALICE b 1",
    'the name "ALICE" is that of line 2 (alice) already; ' +
    "each row needs its own name, correct or remove one of the two",
  ],
  [
    "bob A.Example 5001",
    'the address "A.Example:5001" is that of line 2 (alice) already; ' +
    "each row needs its own address, correct or remove one of the two",
  ],
  [
    `bob b 1 ${KEY}`,
    `the fingerprint "${KEY}" is that of line 2 (alice) already; ` +
    "each row needs its own fingerprint, correct or remove one of the two",
  ],
];

for (const [text, sentence] of COMPLAINTS) {
  Deno.test(`parseUserInfo() complains about ${JSON.stringify(text.slice(0, 40))}`, () => {
    const content = `# ours\nalice a.example 5001 ${KEY}\n\n${text}\r\ncarol c 1\n`;

    const { rows, complaints } = parseUserInfo(PATH, utf8(content), 2);

    assertEquals(complaints.map(({ code, message }) => [code, message]), [
      ["bad-file", `Cannot read users.txt, line 4: ${sentence}`],
    ]);
    assertEquals(rows.map(({ name }) => name), ["alice", "carol"]);
    assertThrows(() => rowsOf(content), P2pchatError, sentence);
  });
}

Deno.test("parseUserInfo() takes the same host with another port, and two keys", () => {
  const text = `alice a 1 ${KEY}\nbob a 2 ${OTHER_KEY}\ncarol b 1\n`;
  assertEquals(rowsOf(text).length, 3);
});

Deno.test("parseUserInfo() complains about each line that isn't UTF-8", () => {
  const bad = Uint8Array.of(0x62, 0xe9, 0x20, 0x0a);
  const sentence = "it isn't UTF-8 text; save the file in UTF-8";
  assertEquals(complaintsOf(concatBytes(utf8("alice a 1\n# "), bad, utf8("bob b 1\n"), bad)), [
    `Cannot read users.txt, line 2: ${sentence}`,
    `Cannot read users.txt, line 4: ${sentence}`,
  ]);
  const utf16 = Uint8Array.of(0xff, 0xfe, 0x61, 0, 0x0a, 0);
  assertEquals(complaintsOf(utf16)[0], `Cannot read users.txt, line 1: ${sentence}`);
});

Deno.test("parseUserInfo() ends with as many complaints as are asked for", () => {
  const text = "bad\n".repeat(50);
  for (const count of [1, 20]) assertEquals(complaintsOf(text, count).length, count);
});

/** The most rows there may be, with addresses and fingerprints of usual length. */
const FULL_TABLE = Array.from({ length: 10_000 }, (_, at) => {
  // No key of few bits: among those are the points of small order.
  const key = fingerprintOf(at.toString(16).padStart(8, "0").padEnd(64, "7") as PeerKey);
  return `user${at}\t192.168.${at >> 8}.${at & 255}\t5001\t${key}\n`;
}).join("");

Deno.test("parseUserInfo() reads 10,000 rows in well under a second, and no more", () => {
  const bytes = utf8(FULL_TABLE);
  const tookMs = cpuMs(() => {
    const { rows, complaints } = parseUserInfo(PATH, bytes);
    assertEquals([rows.length, complaints], [10_000, []]);
  });

  assertLess(tookMs, 1_000);
  assertEquals(complaintsOf(`${FULL_TABLE}zoe z 1\nyan y 1\n`), [
    "Cannot read users.txt, line 10001: it would be row 10001, a table of users has 10000 at most; " +
    "leave some out",
  ]);
});

Deno.test("parseUserInfo() reads a mebibyte, and no more", () => {
  const most = new Uint8Array(1_048_576).fill(0x0a);
  assertEquals(complaintsOf(most), []);
  assertEquals(complaintsOf(concatBytes(most, utf8("\n"))), [
    "Cannot use users.txt: a table of users has at most 1048576 bytes; " +
    "check that it is the right file, and leave some rows out",
  ]);
});

Deno.test("ownRow() is the row of a name, or the one with a port", () => {
  const rows = rowsOf("alice a 1\nbob b 2\ncarol c 2\ndora d 3\n");
  const own = (key: OwnRowKey) => ownRow(PATH, rows, key);
  const refused = (key: OwnRowKey) => {
    const { code, message } = assertThrows(() => own(key), P2pchatError);
    assertEquals(code, "bad-file");
    return message;
  };

  assertEquals(own({ name: "ALICE" }).line, 1);
  assertEquals(own({ port: 3 }).name, "dora");
  assertEquals(
    refused({ name: "eve" }),
    "Cannot be eve: users.txt has no row of that name; " +
      "add one, as in p2pchat users add users.txt eve HOST PORT",
  );
  assertEquals(
    refused({ port: 9 }),
    "Cannot tell who you are: no row of users.txt has port 9; " +
      "add your row, or name yourself, as in p2pchat peer NAME --users users.txt",
  );
  assertEquals(
    refused({ port: 2 }),
    "Cannot tell who you are: 2 rows of users.txt have port 2, the first ones in line 2 (bob) and " +
      "line 3 (carol); name yourself, as in p2pchat peer NAME --users users.txt",
  );
});

Deno.test("formatUserInfo() marks the later of two names that look alike", () => {
  const rows = [row(1, "alice", "::1", 1), row(2, "AIice", "::1", 2), row(3, "y0u", "::1", 3)];
  assertEquals(
    formatUserInfo(rows),
    "# name  address  port  [fingerprint]\n" +
      "alice   ::1      1\n" +
      "AIice   ::1      2  # \u2248AIice looks like another name above\n" +
      "y0u     ::1      3  # \u2248y0u looks like a word that the program uses itself\n",
  );
});

Deno.test("formatUserInfo() writes columns, and marks names that mix scripts", () => {
  const rows = [row(1, "alice", "::1", 5001, KEY), row(2, "Bоb", "bob.example", 80)];
  assertEquals(
    formatUserInfo(rows),
    "# name  address      port  [fingerprint]\n" +
      `alice   ::1          5001  ${KEY}\n` +
      "Bоb     bob.example  80  # ≈Bоb mixes scripts: it may imitate another name\n",
  );
});

const names = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,8}$/),
  fc.string({ unit: "binary", minLength: 1, maxLength: 6 }),
  fc.constantFrom("Zoë", "Bоb", "李明", "ﬁ", "ß"),
).filter((name) => nameFault(name) === null).map((name) => name.normalize("NFC"));
const hosts = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.constantFrom("localhost", "büro"))
  .filter((host) => !isUnspecified(host));
const users: fc.Arbitrary<UserInfo> = fc.record({
  name: names,
  endpoint: fc.record({ host: hosts, port: fc.integer({ min: 1, max: 65_535 }) }),
  fingerprint: fc.option(
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((key) =>
      fingerprintOf(key.toHex() as PeerKey)
    ),
  ),
});
const tables = fc.uniqueArray(users, {
  maxLength: 12,
  selector: (user) => user,
  comparator: (left, right) =>
    foldName(left.name) === foldName(right.name) ||
    left.fingerprint !== null && left.fingerprint === right.fingerprint ||
    left.endpoint.port === right.endpoint.port &&
      canonicalHost(left.endpoint.host) === canonicalHost(right.endpoint.host),
});
const withoutLines = (rows: readonly UserInfoRow[]): readonly UserInfo[] =>
  rows.map(({ name, endpoint, fingerprint }) => ({ name, endpoint, fingerprint }));

Deno.test("what formatUserInfo() writes is read as the same rows", () => {
  fc.assert(fc.property(tables, (table) => {
    assertEquals(withoutLines(rowsOf(formatUserInfo(table))), table);
  }));
});

Deno.test("what userInfoLine() writes is read as the same row, pasted anywhere", () => {
  fc.assert(fc.property(users, (user) => {
    assertEquals(withoutLines(rowsOf(`# x\r\n${userInfoLine(user)}`)), [user]);
  }));
});

Deno.test("withUserInfo() row by row makes a table of them", () => {
  fc.assert(fc.property(tables, fc.constantFrom("\n", "\r\n"), (table, lineEnd) => {
    let bytes: Uint8Array = utf8(`#${lineEnd}# no end`);
    for (const user of table) {
      const added = withUserInfo(PATH, bytes, user);
      bytes = added.bytes;
      assertEquals(userInfoRows(PATH, bytes).at(-1), added.row);
    }
    const text = new TextDecoder().decode(bytes);
    assertEquals(withoutLines(rowsOf(text)), table);
    if (table.length > 0) assert(text.endsWith(lineEnd));
    assertEquals(text.replaceAll(lineEnd, "").search(/[\r\n]/), -1, "one kind of line end");
  }));
});

Deno.test("parseUserInfo() quotes nothing of the program's other files, which hold secrets", () => {
  const seed = "07".repeat(32);
  const files = [
    `ab7709f5\tp2pchat\tidentity\t1\n0b7709f5\tseed\t${seed}\n`,
    `0b7709f5\tseed\t${seed}\n`,
    `alice,"$scrypt$ln=17,r=8,p=1$c2l4$kp0Y",2026-01-31T12:00:00.000Z,,5f0e1a77\n`,
  ];
  for (const file of files) {
    assertEquals(complaintsOf(file), [
      "Cannot read users.txt, line 1: it is a line of another of p2pchat's files, not of a table of users; " +
      "name the table",
    ]);
  }
  assertEquals(rowsOf("deadbeef\tseed\t5001\n").map(({ name }) => name), ["deadbeef"]);
});

Deno.test("withUserInfo() refuses what the table has, and what it can't hold", () => {
  const refused = (text: string, user: UserInfo) => {
    const error = assertThrows(() => withUserInfo(PATH, utf8(text), user), P2pchatError);
    assertEquals(error.code, "bad-file");
    return error.message;
  };
  const eve: UserInfo = { name: "eve", endpoint: { host: "E", port: 1 }, fingerprint: KEY };
  const advice = "change that row instead";

  assertEquals(
    refused("\nEVE a 1", eve),
    `Cannot add eve to users.txt: the name "eve" is that of line 2 (EVE) already; ${advice}`,
  );
  assertEquals(
    refused("\nbob e 1", eve),
    `Cannot add eve to users.txt: the address "E:1" is that of line 2 (bob) already; ${advice}`,
  );
  assertEquals(
    refused(`bob b 1 ${KEY}`, eve),
    `Cannot add eve to users.txt: the fingerprint "${KEY}" is that of line 1 (bob) already; ${advice}`,
  );
  assertEquals(
    refused(FULL_TABLE, { ...eve, fingerprint: null }),
    "Cannot add eve to users.txt: it would be row 10001, a table of users has 10000 at most; leave some out",
  );
  assert(refused("#".repeat(1_048_570), eve).includes("has at most 1048576 bytes"));
  assert(refused("bob b", eve).startsWith("Cannot read users.txt, line 1: it must be"));
});

Deno.test("parseUserInfo() tells of an odd blank behind many others as quickly as of any", () => {
  const line = utf8(`bob${" ".repeat(60_000)}b 5001 \u2028\n`);
  const tookMs = cpuMs(() => {
    assertEquals(parseUserInfo(PATH, line, 1).complaints.length, 1);
  });

  assertLess(tookMs, 1_000); // 4 s where it takes the square of the line's length
});
