/**
 * An append-only log of records in a text file, synced in groups.
 *
 * In order of the calls, records are written and become durable: all appends that wait while a sync is
 * under way go out in one write and one sync. So one alone waits for one sync, and a hundred at once wait
 * for two at most.
 *
 * When the disk fails:
 * - A write that fails or falls short (a full disk): the file is cut back to its last good record, the
 *   append is refused with `disk`, and the next one tries again.
 * - A sync that fails: Linux may have dropped what couldn't be written and marked it clean, so that a
 *   second sync would succeed and prove nothing (Rebello et al., USENIX ATC 2020). The file isn't used
 *   any more: what is known to be synced, and from memory those later records that nobody was told had failed,
 *   go into a new file, which takes its place. Until that succeeds every append is refused.
 * - A file that was removed or replaced while the program runs (the folder, too): what is synced into it no start
 *   finds. It is given up in the same way, before anybody is told that something is stored.
 *   What another program has begun there meanwhile is left to it (`Disk.hold`): then every append is refused.
 * A refused record is in the log only if the process ends before the file could be brought back.
 *
 * The file's form is in `log_format.ts`.
 */

import { numberText } from "../base/counts.ts";
import { P2pchatError } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { type AppendFile, type Disk, folderOf, misplacedError, writeAll } from "./disk.ts";
import type { FileFormat } from "./format_header.ts";
import { addRecords, Batch } from "./log_batch.ts";
import { headerContent, type LogRecord, readLog, recordContent } from "./log_format.ts";
import { LogSuccessor } from "./log_successor.ts";
import { LineBuffer } from "./record_line.ts";
import { replaceFile, REPLACEMENT_SUFFIX } from "./replacement.ts";

export type { LogRecord } from "./log_format.ts";

/** Written bytes that may be unsynced before the log syncs by itself: what a power cut takes at most. */
const UNSYNCED_BYTES_MAX = 1024 * 1024;
/** Characters kept for a disk that doesn't keep up, before appends are refused: all a mesh room keeps. */
const HELD_LENGTH_MAX = 64 * 1024 * 1024;
/** Longest record in characters, which are 3 bytes at most: fits `LINE_BYTES_MAX`. */
const RECORD_LENGTH_MAX = 2 * 1024 * 1024;
/** Ends the name of a replacement after a failed sync: a rewrite may be under way at the same time. */
const MENDED_SUFFIX = ".mended";

export interface AppendLogOptions extends FileFormat {
  /** Gets each record while the log is opened; then `OpenedLog.records` stays empty. For large logs. */
  readonly visit?: (record: LogRecord) => void;
}

export interface OpenedLog {
  readonly log: AppendLog;
  /** What the log holds, in order, all of it synced. */
  readonly records: readonly LogRecord[];
  /** What the user should know: that a torn end was dropped. */
  readonly notices: readonly string[];
}

/** What a log is to hold from now on; a function where something is to be done before it may. */
export type NewContent<T> = Iterable<T> | (() => Promise<Iterable<T>>);

/** A successor with all records of a rewrite, and the promise that its caller waits for. */
interface ReadyRewrite {
  readonly successor: LogSuccessor;
  readonly settled: PromiseWithResolvers<void>;
}

/** What has to be set right before the next write. */
type Fault =
  /** Bytes of a failed write are behind the last record. */
  | "tail"
  /** A sync failed, or would be of a file that isn't in its place any more: the file is given up. */
  | "unsyncable"
  /** A new file is in place; that isn't synced. */
  | "folder";

export class AppendLog {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #format: FileFormat;
  #file: AppendFile;
  /** What is written, and what of it is known to be synced. */
  #bytes: number;
  #count: number;
  #syncedBytes: number;
  #syncedCount: number;

  /** Not written yet. This and the next three are bounded by `HELD_LENGTH_MAX` together. */
  #waiting: Batch[] = [];
  #waitingLength = 0;
  /** Written; those who appended wait for a sync. */
  #unacknowledged: Batch[] = [];
  /** Written since the last good sync began: what a new file needs when the next one fails. */
  #unsynced: Batch[] = [];
  /** What was appended since a rewrite began, whose records don't include it. */
  #sinceRewrite: { readonly batches: Batch[]; length: number } | null = null;

