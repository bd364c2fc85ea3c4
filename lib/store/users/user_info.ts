/**
 * The table of users, a text file that people write by hand and share:
 *
 *     # name address port [fingerprint]
 *     alice 192.168.1.5 5001 xsazfbd3ockoqe46yrkpuxern4x
 *     bob   bob.example 5001  # his laptop
 *
 * Words are separated by blanks or tabs; `#` at the start of a word begins a comment. Lines end with LF or CRLF; a
 * byte order mark at the start is ignored. Names, addresses and fingerprints are unique.
 */

import { concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import {
  canonicalHost,
  HOST_FORM,
  parseHost,
  parsePort,
  PORT_FORM,
  undiallable,
} from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  type Fingerprint,
  fingerprintFault,
  parseFingerprint,
} from "../../base/text/fingerprint.ts";
import { type Endpoint, endpointText, type FoldedName } from "../../base/ids.ts";
import { LookAlikes } from "../../base/text/look_alikes.ts";
import {
  foldName,
  MIXED_SCRIPTS_MARK,
  mixesScripts,
  nameFault,
  shownName,
} from "../../base/text/names.ts";
import { quotedStart } from "../../base/text/text.ts";
import { commandToType } from "../../base/text/command_to_type.ts";

/**
 * The most rows: the file is read whole at each edit, people write it by hand, and each row may become a
 * connection.
 */
const USER_INFO_ROWS_MAX = 10_000;
/** Largest file in bytes: so many rows of a hundred bytes, twice the usual length. */
export const USER_INFO_BYTES_MAX = 1_024 * 1_024;

/** One user: a row of the table. */
export interface UserInfo {
  /** Valid and in NFC. */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Null where the table has none. */
  readonly fingerprint: Fingerprint | null;
}

export interface UserInfoRow extends UserInfo {
  /** The line number; 1 is the first line of the file. */
  readonly line: number;
}

interface ParsedUserInfo {
  /** The valid rows in the order of the file. */
  readonly rows: readonly UserInfoRow[];
  /** Each a `bad-file` with the file, the line, the offending value, and what to do. */
  readonly complaints: readonly P2pchatError[];
}

/** What is wrong with a row, and what to do about it. */
export interface Fault {
  readonly found: string;
  readonly advice: string;
  /** The other row that has the same value. */
  readonly by?: UserInfoRow;
}

const BYTE_ORDER_MARK = "\ufeff";
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Parses a table.
 * @param path The file, for complaints.
 * @param complaintsMax Parsing stops after so many: a user corrects one line after the other.
 */
export function parseUserInfo(
  path: string,
  bytes: Uint8Array,
  complaintsMax = 1,
): ParsedUserInfo {
  if (bytes.length > USER_INFO_BYTES_MAX) return { rows: [], complaints: [tooLarge(path)] };
  const taken = new TakenValues();
  const complaints: P2pchatError[] = [];
  let line = 0;
  for (const text of linesOf(bytes)) {
    line++;
    const row = text === null ? NOT_UTF8 : parseLine(text);
    if (row === null) continue;
    const fault = "found" in row ? row : taken.add({ ...row, line });
    if (fault === null) continue;
    const where = `Cannot read ${path}, line ${line}`;
    complaints.push(new P2pchatError("bad-file", `${where}: ${fault.found}; ${fault.advice}`));
    if (complaints.length >= complaintsMax || ENDS_PARSING.has(fault)) break;
  }
  return { rows: taken.rows, complaints };
}

/**
 * The rows of a table that must have no fault.
 * @throws {P2pchatError} `bad-file`: the first complaint.
 */
export function userInfoRows(path: string, bytes: Uint8Array): readonly UserInfoRow[] {
  const { rows, complaints } = parseUserInfo(path, bytes);
  if (complaints[0] !== undefined) throw complaints[0];
  return rows;
}

/** Identifies the user's own row: by name, or by port. */
export type OwnRowKey = { readonly name: string } | { readonly port: number };

