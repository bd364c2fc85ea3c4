/**
 * The friends' records as log lines. Fields that people search with `grep` and `cut` are plain text and come first:
 * when, who, what; then ids and positions.
 */

import { MalformedError } from "../../base/errors.ts";
import type { PeerKey } from "../../base/ids.ts";
import { quotedStart } from "../../base/text/text.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Position } from "../../protocols/friends/positions.ts";
import type { FriendsRecord } from "../../protocols/friends/records.ts";
import type { LogRecord } from "../../store/log/log_format.ts";
import { countOf, type FieldOf, hexOf, isoTime, line, parseLine, timeOf } from "./log_fields.ts";

/** Format of the log file; the version is incremented with each change that older programs cannot read. */
export const FRIENDS_LOG_FORMAT = { format: "friends", version: 1 } as const;

/** The log line of a record. */
export function friendsLine(record: FriendsRecord): LogRecord {
  switch (record.kind) {
    case "queued": {
      const { to, position, id, sentAt, text } = record;
      const where = position === null ? NO_PLACE : place(position);
      return line(record.kind, isoTime(sentAt), to, text, id, ...where);
    }
    case "released":
      return line(record.kind, record.to, ...place(record.from));
    case "delivered":
      return line(record.kind, record.to, ...place(record.through));
    case "unsent":
      return line(record.kind, record.to, record.id);
    case "received": {
      const { from, key, position, id, sentAt, text } = record;
      return line(record.kind, isoTime(sentAt), from, text, id, ...place(position), key);
    }
    case "skipped":
    case "shown":
      return line(record.kind, record.key, ...place(record.through));
    default:
      return unreachable(record);
  }
}

/**
 * The record in a log line.
 * @throws {P2pchatError} `store-corrupt`; its text is part of a sentence.
 */
export function friendsRecord(record: LogRecord): FriendsRecord {
  return parseLine(record, parse);
}

function parse({ kind }: LogRecord, field: FieldOf): FriendsRecord {
  const position = (at: number): Position => ({
    epoch: countOf(field(at)),
    number: countOf(field(at + 1)),
  });
  const message = () => ({
    sentAt: timeOf(field(0)),
    text: field(2),
    id: idOf(field(3)),
  });
  switch (kind) {
    case "queued": {
      const hasPlace = field(4) !== NO_PLACE[0] || field(5) !== NO_PLACE[1];
      return { kind, to: field(1), ...message(), position: hasPlace ? position(4) : null };
    }
    case "released":
      return { kind, to: field(0), from: position(1) };
    case "delivered":
      return { kind, to: field(0), through: position(1) };
    case "unsent":
      return { kind, to: field(0), id: idOf(field(1)) };
    case "received": {
      const key = hexOf<PeerKey>(field(6));
      return { kind, from: field(1), key, ...message(), position: position(4) };
    }
    case "skipped":
    case "shown":
      return { kind, key: hexOf<PeerKey>(field(0)), through: position(1) };
    default:
      throw new MalformedError("no such kind is known");
  }
}

function place({ epoch, number }: Position): readonly string[] {
  return [String(epoch), String(number)];
}

/** The position of a message that couldn't be sent yet. */
const NO_PLACE = ["-", "-"] as const;

function idOf(text: string): string {
  if (!/^[0-9a-f]{32}$/.test(text)) {
    throw new MalformedError(`no message's id is ${quotedStart(text)}`);
  }
  return text;
}
