/** Reads the log of a group from its start, and finds where it becomes invalid. */

import { MalformedError, P2pchatError } from "../../base/errors.ts";
import type { Founding } from "../../protocols/group/schema/founding.ts";
import { Buffer } from "node:buffer";
import type { Crypto } from "../../base/crypto/crypto.ts";
import { HistoryEnd, placesIn } from "../../protocols/group/schema/history.ts";
import {
  BatchReader,
  type FirstLine,
  GROUP_LOG_VERSION,
  lineName,
  type LoggedBatch,
  parseFirstLine,
} from "../../runtime/records/group_log_lines.ts";
import { type AppendFile, type Disk, NO_SUCH_FILE } from "../../store/disk/disk.ts";
import { type RawLine, readLines } from "../../store/disk/record_line.ts";
import { holderOf } from "../../store/disk/held_lock.ts";
import { DAMAGED_INFIX } from "../../store/disk/replacement.ts";

/** A valid batch. */
export interface ScannedBatch {
  readonly logged: LoggedBatch;
  /** How the group was founded. */
  readonly founding: Founding;
  /** Offset of its first byte in the file. */
  readonly offset: number;
  /** The line number of its last line in the file. */
  readonly line: number;
}

/** Why the log ends before the file does. */
export interface LogFault {
  /** The line number; 1 is the file's first line. */
  readonly line: number;
  /** The entry or edit there, as part of a sentence; null where it isn't known, as in the first line. */
  readonly name: string | null;
  /** The fault, as part of a sentence. */
  readonly found: string;
  /** Whether the file ends within a batch, as if that was being written when the machine stopped. */
  readonly isTorn: boolean;
}

export interface LogScan {
  /** Null for an empty file. */
  readonly first: FirstLine | null;
  /** The end of the good part; null where the first line names no group. */
  readonly end: HistoryEnd | null;
  /** The last batch of texts in the good part. */
  readonly last: LoggedBatch | null;
  /** Length of the good part; below, that of the file. */
  readonly goodBytes: number;
  readonly bytes: number;
  readonly fault: LogFault | null;
}

export interface ScanOptions {
  readonly crypto: Crypto;
  /** Whether digests are verified; checksums always are. */
  readonly digests?: boolean;
  /**
   * Called for each batch in order. If it returns a fault, as part of a sentence, the good part ends before that
   * batch.
   */
  readonly visit?: (batch: ScannedBatch) => string | null;
  /** Awaited after each piece of the file, so that the visitor's data can be consumed. False ends the scan. */
  readonly between?: () => Promise<boolean>;
}

/**
 * Reads all of a file; a missing file counts as empty.
 * @throws {P2pchatError} `disk`.
 */
export async function scanGroupLog(
  disk: Disk,
  path: string,
  options: ScanOptions,
): Promise<LogScan> {
  const scanner = new Scanner(options);
  const pieces = withPauses(disk.readChunks(path), options.between);
  const bytes = await readLines(pieces, (line) => scanner.line(line));
  scanner.finish();
  const { first, end, last, goodBytes, fault } = scanner;
  return { first, end, last, goodBytes, bytes, fault };
}

class Scanner {
  first: FirstLine | null = null;
  end: HistoryEnd | null = null;
  last: LoggedBatch | null = null;
  goodBytes = 0;
  fault: LogFault | null = null;
  #line = 0;
  #founding: Founding | null = null;
  #reader: BatchReader | null = null;

  constructor(readonly options: ScanOptions) {}

