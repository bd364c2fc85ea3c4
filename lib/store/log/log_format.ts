/**
 * The text of a log: record lines (`record_line.ts`) whose first cell is the record's number.
 *
 *     1f0c9a3e  0    p2pchat  mesh-messages  1
 *     a2771b04  +1   message  ann  hello
 *     77be0d52  2    message  bob  one\ntwo
 *
 * Record 0 names format and version. `+` before a number means that everything above was synced when the record was
 * written. That distinguishes a torn tail from damage:
 *
 * - Lines with a wrong checksum, and no valid line after them, were being written when the process or the machine
 *   stopped. They are dropped, and the caller gets a notice.
 * - In a power cut, the pages of one write may reach the device out of order; missing pages read as zeros. So valid
 *   lines after such a hole are part of the torn tail as well, unless one of them has a `+`: then the missing part
 *   had been acknowledged.
 * - Anything else is `store-corrupt`: a line with a wrong checksum, a number missing or out of order, and any
 *   damage to record 0, which is synced before the log gets its name.
 *
 * A log cut off exactly between two records can't be distinguished from a shorter one.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";
import { quotedStart } from "../../base/text/text.ts";
import { corruptError, type Disk } from "../disk/disk.ts";
import {
  checkHeader,
  type FileFormat,
  headerCells,
  joinCells,
  type LineBuffer,
  lineContent,
  lineOf,
  type RawLine,
  readLines,
  splitCells,
} from "../disk/record_line.ts";

/** Precedes the number of a record that was written when everything above it had been synced. */
const SYNCED_ABOVE = "+";
const NUL = 0;
/** The smallest unit that a device writes; pages and blocks are multiples of it. */
const SECTOR_BYTES = 512;

/** The content of a record's line, without its number. */
export function recordContent(record: LogRecord): string {
  return joinCells([record.kind, ...record.fields]);
}

/** The content of the line with its number. `content` is what `recordContent` returns. */
export function numberedContent(number: number, syncedAbove: boolean, content: string): string {
  return `${syncedAbove ? SYNCED_ABOVE : ""}${number}\t${content}`;
}

/** The content of a log's first line. */
export function headerContent(format: FileFormat): string {
  return numberedContent(0, false, joinCells(headerCells(format)));
}

/** What a log held when it was read. */
interface LogContent {
  /** Number of records, without the header. */
  readonly count: number;
  /** Bytes up to the end of the last record. */
  readonly bytes: number;
  /** Bytes at the start that were certainly synced, as a later record's `+` says. */
  readonly syncedBytes: number;
  /** Set where bytes were found after the last record. */
  readonly torn: { readonly line: number; readonly bytes: number } | null;
}

/**
 * Reads an existing log, record by record.
 * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` for another format or a newer version;
 *   `disk`. By then `visit` has been called for the records before the damage.
 */
export async function readLog(
  disk: Disk,
  path: string,
  format: FileFormat,
  visit: (record: LogRecord) => void,
): Promise<LogContent> {
  const check = new LogCheck(path, format, visit);
  const bytes = await readLines(disk.readChunks(path), (line) => check.line(line));
  return check.finish(bytes);
}

interface Damage {
  readonly line: number;
  readonly offset: number;
  readonly found: string;
  /** Whether the damaged lines, up to the next valid one, contain missing pages. */
  hasHole: boolean;
}

class LogCheck {
  #line = 0;
  #nextNumber = 0;
  #syncedBytes = 0;
  #damage: Damage | null = null;

  constructor(
    readonly path: string,
    readonly format: FileFormat,
    readonly visit: (record: LogRecord) => void,
  ) {}

