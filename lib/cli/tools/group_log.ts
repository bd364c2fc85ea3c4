/**
 * The log of a group in its file (`group_log_lines.ts` defines the format): opening, appending, reading parts.
 *
 * Nothing here is synced unless `sync` is called: `group_store.ts` decides when, as it knows what is stored
 * elsewhere.
 */

import { changeBy } from "../../protocols/group/schema/edit.ts";
import { Buffer } from "node:buffer";
import { numberText } from "../../base/text/words.ts";
import { type Crypto, utf8 } from "../../base/crypto/crypto.ts";
import { MalformedError, P2pchatError } from "../../base/errors.ts";
import type { RequestId } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { EntryView } from "../../protocols/group/schema/events.ts";
import { type Founding, groupIdOf } from "../../protocols/group/schema/founding.ts";
import {
  HistoryEnd,
  lastCounter,
  type Placed,
  placesIn,
  type SignedBatch,
} from "../../protocols/group/schema/history.ts";
import type { NameOf } from "../../protocols/group/log/entry_delivery.ts";
import type { HistoryRead, LastSaid } from "../../protocols/group/schema/member_io.ts";
import type { NewLogRecord } from "../../protocols/group/schema/records.ts";
import type { EntryLog, EntryWithEdits, LoggedItem } from "../../runtime/entry_feed.ts";
import {
  batchLines,
  type FirstLine,
  firstLine,
  type LoggedBatch,
} from "../../runtime/records/group_log_lines.ts";
import { writeAnew } from "../../store/log/append_log.ts";
import {
  type AppendFile,
  corruptError,
  type Disk,
  folderOf,
  writeAll,
} from "../../store/disk/disk.ts";
import { HeldLock } from "../../store/disk/held_lock.ts";
import { asideNames, DAMAGED_INFIX, Replacement } from "../../store/disk/replacement.ts";
import {
  asidesError,
  firstBytes,
  foreignError,
  inUseError,
  type LogFault,
  type LogScan,
  scanGroupLog,
  type ScannedBatch,
  type ScanOptions,
  versionError,
} from "./group_log_scan.ts";
import { GroupLogIndex, indexing } from "./group_log_index.ts";
import { GroupLogReader, NOTHING } from "./group_log_reader.ts";

export interface GroupLogPorts {
  readonly disk: Disk;
  readonly crypto: Crypto;
  /** The id of this process, shown to whoever wants the log meanwhile. */
  readonly pid: number;
  /** The wall time at which this process started, for the names of files set aside. */
  readonly startedMs: number;
}

interface OpenedGroupLog {
  readonly log: GroupLog;
  /** The author of the last entry. */
  readonly last: LastSaid | null;
  /** Problems found in the file and repaired, in sentences. */
  readonly notices: readonly string[];
}

export class GroupLog implements EntryLog {
  #file: AppendFile | null = null;
  #end: HistoryEnd | null = null;
  /** The reader of the same log. */
  #reader: GroupLogReader | null = null;

  private constructor(
    readonly ports: GroupLogPorts,
    readonly path: string,
    readonly lock: HeldLock,
  ) {}