/**
 * The user's own row.
 * @param path The file, for the error. @param data As of `commandToType`.
 * @throws {P2pchatError} `bad-file` where there is none, or several have that port.
 */
export function ownRow(
  path: string,
  rows: readonly UserInfoRow[],
  key: OwnRowKey,
  data?: string,
): UserInfoRow {
  if ("name" in key) {
    const folded = foldName(key.name);
    const own = rows.find(({ name }) => foldName(name) === folded);
    if (own !== undefined) return own;
    throw new P2pchatError(
      "bad-file",
      `Cannot be ${shownName(key.name)}: ${path} has no row of that name; add one, as in ` +
        `p2pchat users add ${path} ${key.name} HOST PORT`,
    );
  }
  const [own, ...others] = rows.filter(({ endpoint }) => endpoint.port === key.port);
  if (own !== undefined && others.length === 0) return own;
  const found = own === undefined
    ? `no row of ${path} has port ${key.port}`
    : `${others.length + 1} rows of ${path} have port ${key.port}, the first ones in ` +
      `line ${own.line} (${shownName(own.name)}) and line ${others[0]!.line} ` +
      `(${shownName(others[0]!.name)})`;
  const advice = own === undefined ? "add your row, or name yourself" : "name yourself";
  throw new P2pchatError(
    "bad-file",
    `Cannot tell who you are: ${found}; ${advice}, as in ${
      commandToType(`peer NAME --users ${path}`, data)
    }`,
  );
}

/** The names of the columns; also the first line of a new file. */
const HEADER = ["# name", "address", "port", "[fingerprint]"] as const;

/**
 * A table of these rows in aligned columns, which `parseUserInfo` reads as the same rows. A name that mixes scripts
 * gets a comment that says so.
 * @param width The number of terminal cells that a text takes.
 */
export function formatUserInfo(
  rows: readonly UserInfo[],
  width: (text: string) => number = (text) => [...text].length,
): string {
  const table = [HEADER, ...rows.map(wordsOf)];
  const columns = HEADER.map((_, column) =>
    table.reduce((most, words) => Math.max(most, width(words[column] ?? "")), 0)
  );
  const met = new LookAlikes();
  const lines = table.map((words, index) => {
    const cells = words.map((word, column) => word + " ".repeat(columns[column]! - width(word)));
    const name = rows[index - 1]?.name ?? "";
    const warning = name === "" ? null : nameWarning(name) ?? likenessWarning(name, met);
    const comment = warning === null ? "" : `  # ${warning}`;
    return `${cells.join("  ").trimEnd()}${comment}\n`;
  });
  return lines.join("");
}

/** @param met The names above; this one is added. */
function likenessWarning(name: string, met: LookAlikes): string | null {
  const isLikeOther = met.imitatedBy(name) !== null;
  if (met.note(name).length === 0) return null;
  const what = isLikeOther ? "another name above" : "a word that the program uses itself";
  return `${MIXED_SCRIPTS_MARK}${name} looks like ${what}`;
}

/** A warning about a name that may not be what it looks like; null for other names. */
export function nameWarning(name: string): string | null {
  if (!mixesScripts(name)) return null;
  return `${MIXED_SCRIPTS_MARK}${name} mixes scripts: it may imitate another name`;
}

/** A row as a line of a table, ready to paste. */
export function userInfoLine(user: UserInfo): string {
  return wordsOf(user).join(" ");
}

/**
 * A table with one row added at its end; everything else stays as it is. The new line ends as the first one does.
 * @param bytes The table; null for a new one.
 * @param check Refuses the row because of those that are there.
 * @throws {P2pchatError} `bad-file` for a fault of the table, or where the row conflicts with another one.
 */
