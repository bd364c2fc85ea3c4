/**
 * The cells of records' lines, as texts and as values. `log_records.ts` combines them into rows.
 *
 * Reading is strict: what isn't exactly as it would have been written is a `MalformedError`, whose text is part of
 * a sentence.
 */

import { MalformedError, RemoteProtocolError } from "../errors.ts";
import type { HexId } from "../ids.ts";
import { dateText, isDate } from "../text/words.ts";
import { quotedStart } from "../text/text.ts";
import { decode, encode, type Schema } from "./schema.ts";

/** How a `T` is written in cells of a line, and read back. */
export interface Column<T> {
  /** The cells that it takes; null: all up to the end, or to the cells of the columns after it. */
  readonly width: number | null;
  /** Whether its cells may be absent, at the end of a record. */
  readonly isOptional?: boolean;
  /** Its cells for tables, one by one. @param name Its name in the record. */
  describe(name: string): readonly string[];
  /** Appends its cells. */
  write(cells: string[], value: T): void;
  /**
   * The value in the cells from `at` on, before `end`.
   * @throws {MalformedError} If nobody can have written them.
   */
  read(cells: readonly string[], at: number, end: number): T;
}

/** A single cell. @param form What it holds, for tables. */
export function cell<T>(
  form: string,
  toText: (value: T) => string,
  fromText: (text: string) => T,
): Column<T> {
  return {
    width: 1,
    describe: (name) => [`\`${name}\` ${form}`],
    write: (cells, value) => void cells.push(toText(value)),
    read(cells, at) {
      const text = cells[at];
      if (text === undefined) throw new MalformedError(`field ${at} is missing`);
      return fromText(text);
    },
  };
}

/** Any text. */
export function text<Text extends string = string>(): Column<Text> {
  return cell<Text>("text", (value) => value, (text) => text as Text);
}

/** A text in which not everything may stand. @param fault What is wrong with it, as part of a sentence. */
export function checkedText<Text extends string>(
  form: string,
  fault: (text: string) => string | null,
): Column<Text> {
  return cell<Text>(form, (value) => value, (text) => {
    const found = fault(text);
    if (found !== null) throw new MalformedError(found);
    return text as Text;
  });
}

/** A whole number from 0. */
export function count(): Column<number> {
  return cell("count", String, countOf);
}

/** ms since 1970, as `isoTime` writes them. */
export function time(): Column<number> {
  return cell("time", isoTime, timeOf);
}

/** An id or key: 64 hexadecimal digits. */
export function hex<Id extends HexId>(): Column<Id> {
  return cell<Id>("id", (id) => id, hexOf);
}

/** So many bytes in hexadecimal. */
export function hexBytes(length: number): Column<Uint8Array> {
  return cell(`${length} bytes`, (bytes) => bytes.toHex(), (text) => bytesOf(text, length));
}

/** So many bytes in hexadecimal, which are a text in memory, too. */
export function hexText(length: number): Column<string> {
  return cell(`${length} bytes`, (value) => value, (text) => {
    bytesOf(text, length);
    return text;
  });
}

/** One of these words. @param fault What is wrong with another text, as part of a sentence. */
export function word<T extends string | boolean>(
  words: Readonly<Record<string, T>>,
  fault: (text: string) => string,
): Column<T> {
  const texts = new Map(Object.entries(words).map(([text, value]) => [value, text]));
  const values = new Map(Object.entries(words));
  return cell<T>(
    [...values.keys()].map((text) => `\`${text}\``).join(" or "),
    (value) => texts.get(value)!,
    (text) => {
      const value = values.get(text);
      if (value === undefined) throw new MalformedError(fault(text));
      return value;
    },
  );
}

/** Bytes in base64. */
export function base64(): Column<Uint8Array> {
  return cell("base64", (bytes) => bytes.toBase64(), base64Of);
}

/**
 * A structure in its exact bytes, in base64.
 * @param shown Cells before it, for readers: `grep` and `cut` find there what the structure says. They aren't read.
 */