  /** A rewrite that waits for its turn to take the file's place. */
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
   * Opens the log at `path` and reads it; makes it where there is none. Its folder must exist.
   * @throws {P2pchatError} `store-corrupt` with file and line; `bad-file` where it is another store or
   *     has another version; `in-use` or `disk` as `Hold`.
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
      await writeAnew(disk, path, content.syncedBytes);
      await file.syncData();
      await disk.syncFolder(folderOf(path));
    } catch (error) {
      file.close();
      throw error;
    }
    return { log: new AppendLog(disk, path, options, file, content), records, notices };
  }

  /** Records in the file. */
  get count(): number {
    return this.#count;
  }

  /** Length of the file, for whoever decides when to rewrite it. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends records, in the order of the calls.
   * @param options.sync Whether to wait until they are synced (the default). Without, they are in the
   *     file when the call returns, where a killed process leaves them and a power cut may not; only
   *     while the log is being mended or changes over to a rewritten file does that take until the
   *     promise is settled.
   * @returns When they are stored as asked.
   * @throws {P2pchatError} `disk`: the records are refused, all of them, and the log goes on; `in-use` where another
   *     program has taken its place.
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
   * Waits until all that was appended before the call is synced.
   * @throws {P2pchatError} As `append`.
   */
  sync(): Promise<void> {
    return this.append([]);
  }

  /**
   * Replaces what was appended before the call by `records`: compaction. Appends go on meanwhile as
   * ever, and follow `records` in the new file.
   * @param records Read once the appends before the call are settled, so that those refused can be left
   *     out; a function is called then.
   * @returns When the new file is durable.
   * @throws {P2pchatError} As `append`: the log goes on with all that it had.
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

  /** The last waiting batch where this append may join it, else a new one. */
  #openBatch(sync: boolean): Batch {
    const last = this.#waiting.at(-1);
    // What was appended before a rewrite began isn't carried over, so it has batches of its own.
    const isBeforeRewrite = this.#sinceRewrite !== null &&
      this.#sinceRewrite.batches.at(-1) !== last;
    if (last !== undefined && last.sync === sync && !isBeforeRewrite) return last;
    const batch = new Batch(sync);
    this.#waiting.push(batch);
    this.#sinceRewrite?.batches.push(batch);
    return batch;
  }

  #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#unacknowledged.length > 0 ||
      this.#readyRewrite !== null ||
      (this.#fault === null && this.#bytes - this.#syncedBytes > UNSYNCED_BYTES_MAX);
  }

  /** Has the work done that there is, after this turn's other appends, so that they are part of it. */
  #wake(): void {
    if (this.#hasWork()) this.#work ??= Promise.resolve().then(() => this.#doWork());
  }

  /** Writes and syncs until nobody waits. A disk that fails is told to those who do. */
  async #doWork(): Promise<void> {
    while (this.#hasWork()) {
      if (await this.#isMended()) {
        if (this.#readyRewrite === null) this.#writeWaiting();
        else if (this.#unacknowledged.length === 0) await this.#changeOver(this.#readyRewrite);
      }
      await this.#syncWritten();
      await this.#isMended(); // what was refused shouldn't stay in the file for longer than it must
    }
    this.#work = null;
  }

  /** Writes all that waits in one piece, or refuses it. */
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
      for (const batch of batches) batch.refuse(error);
      return;
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

  /** Takes the bytes of a failed write off the file, now or before the next write. */
  #cutBack(): void {
    try {
      this.#file.truncate(this.#bytes);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.#fault ??= "tail";
    }
  }

  /** Syncs what is written, if that is due. */
  async #syncWritten(): Promise<void> {
    const batches = this.#unacknowledged;
    const [bytes, count, written] = [this.#bytes, this.#count, this.#unsynced.length];
    if (batches.length === 0 && bytes - this.#syncedBytes <= UNSYNCED_BYTES_MAX) return;
    this.#unacknowledged = [];
    try {
      if (this.#closed && !this.#file.isInPlace()) throw misplacedError(this.#path); // the last look
      if (batches.length > 0) this.#file.checkPlace();
      if (bytes > this.#syncedBytes) await this.#file.syncData();
    } catch (error) {
      this.#fault = "unsyncable";
      // What keeps the log from being mended says more.
      const reason = await this.#holdPlace().then(() => error, (refused) => refused);
      for (const batch of [...batches, ...this.#unacknowledged]) batch.refuse(reason);
      this.#unacknowledged = [];
      return;
    }
    this.#syncedBytes = bytes;
    this.#syncedCount = count;
    this.#unsynced.splice(0, written);
    for (const batch of batches) batch.accept();
  }

  /** Mends the log if it needs that; where it can't be mended now, all that waits is refused. */
  async #isMended(): Promise<boolean> {
    try {
      await this.#mend();
      return true;
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      await this.#refuseWaiting(error);
      return false;
    }
  }

  /** Sets right what a failure left behind. */
  async #mend(): Promise<void> {
    if (this.#fault === "tail") {
      this.#file.truncate(this.#bytes);
      this.#fault = null;
    }
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

  /** Lets a rewritten file take the old one's place, with what was appended since it was begun. */
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

  /** Whose file the name now stands for: another program's is none to be replaced. */
  async #holdPlace(): Promise<void> {
    await this.#disk.hold?.ensure(this.#path, this.#file);
  }

  async #beginSuccessor(suffix: string): Promise<LogSuccessor> {
    await this.#holdPlace();
    return await LogSuccessor.begin(this.#disk, this.#path, suffix);
  }

  /** Finishes a successor and goes on with it; the folder is still to be synced. */
  async #putInPlace(successor: LogSuccessor, complete: () => void | Promise<void>): Promise<void> {
    let file: AppendFile;
    try {
      await complete();
      await this.#holdPlace(); // somebody may have begun there since the successor was
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
 * Writes the bytes from `from` on over themselves. What a killed process wrote may be in the page cache
 * alone, and if its sync had failed, another would do nothing, while whoever reads it relies on it.
 */
export async function writeAnew(disk: Disk, path: string, from: number): Promise<void> {
  let at = from;
  for await (const chunk of disk.readChunks(path, { from })) {
    await disk.overwrite(path, at, chunk);
    at += chunk.length;
  }
}