  /**
   * Opens the log at `path`, which is absolute and without links, in an existing folder. Where there is no file,
   * `end` is null, and `startAnew` creates the log. A damaged file is set aside, and its good part kept.
   * @param certainThrough The position up to which the log was synced. Missing bytes after it were being written
   *   when the machine stopped, and are dropped. Null: not known.
   * @param wasLog Whether a log was at this path before: a file that isn't a log is then a damaged one, not
   *   somebody's file.
   * @param check The fault of each batch, as part of a sentence, of a log that may be anybody's: what is shown of it
   *   must be true. The program's own log isn't checked at each start.
   * @throws {P2pchatError} `in-use`; `bad-file` where the file isn't a log, or is of a newer version; `disk`.
   */
  static async open(
    ports: GroupLogPorts,
    path: string,
    certainThrough: number | null,
    wasLog: boolean,
    check: ScanOptions["visit"] | null = null,
  ): Promise<OpenedGroupLog> {
    // Before the lock file is created: a refused file and its folder stay as they were.
    await refuseForeign(ports, path, wasLog);
    const log = new GroupLog(ports, path, await lockLog(ports, path));
    try {
      return { log, ...await log.#load(certainThrough ?? Infinity, wasLog, check) };
    } catch (error) {
      log.close();
      throw error;
    }
  }

  /** The end of the history in the log, read-only; null where there is no log. */
  get end(): HistoryEnd | null {
    return this.#end;
  }

  /**
   * Appends batches in one write, unsynced.
   * @param known The places and digests of each batch, if computed already.
   * @throws {P2pchatError} `disk`: nothing more can be appended then, and the file is as it was.
   */
  append(
    batches: readonly SignedBatch[],
    known: readonly (Placed | undefined)[] = [],
  ): void {
    if (batches.length === 0) return;
    const [end, file, reader] = [this.#end, this.#file, this.#reader];
    invariant(
      end !== null && file !== null && reader !== null,
      "a log is begun before anything is added to it",
    );
    const added = batches.map((batch, index) => {
      const fault = end.fault(batch);
      invariant(fault === null, `a log goes on without gaps: ${fault}`);
      const placed = known[index];
      if (placed === undefined) return batchLines(batch, end.append(batch));
      appendKnown(end, batch, placed);
      return batchLines(batch, placed);
    });
    try {
      writeAll(file, Buffer.concat(added));
    } catch (error) {
      cutBack(file, reader.bytes);
      throw error;
    }
    added.forEach((lines, index) => reader.added(batches[index]!.batch.value, lines.length));
  }

  /** Syncs everything appended before the call. @throws {P2pchatError} `disk`. */
  async sync(): Promise<void> {
    await this.#file?.syncData();
  }

  /** As `AppendFile.checkPlace`; does nothing where there is no log. */
  checkPlace(): void {
    this.#file?.checkPlace();
  }

  /**
   * Restores a log that was removed or replaced; durable when it returns.
   * @throws {P2pchatError} `in-use` where another program has its log there now; `disk`.
   */
  async putBack(): Promise<void> {
    const [file, reader] = [this.#file, this.#reader];
    if (file === null || reader === null || file.isInPlace()) return;
    await this.lock.ensure(this.path, file);
    const { disk } = this.ports;
    this.#file = await replaced(disk, this.path, firstBytes(file.readChunks(), reader.bytes));
    reader.movedTo(this.#file);
    file.close();
    await disk.syncFolder(folderOf(this.path));
  }

  /**
   * Begins a new log, durable when it returns; the old file is set aside if it has entries.
   * @returns A notice about that in a sentence, or null.
   * @throws {P2pchatError} As `putBack`.
   */
  async startAnew(founding: Founding, because: NewLogRecord["because"]): Promise<string | null> {
    const { disk, crypto } = this.ports;
    await this.lock.ensure(this.path, this.#file);
    await this.putBack(); // so that the file to be set aside is in place
    const hasEntries = this.#reader !== null && this.#reader.index.count > 0;
    this.#forget();
    const aside = hasEntries ? await this.#setAside() : null;
    const bytes = utf8(firstLine(crypto, founding));
    (await replaced(disk, this.path, [bytes])).close();
    await disk.syncFolder(folderOf(this.path));
    const end = new HistoryEnd(crypto, groupIdOf(crypto, founding));
    await this.#goOn({ end, goodBytes: bytes.length }, new GroupLogIndex());
    return aside === null ? null : `${this.path} ${ANEW_TEXT[because ?? "unlike"]}: it was set ` +
      `aside as ${aside}, and the log of the group comes in its place`;
  }

  // Reading, up to the log's end at the time of the call.

  async read(after: number, bytesMax: number): Promise<HistoryRead> {
    return await this.#reader?.read(after, bytesMax) ?? NOTHING;
  }

  look(seq: number, id: RequestId | null): ReturnType<EntryLog["look"]> {
    return this.#reader?.look(seq, id) ?? null;
  }

  async entryOf(seq: number, nameOf: NameOf): Promise<EntryWithEdits | null> {
    return await this.#reader?.entryOf(seq, nameOf) ?? null;
  }

  async tail(count: number, nameOf: NameOf, before?: number): Promise<readonly EntryView[]> {
    return await this.#reader?.tail(count, nameOf, before) ?? [];
  }

  async *items(after = 0): AsyncIterable<readonly LoggedItem[]> {
    if (this.#reader !== null) yield* this.#reader.items(after);
  }

  /** Closes the file without syncing it. */
  close(): void {
    this.#file?.close();
    this.#reader?.stop();
    this.#file = null;
    this.lock.release();
  }

  async #load(
    certainThrough: number,
    wasLog: boolean,
    check: ScanOptions["visit"] | null,
  ): Promise<Omit<OpenedGroupLog, "log">> {
    const { disk, crypto } = this.ports;
    const index = new GroupLogIndex();
    const add = indexing(index);
    const visit = (batch: ScannedBatch) => check?.(batch) ?? add(batch);
    const scan = await scanGroupLog(disk, this.path, { crypto, digests: check !== null, visit });
    const { first, end, fault, last } = scan;
    if (first === null) return { last: null, notices: [] };
    refuseFirstLine(this.path, first, wasLog);
    const said = last && this.#lastSaid(last);
    if (fault === null) {
      await this.#goOn(scan, index);
      return { last: said, notices: [] };
    }
    const isUnsynced = fault.isTorn ||
      (end !== null && end.position >= certainThrough &&
        await hasHole(disk, this.path, scan.goodBytes));
    const notice = isUnsynced
      ? await this.#drop(scan, fault, index)
      : await this.#replace(scan, fault, index);
    return { last: said, notices: [notice] };
  }

  /** Continues with the good part of the file. */
  async #goOn(
    { end, goodBytes }: Pick<LogScan, "end" | "goodBytes">,
    index: GroupLogIndex,
  ): Promise<void> {
    const file = await this.ports.disk.openAppend(this.path);
    this.#file = file;
    this.#end = end;
    this.#reader = end &&
      new GroupLogReader(this.ports.crypto, this.path, file, end.group, index, goodBytes);
  }

  /** Truncates what was being written. @returns The notice for the user. */
  async #drop(scan: LogScan, { line }: LogFault, index: GroupLogIndex): Promise<string> {
    await this.#goOn(scan, index);
    this.#file!.truncate(scan.goodBytes);
    return `Dropped ${
      numberText(scan.bytes - scan.goodBytes)
    } bytes at the end of ${this.path}, from line ` +
      `${line} on: they were being written when the program or machine stopped`;
  }

  /** Sets the file aside and puts its good part in its place. @returns The notice for the user. */
  async #replace(scan: LogScan, fault: LogFault, index: GroupLogIndex): Promise<string> {
    const { disk } = this.ports;
    const aside = await this.#setAside();
    if (scan.end === null) await disk.remove(this.path);
    else {
      const goodPart = firstBytes(disk.readChunks(this.path), scan.goodBytes);
      (await replaced(disk, this.path, goodPart)).close();
      await this.#goOn(scan, index);
    }
    await disk.syncFolder(folderOf(this.path));
    return replacedText(this.path, aside, scan.end, fault);
  }

  /**
   * Copies the file under a name that nothing has yet; durable when it returns. Until another file takes its place it
   * stays where it is, so that a crash between the two loses nothing, and it is done again at the next start.
   * @returns The copy's path.
   */
  async #setAside(): Promise<string> {
    const { disk } = this.ports;
    const names = asideNames(this.path, this.ports.startedMs, DAMAGED_INFIX);
    for (const name of names) {
      if (await disk.stat(name) !== null) continue;
      const copy = await disk.openAppend(name, { isNew: true });
      try {
        for await (const chunk of disk.readChunks(this.path)) writeAll(copy, chunk);
        await copy.syncData();
      } catch (error) {
        await disk.remove(name);
        throw error;
      } finally {
        copy.close();
      }
      await disk.syncFolder(folderOf(this.path));
      return name;
    }
    throw asidesError(this.path, names.length);
  }

  #forget(): void {
    this.#file?.close();
    this.#reader?.stop();
    [this.#file, this.#end, this.#reader] = [null, null, null];
  }

  /** Overwrites everything after `position` with itself and syncs it, as an earlier sync may have failed unnoticed. */
  async secure(position: number): Promise<void> {
    const reader = this.#reader;
    const batch = reader?.index.batchAfter(position) ?? 0;
    if (this.#file === null || reader === null || batch === reader.index.count) return;
    await writeAnew(this.#file, reader.offset(batch));
    await this.sync();
  }

  #lastSaid(last: LoggedBatch): OpenedGroupLog["last"] {
    try {
      const { author: key, name, sentAt } = last.batch();
      return { key, name, sentAt };
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      throw corruptError(this.path, last.position + last.count + 1, error.message);
    }
  }
}

/** The notice about a damaged file that was set aside; `end` is that of its good part. */
function replacedText(
  path: string,
  aside: string,
  end: HistoryEnd | null,
  { line, found }: LogFault,
): string {
  const kept = end?.seq ?? 0;
  const entries = kept === 1 ? "the entry before it is" : `the ${kept} entries before it are`;
  return `Line ${line} of ${path} is damaged, ${found}: the file was set aside as ${aside}, ` +
    `${kept === 0 ? "nothing of it is" : entries} kept, and the group is asked for the rest`;
}

/** Whether bytes after `from` were never written: these read as zeros, which no log contains. */
async function hasHole(disk: Disk, path: string, from: number): Promise<boolean> {
  let offset = 0;
  for await (const chunk of disk.readChunks(path)) {
    if (chunk.subarray(Math.max(0, from - offset)).includes(0)) return true;
    offset += chunk.length;
  }
  return false;
}

/**
 * Refuses a file that isn't a log.
 * @param wasLog As in `GroupLog.open`.
 * @throws {P2pchatError} `bad-file` where the file isn't a log, or is one of a newer version.
 */
async function refuseForeign(
  { disk, crypto }: GroupLogPorts,
  path: string,
  wasLog: boolean,
): Promise<void> {
  const kind = (await disk.stat(path))?.kind ?? "file";
  if (kind !== "file") throw foreignError(path, "it is no file");
  const between = () => Promise.resolve(false); // the first piece contains the first line
  const { first } = await scanGroupLog(disk, path, { crypto, between });
  if (first !== null) refuseFirstLine(path, first, wasLog);
}

function refuseFirstLine(path: string, first: FirstLine, wasLog: boolean): void {
  if (first.kind === "version") throw versionError(path, first.version);
  if (first.kind === "foreign" && !wasLog) throw foreignError(path, "it isn't the log of a group");
}

/** @throws {P2pchatError} `in-use`; `disk`. */
function lockLog({ disk, pid }: GroupLogPorts, path: string): Promise<HeldLock> {
  return HeldLock.take(disk, `${path}.lock`, pid, (lock) => inUseError(path, lock));
}

/**
 * Replaces the content of the file at `path`, beside which the user may have files of any name.
 * @returns The new file, open. Its folder isn't synced yet.
 */
async function replaced(
  disk: Disk,
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<AppendFile> {
  const replacement = await Replacement.beginAmongOthers(disk, path);
  try {
    for await (const chunk of chunks) replacement.write(chunk);
    return await replacement.putInPlace();
  } catch (error) {
    await replacement.abandon();
    throw error;
  }
}

/** Truncates the bytes of a failed write. If that fails, the next opening drops what is left of them. */
function cutBack(file: AppendFile, bytes: number): void {
  try {
    file.truncate(bytes);
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
  }
}

/** The reason for a new log, as part of a sentence about the file. */
const ANEW_TEXT = {
  damaged: "is damaged",
  foreign: "is the log of another group",
  unlike: "differs from the log of the group",
  recovered: "is to be fetched anew",
} as const;

/** Advances the history's end with digests computed before. */
function appendKnown(
  end: HistoryEnd,
  { batch: { value }, view }: SignedBatch,
  placed: Placed,
): void {
  const { author, incarnation, signedIn } = value;
  const places = placesIn(placed);
  invariant(places[0]?.position === end.position + 1, "a log goes on where it ended");
  const spoken = { incarnation: incarnation.toHex(), through: lastCounter(value), signedIn };
  const edits = placed.edits.map(({ edit: { edit, signed: { request: { value } } } }) => {
    return { edit, ...changeBy(end.crypto, value) };
  });
  const brought = { entries: placed.entries.length, edits, rules: value.rules, view };
  end.appendKnown(author, spoken, brought, places.at(-1)!.digest);
}