  line(line: RawLine): void {
    if (this.fault !== null) return;
    this.#line++;
    if (this.#line === 1) return this.#firstLine(line);
    const reader = this.#reader!;
    const { seq } = reader;
    if (line.tooLong) return this.#failAt(line, seq, "it is longer than any");
    if (!line.complete) return this.#failAt(line, seq, "its end is missing", true);
    try {
      const logged = reader.add(line.bytes, line.from, line.to);
      if (logged !== null) this.#batch(logged, line.offset + line.to - line.from + 1);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#failAt(line, seq, error.message);
    }
  }

  finish(): void {
    const reader = this.#reader;
    if (this.fault !== null || reader === null || reader.pending === 0) return;
    const line = this.#line + 1 - reader.pending;
    this.#fail("lines that belong to it are missing", line, reader.pendingName, true);
  }

  #firstLine({ bytes, from, to, complete }: RawLine): void {
    const { crypto } = this.options;
    this.first = parseFirstLine(crypto, bytes.toString("utf8", from, to));
    if (this.first.kind !== "group" || !complete) {
      if (this.first.kind === "group") this.first = { kind: "damaged" };
      return this.#fail("it isn't the first line of a group's log", 1, null);
    }
    const { group } = this.first;
    this.#founding = this.first.founding;
    this.end = new HistoryEnd(crypto, group);
    this.#reader = new BatchReader(group, 0, 0);
    this.goodBytes = to - from + 1;
  }

  /** @param after Offset of the first byte after the batch. */
  #batch(logged: LoggedBatch, after: number): void {
    const { kind, author, incarnation, counter, count, entries, name } = logged;
    const end = this.end!;
    const view = logged.view();
    const mark = end.mark(author); // the good part may end here
    const expected = end.nextCounter(author, incarnation);
    if (counter !== expected) {
      const found = `its author's counter is ${counter}, ${expected} was expected`;
      return this.#failIn(logged, count - 1, found);
    }
    const { signedIn } = logged;
    const said = end.nameFault({ kind, author, name }, view?.recorded.value ?? null) ??
      end.timeFault({ kind, author, incarnation, signedIn });
    if (said !== null) return this.#failIn(logged, count - 1, said);
    if (kind === "edits") {
      const wrong = logged.edited().findIndex((seq) => seq < 1 || seq > end.seq);
      if (wrong >= 0) return this.#failIn(logged, wrong, "it changes an entry that isn't there");
    }
    if (this.options.digests === true) {
      const digests = logged.digests();
      const placed = end.append({ batch: { value: logged.batch() }, view });
      const wrong = placesIn(placed).findIndex(({ digest }, at) => digest !== digests[at]);
      if (wrong >= 0) {
        end.takeBack(mark);
        return this.#failIn(logged, wrong, "its digest doesn't fit what it says");
      }
    }
    const places = {
      entries,
      edits: logged.broughtEdits(this.options.crypto),
      rules: logged.rules(),
      view,
    };
    const offset = this.goodBytes;
    const found =
      this.options.visit?.({ logged, founding: this.#founding!, offset, line: this.#line }) ?? null;
    if (found !== null) {
      if (this.options.digests === true) end.takeBack(mark);
      return this.#failIn(logged, count - 1, found);
    }
    if (this.options.digests !== true) {
      const through = counter + count - 1;
      end.appendKnown(author, { incarnation, through, signedIn }, places, logged.digest);
    }
    this.goodBytes = after;
    if (entries > 0) this.last = logged;
  }

  /** Sets the fault of line `index` of a batch whose last line was read. */
  #failIn(logged: LoggedBatch, index: number, found: string): void {
    this.#fail(found, this.#line + 1 - logged.count + index, logged.nameOf(index));
  }

  /** Sets the fault of the line that was read, which follows entry `seq`. */
  #failAt({ bytes, from, to }: RawLine, seq: number, found: string, isTorn = false): void {
    const start = bytes.toString("utf8", from, Math.min(to, from + NAME_BYTES_MAX));
    this.#fail(found, this.#line, lineName(start, seq), isTorn);
  }

  #fail(found: string, line: number, name: string | null, isTorn = false): void {
    this.fault = { line, name, found, isTorn };
  }
}

/** The first cell of a line, which says what the line is, is shorter. */
const NAME_BYTES_MAX = 40;

