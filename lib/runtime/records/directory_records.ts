/**
 * The directory's records as log lines. Fields that people search with `grep` and `cut` are plain text and come
 * first: when, who, what; then numbers and keys.
 */

import { MalformedError } from "../../base/errors.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { quotedStart } from "../../base/text/text.ts";
import { unreachable } from "../../base/invariant.ts";
import { STORE_ID_BYTES } from "../../protocols/directory/schema/limits.ts";
import type { BroadcastRecord, DirectoryRecord } from "../../protocols/directory/schema/records.ts";
import type { LogRecord } from "../../store/log/log_format.ts";
import {
  bytesOf,
  countOf,
  type FieldOf,
  hexOf,
  isoTime,
  line,
  parseLine,
  signatureOf,
  timeOf,
} from "./log_fields.ts";

/** Format of the log file; the version is incremented with each change that older programs cannot read. */
export const DIRECTORY_LOG_FORMAT = { format: "directory", version: 3 } as const;

/**
 * The sender of a broadcast: an account, somebody who has none (or none any more), or the directory's operator, who
 * has no key there.
 */
type SenderKind = "account" | "guest" | "operator";
const NO_KEY = "-";

/** The log line of a record. */
export function directoryLine(record: DirectoryRecord): LogRecord {
  switch (record.kind) {
    case "store":
      return line(record.kind, record.store, String(record.last), record.directory);
    case "broadcast": {
      const { number, from, fromKey, own, sentAt, takenAt, ttlMs, text, signature } = record;
      return line(
        record.kind,
        isoTime(takenAt),
        from,
        text,
        String(number),
        senderKind(record),
        fromKey ?? NO_KEY,
        String(own),
        String(sentAt),
        String(ttlMs),
        signature.toHex(),
      );
    }
    case "got":
      return line(record.kind, record.account, String(record.through));
    case "forgotten":
      return line(record.kind, record.account);
    default:
      return unreachable(record);
  }
}

function senderKind({ fromKey, fromAccount }: BroadcastRecord): SenderKind {
  if (fromKey === null) return "operator";
  return fromAccount ? "account" : "guest";
}

/**
 * The record in a log line.
 * @throws {P2pchatError} `store-corrupt`; its text is part of a sentence.
 */
export function directoryRecord(record: LogRecord): DirectoryRecord {
  return parseLine(record, parse);
}

function parse({ kind }: LogRecord, field: FieldOf): DirectoryRecord {
  switch (kind) {
    case "store":
      return {
        kind,
        store: bytesOf(field(0), STORE_ID_BYTES).toHex(),
        last: countOf(field(1)),
        directory: hexOf<PeerKey>(field(2)),
      };
    case "broadcast":
      return {
        kind,
        takenAt: timeOf(field(0)),
        from: field(1),
        text: field(2),
        number: countOf(field(3)),
        ...senderOf(field(4), field(5)),
        own: countOf(field(6)),
        sentAt: countOf(field(7)),
        ttlMs: countOf(field(8)),
        signature: signatureOf(field(9)),
      };
    case "got":
      return { kind, account: field(0) as FoldedName, through: countOf(field(1)) };
    case "forgotten":
      return { kind, account: field(0) as FoldedName };
    default:
      throw new MalformedError("no such kind is known");
  }
}

function senderOf(
  kind: string,
  key: string,
): Pick<BroadcastRecord, "fromKey" | "fromAccount"> {
  switch (kind) {
    case "operator":
      if (key !== NO_KEY) throw new MalformedError(`the operator's key is ${quotedStart(key)}`);
      return { fromKey: null, fromAccount: false };
    case "account":
    case "guest":
      return { fromKey: hexOf<PeerKey>(key), fromAccount: kind === "account" };
    default:
      throw new MalformedError(`no kind of sender is ${quotedStart(kind)}`);
  }
}
