/** `p2pchat accounts import`: many accounts from a file of names and passwords. */

import { parse } from "@std/csv/parse";
import { passwordFault } from "../../base/crypto/password_hash.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { FoldedName } from "../../base/ids.ts";
import { countText, numberText } from "../../base/text/words.ts";
import { foldName, nameFault, shownName } from "../../base/text/names.ts";
import { utf8 } from "../../base/crypto/crypto.ts";
import type { Account, Accounts } from "../../store/accounts/accounts.ts";
import {
  ACCOUNTS_BYTES_MAX,
  ACCOUNTS_HEADER,
  OTHER_FILE,
  parseAccounts,
} from "../../store/accounts/accounts_csv.ts";
import type { ImportOptions } from "./accounts_arguments.ts";
import { mayOthersRead, unreadable } from "../credentials/secret_file.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";
import { showAnswer, showErrorBeside, showEvent, showNoticeBeside } from "../session/answers.ts";
import { FORCED_EXIT_STATUS, Interrupts } from "../streams/interrupts.ts";
import { processStreams } from "../streams/streams.ts";
import { openProgressLine, type ProgressLine } from "../streams/write_whole.ts";
import { openAccounts, openPasswordHasher, OPERATOR } from "./accounts_command.ts";

/** The result of an import for scripts: shown before the event that ends the command. */
interface ImportedEvent extends ShownEvent {
  readonly event: "imported";
  readonly from: string;
  /** Names of the accounts that were added. */
  readonly names: readonly string[];
  /** Rows that were refused. Each has an error event of its own; rows that weren't tried don't. */
  readonly refused: number;
  readonly untried: number;
}

/**
 * Adds the accounts of a file, one after the other, each durable before the next. Rows that can't be accounts are
 * reported and skipped.
 * @throws {P2pchatError} `bad-file` where nothing in the file is usable; if rows were skipped, the code that all of
 *   them share, otherwise `bad-file`; `disk`, or why the accounts can't be changed: the remaining rows weren't
 *   tried.
 */
export async function importAccounts(options: ImportOptions): Promise<void> {
  const { file } = options;
  const bytes = await readImport(options);
  if (isTable(bytes)) return await moveAccounts(options, bytes);
  const rows = importRows(file, bytes);
  const { accounts } = await openAccounts(options);
  await new Import(options, accounts, rows).run();
}

/** Whether it is a table of accounts, as `accounts.csv` is. */
function isTable(bytes: Uint8Array): boolean {
  const header = utf8(`${ACCOUNTS_HEADER}\n`);
  return header.every((byte, at) => bytes[at] === byte);
}

/**
 * Adds the accounts of another directory as they are: hashes, devices and times of sign-up. Those that are there already are
 * left out, so that a move that broke off can be done again; where somebody else has one of the names, nothing is added.
 */
async function moveAccounts(options: ImportOptions, bytes: Uint8Array): Promise<void> {
  const { file } = options;
  const { table, complaints: [complaint] } = parseAccounts(file, bytes, 1, OTHER_FILE);
  if (complaint !== undefined) throw complaint;
  const { accounts } = await openAccounts(options);
  const missing: Account[] = [];
  for (const { account } of table.values()) {
    const found = await accounts.find(account.name);
    if (found === null) missing.push(account);
    else if (found.hash !== account.hash || found.createdMs !== account.createdMs) {
      const name = shownName(found.name);
      const text =
        `Cannot add the accounts of ${file}: there is another account ${name}; nothing was added`;
      throw new P2pchatError("name-taken", text);
    }
  }
  const names: string[] = [];
  const streams = processStreams();
  const interrupts = new Interrupts(streams);
  let isInterrupted = false;
  interrupts.heed(() => isInterrupted = true);
  const count = countText(table.size, "account");
  const partly = () =>
    `Added ${numberText(names.length)} of the ${count} of ${file}; import it again to go on`;
  try {
    while (names.length < missing.length && !isInterrupted) {
      const some = missing.slice(names.length, names.length + MOVED_AT_ONCE);
      await Promise.all(some.map((account) => accounts.signUp(account)));
      names.push(...some.map(({ name }) => name));
    }
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    throw new P2pchatError(error.code, `${error.message}. ${partly()}`, { cause: error });
  } finally {
    interrupts.close();
  }
  if (isInterrupted) {
    await showNoticeBeside(options, partly());
    return streams.exit(FORCED_EXIT_STATUS);
  }
  const event = {
    event: "imported",
    from: file,
    names,
    refused: 0,
    untried: 0,
  } satisfies ImportedEvent;
  const text = names.length === 0 && table.size > 0
    ? `The ${count} of ${file} ${table.size === 1 ? "was" : "were"} there already.\n`
    : `Added the ${countText(names.length, "account")} of ${file}.\n`;
  await showAnswer(options, event, text);
}