  line(line: RawLine): void {
    this.#line++;
    const content = line.tooLong ? null : lineContent(line.bytes, line.from, line.to);
    if (this.#damage !== null) this.#afterDamage(this.#damage, line, content);
    else if (content === null || !line.complete) this.#firstDamage(line);
    else this.#record(line, content);
  }

  finish(bytes: number): LogContent {
    const damage = this.#damage;
    if (this.#line === 0) throw corruptError(this.path, 1, "the file is empty");
    if (damage?.line === 1) throw corruptError(this.path, 1, damage.found);
    return {
      count: this.#nextNumber - 1,
      bytes: damage?.offset ?? bytes,
      syncedBytes: this.#syncedBytes,
      torn: damage === null ? null : { line: damage.line, bytes: bytes - damage.offset },
    };
  }

  #firstDamage(line: RawLine): void {
    this.#damage = {
      line: this.#line,
      offset: line.offset,
      found: line.complete ? "its checksum doesn't fit" : "its end is missing",
      hasHole: hasHole(line, line.offset),
    };
  }

  #afterDamage(damage: Damage, line: RawLine, content: string | null): void {
    if (content === null) {
      damage.hasHole ||= hasHole(line, damage.offset);
    } else if (!damage.hasHole || content.startsWith(SYNCED_ABOVE)) {
      throw corruptError(this.path, damage.line, damage.found);
    }
  }

  #record(line: RawLine, content: string): void {
    const cells = splitCells(content);
    if (cells === null) throw corruptError(this.path, this.#line, "it has an unknown escape");
    const [numberText = "", kind, ...fields] = cells;
    const number = numberText.startsWith(SYNCED_ABOVE) ? numberText.slice(1) : numberText;
    if (number !== String(this.#nextNumber) || kind === undefined) {
      throw corruptError(
        this.path,
        this.#line,
        `record ${this.#nextNumber} was expected, ${quotedStart(numberText)} is there`,
      );
    }
    this.#nextNumber++;
    if (numberText.startsWith(SYNCED_ABOVE)) this.#syncedBytes = line.offset;
    if (number === "0") checkHeader(this.path, [kind, ...fields], this.format);
    else this.visit({ kind, fields });
  }
}

/**
 * Whether the line contains zeros as an unwritten page does: up to the end of a sector, and from the start of a
 * sector or of the damage. Text has no NUL, and no single wrong byte looks like that.
 */
function hasHole({ bytes, from, to, offset }: RawLine, damageOffset: number): boolean {
  const line = bytes.subarray(from, to); // the rest of the buffer has the chunk's other lines
  let start = line.indexOf(NUL);
  while (start !== -1) {
    let end = start;
    while (end < line.length && line[end] === NUL) end++;
    const startsThere = (offset + start) % SECTOR_BYTES === 0 || offset + start === damageOffset;
    if (startsThere && (offset + end) % SECTOR_BYTES === 0) return true;
    start = line.indexOf(NUL, end);
  }
  return false;
}

/** Consecutive appends with the same options: written at once and settled together. */
export class LogBatch {
  readonly contents: string[] = [];
  state: "waiting" | "written" | "refused" = "waiting";
  readonly #settled = Promise.withResolvers<void>();

  constructor(readonly sync: boolean) {}

  get done(): Promise<void> {
    return this.#settled.promise;
  }

  accept(): void {
    this.#settled.resolve();
  }

  refuse(error: unknown): void {
    this.state = "refused";
    this.#settled.reject(error);
  }
}

/** Adds the lines of all records in `batches`, numbered from `count` + 1. @returns The new count. */
export function addRecords(
  lines: LineBuffer,
  count: number,
  syncedAbove: boolean,
  batches: readonly LogBatch[],
): number {
  let number = count;
  for (const { contents } of batches) {
    for (const content of contents) {
      lines.add(numberedContent(++number, syncedAbove && number === count + 1, content));
    }
  }
  return number;
}

/** @throws {P2pchatError} `store-corrupt` with file and line. */
export function recordIn<Stored>(
  format: { record(line: LogRecord): Stored },
  line: LogRecord,
  path: string,
  index: number,
): Stored {
  try {
    return format.record(line);
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    throw corruptError(path, lineOf(index), error.message);
  }
}
