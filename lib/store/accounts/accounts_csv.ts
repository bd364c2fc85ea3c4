/**
 * The table of accounts as text, CSV (RFC 4180) with one row a line:
 *
 *     name,hash,created,keys,check
 *     alice,"$scrypt$ln=17,r=8,p=1$c2l4...$kp0Y...",2026-01-31T12:00:00.000Z,xsazfbd3ockoqe46yrkpuxern4x,5f0e1a77
 *
 * `keys` are fingerprints separated by blanks. `check` is the CRC-32, 8 hexadecimal digits, of the row up to its
 * last comma in the quoting shown here, so that a row that a spreadsheet has quoted differently stays valid. The
 * check detects damage; it doesn't stop anybody who can write the file. Rows may be deleted with an editor, and
 * blank lines are ignored.
 */

import { parse } from "@std/csv/parse";
import { stringify } from "@std/csv/stringify";
import { Buffer } from "node:buffer";
import { utf8 } from "../../base/crypto/crypto.ts";
import { dateText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  type Fingerprint,
  fingerprintFault,
  parseFingerprint,
} from "../../base/text/fingerprint.ts";
import type { FoldedName } from "../../base/ids.ts";
import { foldName, nameFault } from "../../base/text/names.ts";
import { isHashText } from "../../base/crypto/password_hash.ts";
import { quotedStart } from "../../base/text/text.ts";
import { type Account, ACCOUNT_KEYS_MAX, ACCOUNTS_MAX } from "./accounts.ts";
import { corruptError } from "../disk/disk.ts";
import { checksumOf, checksumText } from "../disk/record_line.ts";

/** Longest row in bytes: one and a half times the longest name, hash and list of keys together. */
const ACCOUNT_ROW_BYTES_MAX = 2_048;
/** Largest file in bytes, as it is read whole: twice the size of `ACCOUNTS_MAX` usual rows. */
export const ACCOUNTS_BYTES_MAX = 128 * 1024 * 1024;

/** An account and its line without the line end. */
interface AccountRow {
  readonly account: Account;
  readonly text: string;
}

/** Accounts by name, in the order of the file. */
export type AccountTable = Map<FoldedName, AccountRow>;

interface ParsedAccounts {
  /** The valid rows. */
  readonly table: AccountTable;
  /** Each names file and line, what is wrong and what to do. */
  readonly complaints: readonly P2pchatError[];
}

const COLUMNS = ["name", "hash", "created", "keys", "check"] as const;
export const ACCOUNTS_HEADER = COLUMNS.join(",");

/** The consequence of starting without the file, and a way out if just one line is bad. */
const WITHOUT =
  "to start without any account; to go on without what this line says, delete the line";

/** What to do if the data folder's file isn't a table of accounts. */
const OTHER_FOLDER = "move it away, or choose another folder with --data";
/** The same for a file named by the user, where no flag chooses another one. */
export const OTHER_FILE = "name another file, or move this one away";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * A row exactly as `accountRow` writes it. Rows written by other programs go through the CSV parser; the form
 * distinguishes them, since parsing a hundred thousand rows as CSV takes five times as long as all the rest.
 */
