/** Stores a machine's records in a log with a format of its own. */

import type { RecordStore } from "../../runtime/record_log.ts";
import { AppendLog, type NewContent } from "../../store/log/append_log.ts";
import { readLog, recordIn } from "../../store/log/log_format.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";

/** How records are written in the file. */
export interface RecordFormat<Stored> {
  readonly name: Parameters<typeof AppendLog.open>[2];
  line(record: Stored): LogRecord;
  /** @throws {P2pchatError} `store-corrupt`; its text is part of a sentence. */
  record(line: LogRecord): Stored;
}

export interface OpenedRecords<Stored> extends RecordStore<Stored> {
  /** Problems found in the file and repaired, in sentences. */
  readonly notices: readonly string[];
  /** As `AppendLog.rewrite`. */
  rewrite(records: NewContent<Stored>): Promise<void>;
}

/**
 * Opens a log, creating it where there is none.
 * @throws {P2pchatError} `store-corrupt` with file and line, or `disk`.
 */
export async function openRecords<Stored>(
  disk: Disk,
  path: string,
  format: RecordFormat<Stored>,
): Promise<OpenedRecords<Stored>> {
  const { log, records, notices } = await AppendLog.open(disk, path, format.name);
  try {
    return {
      notices,
      records: records.map((line, index) => recordIn(format, line, path, index)),
      get bytes() {
        return log.bytes;
      },
      append: (fresh, sync) => log.append(fresh.map(format.line), { sync }),
      rewrite(all) {
        const lines = (records: Iterable<Stored>) => [...records].map(format.line);
        return log.rewrite(
          typeof all === "function" ? async () => lines(await all()) : lines(all),
        );
      },
      close: () => log.close(),
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/**
 * The records of an existing log alone, while a program may be writing it.
 * @throws {P2pchatError} `store-corrupt` with file and line, `bad-file` or `disk`.
 */
export async function readRecords<Stored>(
  disk: Disk,
  path: string,
  format: RecordFormat<Stored>,
): Promise<readonly Stored[]> {
  const records: Stored[] = [];
  await visitRecords(disk, path, format, (record) => records.push(record));
  return records;
}

/**
 * As `readRecords`, one after the other: those before a damaged one have been visited when this rejects.
 * @returns The line from which on the end is torn; null where it isn't.
 */
export async function visitRecords<Stored>(
  disk: Disk,
  path: string,
  format: RecordFormat<Stored>,
  visit: (record: Stored) => void,
): Promise<number | null> {
  let index = 0;
  const one = (line: LogRecord) => visit(recordIn(format, line, path, index++));
  return (await readLog(disk, path, format.name, one)).torn?.line ?? null;
}
