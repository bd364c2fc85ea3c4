/**
 * The text of a log: record lines (`record_line.ts`) whose first cell is the record's number.
 *
 *     1f0c9a3e  0    p2pchat  mesh-messages  1
 *     a2771b04  +1   message  ann  hello
 *     77be0d52  2    message  bob  one\ntwo
 *
 * Record 0 names format and version. `+` stands before the number of a record that was written when all
 * above it had been synced. That tells a torn tail from damage:
 *
 * - Lines that don't fit their checksum, with no valid line after them, are what was being written when
 *   the process or the machine stopped. They are dropped, and the caller gets a notice.
 * - After a power cut pages of one write may have reached the device out of order; those that are missing
 *   read as zeros. So valid lines after such a hole are part of the torn tail too, as long as none of
 *   them has a `+`: then what is missing had been acknowledged.
 * - All else is `store-corrupt`: a line whose checksum doesn't fit, a number left out or out of turn, and any
 *   damage to record 0, which is synced before the log has its name.
 *
 * Lines cut off exactly between two records can't be told from a shorter log.
 */

import { quotedStart } from "../base/text.ts";
import { corruptError, type Disk } from "./disk.ts";
import { checkHeader, type FileFormat, headerCells } from "./format_header.ts";
import { type RawLine, readLines } from "./line_reader.ts";
import { joinCells, lineContent, splitCells } from "./record_line.ts";

/** A record: what it is about, and its texts in the order that its kind has. */
export interface LogRecord {
  /** Lower-case words with `-` between them. */
  readonly kind: string;
  readonly fields: readonly string[];
}

/** Stands in front of the number of a record above which everything had been synced. */
const SYNCED_ABOVE = "+";
const NUL = 0;
/** What a device writes at once at least; pages and blocks are multiples of it. */
const SECTOR_BYTES = 512;

/** The content of a line, without its number. */
export function recordContent(record: LogRecord): string {
  return joinCells([record.kind, ...record.fields]);
}

/** The content of the line of record `number`, whose `recordContent` is `content`. */
export function numberedContent(number: number, syncedAbove: boolean, content: string): string {
  return `${syncedAbove ? SYNCED_ABOVE : ""}${number}\t${content}`;
}

/** The content of a log's first line. */
export function headerContent(format: FileFormat): string {
  return numberedContent(0, false, joinCells(headerCells(format)));
}

/** What a log held when it was read. */
export interface LogContent {
  /** Records, the header not counted. */
  readonly count: number;
  /** Bytes up to the end of the last record. */
  readonly bytes: number;
  /** Bytes at the start that were synced for certain, as a later record says. */
  readonly syncedBytes: number;
  /** Where bytes were found behind the last record. */
  readonly torn: { readonly line: number; readonly bytes: number } | null;
}

/**
 * Reads a log that exists, record by record.
 * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` for another format or a newer
 *     version; `disk`. Records before the damage have been visited by then.
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
  /** Whether pages are missing in the damaged lines, up to the next valid one. */
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
 * Whether bytes of a line are zeros as a page is that wasn't written: up to the end of a sector, from the start of
 * one or of what is damaged. Text has no NUL, and no single wrong byte looks like that.
 */
function hasHole({ bytes, from, to, offset }: RawLine, damageOffset: number): boolean {
  const line = bytes.subarray(from, to); // behind it are all lines of the chunk
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
