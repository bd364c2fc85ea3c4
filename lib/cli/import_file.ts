/** A file of names and passwords to make accounts from: CSV with the header `name,password`. */

import { parse } from "@std/csv/parse";
import { P2pchatError } from "../base/errors.ts";
import type { FoldedName } from "../base/ids.ts";
import { foldName, nameFault } from "../base/names.ts";
import { passwordFault } from "../base/passwords.ts";

/** Largest file in bytes: a hundred thousand rows of usual length, whose hashing takes a core most of a day. */
export const IMPORT_BYTES_MAX = 8 * 1024 * 1024;

export interface ImportRow {
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
    const found = `it must have a name and a password, has ${count}; a comma belongs into quotes`;
    return refused("bad-file", path, line, found);
  }
  const nameIsBad = nameFault(name);
  if (nameIsBad !== null) {
    return refused("bad-name", path, line, `its name is not possible: ${nameIsBad}`);
  }
  const passwordIsBad = /[\r\n]/.test(password)
    ? "it has several lines, which nobody can type"
    : passwordFault(password);
  if (passwordIsBad !== null) {
    return refused("weak-password", path, line, `its password won't do: ${passwordIsBad}`);
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
      throw badFile(path, begin + 1, "it is no row of CSV; a quote belongs into quotes, and twice");
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
