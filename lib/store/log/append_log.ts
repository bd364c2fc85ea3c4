/**
 * An append-only log of records in a text file, with group commit.
 *
 * Records are written and become durable in the order of the calls. All appends that wait while a sync is in
 * progress go out in one write and one sync: one append alone waits for one sync, a hundred at once for two at
 * most.
 *
 * When the disk fails:
 * - A write fails or is short (a full disk): the file is truncated to its last good record, the append is refused
 *   with `disk`, and the next append tries again. Where the file can't be truncated, it is given up as below.
 * - A sync fails: Linux may have dropped the unwritten pages and marked them clean, so that a second sync would
 *   succeed and prove nothing (Rebello et al., USENIX ATC 2020). The file is given up: the part known to be synced,
 *   and from memory all later records not reported as failed, are written to a new file, which takes its place.
 *   Until that succeeds, every append is refused.
 * - The file (or its folder) is removed or replaced while the program runs: no later start would find what is
 *   synced into it. The file is given up in the same way, before any append is acknowledged. If another program has
 *   created a new file there meanwhile, that file isn't touched (`Disk.hold`), and every append is refused.
 *
 * An append is refused once the file was repaired, or can't be: then the error says that what it refused may be in the
 * log, if the process ends before.
 *
 * The file's format is in `log_format.ts`.
 */

import { P2pchatError } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import type { LogRecord } from "../../base/schema/log_records.ts";
import { numberText } from "../../base/text/words.ts";
import {
  type AppendFile,
  type Disk,
  diskError,
  folderOf,
  misplacedError,
  writeAll,
} from "../disk/disk.ts";
import { type FileFormat, LineBuffer } from "../disk/record_line.ts";
import { replaceFile, Replacement, REPLACEMENT_SUFFIX } from "../disk/replacement.ts";
import {
  addRecords,
  headerContent,
  LogBatch,
  numberedContent,
  readLog,
  recordContent,
} from "./log_format.ts";

/** Unsynced bytes after which the log syncs by itself: the most that a power cut loses of appends without sync. */
const UNSYNCED_BYTES_MAX = 1024 * 1024;
/** Characters held in memory for a slow disk before appends are refused: as many as a mesh room keeps. */
const HELD_LENGTH_MAX = 64 * 1024 * 1024;
/** Longest record in characters, each at most 3 bytes: its line fits in `LINE_BYTES_MAX`. */
const RECORD_LENGTH_MAX = 2 * 1024 * 1024;
/**
 * File name suffix of the replacement after a failed sync. A rewrite, which has another suffix, may be in progress
 * too.
 */
const MENDED_SUFFIX = ".mended";

interface AppendLogOptions extends FileFormat {
  /** Called for each record while the log is opened; `OpenedLog.records` is empty then. For large logs. */
  readonly visit?: (record: LogRecord) => void;
}

export interface OpenedLog {
  readonly log: AppendLog;
  /** The records of the log, in order, all synced. */
  readonly records: readonly LogRecord[];
  /** What the user should know: that a torn end was dropped. */
  readonly notices: readonly string[];
}

/**
 * The records that replace the log's content; a function where the caller has something to do before they are read.
 */
export type NewContent<T> = Iterable<T> | (() => Promise<Iterable<T>>);

/** A successor file with all records of a rewrite, and the promise that its caller awaits. */
interface ReadyRewrite {
  readonly successor: LogSuccessor;
  readonly settled: PromiseWithResolvers<void>;
}

/** What has to be repaired before the next write. */
type Fault =
  /** A sync failed, or what was refused can't be cut off, or the file isn't in its place any more: it is given up. */
  | "unsyncable"
  /** A new file is in place, but its folder isn't synced yet. */
  | "folder";

export class AppendLog {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #format: FileFormat;
  #file: AppendFile;
  /** Length and records of the file as written; below, of the part known to be synced. */
  #bytes: number;
  #count: number;
  #syncedBytes: number;
  #syncedCount: number;

