/**
 * The disk of a member or of the coordinator: a file of records, whose syncs are awaited, and the group's log. The
 * log is synced at compaction, at a clean end, and with fetched batches.
 */

import type { Hash, RequestId } from "../../../lib/base/ids.ts";
import {
  HistoryEnd,
  type Placed,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import { requestId } from "../../../lib/protocols/group/schema/edit.ts";
import type {
  HistoryRead,
  LoggedEntryState,
} from "../../../lib/protocols/group/schema/member_io.ts";
import type {
  CoordinatorRecord,
  LogRecord,
  MemberRecord,
  NewLogRecord,
} from "../../../lib/protocols/group/schema/records.ts";
import { SimDisk } from "../disk.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { type Founding, groupIdOf } from "../../../lib/protocols/group/schema/founding.ts";

type GroupRecord = MemberRecord | CoordinatorRecord;

/** An entry with its present text. */
interface LoggedEntry extends Pick<LoggedEntryState, "id" | "author" | "text"> {
  readonly edits: readonly RequestId[];
}

/** The content of the log file. */
export class SimLog {
  readonly end: HistoryEnd;
  readonly batches: SignedBatch[] = [];
  /** The position after each batch. */
  readonly positions: number[] = [];
  readonly digests: Hash[] = [];
  /** The number of the last entry after each batch. */
  readonly #seqs: number[] = [];
  /** The entries, number 1 first. */
  readonly #entries: LoggedEntry[] = [];
  readonly #emptyDigest: Hash;

  constructor(readonly group: Hash) {
    this.end = new HistoryEnd(fakeCrypto, group);
    this.#emptyDigest = this.end.digest;
  }

  static of(group: Hash, batches: readonly SignedBatch[]): SimLog {
    const log = new SimLog(group);
    for (const batch of batches) log.append(batch);
    return log;
  }

  append(batch: SignedBatch): Placed {
    const placed = this.end.append(batch);
    this.batches.push(batch);
    this.positions.push(this.end.position);
    this.digests.push(this.end.digest);
    this.#seqs.push(this.end.seq);
    const { author: key, name } = batch.batch.value;
    for (const { id, text } of placed.entries) {
      this.#entries.push({ id, author: { key, name }, text, edits: [] });
    }
    for (const { edit: { signed: { request: { value } } } } of placed.edits) {
      const entry = this.#entries[value.seq - 1]!;
      const edits = [...entry.edits, requestId(fakeCrypto, value)];
      this.#entries[value.seq - 1] = { ...entry, text: value.text, edits };
    }
    return placed;
  }

  look(seq: number, id: RequestId | null): LoggedEntryState | null {
    const entry = this.#entries[seq - 1];
    if (entry === undefined) return null;
    const { id: said, author, text, edits } = entry;
    return { id: said, author, text, isEdited: id !== null && edits.includes(id) };
  }

  read(after: number, bytesMax: number): HistoryRead {
    const at = after === 0 ? 0 : this.#indexOf(after) + 1;
    const digest = after === 0 ? this.#emptyDigest : this.digests[at - 1] ?? null;
    if (digest === null || (at === 0 && after !== 0)) return { batches: [], digest: null, seq: 0 };
    const batches: SignedBatch[] = [];
    let bytes = 0;
    for (let next = at; next < this.batches.length; next++) {
      const batch = this.batches[next]!;
      bytes += batch.batch.bytes.length;
      if (bytes > bytesMax && batches.length > 0) break;
      batches.push(batch);
    }
    return { batches, digest, seq: this.#seqs[at - 1] ?? 0 };
  }

  /** The index of the batch that ends at `position`; -1 where none does. */
  #indexOf(position: number): number {
    let low = 0;
    let high = this.positions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.positions[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return this.positions[low] === position ? low : -1;
  }
}

function isOfLog(record: GroupRecord): record is LogRecord | NewLogRecord {
  return record.kind === "log" || record.kind === "new-log";
}

function isFetched(record: GroupRecord): boolean {
  return record.kind === "log" && record.isFetched === true;
}

/** The records that a program finds after losing a part of its stored history: see `lib/cli/group/group_store.ts`. */
function asNewcomer<Stored extends GroupRecord>(records: readonly Stored[]): Stored[] {
  const isVoid = ({ kind }: Stored) => /^(held|levelling|levelled)$/.test(kind);
  const kept = records.filter((record) => !isVoid(record));
  return [...kept, ...kept.filter(({ kind }) => kind === "group").slice(-1)];
}

export class GroupDisk<Stored extends GroupRecord> extends SimDisk<Stored> {
  log: SimLog | null = null;
  /** Called for each batch appended to the log, with its items and the digest before it. */
  logged: ((placed: Placed, before: Hash) => void) | null = null;
  /** Called when the records are rewritten. */
  replaced: (() => void) | null = null;
  /** Called with the unsynced records that are gone after a loss of power. */
  lost: ((records: readonly Stored[]) => void) | null = null;
  /** Writes whose sync is requested, including batches of the log that are stored nowhere else. */
  readonly asked = new WeakSet<readonly Stored[]>();
  /** The position up to which the log alone survives a loss of power. */
  logDurableThrough = 0;
  /** The index in `records` before which the log's records survive a loss of power. */
  #logSynced = 0;
  /** The index in `records` before which the next sync must include the log's records. */
  #logAsked = 0;

  override write(records: readonly Stored[]): boolean {
    if (!super.write(records)) return false;
    for (const record of records) this.#take(record);
    if (this.asked.has(records) && records.some(isFetched)) this.#logAsked = this.records.length;
    return true;
  }

  override sync(done: () => void): void {
    const upTo = this.records.length;
    const asked = this.#logAsked;
    const logEnd = this.log?.end.position ?? 0;
    const { log } = this;
    const records = this.records;
    super.sync(() => {
      const isSame = records === this.records && log === this.log;
      if (isSame && asked > this.#logSynced) {
        this.#logSynced = upTo;
        this.logDurableThrough = logEnd;
      }
      done();
    });
  }

  /** The records that the machine reads; the log is read separately. */
  get stateRecords(): Stored[] {
    return this.records.filter((record) => !isOfLog(record));
  }

  /** Compaction: syncs and keeps the log. */
  override restore(records: readonly Stored[]): void {
    super.restore([...this.#logRecords(), ...records]);
    this.#logSynced = this.#logAsked = this.records.length;
    this.#logIsSynced();
    this.replaced?.();
  }

  /** Restores the records of an earlier time, including the log. */
  restoreImage(records: readonly Stored[]): void {
    super.restore(records);
    this.#logSynced = this.#logAsked = this.records.length;
    this.#readLog();
    this.replaced?.();
  }

  /** Deletes all files. */
  wipe(): void {
    this.restoreImage([]);
  }

  /**
   * Damages the log file. The other records tell how long the log was, so that missing batches are noticed.
   * @param left The number of batches that remain; null: the file is gone.
   * @param group The group whose log replaces it; null for none.
   */
  spoilLog(left: number | null, founding: Founding | null): void {
    const before = this.logDurableThrough;
    let batches = 0;
    const kept = this.records.filter((record) =>
      record.kind === "new-log" ? left !== null : record.kind !== "log" || ++batches <= (left ?? 0)
    );
    const records = founding === null ? kept : [
      { kind: "new-log", founding, because: null } as Stored,
      ...kept.filter((one) => !isOfLog(one)),
    ];
    super.restore(records);
    this.#readLog();
    this.#logSynced = this.#logAsked = this.records.length;
    const isNoticed = (this.log?.end.position ?? 0) < before || founding !== null;
    if (isNoticed) super.restore(asNewcomer(this.records));
    this.replaced?.();
  }

  /** Opening the records' file syncs it. */
  opened(): void {
    this.synced = this.records.length;
  }

  /** A clean end of the process. */
  closed(): void {
    this.synced = this.#logSynced = this.records.length;
    this.#logIsSynced();
  }

  #logIsSynced(): void {
    this.logDurableThrough = this.log?.end.position ?? 0;
  }

  override powerLost(): void {
    this.processEnds();
    const { random, records, synced } = this;
    const logSynced = this.#logSynced;
    const isUnsynced = (record: Stored, at: number) =>
      record.kind !== "new-log" && at >= (isOfLog(record) ? logSynced : synced);
    const unsynced = records.filter(isUnsynced);
    const logCount = unsynced.filter(isOfLog).length;
    let logLeft = random.below(logCount + 1);
    let stateLeft = random.below(unsynced.length - logCount + 1);
    const { left = [], lost = [] } = Object.groupBy(records, (record, at) => {
      if (!isUnsynced(record, at)) return "left";
      return (isOfLog(record) ? logLeft-- : stateLeft--) > 0 ? "left" : "lost";
    });
    super.restore(left);
    this.#logSynced = this.#logAsked = left.length;
    this.#readLog();
    this.replaced?.();
    this.lost?.(lost);
  }

  #logRecords(): Stored[] {
    const begins = this.records.findLastIndex(({ kind }) => kind === "new-log");
    return this.records.filter((record, at) => isOfLog(record) && at >= begins);
  }

  #readLog(): void {
    this.log = null;
    for (const record of this.#logRecords()) {
      if (record.kind === "new-log") this.log = new SimLog(groupIdOf(fakeCrypto, record.founding));
      else if (record.kind === "log") this.log!.append(record.batch);
    }
    this.#logIsSynced();
  }

  #take(record: Stored): void {
    if (record.kind === "new-log") {
      this.log = new SimLog(groupIdOf(fakeCrypto, record.founding));
      this.logDurableThrough = 0;
    }
    if (record.kind !== "log") return;
    if (this.log === null) throw new Error("A log is appended to before it was begun");
    const before = this.log.end.digest;
    const placed = this.log.append(record.batch);
    this.logged?.(placed, before);
  }
}
