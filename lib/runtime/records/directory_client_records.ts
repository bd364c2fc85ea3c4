/**
 * What a directory's client received, as lines of its log. Fields that people search with `grep` and `cut` are
 * plain text and come first: when, who, what; then the recipients and the number.
 */

import { MalformedError } from "../../base/errors.ts";
import { type Fingerprint, fingerprintFault } from "../../base/text/fingerprint.ts";
import type { FoldedName } from "../../base/ids.ts";
import { quotedStart } from "../../base/text/text.ts";
import { unreachable } from "../../base/invariant.ts";
import { foldName } from "../../base/text/names.ts";
import {
  type ClientRecord,
  FORGOTTEN_START,
  type HeardPlace,
  type Spoke,
} from "../../protocols/directory/schema/client_records.ts";
import { STORE_ID_BYTES } from "../../protocols/directory/schema/limits.ts";
import type { LogRecord } from "../../store/log/log_format.ts";
import { bytesOf, countOf, type FieldOf, isoTime, line, parseLine, timeOf } from "./log_fields.ts";

/** Format of the log file; the version is incremented with each change that older programs cannot read. */
export const CLIENT_LOG_FORMAT = { format: "registry", version: 3 } as const;

/** The log line of a record. */
export function clientLine(record: ClientRecord): LogRecord {
  switch (record.kind) {
    case "heard": {
      const { sentAt, from, text, key, own, directory } = record;
      const cells = [from, text, ...place(record), key, String(own), directory, howLong(record)];
      return line(record.kind, isoTime(sentAt), ...cells);
    }
    case "spoke": {
      const { from, as, key, own, sentAt, directory } = record;
      const cells = [from, as, key, String(own), directory, howLong(record)];
      return line(record.kind, isoTime(sentAt), ...cells);
    }
    case "forgotten": {
      const { directory, as, start, sentAt } = record;
      return line(record.kind, isoTime(sentAt), start, as, directory);
    }
    case "said":
      return line(record.kind, String(record.own));
    case "through":
    case "shown":
      return line(record.kind, ...place(record));
    default:
      return unreachable(record);
  }
}

function place({ as, store, number }: HeardPlace): readonly string[] {
  return [as, store, String(number)];
}

/**
 * The record in a log line.
 * @throws {P2pchatError} `store-corrupt`; its text is part of a sentence.
 */
export function clientRecord(record: LogRecord): ClientRecord {
  return parseLine(record, parse);
}

function parse({ kind }: LogRecord, field: FieldOf): ClientRecord {
  const placeAt = (at: number): HeardPlace => ({
    as: foldedOf(field(at)),
    store: bytesOf(field(at + 1), STORE_ID_BYTES).toHex(),
    number: countOf(field(at + 2)),
  });
  switch (kind) {
    case "heard":
      return {
        kind,
        sentAt: timeOf(field(0)),
        from: field(1),
        text: field(2),
        ...placeAt(3),
        key: fingerprintIn(field(6)),
        own: countOf(field(7)),
        directory: fingerprintIn(field(8)),
        isLasting: isLastingIn(field(9)),
      };
    case "spoke":
      return {
        kind,
        sentAt: timeOf(field(0)),
        from: field(1),
        as: foldedOf(field(2)),
        key: fingerprintIn(field(3)),
        own: countOf(field(4)),
        directory: fingerprintIn(field(5)),
        isLasting: isLastingIn(field(6)),
      };
    case "forgotten":
      return {
        kind,
        sentAt: timeOf(field(0)),
        start: startIn(field(1)),
        as: foldedOf(field(2)),
        directory: fingerprintIn(field(3)),
      };
    case "said":
      return { kind, own: countOf(field(0)) };
    case "through":
    case "shown":
      return { kind, ...placeAt(0) };
    default:
      throw new MalformedError("no such kind is known");
  }
}

const LASTING = "lasting";
const PASSING = "passing";

function howLong({ isLasting }: Pick<Spoke, "isLasting">): string {
  return isLasting ? LASTING : PASSING;
}

/** @throws {MalformedError} If `text` doesn't say whether the speaker lasts. */
function isLastingIn(text: string): boolean {
  if (text === LASTING || text === PASSING) return text === LASTING;
  throw new MalformedError(`no speaker is ${quotedStart(text)}`);
}

/** @throws {MalformedError} If no fingerprint starts with `text`, or it has another length. */
function startIn(text: string): string {
  if (text.length === FORGOTTEN_START && /^[a-z2-7]+$/.test(text)) return text;
  throw new MalformedError(`no fingerprint starts with ${quotedStart(text)}`);
}

/** @throws {MalformedError} If `text` isn't a fingerprint. */
function fingerprintIn(text: string): Fingerprint {
  const fault = fingerprintFault(text);
  if (fault === null) return text as Fingerprint;
  throw new MalformedError(`no fingerprint is ${quotedStart(text)}: ${fault}`);
}

/** @throws {MalformedError} If `text` isn't a folded name. */
function foldedOf(text: string): FoldedName {
  if (text === "" || foldName(text) !== text) {
    throw new MalformedError(`no folded name is ${quotedStart(text)}`);
  }
  return text as FoldedName;
}