  /** Batches not written yet. All batches held here and below are bounded by `HELD_LENGTH_MAX` together. */
  #waiting: LogBatch[] = [];
  #waitingLength = 0;
  /** Batches written whose callers wait for a sync. */
  #unacknowledged: LogBatch[] = [];
  /** Batches refused whose callers wait until the file was repaired, or can't be. */
  #refused: { readonly batches: readonly LogBatch[]; readonly error: unknown }[] = [];
  /** Batches written since the last successful sync began: a new file needs them if the next sync fails. */
  #unsynced: LogBatch[] = [];
  /** Batches appended since a rewrite began, whose records don't include them. */
  #sinceRewrite: { readonly batches: LogBatch[]; length: number } | null = null;

  /** A rewrite that waits to replace the file. */
  #readyRewrite: ReadyRewrite | null = null;
  #fault: Fault | null = null;
  #work: Promise<void> | null = null;
  #closed = false;
  readonly #lines = new LineBuffer();

  private constructor(
    disk: Disk,
    path: string,
    format: FileFormat,
    file: AppendFile,
    content: { readonly bytes: number; readonly count: number },
  ) {
    this.#disk = disk;
    this.#path = path;
    this.#format = format;
    this.#file = file;
    this.#bytes = this.#syncedBytes = content.bytes;
    this.#count = this.#syncedCount = content.count;
  }

  /**
   * Opens and reads the log at `path`; creates it where there is none. Its folder must exist.
   * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` where the file is another store or has
   *   another version; `in-use` or `disk` as `Hold`.
   */
  static async open(disk: Disk, path: string, options: AppendLogOptions): Promise<OpenedLog> {
    const records: LogRecord[] = [];
    const notices: string[] = [];
    await disk.hold?.ensure(path, null);
    await disk.remove(path + REPLACEMENT_SUFFIX);
    await disk.remove(path + MENDED_SUFFIX);
    if (await disk.stat(path) === null) {
      const lines = new LineBuffer();
      lines.add(headerContent(options));
      await replaceFile(disk, path, lines.bytes());
    }
    const visit = options.visit ?? ((record: LogRecord) => void records.push(record));
    const content = await readLog(disk, path, options, visit);
    const file = await disk.openAppend(path);
    try {
      if (content.torn !== null) {
        file.truncate(content.bytes);
        notices.push(
          `Dropped ${numberText(content.torn.bytes)} bytes at the end of ${path}, from line ` +
            `${content.torn.line} on: they were being written when the program or machine stopped`,
        );
      }
      await writeAnew(file, content.syncedBytes);
      await file.syncData();
      await disk.syncFolder(folderOf(path));
    } catch (error) {
      file.close();
      throw error;
    }
    return { log: new AppendLog(disk, path, options, file, content), records, notices };
  }

  /** Number of records in the file. */
  get count(): number {
    return this.#count;
  }