export function packed<T>(
  schema: Schema<T>,
  shown: Readonly<Record<string, (value: T) => string>> = {},
): Column<T> {
  const texts = Object.values(shown);
  const bytes = cell<T>(
    "base64",
    (value) => packedText(schema, value),
    (text) => unpacked(schema, text),
  );
  return {
    width: texts.length + 1,
    describe: (name) => [
      ...Object.keys(shown).map((each) => `*${each}*`),
      ...bytes.describe(name),
    ],
    write(cells, value) {
      for (const textOf of texts) cells.push(textOf(value));
      bytes.write(cells, value);
    },
    read: (cells, at, end) => bytes.read(cells, at + texts.length, end),
  };
}

/** The time in ISO 8601; a number if it is out of a date's range. */
export function isoTime(ms: number): string {
  return isDate(ms) ? dateText(ms) : String(ms);
}

/** The time that `isoTime` wrote. @throws {MalformedError} If `text` isn't one. */
export function timeOf(text: string): number {
  const ms = /^\d+$/.test(text) ? countOf(text) : Date.parse(text);
  if (!(ms >= 0) || isoTime(ms) !== text) {
    throw new MalformedError(`no time is ${quotedStart(text)}`);
  }
  return ms;
}

/** @throws {MalformedError} If `text` isn't a whole number from 0. */
export function countOf(text: string): number {
  const value = Number(text);
  // `Number` alone would accept more: an empty text as 0, and 1e3.
  if (!Number.isSafeInteger(value) || !/^\d+$/.test(text)) {
    throw new MalformedError(`no count is ${quotedStart(text)}`);
  }
  return value;
}

/** @throws {MalformedError} If `text` isn't 64 hexadecimal digits. */
export function hexOf<Id extends HexId>(text: string): Id {
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new MalformedError(`no id or key is ${quotedStart(text)}`);
  }
  return text as Id;
}

/** Written instead of an empty cell where there are no bytes. */
const NOTHING = "-";
export const SIGNATURE_BYTES = 64;

/** @throws {MalformedError} If `text` isn't 128 hexadecimal digits. */
export function signatureOf(text: string): Uint8Array {
  return bytesOf(text, SIGNATURE_BYTES);
}

/**
 * At least one byte in lower-case hexadecimal.
 * @throws {MalformedError} If `text` isn't that, or not of `length` bytes.
 */
export function bytesOf(text: string, length?: number): Uint8Array {
  const isHex = /^(?:[0-9a-f]{2})+$/.test(text);
  if (!isHex || (length !== undefined && text.length !== 2 * length)) {
    throw new MalformedError(`no bytes in hexadecimal are ${quotedStart(text)}`);
  }
  return Uint8Array.fromHex(text);
}

/** The bytes of a structure after the fields that this version knows, as a cell. */
export function restText(rest: Uint8Array): string {
  return rest.length === 0 ? NOTHING : rest.toHex();
}

/** The bytes that `restText` wrote. @throws {MalformedError} If `text` isn't such a cell. */
export function restOfText(text: string): Uint8Array {
  return text === NOTHING ? new Uint8Array(0) : bytesOf(text);
}

/** The encoding of a structure, in base64. */
export function packedText<T>(schema: Schema<T>, value: T): string {
  return encode(schema, value).toBase64();
}

/** The value that `packedText` wrote. @throws {MalformedError} If `text` isn't its encoding. */
export function unpacked<T>(schema: Schema<T>, text: string): T {
  try {
    return decode(schema, base64Of(text));
  } catch (cause) {
    if (!(cause instanceof RemoteProtocolError)) throw cause;
    throw new MalformedError(cause.message, { cause });
  }
}

/** @throws {MalformedError} If `text` isn't base64. */
function base64Of(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new MalformedError(`no bytes in base64 are ${quotedStart(text)}`, { cause });
  }
}