/** As many as an engine takes in one transaction. */
const MOVED_AT_ONCE = 64;

class Import {
  readonly #names: string[] = [];
  readonly #codes = new Set<P2pchatError["code"]>();
  #refused = 0;
  #untried = 0;
  /** The line of the first row that wasn't tried. */
  #nextLine = 0;
  #isInterrupted = false;

  constructor(
    readonly options: ImportOptions,
    readonly accounts: Accounts,
    readonly rows: readonly (ImportRow | P2pchatError)[],
  ) {}

  async #refuse(error: P2pchatError): Promise<void> {
    this.#refused++;
    this.#codes.add(error.code);
    await showErrorBeside(this.options, error);
  }

  async run(): Promise<void> {
    const streams = processStreams();
    const interrupts = new Interrupts(streams);
    interrupts.heed(() => this.#isInterrupted = true);
    const progress = openProgressLine(this.options);
    let failure: P2pchatError | null = null;
    try {
      // Problems that show without hashing are reported first.
      const untaken: ImportRow[] = [];
      for (const row of this.rows) {
        const fault = row instanceof P2pchatError ? row : await this.#nameFault(row);
        if (fault !== null) await this.#refuse(fault);
        else untaken.push(row as ImportRow);
      }
      this.#untried = untaken.length;
      this.#nextLine = untaken[0]?.line ?? 0;
      await this.#add(untaken, progress);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      failure = error;
    } finally {
      await progress?.clear();
      interrupts.close();
    }
    await this.#end(failure);
    if (this.#isInterrupted) streams.exit(FORCED_EXIT_STATUS);
  }

  async #nameFault({ name, line }: ImportRow): Promise<P2pchatError | null> {
    if (await this.accounts.find(name) === null) return null;
    return refused("name-taken", this.options.file, line, "there is an account of that name");
  }

  async #add(rows: readonly ImportRow[], progress: ProgressLine | null): Promise<void> {
    const { hasher, atOnceMax } = openPasswordHasher();
    const beganMs = performance.now();
    const hashes: Promise<string>[] = [];
    for (const [at, { line, name }] of rows.entries()) {
      while (hashes.length < atOnceMax && at + hashes.length < rows.length) {
        hashes.push(hasher.hash(rows[at + hashes.length]!.password, OPERATOR));
      }
      const hash = await hashes.shift()!;
      if (this.#isInterrupted) {
        await Promise.all(hashes);
        return;
      }
      try {
        await this.accounts.signUp({ name, hash, createdMs: Date.now(), keys: [] });
        this.#names.push(name);
      } catch (error) {
        if (!(error instanceof P2pchatError) || error.code !== "name-taken") {
          await Promise.all(hashes);
          throw error;
        }
        const taken = "somebody has just taken that name";
        await progress?.clear();
        await this.#refuse(refused("name-taken", this.options.file, line, taken));
      }
      this.#untried--;
      this.#nextLine = rows[at + 1]?.line ?? 0;
      const done = at + 1;
      const passedMs = performance.now() - beganMs;
      if (done < rows.length) {
        await progress?.tell(() => progressText(done, rows.length, passedMs));
      }
    }
  }

  /** Reports what was added and what wasn't. */
  async #end(failure: P2pchatError | null): Promise<void> {
    const { options } = this;
    const total = this.rows.length;
    const added = this.#names.length;
    const { file } = options;
    const event = {
      event: "imported",
      from: file,
      names: this.#names,
      refused: this.#refused,
      untried: this.#untried,
    } satisfies ImportedEvent;
    const count = countText(total, "account");
    if (added === total) {
      return await showAnswer(options, event, `Added the ${count} of ${file}.\n`);
    }
    const missing = [
      ...this.#refused > 0 ? [`${numberText(this.#refused)} refused (see above)`] : [],
      ...this.#untried > 0
        ? [`${numberText(this.#untried)} from line ${this.#nextLine} on weren't tried`]
        : [],
    ].join(", ");
    const some = total === 1
      ? "Didn't add the 1 account"
      : `Added ${numberText(added)} of the ${count}`;
    const text = `${some} of ${file}; ${missing}`;
    if (options.json) await showEvent(event);
    if (failure !== null) {
      throw new P2pchatError(failure.code, `${failure.message}. ${text}`, { cause: failure });
    }
    if (this.#isInterrupted) return await showNoticeBeside(options, text);
    const [code, ...others] = this.#codes;
    throw new P2pchatError(others.length === 0 ? code! : "bad-file", text);
  }
}

function progressText(done: number, total: number, passedMs: number): string {
  const restSeconds = Math.ceil(passedMs / done * (total - done) / 1_000);
  const rest = restSeconds < 100 ? `${restSeconds} s` : `${Math.ceil(restSeconds / 60)} min`;
  return `${numberText(done)} of ${numberText(total)} added or refused, ${rest} to go`;
}

