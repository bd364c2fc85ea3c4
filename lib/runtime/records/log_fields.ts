/** Fields of log lines: formatting, and strict parsing. */

import { MalformedError, P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";

/** A log record with these fields. */
export function line(kind: string, ...fields: readonly string[]): LogRecord {
  return { kind, fields };
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
