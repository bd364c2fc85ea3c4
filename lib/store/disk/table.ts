/**
 * A small table in a text file, replaced as a whole at each change that is to last:
 *
 *     b1c37e02  p2pchat  rooms  1
 *     5f0e1a77  4be1...  Ann's room
 *     90cc31d8  end      1      3f5ce211
 *
 * Each row is a line as in `record_line.ts`. The last line has the number of rows and the checksum of all bytes
 * above it.
 */

import { Buffer } from "node:buffer";
import { P2pchatError } from "../../base/errors.ts";
import { corruptError, type Disk, readStore } from "./disk.ts";
import {
  checkHeader,
  checksumOf,
  checksumText,
  type FileFormat,
  headerCells,
  joinCells,
  LineBuffer,
  lineContent,
  splitCells,
} from "./record_line.ts";
import { replaceFile, REPLACEMENT_SUFFIX } from "./replacement.ts";

/** The cells of a row: at least one, with any text. */
export type TableRow = readonly string[];

/** The table's first line, and what its file means to a user. */
interface TableFormat extends FileFormat {
  /** The consequence of starting without the file, for the error if it is damaged. */
  readonly without?: string;
}

/** A table is read and written in one piece; larger data belong in a log, and no larger table was ever written. */
const TABLE_BYTES_MAX = 16 * 1024 * 1024;

const END_KIND = "end";
const LINE_FEED = 0x0a;
const NUL = 0;

export class Table {
  #writing: Promise<void> | null = null;
  /** The newest content that waits for the write in progress, and the promise of all calls that wait for it. */
  #next: { bytes: Uint8Array; readonly settled: PromiseWithResolvers<void> } | null = null;

  private constructor(readonly disk: Disk, readonly path: string, readonly format: TableFormat) {}

  /**
   * Opens the table at `path` and removes what an interrupted write left beside it.
   * @returns `rows` is `null` where there is no file yet.
   * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` for another format or version; `disk`.
   */
  static async open(
    disk: Disk,
    path: string,
    format: TableFormat,
  ): Promise<{ readonly table: Table; readonly rows: readonly TableRow[] | null }> {
    await disk.remove(path + REPLACEMENT_SUFFIX);
    const rows = await Table.read(disk, path, format);
    return { table: new Table(disk, path, format), rows };
  }

  /** The rows alone, while others may be writing. @returns As `open`. @throws {P2pchatError} As `open`. */
  static async read(
    disk: Disk,
    path: string,
    format: TableFormat,
  ): Promise<readonly TableRow[] | null> {
    const bytes = await readStore(disk, path, TABLE_BYTES_MAX, format.without);
    return bytes === null ? null : parseTable(path, bytes, format);
  }

  /**
   * Replaces all rows. Of several calls during one write, only the last one's rows are written, for all of them.
   * @returns When these rows, or newer ones, are durable.
   * @throws {P2pchatError} `disk`: the file has its old rows, or the new ones if only the folder's sync failed.
   */
  async write(rows: readonly TableRow[]): Promise<void> {
    const bytes = tableBytes(this.path, rows, this.format);
    if (this.#writing === null) {
      this.#writing = this.#write(bytes);
      return await this.#writing;
    }
    this.#next ??= { bytes, settled: Promise.withResolvers() };
    this.#next.bytes = bytes;
    return await this.#next.settled.promise;
  }

  /**
   * Writes all rows over the present ones where they take as many bytes, without a sync: that survives a killed process,
   * and a power cut once the system has written it to the device by itself. For tables within a disk's sector, of which
   * a power cut leaves the old rows or the new ones; where the length differs, as `write`.
   * @throws {P2pchatError} `disk`.
   */
  async overwrite(rows: readonly TableRow[]): Promise<void> {
    const bytes = tableBytes(this.path, rows, this.format);
    const present = await this.disk.stat(this.path);
    if (present?.bytes !== bytes.length) return await this.write(rows);
    const file = await this.disk.openAppend(this.path);
    try {
      file.overwrite(0, bytes);
    } finally {
      file.close();
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await replaceFile(this.disk, this.path, bytes);
    } finally {
      const next = this.#next;
      this.#next = null;
      this.#writing = next === null ? null : this.#write(next.bytes);
      this.#writing?.then(next?.settled.resolve, next?.settled.reject);
    }
  }
}

function tableBytes(path: string, rows: readonly TableRow[], format: TableFormat): Uint8Array {
  const lines = new LineBuffer();
  lines.add(joinCells(headerCells(format)));
  for (const row of rows) lines.add(joinCells(row));
  lines.add(joinCells([END_KIND, String(rows.length), checksumText(checksumOf(lines.bytes()))]));
  if (lines.length > TABLE_BYTES_MAX) {
    throw new P2pchatError(
      "disk",
      `Cannot write ${path}: it would have ${lines.length} bytes, at most ${TABLE_BYTES_MAX} are ` +
        `possible; remove some of its ${rows.length} rows`,
    );
  }
  return lines.bytes();
}

function parseTable(
  path: string,
  content: Uint8Array<ArrayBuffer>,
  format: TableFormat,
): readonly TableRow[] {
  // A power cut may leave zeros behind; that nothing is missing before them is what the end says.
  const length = content.findLastIndex((byte) => byte !== NUL) + 1;
  const bytes = Buffer.from(content.buffer, content.byteOffset, length);
  const corrupt = (line: number, found: string) => corruptError(path, line, found, format.without);
  const rows: TableRow[] = [];
  let line = 0;
  let ended = false;
  for (let from = 0; from < bytes.length;) {
    line++;
    const lineFeed = bytes.indexOf(LINE_FEED, from);
    const to = lineFeed === -1 ? bytes.length : lineFeed;
    if (ended) throw corrupt(line, "it stands behind the end");
    const row = lineFeed === -1 ? null : rowOf(bytes, from, to);
    if (row === null) throw corrupt(line, "its checksum doesn't fit");
    if (line === 1) checkHeader(path, row, format);
    else if (lineFeed === bytes.length - 1) {
      checkEnd(corrupt, line, row, rows.length, checksumOf(bytes.subarray(0, from)));
      ended = true;
    } else rows.push(row);
    from = to + 1;
  }
  if (line === 0) throw corrupt(1, "the file is empty");
  if (!ended) throw corrupt(line + 1, "its end is missing");
  return rows;
}

/** The cells of a line; `null` where it is damaged. */
function rowOf(bytes: Buffer, from: number, to: number): TableRow | null {
  const content = lineContent(bytes, from, to);
  return content === null ? null : splitCells(content);
}

function checkEnd(
  corrupt: (line: number, found: string) => P2pchatError,
  line: number,
  row: TableRow,
  count: number,
  above: number,
): void {
  const [kind, countText, checksum] = row;
  if (kind !== END_KIND) throw corrupt(line + 1, "its end is missing");
  if (countText !== String(count) || checksum !== checksumText(above)) {
    throw corrupt(line, "lines above it were removed, added or moved");
  }
}