export function withUserInfo(
  path: string,
  bytes: Uint8Array | null,
  user: UserInfo,
  check: (rows: readonly UserInfoRow[]) => void = () => {},
): { readonly bytes: Uint8Array; readonly row: UserInfoRow } {
  const before = bytes ?? utf8(`${HEADER.join(" ")}\n`);
  const taken = new TakenValues();
  const rows = userInfoRows(path, before);
  check(rows);
  for (const row of rows) taken.add(row);
  const lineEnd = before[before.indexOf(LINE_FEED) - 1] === CARRIAGE_RETURN ? "\r\n" : "\n";
  const needsEnd = before.length > 0 && before.at(-1) !== LINE_FEED;
  const after = concatBytes(
    before,
    utf8(`${needsEnd ? lineEnd : ""}${userInfoLine(user)}${lineEnd}`),
  );
  const row = {
    ...user,
    line: after.reduce((count, byte) => count + Number(byte === LINE_FEED), 0),
  };
  const fault = taken.add(row);
  if (fault !== null) {
    const advice = fault.by === undefined ? fault.advice : "change that row instead";
    throw new P2pchatError(
      "bad-file",
      `Cannot add ${shownName(user.name)} to ${path}: ${fault.found}; ${advice}`,
    );
  }
  if (after.length > USER_INFO_BYTES_MAX) throw tooLarge(path);
  return { bytes: after, row };
}

