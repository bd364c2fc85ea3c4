/** Fields of a log's line: what is written into them, and read back strictly. */

import { dateText, isDate } from "../base/dates.ts";
import { MalformedError, P2pchatError, RemoteProtocolError } from "../base/errors.ts";
import type { HexId } from "../base/ids.ts";
import { decode, encode, type Schema } from "../base/schema.ts";
import { quotedStart } from "../base/text.ts";
import type { LogRecord } from "../store/log_format.ts";

/** A line of a log, its fields as they will stand there. */
export function line(kind: string, ...fields: readonly string[]): LogRecord {
  return { kind, fields };
}

/** What no date can hold is written as a number. */
export function isoTime(ms: number): string {
  return isDate(ms) ? dateText(ms) : String(ms);
}

/** The time that `isoTime` wrote. @throws {MalformedError} If it is none. */
export function timeOf(text: string): number {
  const ms = /^\d+$/.test(text) ? countOf(text) : Date.parse(text);
  if (!(ms >= 0) || isoTime(ms) !== text) {
    throw new MalformedError(`no time is ${quotedStart(text)}`);
  }
  return ms;
}

/** @throws {MalformedError} If it isn't a whole number from 0. */
export function countOf(text: string): number {
  const value = Number(text);
  // As it was written: to Number, nothing at all is 0, and 1e3 a number, too.
  if (!Number.isSafeInteger(value) || !/^\d+$/.test(text)) {
    throw new MalformedError(`no count is ${quotedStart(text)}`);
  }
  return value;
}

/** @throws {MalformedError} If it isn't 64 hexadecimal digits. */
export function hexOf<Id extends HexId>(text: string): Id {
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new MalformedError(`no id or key is ${quotedStart(text)}`);
  }
  return text as Id;
}

/** Stands for no bytes, where a cell that is there isn't empty. */
const NOTHING = "-";
const SIGNATURE_BYTES = 64;

/** @throws {MalformedError} If it isn't 128 hexadecimal digits. */
export function signatureOf(text: string): Uint8Array {
  return bytesOf(text, SIGNATURE_BYTES);
}

/**
 * Bytes in lower-case hexadecimal, one at least.
 * @throws {MalformedError} If it isn't that, or as many as `length` says.
 */
export function bytesOf(text: string, length?: number): Uint8Array {
  const isHex = /^(?:[0-9a-f]{2})+$/.test(text);
  if (!isHex || (length !== undefined && text.length !== 2 * length)) {
    throw new MalformedError(`no bytes in hexadecimal are ${quotedStart(text)}`);
  }
  return Uint8Array.fromHex(text);
}

/** What exact bytes have behind the fields that this version knows. */
export function restText(rest: Uint8Array): string {
  return rest.length === 0 ? NOTHING : rest.toHex();
}

/** @throws {MalformedError} If `restText` never wrote it. */
export function restOfText(text: string): Uint8Array {
  return text === NOTHING ? new Uint8Array(0) : bytesOf(text);
}

/** A signed structure in its exact bytes. */
export function packed<T>(schema: Schema<T>, value: T): string {
  return encode(schema, value).toBase64();
}

/** The value that `packed` wrote. @throws {MalformedError} If it never wrote that. */
export function unpacked<T>(schema: Schema<T>, text: string): T {
  try {
    return decode(schema, base64Of(text));
  } catch (cause) {
    if (!(cause instanceof RemoteProtocolError)) throw cause;
    throw new MalformedError(cause.message, { cause });
  }
}

/** @throws {MalformedError} If it isn't base64. */
export function base64Of(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new MalformedError(`no bytes in base64 are ${quotedStart(text)}`, { cause });
  }
}

/** Reads fields by number. */
export type FieldOf = (index: number) => string;

/**
 * The record of a line, as `parse` reads it, which throws a `MalformedError` where it can't.
 * @throws {P2pchatError} `store-corrupt`, a part of a sentence, if the line's checksum fits and yet no such
 *     record was ever written.
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