async function* withPauses(
  chunks: AsyncIterable<Uint8Array>,
  between: (() => Promise<boolean>) | undefined,
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    if (await between?.() === false) return;
  }
}

/** The chunks of the first `length` bytes. */
export async function* firstBytes(
  chunks: AsyncIterable<Uint8Array>,
  length: number,
): AsyncIterable<Uint8Array> {
  let left = length;
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

/** The file from which parts of a log are read. */
export type LogFile = Pick<AppendFile, "readChunks">;

/** The bytes in [from, to); fewer where the file ends before. @throws {P2pchatError} `disk`. */
export async function readRange(
  file: LogFile,
  from: number,
  to: number,
): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  let filled = 0;
  const chunkBytes = Math.min(to - from, RANGE_CHUNK_BYTES_MAX);
  for await (const chunk of firstBytes(file.readChunks({ from, chunkBytes }), to - from)) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes.subarray(0, filled);
}
const RANGE_CHUNK_BYTES_MAX = 256 * 1_024;

/** As `scanGroupLog`, but the file must be a log. @throws {P2pchatError} `bad-file`, `disk`. */
export async function scanLogFile(
  disk: Disk,
  path: string,
  options: ScanOptions,
): Promise<LogScan> {
  const entry = await disk.stat(path);
  if (entry === null) {
    throw new P2pchatError("bad-file", `Cannot read ${path}: ${NO_SUCH_FILE}`);
  }
  if (entry.kind !== "file") throw foreignError(path, "it is no file");
  const scan = await scanGroupLog(disk, path, options);
  const { first } = scan;
  if (first === null) throw foreignError(path, "it is empty");
  if (first.kind === "foreign") throw foreignError(path, "it isn't the log of a group");
  if (first.kind === "version") throw versionError(path, first.version);
  return scan;
}

/**
 * @param action What can't be done with the file, for the error text.
 * @param changed What may be the cause where the file is whole.
 */
export function faultError(
  path: string,
  { fault, end }: LogScan,
  action: string,
  changed = "somebody or a disk changed it",
): P2pchatError {
  const { line, name, found, isTorn } = fault!;
  const where = name === null ? `line ${line}` : `line ${line}, ${name},`;
  const cause = isTorn ? "it was cut off there, or is being written" : changed;
  const before = end?.position ?? 0;
  return new P2pchatError(
    "store-corrupt",
    `Cannot ${action} ${path}: ${where} is wrong, ${found}; ${cause}, ` +
      (before === 0
        ? "and nothing before it is whole"
        : `what is before ${name ?? `line ${line}`} is whole`),
  );
}

/** The error for a log that another process has open. */
export function inUseError(path: string, lock: { readonly heldBy: string }): P2pchatError {
  return new P2pchatError(
    "in-use",
    `Cannot use ${path}: ${holderOf(lock)} keeps its log there; end that one, or name another ` +
      "file with --db",
  );
}

/** The error for a log that this process has set aside too often. */
export function asidesError(path: string, asides: number): P2pchatError {
  const text =
    `Cannot set ${path} aside again: this program did so ${asides} times; move the files ` +
    `beside it whose names go on with ${DAMAGED_INFIX} away, and start it again`;
  return new P2pchatError("disk", text);
}

/** The error for a log that was removed while it was being read. */
export function removedError(path: string): P2pchatError {
  const text = `Cannot read ${path}: it was removed meanwhile; see that it is there and try again`;
  return new P2pchatError("disk", text);
}

/** The error for a file that isn't a group's log; it stays unchanged. */
export function foreignError(path: string, found: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot use ${path}: ${found}; name another file, or move this one away`,
  );
}

/** The error for a log written by a later version of the program. */
export function versionError(path: string, version: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot read ${path}: its version is ${version}, this program reads ${GROUP_LOG_VERSION}; use ` +
      "the program that wrote it",
  );
}