/** The error for a file of more than `USER_INFO_BYTES_MAX` bytes. */
export function tooLarge(path: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot use ${path}: a table of users has at most ${USER_INFO_BYTES_MAX} bytes; ` +
      "check that it is the right file, and leave some rows out",
  );
}

/** Rows without conflicts: no value occurs in two rows. */
class TakenValues {
  readonly rows: UserInfoRow[] = [];
  readonly #names = new Map<FoldedName, UserInfoRow>();
  readonly #addresses = new Map<string, UserInfoRow>();
  readonly #fingerprints = new Map<Fingerprint, UserInfoRow>();

  /** Adds a row. @returns Why it can't be added; null where it was added. */
  add(row: UserInfoRow): Fault | null {
    if (this.rows.length >= USER_INFO_ROWS_MAX) return TOO_MANY_ROWS;
    const name = foldName(row.name);
    const { host, port } = row.endpoint;
    const address = endpointText({ host: canonicalHost(host), port });
    const fault = takenFault("name", row.name, this.#names.get(name)) ??
      takenFault("address", endpointText(row.endpoint), this.#addresses.get(address)) ??
      (row.fingerprint === null ? null : takenFault(
        "fingerprint",
        row.fingerprint,
        this.#fingerprints.get(row.fingerprint),
      ));
    if (fault !== null) return fault;
    this.rows.push(row);
    this.#names.set(name, row);
    this.#addresses.set(address, row);
    if (row.fingerprint !== null) this.#fingerprints.set(row.fingerprint, row);
    return null;
  }
}

function takenFault(what: string, value: string, by: UserInfoRow | undefined): Fault | null {
  if (by === undefined) return null;
  return {
    found: `the ${what} ${quotedStart(value)} is that of line ${by.line} (${
      shownName(by.name)
    }) already`,
    advice: `each row needs its own ${what}, correct or remove one of the two`,
    by,
  };
}

const NOT_UTF8 = wrong("it isn't UTF-8 text", "save the file in UTF-8");

const TOO_MANY_ROWS = wrong(
  `it would be row ${USER_INFO_ROWS_MAX + 1}, a table of users has ${USER_INFO_ROWS_MAX} at most`,
  "leave some out",
);

/**
 * A line of another of the program's files: its first line, or one with a key or a password's hash, which an error
 * mustn't quote.
 */
const FOREIGN_LINE = /^[0-9a-f]{8}\t(?:p2pchat\t|seed\t[0-9a-f]{64})|\$(?:scrypt|argon2id?)\$/;

const FOREIGN = wrong(
  "it is a line of another of p2pchat's files, not of a table of users",
  "name the table",
);

/** Faults after which the rest of the file says nothing new. */
const ENDS_PARSING: ReadonlySet<Fault> = new Set([TOO_MANY_ROWS, FOREIGN]);

/** The lines without their ends; null for a line that isn't UTF-8. */
function* linesOf(bytes: Uint8Array): Iterable<string | null> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let from = 0; from < bytes.length;) {
    const lineFeed = bytes.indexOf(LINE_FEED, from);
    const to = lineFeed === -1 ? bytes.length : lineFeed;
    let end = to;
    while (end > from && bytes[end - 1] === CARRIAGE_RETURN) end--;
    const text = end === from ? "" : decoded(decoder, bytes.subarray(from, end));
    yield from === 0 && text?.startsWith(BYTE_ORDER_MARK) === true ? text.slice(1) : text;
    from = to + 1;
  }
}

function decoded(decoder: TextDecoder, bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Why friends can't dial a host accepted by `parseHost`; null where they can. */
export function friendHostFault(host: string): Fault | null {
  const found = undiallable(host);
  return found === null ? null : wrong(found, "write the one at which friends reach it");
}

/** Blanks other than those between words, and characters that can't be seen: editors show a line as if it were right. */
const ODD_CHARACTER = /[\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** The user that a line describes, or its fault; null for a blank line or a comment. */
function parseLine(line: string): UserInfo | Fault | null {
  if (FOREIGN_LINE.test(line)) return FOREIGN;
  const comment = line.search(/(?:^|[ \t])#/);
  const content = comment === -1 ? line : line.slice(0, comment);
  const parsed = parseContent(content);
  if (parsed === null || !("found" in parsed)) return parsed;
  const odd = ODD_CHARACTER.exec(content.replace(/[ \t]/g, ""))?.[0];
  if (odd === undefined) return parsed;
  const code = odd.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return wrong(
    `it has U+${code}, an odd blank or invisible character: ${
      quotedStart(piecesOf(content).join(" "))
    }`,
    "write a space in its place, or delete it",
  );
}

function piecesOf(content: string): readonly string[] {
  return content.split(/[ \t]+/).filter((word) => word !== "");
}

function parseContent(content: string): UserInfo | Fault | null {
  const words = piecesOf(content);
  const [name, hostText, portText, fingerprint] = words;
  if (name === undefined) return null;
  if (hostText === undefined || portText === undefined || words.length > 4) {
    const count = words.length === 1 ? "1 word" : `${words.length} words`;
    return wrong(
      `it must be NAME ADDRESS PORT [FINGERPRINT], has ${count}: ${quotedStart(words.join(" "))}`,
      words.length > 4 ? "correct it, a comment begins with #" : "correct it",
    );
  }
  const nameIsBad = nameFault(name);
  if (nameIsBad !== null) {
    const found = `the name ${quotedStart(name)} is invalid: ${nameIsBad}`;
    return wrong(found, "choose another one");
  }
  const host = parseHost(hostText);
  if (host === null) return wrong(`the address must be ${HOST_FORM}, not ${quotedStart(hostText)}`);
  const port = parsePort(portText);
  if (port === null) return wrong(`the port must be ${PORT_FORM}, not ${quotedStart(portText)}`);
  const hostIsBad = friendHostFault(host);
  if (hostIsBad !== null) return hostIsBad;
  const user = { name: name.normalize("NFC"), endpoint: { host, port } };
  if (fingerprint === undefined) return { ...user, fingerprint: null };
  const keyIsBad = fingerprintFault(fingerprint);
  if (keyIsBad !== null) {
    const found = `the fingerprint ${quotedStart(fingerprint)} is invalid: ${keyIsBad}`;
    return wrong(found, "copy it again");
  }
  return { ...user, fingerprint: parseFingerprint(fingerprint) };
}

function wrong(found: string, advice = "correct it"): Fault {
  return { found, advice };
}

function wordsOf({ name, endpoint, fingerprint }: UserInfo): readonly string[] {
  const words = [name, endpoint.host, String(endpoint.port)];
  return fingerprint === null ? words : [...words, fingerprint];
}