const WRITTEN_ROW = /^([^",]+),"([^",]*,[^"]*)",([^",]+),([^",]*),([0-9a-f]{8})$/;
const CHECK_LENGTH = ",5f0e1a77".length;

/** ISO 8601, as `dateText` writes it. */
const MOMENT = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The row of an account. */
export function accountRow(account: Account): AccountRow {
  const { name, hash, createdMs, keys } = account;
  const checked = csvLine([name, hash, dateText(createdMs), keys.join(" ")]);
  return { account, text: `${checked},${checkOf(utf8(checked))}` };
}

/** The lines of a file with these rows. */
export function* accountLines(table: AccountTable): Iterable<string> {
  yield `${ACCOUNTS_HEADER}\n`;
  for (const { text } of table.values()) yield `${text}\n`;
}

/**
 * Parses a table.
 * @param path The file, for complaints.
 * @param complaintsMax Parsing stops after so many.
 * @param wayOut What to do if the file isn't a table of accounts.
 */
export function parseAccounts(
  path: string,
  bytes: Uint8Array,
  complaintsMax = 1,
  wayOut = OTHER_FOLDER,
): ParsedAccounts {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return new Parsing(path, buffer, wayOut).run(complaintsMax);
}

class Parsing {
  readonly table: AccountTable = new Map();
  /** The line numbers of the rows in `table`, in its order. */
  readonly #lines: number[] = [];
  #line = 0;

  constructor(readonly path: string, readonly bytes: Buffer, readonly wayOut: string) {}

  run(complaintsMax: number): ParsedAccounts {
    const { bytes, table } = this;
    if (bytes.length > ACCOUNTS_BYTES_MAX) return { table, complaints: [tooLarge(this.path)] };
    const complaints: P2pchatError[] = [];
    for (let from = 0; from < bytes.length && complaints.length < complaintsMax;) {
      this.#line++;
      const lineFeed = bytes.indexOf(LINE_FEED, from);
      const to = lineFeed === -1 ? bytes.length : lineFeed;
      const error = this.#read(from, to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to);
      if (error !== null) complaints.push(error);
      if (error !== null && this.#line === 1) break;
      from = to + 1;
    }
    if (this.#line === 0) complaints.push(corruptError(this.path, 1, "the file is empty", WITHOUT));
    return { table, complaints };
  }

  /** Reads the line in [from, to). @returns Why it isn't a row; null where it is one, or blank. */
  #read(from: number, to: number): P2pchatError | null {
    if (from === to && this.#line > 1) return null;
    if (to - from > ACCOUNT_ROW_BYTES_MAX) return this.#corrupt("it is longer than any row");
    const text = this.bytes.toString("utf8", from, to);
    if (this.#line === 1) return this.#header(text);
    const written = WRITTEN_ROW.exec(text);
    const cells = written?.slice(1) ?? csvCells(text);
    if (cells === null) return this.#corrupt("it is no row of CSV");
    if (cells.length !== COLUMNS.length) {
      const count = cells.length === 1 ? "1 column" : `${cells.length} columns`;
      return this.#corrupt(`it must have ${COLUMNS.length} columns, has ${count}`);
    }
    const [name, hash, created, keys, check] = cells as [string, string, string, string, string];
    const checked = written === null
      ? csvLine([name, hash, created, keys])
      : text.slice(0, -CHECK_LENGTH);
    const checkedBytes = written === null
      ? utf8(checked)
      : this.bytes.subarray(from, to - CHECK_LENGTH);
    if (check !== checkOf(checkedBytes)) return this.#corrupt("its checksum doesn't fit");
    const account = accountOf(name, hash, created, keys);
    if (typeof account === "string") return this.#bad(account);
    const folded = foldName(account.name);
    if (this.table.has(folded)) {
      const taken = this.#lines[[...this.table.keys()].indexOf(folded)];
      return this.#bad(`the name ${quotedStart(name)} is that of line ${taken} already`);
    }
    if (this.table.size >= ACCOUNTS_MAX) {
      return this.#bad(`it would be account ${ACCOUNTS_MAX + 1}, there may be ${ACCOUNTS_MAX}`);
    }
    this.#lines.push(this.#line);
    this.table.set(folded, { account, text: `${checked},${check}` });
    return null;
  }

  #header(text: string): P2pchatError | null {
    const cells = csvCells(text.replace(/^\ufeff/, ""));
    if (cells !== null && cells.join() === ACCOUNTS_HEADER) return null;
    return new P2pchatError(
      "bad-file",
      // Not what is there instead: where the header was lost, that is an account with its hash.
      `Cannot read ${this.path}, line 1: a table of accounts begins with ${ACCOUNTS_HEADER}, this file ` +
        `doesn't; ${this.wayOut}`,
    );
  }

  #corrupt(found: string): P2pchatError {
    return corruptError(this.path, this.#line, found, WITHOUT);
  }

  #bad(found: string): P2pchatError {
    return new P2pchatError(
      "bad-file",
      `Cannot read ${this.path}, line ${this.#line}: ${found}; delete the line, and add the account anew`,
    );
  }
}

/** The cells of a line; null where it isn't valid CSV. */
function csvCells(line: string): readonly string[] | null {
  try {
    const rows = parse(line);
    return rows.length === 1 ? rows[0]! : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The cells as a line of CSV, without its end. */
function csvLine(cells: readonly [string, string, string, string]): string {
  return stringify([cells]).replace(/\r\n$/, "");
}

function checkOf(checked: Uint8Array): string {
  return checksumText(checksumOf(checked));
}

/** The account that the cells of a row describe, or why they describe none. */
function accountOf(
  name: string,
  hash: string,
  created: string,
  keysText: string,
): Account | string {
  const nameIsBad = nameFault(name);
  if (nameIsBad !== null) return `the name ${quotedStart(name)} is invalid: ${nameIsBad}`;
  if (!isHashText(hash)) {
    return "the hash isn't a PHC string, as in $scrypt$ln=17,r=8,p=1$SALT$HASH";
  }
  const createdMs = Date.parse(created);
  if (Number.isNaN(createdMs) || !MOMENT.test(created)) {
    return `the time ${quotedStart(created)} isn't one as in ${dateText(0)}`;
  }
  const keys = keysText === "" ? [] : keysText.split(" ");
  if (keys.length > ACCOUNT_KEYS_MAX) {
    return `it has ${keys.length} keys, ${ACCOUNT_KEYS_MAX} at most may be there`;
  }
  const parsed: Fingerprint[] = [];
  for (const key of keys) {
    const fault = fingerprintFault(key);
    if (fault !== null) return `the fingerprint ${quotedStart(key)} is invalid: ${fault}`;
    parsed.push(parseFingerprint(key));
  }
  return { name: name.normalize("NFC"), hash, createdMs, keys: parsed };
}

/** The error for a file of more than `ACCOUNTS_BYTES_MAX` bytes. */
export function tooLarge(path: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot use ${path}: a table of accounts has at most ${ACCOUNTS_BYTES_MAX} bytes; check that it is the right file`,
  );
}
