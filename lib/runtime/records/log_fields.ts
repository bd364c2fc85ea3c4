/** Fields of log lines: formatting, and strict parsing. */

import { dateText, isDate } from "../../base/text/dates.ts";
import { MalformedError, P2pchatError, RemoteProtocolError } from "../../base/errors.ts";
import type { HexId } from "../../base/ids.ts";
import { decode, encode, type Schema } from "../../base/schema/schema.ts";
import { quotedStart } from "../../base/text/text.ts";
import type { LogRecord } from "../../store/log/log_format.ts";

/** A log record with these fields. */
export function line(kind: string, ...fields: readonly string[]): LogRecord {
  return { kind, fields };
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
const SIGNATURE_BYTES = 64;

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
export function packed<T>(schema: Schema<T>, value: T): string {
  return encode(schema, value).toBase64();
}

/** The value that `packed` wrote. @throws {MalformedError} If `text` isn't its encoding. */
export function unpacked<T>(schema: Schema<T>, text: string): T {
  try {
    return decode(schema, base64Of(text));
  } catch (cause) {
    if (!(cause instanceof RemoteProtocolError)) throw cause;
    throw new MalformedError(cause.message, { cause });
  }
}

/** @throws {MalformedError} If `text` isn't base64. */
export function base64Of(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new MalformedError(`no bytes in base64 are ${quotedStart(text)}`, { cause });
  }
}

/** Returns a field by its index. */
export type FieldOf = (index: number) => string;

/**
 * The record in a line, read by `parse`, which throws a `MalformedError` where it can't.
 * @throws {P2pchatError} `store-corrupt` if the line's checksum is right but the line can't be a record that was
 *   written; its text is part of a sentence.
 */
export function parseLine<T>(
  record: LogRecord,
  parse: (record: LogRecord, field: FieldOf) => T,
): T {
  const field = (index: number) => {
    const value = record.fields.at(index);
    if (value === undefined) throw new MalformedError(`field ${index} is missing`);
    return value;
  };
  try {
    return parse(record, field);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new P2pchatError(
      "store-corrupt",
      `its record of kind ${
        quotedStart(record.kind)
      } says ${cause.message}: a newer version wrote it, or somebody changed it`,
      { cause },
    );
  }
}