  /** Length of the file in bytes, to decide when to rewrite it. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends records, in the order of the calls.
   * @param options.sync Whether to wait until they are synced (the default). Without it the records are in the file
   *   when the call returns, so that they survive a killed process but perhaps not a power cut. Only while the log
   *   is being repaired or replaced by a rewritten file are they not in it until the promise settles.
   * @returns When they are stored as requested.
   * @throws {P2pchatError} `disk`: all of the records are refused, and the log remains usable; `in-use` where
   *   another program has taken the file's place.
   */
  append(records: readonly LogRecord[], options?: { readonly sync?: boolean }): Promise<void> {
    invariant(!this.#closed, "nothing is appended to a closed log");
    const contents = records.map(recordContent);
    let length = 0;
    for (const content of contents) {
      invariant(content.length <= RECORD_LENGTH_MAX, "a record fits into a line");
      length += content.length;
    }
    const heldLength = this.#heldLength();
    if (heldLength > 0 && heldLength + length > HELD_LENGTH_MAX) {
      return Promise.reject(this.#tooSlow(heldLength));
    }

    const sync = options?.sync ?? true;
    const batch = this.#openBatch(sync);
    for (const content of contents) batch.contents.push(content);
    this.#waitingLength += length;
    if (this.#sinceRewrite !== null) this.#sinceRewrite.length += length;

    const mayWriteNow = this.#fault === null && this.#readyRewrite === null;
    if (!sync && mayWriteNow) this.#writeWaiting();
    this.#wake();
    return batch.done;
  }

  /**
   * Waits until everything appended before the call is synced.
   * @throws {P2pchatError} As `append`.
   */
  sync(): Promise<void> {
    return this.append([]);
  }

  /**
   * Compaction: replaces everything appended before the call by `records`. Appends go on meanwhile, and follow
   * `records` in the new file.
   * @param records Read (or, if a function, called) once the appends before the call are settled, so that refused
   *   ones can be left out.
   * @returns When the new file is durable.
   * @throws {P2pchatError} As `append`: the log keeps its old content.
   */
  async rewrite(records: NewContent<LogRecord>): Promise<void> {
    invariant(!this.#closed, "a closed log isn't rewritten");
    invariant(this.#sinceRewrite === null, "a log is rewritten once at a time");
    this.#sinceRewrite = { batches: [], length: 0 };
    try {
      await Promise.allSettled([...this.#waiting, ...this.#unsynced].map(({ done }) => done));
      const content = typeof records === "function" ? await records() : records;
      const successor = await this.#beginSuccessor(REPLACEMENT_SUFFIX);
      await successor.write(this.#format, content);
      const settled = Promise.withResolvers<void>();
      this.#readyRewrite = { successor, settled };
      this.#wake();
      await settled.promise;
    } finally {
      this.#sinceRewrite = null;
    }
  }

  /**
   * Syncs what is unsynced and closes the file.
   * @throws {P2pchatError} As `append`; the file is closed all the same.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    invariant(this.#sinceRewrite === null, "a log isn't closed while it is rewritten");
    const synced = this.sync();
    this.#closed = true;
    try {
      await synced;
    } finally {
      await this.#work;
      this.#file.close();
    }
  }

  #heldLength(): number {
    const unsynced = this.#bytes - this.#syncedBytes;
    return this.#waitingLength + unsynced + (this.#sinceRewrite?.length ?? 0);
  }

  #tooSlow(heldLength: number): P2pchatError {
    return new P2pchatError(
      "disk",
      `Cannot write ${this.#path}: ${heldLength} characters already wait for the device, at most ` +
        `${HELD_LENGTH_MAX} may; try again when it has caught up`,
    );
  }

  /** The last waiting batch if this append may join it, otherwise a new one. */
  #openBatch(sync: boolean): LogBatch {
    const last = this.#waiting.at(-1);
    // A rewrite doesn't copy batches from before its start, so later appends need a batch of their own.
    const isBeforeRewrite = this.#sinceRewrite !== null &&
      this.#sinceRewrite.batches.at(-1) !== last;
    if (last !== undefined && last.sync === sync && !isBeforeRewrite) return last;
    const batch = new LogBatch(sync);
    this.#waiting.push(batch);
    this.#sinceRewrite?.batches.push(batch);
    return batch;
  }

  #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#unacknowledged.length > 0 ||
      this.#refused.length > 0 || this.#readyRewrite !== null ||
      (this.#fault === null && this.#bytes - this.#syncedBytes > UNSYNCED_BYTES_MAX);
  }

  /** Schedules the pending work after this turn's other appends, so that it includes them. */
  #wake(): void {
    if (this.#hasWork()) this.#work ??= Promise.resolve().then(() => this.#doWork());
  }

  /** Writes and syncs until nobody waits. Disk failures reject the waiting appends. */
  async #doWork(): Promise<void> {
    while (this.#hasWork()) {
      if (await this.#isMended()) {
        if (this.#readyRewrite === null) this.#writeWaiting();
        else if (this.#unacknowledged.length === 0) await this.#changeOver(this.#readyRewrite);
      }
      await this.#syncWritten();
      await this.#isMended(); // a refused record shouldn't stay in the file longer than necessary
    }
    this.#work = null;
  }

  /** Writes all waiting batches at once, or refuses them all. */
  #writeWaiting(): void {
    const batches = this.#waiting;
    this.#waiting = [];
    this.#waitingLength = 0;
    try {
      const syncedAbove = this.#syncedBytes === this.#bytes;
      const count = addRecords(this.#lines, this.#count, syncedAbove, batches);
      writeAll(this.#file, this.#lines.bytes());
      this.#bytes += this.#lines.length;
      this.#count = count;
    } catch (error) {
      this.#cutBack();
      return this.#refuse(batches, error);
    } finally {
      this.#lines.clear();
    }
    for (const batch of batches) {
      batch.state = "written";
      this.#unsynced.push(batch);
      if (batch.sync) this.#unacknowledged.push(batch);
      else batch.accept();
    }
  }

  /** No copy of the file has them; `#isMended` tells their callers. */
  #refuse(batches: readonly LogBatch[], error: unknown): void {
    for (const batch of batches) batch.state = "refused";
    this.#refused.push({ batches, error });
  }

  /** Truncates the bytes of a failed write; if that fails, too, the file is given up. */
  #cutBack(): void {
    try {
      this.#file.truncate(this.#bytes);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.#fault = "unsyncable";
    }
  }

  /** Syncs what is written, if an append waits for that or too much is unsynced. */
  async #syncWritten(): Promise<void> {
    const batches = this.#unacknowledged;
    const [bytes, count, written] = [this.#bytes, this.#count, this.#unsynced.length];
    if (batches.length === 0 && bytes - this.#syncedBytes <= UNSYNCED_BYTES_MAX) return;
    this.#unacknowledged = [];
    try {
      if (this.#closed && !this.#file.isInPlace()) throw misplacedError(this.#path); // the last check
      if (batches.length > 0) this.#file.checkPlace();
      if (bytes > this.#syncedBytes) await this.#file.syncData();
    } catch (error) {
      this.#fault = "unsyncable";
      // The reason why the log can't be repaired is the more useful error.
      const reason = await this.#holdPlace().then(() => error, (refused) => refused);
      this.#refuse([...batches, ...this.#unacknowledged], reason);
      this.#unacknowledged = [];
      return;
    }
    this.#syncedBytes = bytes;
    this.#syncedCount = count;
    this.#unsynced.splice(0, written);
    for (const batch of batches) batch.accept();
  }

  /** Repairs the log if necessary. If that fails, refuses everything that waits and returns false. */
  async #isMended(): Promise<boolean> {
    try {
      await this.#mend();
      this.#tellRefused("");
      return true;
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      const mayCount = this.#file.isInPlace();
      this.#tellRefused(
        mayCount ? ". It can't be taken back there either: it may count after a restart" : "",
      );
      await this.#refuseWaiting(error);
      return false;
    }
  }

  #tellRefused(doubt: string): void {
    for (const { batches, error } of this.#refused.splice(0)) {
      const told = error instanceof P2pchatError && doubt !== ""
        ? new P2pchatError(error.code, error.message + doubt, { cause: error })
        : error;
      for (const batch of batches) batch.refuse(told);
    }
  }

  /** Repairs what a failure left behind. */
  async #mend(): Promise<void> {
    if (this.#fault === "unsyncable") {
      const successor = await this.#beginSuccessor(MENDED_SUFFIX);
      await this.#putInPlace(successor, async () => {
        await successor.copy(this.#file, this.#syncedBytes, this.#syncedCount);
        successor.addBatches(this.#unsynced);
      });
    }
    if (this.#fault === "folder") {
      await this.#disk.syncFolder(folderOf(this.#path));
      this.#fault = null;
    }
  }

  /** Replaces the file by a rewritten one, with the batches appended since the rewrite began. */
  async #changeOver(rewrite: ReadyRewrite): Promise<void> {
    try {
      const batches = this.#sinceRewrite?.batches ?? [];
      await this.#putInPlace(rewrite.successor, () => rewrite.successor.addBatches(batches));
      await this.#mend();
      rewrite.settled.resolve();
    } catch (error) {
      rewrite.settled.reject(error);
    } finally {
      this.#readyRewrite = null;
    }
  }

  /** Checks that the file at the path, if any, may be replaced: another program's mustn't be. */
  async #holdPlace(): Promise<void> {
    await this.#disk.hold?.ensure(this.#path, this.#file);
  }

  async #beginSuccessor(suffix: string): Promise<LogSuccessor> {
    await this.#holdPlace();
    return await LogSuccessor.begin(this.#disk, this.#path, suffix);
  }

  /** Completes a successor, puts it in place and continues with it. Its folder still has to be synced. */
  async #putInPlace(successor: LogSuccessor, complete: () => void | Promise<void>): Promise<void> {
    let file: AppendFile;
    try {
      await complete();
      await this.#holdPlace(); // another program may have created a file there since the successor was begun
      file = await successor.putInPlace();
    } catch (error) {
      await successor.abandon();
      throw error;
    }
    this.#file.close();
    this.#file = file;
    this.#bytes = this.#syncedBytes = successor.bytes;
    this.#count = this.#syncedCount = successor.count;
    this.#unsynced = [];
    this.#fault = "folder";
  }

  async #refuseWaiting(error: P2pchatError): Promise<void> {
    for (const batch of this.#waiting) batch.refuse(error);
    this.#waiting = [];
    this.#waitingLength = 0;
    const rewrite = this.#readyRewrite;
    this.#readyRewrite = null;
    await rewrite?.successor.abandon();
    rewrite?.settled.reject(error);
  }
}

/**
 * Overwrites the bytes from `from` on with themselves, which makes their pages dirty again. Bytes that a killed
 * process wrote may exist only in the page cache: if its sync failed, the pages are marked clean, and a further
 * sync would do nothing although readers rely on them.
 */
export async function writeAnew(file: AppendFile, from: number): Promise<void> {
  let at = from;
  for await (const chunk of file.readChunks({ from })) {
    file.overwrite(at, chunk);
    at += chunk.length;
  }
}

// A new file that replaces a log: after a rewrite, or after a failed sync.

/** Bytes that a rewrite writes before it lets other tasks run: some ms of work. */
const PIECE_BYTES = 256 * 1024;

class LogSuccessor {
  readonly #lines = new LineBuffer();
  #bytes = 0;
  #count = 0;

  private constructor(
    readonly path: string,
    readonly replacement: Replacement,
  ) {}

  /** Begins a file beside the log at `path`, with `suffix` appended to its name. */
  static async begin(disk: Disk, path: string, suffix: string): Promise<LogSuccessor> {
    return new LogSuccessor(path, await Replacement.begin(disk, path, suffix));
  }

  /** Length in bytes; below, number of records. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Writes header and records, in pieces between which other tasks run.
   * @throws {P2pchatError} `disk`; the file is abandoned then.
   */
  async write(format: FileFormat, records: Iterable<LogRecord>): Promise<void> {
    const lines = this.#lines;
    try {
      lines.add(headerContent(format));
      for (const record of records) {
        const syncedAbove = lines.length === 0;
        lines.add(numberedContent(++this.#count, syncedAbove, recordContent(record)));
        if (lines.length < PIECE_BYTES) continue;
        this.#writeLines();
        await this.replacement.sync();
      }
      this.#writeLines();
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  /**
   * Copies the first `bytes` of the log, which hold `count` records, from its open file, since its name may be
   * gone.
   * @throws {P2pchatError} `disk`.
   */
  async copy(file: AppendFile, bytes: number, count: number): Promise<void> {
    for await (const chunk of file.readChunks()) {
      if (this.#bytes === bytes) break;
      const piece = chunk.subarray(0, bytes - this.#bytes);
      this.replacement.write(piece);
      this.#bytes += piece.length;
    }
    if (this.#bytes < bytes) {
      throw diskError("read", this.path, new Error("it is shorter than what was synced"));
    }
    this.#count = count;
  }

  /**
   * Adds the batches that were written to the log and not refused. Their `+` marks, which say that everything above
   * is synced, may be kept: that is true once this file has the log's name.
   * @throws {P2pchatError} `disk`.
   */
  addBatches(batches: readonly LogBatch[]): void {
    const written = batches.filter((batch) => batch.state === "written");
    this.#count = addRecords(this.#lines, this.#count, true, written);
    this.#writeLines();
  }

  /** As `Replacement.putInPlace`. */
  putInPlace(): Promise<AppendFile> {
    return this.replacement.putInPlace();
  }

  /** As `Replacement.abandon`. */
  abandon(): Promise<void> {
    return this.replacement.abandon();
  }

  #writeLines(): void {
    this.replacement.write(this.#lines.bytes());
    this.#bytes += this.#lines.length;
    this.#lines.clear();
  }
}
