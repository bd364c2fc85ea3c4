/**
 * The log of a group in its file (`group_log_lines.ts` has the form): opened, gone on with, read in parts.
 *
 * Nothing here is synced unless `sync` is called: what the log lacks after a power cut is held elsewhere until then
 * (`group_store.ts`).
 */

import { Buffer } from "node:buffer";
import { type Crypto, utf8 } from "../base/crypto.ts";
import { dateText } from "../base/dates.ts";
import { P2pchatError } from "../base/errors.ts";
import type { Hash } from "../base/ids.ts";
import { invariant } from "../base/invariant.ts";
import type { EntryView } from "../protocols/group/events.ts";
import {
  type Batch,
  batchBytes,
  emptyDigest,
  type Entry,
  entryId,
  HistoryEnd,
  type SignedBatch,
} from "../protocols/group/history.ts";
import type { HistoryRead } from "../protocols/group/member_io.ts";
import type { NewLogRecord } from "../protocols/group/records.ts";
import {
  batchLines,
  BatchReader,
  type FirstLine,
  firstLine,
  type LoggedBatch,
} from "../runtime/group_log_lines.ts";
import { writeAnew } from "../store/append_log.ts";
import {
  type AppendFile,
  corruptError,
  type Disk,
  type DiskLock,
  folderOf,
  writeAll,
} from "../store/disk.ts";
import { replaceFile, Replacement, REPLACEMENT_SUFFIX } from "../store/replacement.ts";
import { foreignError, inUseError, versionError } from "./group_log_errors.ts";
import { GroupLogIndex } from "./group_log_index.ts";
import {
  firstBytes,
  type LogFault,
  type LogScan,
  readRange,
  scanGroupLog,
  type ScannedBatch,
} from "./group_log_scan.ts";

export interface GroupLogPorts {
  readonly disk: Disk;
  readonly crypto: Crypto;
  /** Of this process, for whoever wants the log meanwhile. */
  readonly pid: number;
  /** For the names of files that are set aside. */
  wallMs(): number;
}

export interface OpenedGroupLog {
  readonly log: GroupLog;
  /** Who said the last entry. */
  readonly last: { readonly from: string; readonly sentAt: number } | null;
  /** What was found in the file and mended, in sentences. */
  readonly notices: readonly string[];
}

/** An entry of the file. */
export interface LoggedEntry {
  readonly seq: number;
  readonly batch: Batch;
  readonly index: number;
}

/** A text that is escaped takes more in the file, but then a read is shorter and not wrong. */
const FILE_BYTES_PER_BYTE = 2;
/** Of the file that are in memory at a time when all of it is read. */
const PIECE_BYTES = 256 * 1_024;

export class GroupLog {
  readonly #index = new GroupLogIndex();
  #file: AppendFile | null = null;
  #end: HistoryEnd | null = null;
  #bytes = 0;
  /** Counts the files that have had this name. */
  #generation = 0;

  private constructor(
    readonly ports: GroupLogPorts,
    readonly path: string,
    readonly lock: DiskLock,
  ) {}