async function readImport(options: ImportOptions): Promise<Uint8Array> {
  const { file } = options;
  try {
    const { isFile, size, mode } = await Deno.stat(file);
    if (!isFile) throw new P2pchatError("bad-file", `Cannot read ${file}: it is no ordinary file`);
    if (size > ACCOUNTS_BYTES_MAX) throw tooLong(file, ACCOUNTS_BYTES_MAX);
    const bytes = await Deno.readFile(file);
    const isOfAccounts = isTable(bytes);
    if (!isOfAccounts && size > IMPORT_BYTES_MAX) throw tooLong(file, IMPORT_BYTES_MAX);
    if (mayOthersRead(mode)) {
      const what = isOfAccounts ? "hashes of passwords" : "passwords";
      const text = `Others can read ${file}, which has ${what} in it; chmod 600 keeps it yours`;
      await showNoticeBeside(options, text);
    }
    return bytes;
  } catch (cause) {
    if (cause instanceof P2pchatError) throw cause;
    throw unreadable(`Cannot read ${file}`, cause);
  }
}

function tooLong(file: string, bytesMax: number): P2pchatError {
  const text = `Cannot read ${file}: it has more than ${bytesMax} bytes; divide it`;
  return new P2pchatError("bad-file", text);
}

// A file of names and passwords to make accounts from: CSV with the header `name,password`.

/** Largest file in bytes: a hundred thousand rows of usual length, whose hashing takes a core most of a day. */
const IMPORT_BYTES_MAX = 8 * 1024 * 1024;

interface ImportRow {
  /** The line in which the row begins; 1 is the first line of the file. */
  readonly line: number;
  /** Valid and in NFC. */
  readonly name: string;
  readonly password: string;
}

const HEADER = "name,password";

/**
 * Parses such a file. No error quotes a cell: if the columns were swapped, the names are passwords.
 * @returns The rows in order; for one that can't be an account, the reason with its line.
 * @throws {P2pchatError} `bad-file` where the file as a whole isn't of this form.
 */
export function importRows(
  path: string,
  bytes: Uint8Array,
): readonly (ImportRow | P2pchatError)[] {
  const lines = new Map<FoldedName, number>();
  const [header, ...records] = recordsOf(path, textOf(path, bytes));
  if (header?.cells.join() !== HEADER) {
    throw badFile(path, header?.line ?? 1, `the first row must be ${HEADER}`);
  }
  return records.map(({ line, cells }) => {
    const row = rowOf(path, line, cells);
    if (row instanceof P2pchatError) return row;
    const folded = foldName(row.name);
    const before = lines.get(folded);
    if (before !== undefined) {
      return refused("name-taken", path, line, `its name is that of line ${before} already`);
    }
    lines.set(folded, line);
    return row;
  });
}

/** The error for a row that can't become an account. */
export function refused(
  code: "bad-file" | "bad-name" | "weak-password" | "name-taken",
  path: string,
  line: number,
  found: string,
): P2pchatError {
  return new P2pchatError(code, `Cannot add line ${line} of ${path}: ${found}`);
}

function rowOf(path: string, line: number, cells: readonly string[]): ImportRow | P2pchatError {
  const [name, password, ...rest] = cells;
  if (name === undefined || password === undefined || rest.length > 0) {
    const count = cells.length === 1 ? "1 column" : `${cells.length} columns`;
    const found = `it must have a name and a password, has ${count}; a comma must be in quotes`;
    return refused("bad-file", path, line, found);
  }
  const nameIsBad = nameFault(name);
  if (nameIsBad !== null) {
    return refused("bad-name", path, line, `its name is invalid: ${nameIsBad}`);
  }
  const passwordIsBad = /[\r\n]/.test(password)
    ? "in several lines, which nobody can type"
    : passwordFault(password);
  if (passwordIsBad !== null) {
    return refused("weak-password", path, line, `its password is ${passwordIsBad}`);
  }
  return { line, name: name.normalize("NFC"), password };
}

interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}

/** The rows of a CSV text, each with the line in which it begins, as a quoted cell may contain line ends. */
function recordsOf(path: string, text: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length;) {
    const begin = at;
    let quotes = 0;
    do quotes += lines[at++]!.split('"').length - 1; while (quotes % 2 === 1 && at < lines.length);
    try {
      const cells = parse(lines.slice(begin, at).join("\n"));
      if (cells[0] !== undefined) records.push({ line: begin + 1, cells: cells[0] });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw badFile(path, begin + 1, "it is no row of CSV; a quote must be in quotes, and doubled");
    }
  }
  return records;
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const text = `Cannot read ${path}: it isn't UTF-8 text; save the file in UTF-8`;
    throw new P2pchatError("bad-file", text, { cause });
  }
}

function badFile(path: string, line: number, found: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot read ${path}, line ${line}: ${found}; nothing was added`,
  );
}