  /**
   * Opens the log at `path`, an absolute one without links, in a folder that exists. Where there is none it has no
   * end, and `startAnew` makes it. One that is damaged is set aside, and its good part kept.
   * @param certainThrough Where it was synced up to. Damage behind that is what was being written when the machine
   *     stopped, and is dropped. Null: nothing is known.
   * @throws {P2pchatError} `in-use`; `bad-file` where it is something else, or of a newer version; `disk`.
   */
  static async open(
    ports: GroupLogPorts,
    path: string,
    certainThrough: number | null,
  ): Promise<OpenedGroupLog> {
    // Before there is a lock beside it: what is refused is left as it was, and so is its folder.
    await refuseForeign(ports, path);
    const lock = await ports.disk.tryLock(`${path}.lock`, `${ports.pid}\n`);
    if ("heldBy" in lock) throw inUseError(path, lock);
    const log = new GroupLog(ports, path, lock);
    try {
      return { log, ...await log.#load(certainThrough ?? Infinity) };
    } catch (error) {
      log.close();
      throw error;
    }
  }

  /** How far it goes; null where there is no log. Only to be read. */
  get end(): HistoryEnd | null {
    return this.#end;
  }

  /**
   * Adds batches in one write, unsynced.
   * @param known The entries of each, where their digests were computed already.
   * @throws {P2pchatError} `disk`: then nothing more can be added, and the file is as it was.
   */
  append(
    batches: readonly SignedBatch[],
    known: readonly (readonly Entry[] | undefined)[] = [],
  ): void {
    if (batches.length === 0) return;
    const [end, file] = [this.#end, this.#file];
    invariant(end !== null && file !== null, "a log is begun before anything is added to it");
    const added: { readonly lines: Uint8Array; readonly end: number }[] = [];
    for (const [index, batch] of batches.entries()) {
      const fault = end.fault(batch);
      invariant(fault === null, `a log goes on without gaps: ${fault}`);
      const entries = known[index] ?? end.append(batch);
      if (entries === known[index]) appendKnown(end, batch, entries);
      added.push({ lines: batchLines(batch, entries), end: end.position });
    }
    try {
      writeAll(file, Buffer.concat(added.map(({ lines }) => lines)));
    } catch (error) {
      cutBack(file, this.#bytes);
      throw error;
    }
    for (const { lines, end } of added) {
      this.#index.add(this.#bytes, end);
      this.#bytes += lines.length;
    }
  }

  /** Forces what was added before the call onto the device. @throws {P2pchatError} `disk`. */
  async sync(): Promise<void> {
    await this.#file?.syncData();
  }

  /**
   * Begins a new log, durable when it returns; the file is set aside where it has entries.
   * @returns What the user should know of that, in a sentence.
   * @throws {P2pchatError} `disk`.
   */
  async startAnew(group: Hash, because: NewLogRecord["because"]): Promise<string | null> {
    const { disk, crypto } = this.ports;
    const hasEntries = this.#index.count > 0;
    this.#forget();
    const aside = hasEntries ? await this.#setAside() : null;
    const bytes = utf8(firstLine(crypto, group));
    await replaceFile(disk, this.path, bytes);
    await this.#goOn({ end: new HistoryEnd(crypto, group), goodBytes: bytes.length });
    return aside === null ? null : `${this.path} ${ANEW_TEXT[because ?? "unlike"]}: it was set ` +
      `aside as ${aside}, and the log of the group comes in its place`;
  }

  /**
   * Whole batches behind a position, at most so many bytes, but one at least where there is one.
   * @throws {P2pchatError} `store-corrupt` where the file was changed meanwhile; `disk`.
   */
  async read(after: number, bytesMax: number): Promise<HistoryRead> {
    const [index, end] = [this.#index, this.#end];
    const from = index.batchAfter(after);
    if (end === null || after > end.position || index.start(from) !== after) return NOTHING;
    // The batch before has the digest at this position in its last line.
    const first = Math.max(from - 1, 0);
    const offset = index.offset(from, this.#bytes) + FILE_BYTES_PER_BYTE * bytesMax;
    const to = Math.max(index.batchFrom(offset), Math.min(from + 1, index.count));
    const logged = await this.#batches(first, to);
    if (logged === null) return NOTHING;
    const digest = from === 0 ? emptyDigest(end.crypto, end.group) : logged[0]!.digest;
    return { batches: this.#within(logged.slice(from - first), bytesMax), digest };
  }

  /** The last entries, so many or all. @throws {P2pchatError} As `read`. */
  async tail(count: number): Promise<readonly EntryView[]> {
    const position = this.#end?.position ?? 0;
    const entries: LoggedEntry[] = [];
    for await (const piece of this.entries(Math.max(0, position - count))) entries.push(...piece);
    const { crypto } = this.ports;
    return entries.slice(Math.max(0, entries.length - count)).map(({ seq, batch, index }) => ({
      seq,
      id: entryId(crypto, batch, index),
      from: batch.name,
      text: batch.texts[index]!,
      edits: 0,
      sentAt: dateText(batch.sentAt),
    }));
  }

  /**
   * The entries in the file when the call begins, piece by piece: at `after` none of them, from the batch on that
   * ends behind it.
   * @throws {P2pchatError} As `read`.
   */
  async *entries(after = 0): AsyncIterable<readonly LoggedEntry[]> {
    const { count } = this.#index;
    const bytes = this.#bytes;
    for (let from = this.#index.batchAfter(after); from < count;) {
      const offset = this.#index.offset(from, bytes) + PIECE_BYTES;
      const to = Math.min(Math.max(from + 1, this.#index.batchFrom(offset)), count);
      const logged = await this.#batches(from, to);
      if (logged === null) return;
      yield logged.flatMap((one) => {
        const batch = this.#checked(one, () => one.batch());
        return batch.texts.map((_, index) => ({ seq: one.seq + index, batch, index }));
      });
      from = to;
    }
  }

  /** Lets go of the file. Nothing is synced by that. */
  close(): void {
    this.#file?.close();
    this.#file = null;
    this.lock.release();
  }

  async #load(certainThrough: number): Promise<Omit<OpenedGroupLog, "log">> {
    const { disk, crypto } = this.ports;
    await disk.remove(this.path + REPLACEMENT_SUFFIX);
    const scan = await scanGroupLog(disk, this.path, { crypto, visit: this.#visit });
    const { first, end, fault, last } = scan;
    if (first === null) return { last: null, notices: [] };
    refuseFirstLine(this.path, first);
    const said = last && this.#checked(last, () => ({ from: last.name, sentAt: last.sentAt }));
    if (fault === null) {
      await this.#goOn(scan);
      return { last: said, notices: [] };
    }
    const isUnsynced = fault.isTorn || (end !== null && end.position >= certainThrough);
    const notice = isUnsynced ? await this.#drop(scan, fault) : await this.#replace(scan, fault);
    return { last: said, notices: [notice] };
  }

  readonly #visit = ({ logged, offset }: ScannedBatch): null => {
    this.#index.add(offset, this.#index.start(this.#index.count) + logged.count);
    return null;
  };

  /** Goes on with the good part of the file. */
  async #goOn({ end, goodBytes }: Pick<LogScan, "end" | "goodBytes">): Promise<void> {
    this.#file = await this.ports.disk.openAppend(this.path);
    this.#end = end;
    this.#bytes = goodBytes;
    this.#generation++;
  }

  /** Cuts off what was being written. @returns What the user should know. */
  async #drop(scan: LogScan, { line }: LogFault): Promise<string> {
    await this.#goOn(scan);
    this.#file!.truncate(scan.goodBytes);
    return `Dropped ${scan.bytes - scan.goodBytes} bytes at the end of ${this.path}, from line ` +
      `${line} on: they were being written when the program or machine stopped`;
  }

  /** Sets the file aside, its good part takes its place. @returns What the user should know. */
  async #replace(scan: LogScan, { line, found }: LogFault): Promise<string> {
    const { disk } = this.ports;
    let aside: string;
    if (scan.end === null) aside = await this.#setAside();
    else {
      const replacement = await Replacement.begin(disk, this.path);
      try {
        for await (const chunk of firstBytes(disk.readChunks(this.path), scan.goodBytes)) {
          replacement.write(chunk);
        }
        await replacement.sync();
        aside = await this.#setAside();
        (await replacement.putInPlace()).close();
      } catch (error) {
        await replacement.abandon();
        throw error;
      }
      await disk.syncFolder(folderOf(this.path));
      await this.#goOn(scan);
    }
    const kept = scan.end?.seq ?? 0;
    const entries = kept === 1 ? "the entry before it is" : `the ${kept} entries before it are`;
    return `Line ${line} of ${this.path} is damaged, ${found}: the file was set aside as ${aside}, ` +
      `${kept === 0 ? "nothing of it is" : entries} kept, and the group is asked for the rest`;
  }

  /** @returns The file's new name. */
  async #setAside(): Promise<string> {
    const { disk } = this.ports;
    const time = dateText(this.ports.wallMs()).replace(/[-:]|\.\d+/g, "");
    const name = `${this.path}.damaged-${time}`;
    let free = name;
    for (let n = 2; await disk.stat(free) !== null; n++) free = `${name}-${n}`;
    await disk.rename(this.path, free);
    await disk.syncFolder(folderOf(this.path));
    return free;
  }

  #forget(): void {
    this.#file?.close();
    this.#file = null;
    this.#end = null;
    this.#index.clear();
    this.#generation++;
  }

  /** Writes what is behind `position` over itself and syncs it: an earlier sync may have failed unseen. */
  async secure(position: number): Promise<void> {
    const index = this.#index.batchAfter(position);
    if (index === this.#index.count) return;
    await writeAnew(this.ports.disk, this.path, this.#index.offset(index, this.#bytes));
    await this.sync();
  }

  /** Batches `from` to `to`, the last one excluded; null where the log began anew meanwhile. */
  async #batches(from: number, to: number): Promise<readonly LoggedBatch[] | null> {
    if (from >= to) return [];
    const [generation, group] = [this.#generation, this.#end!.group];
    const [start, end] = [from, to].map((at) => this.#index.offset(at, this.#bytes));
    const reader = new BatchReader(group, this.#index.start(from) + 1);
    const bytes = await readRange(this.ports.disk, this.path, start!, end!);
    if (generation !== this.#generation) return null;
    const found: LoggedBatch[] = [];
    let line = reader.seq + 1;
    try {
      for (let at = 0; at < bytes.length; line++) {
        const feed = bytes.indexOf(LINE_FEED, at);
        if (feed < 0) throw new TypeError("its end is missing");
        const batch = reader.add(bytes, at, feed);
        if (batch !== null) found.push(batch);
        at = feed + 1;
      }
      if (found.length !== to - from) throw new TypeError("lines are missing");
    } catch (error) {
      throw this.#corrupt(error, line);
    }
    return found;
  }

  /** As many as fit, the first in any case. */
  #within(logged: readonly LoggedBatch[], bytesMax: number): readonly SignedBatch[] {
    const batches: SignedBatch[] = [];
    let bytes = 0;
    for (const one of logged) {
      const batch = this.#checked(one, () => one.signed());
      bytes += batchBytes(batch);
      if (bytes > bytesMax && batches.length > 0) break;
      batches.push(batch);
    }
    return batches;
  }

  /** What is read of a batch whose checksum fits; somebody may have made that. */
  #checked<T>({ seq, count }: LoggedBatch, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#corrupt(error, seq + count);
    }
  }

  #corrupt(error: unknown, line: number): unknown {
    if (!(error instanceof TypeError)) return error;
    return corruptError(this.path, line, error.message);
  }
}

/** @throws {P2pchatError} `bad-file` where something else is at `path`, or a log of a newer version. */
async function refuseForeign({ disk, crypto }: GroupLogPorts, path: string): Promise<void> {
  const kind = (await disk.stat(path))?.kind ?? "file";
  if (kind !== "file") throw foreignError(path, "it is no file");
  const between = () => Promise.resolve(false); // the first piece has the first line
  const { first } = await scanGroupLog(disk, path, { crypto, between });
  if (first !== null) refuseFirstLine(path, first);
}

function refuseFirstLine(path: string, first: FirstLine): void {
  if (first.kind === "version") throw versionError(path, first.version);
  if (first.kind === "foreign") throw foreignError(path, "it isn't the log of a group");
}

/** Takes the bytes of a failed write off the file; what stays of them the next opening drops. */
function cutBack(file: AppendFile, bytes: number): void {
  try {
    file.truncate(bytes);
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
  }
}

const LINE_FEED = 0x0a;
const NOTHING: HistoryRead = { batches: [], digest: null };

/** Part of a sentence about the file. */
const ANEW_TEXT = {
  damaged: "is damaged",
  foreign: "is the log of another group",
  unlike: "differs from the log of the group",
} as const;

/** Goes on to digests that were computed once. */
function appendKnown(
  end: HistoryEnd,
  { batch: { value } }: SignedBatch,
  entries: readonly Entry[],
): void {
  const { author, incarnation, counter, texts } = value;
  invariant(entries[0]?.seq === end.seq + 1, "a log's entries are numbered without gaps");
  const spoken = { incarnation: incarnation.toHex(), through: counter + texts.length - 1 };
  end.appendKnown(author, spoken, texts.length, entries.at(-1)!.digest);
}
