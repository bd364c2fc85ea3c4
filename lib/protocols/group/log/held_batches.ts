/**
 * What a member holds: its log, of which only the end is kept in memory, and the ordered batches beyond it, which
 * aren't known to be on every member's disk yet.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import type { EntryPlaces } from "../schema/entry_places.ts";
import type { Epoch } from "../schema/epoch.ts";
import { Fifo } from "../../../base/collections/fifo.ts";
import type { Rules } from "../schema/founding.ts";
import {
  batchBytes,
  HistoryEnd,
  type HistoryMark,
  type HistoryPoint,
  type Placed,
  type SignedBatch,
  type Spoken,
} from "../schema/history.ts";
import type { HistoryRead, LoggedEntryState } from "../schema/member_io.ts";
import type { LogRecord } from "../schema/records.ts";
import { Pending } from "../../../base/machine/pending.ts";

export interface HeldBatch extends Placed {
  readonly signed: SignedBatch;
  readonly before: HistoryMark;
  readonly point: HistoryPoint;
}

/** The record that is written when a batch is stable. */
export function logRecord({ signed, entries, edits, rules }: HeldBatch): LogRecord {
  return { kind: "log", batch: signed, placed: { entries, edits, rules } };
}

export class HeldBatches {
  #end: HistoryEnd;
  #log: HistoryPoint;
  #logSeq: number;
  /** Up to here, what is held is on disk. */
  #synced: HistoryPoint;
  /** Batches beyond the log, bounded by `UNSTABLE_BYTES_MAX` and one fetch. */
  readonly #batches = new Fifo<HeldBatch>();
  #bytes = 0;
  /** Batches that went over to the log, whose file may not have them yet: those that wait between two writes. */
  readonly #unwritten = new Fifo<HeldBatch>();
  #shifted = 0;

  /** @param log The log's end, which this continues. */
  constructor(log: HistoryEnd) {
    this.#end = log;
    this.#log = this.#synced = log.point;
    this.#logSeq = log.seq;
  }

  get log(): HistoryPoint {
    return this.#log;
  }

  /** Number of the log's last entry. */
  get logSeq(): number {
    return this.#logSeq;
  }

  /** Number of the last entry that is held, on disk or on its way there. */
  get seq(): number {
    return this.#end.seq;
  }

  /** At least as high as any edit's number in what is held. */
  get lastEdit(): number {
    return this.#end.lastEdit;
  }

  /** The end of what is held, on disk or on its way there. */
  get end(): HistoryPoint {
    return this.#end.point;
  }

  get position(): number {
    return this.#end.position;
  }

  get synced(): HistoryPoint {
    return this.#synced;
  }

  /** Bytes of the batches beyond the log. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The batches beyond the log, oldest first. */
  get batches(): Iterable<HeldBatch> {
    return this.#batches;
  }

  get first(): HeldBatch | null {
    return this.#batches.first ?? null;
  }

  /** As `HistoryEnd.places`, of what is held. */
  get places(): EntryPlaces {
    return this.#end.places;
  }

  /** As `HistoryEnd.lacksNames`, of what is held. */
  lacksNames(epoch: Pick<Epoch, "members">): boolean {
    return this.#end.lacksNames(epoch);
  }

  /** As `HistoryEnd.rules`, of what is held. */
  get rules(): Rules | null {
    return this.#end.rules;
  }

  /** Up to which counter an incarnation has ever spoken; 0 where it hasn't. */
  everThrough(author: PeerKey, incarnation: string): number {
    return this.#end.everThrough(author, incarnation);
  }

  /** Whether an incarnation that begins with one of these has ever spoken. */
  hasSpokenAs(author: PeerKey, starts: readonly string[]): boolean {
    return this.#end.hasSpokenAs(author, starts);
  }

  /** The author's incarnation that spoke last; null where none has. */
  lastSpoken(author: PeerKey): Spoken | null {
    return this.#end.lastSpoken(author);
  }

  /** Why the batch can't be the next one; null where it can. */
  fault(signed: SignedBatch): string | null {
    return this.#end.fault(signed);
  }

  /** Appends the next batch; it isn't on disk yet. */
  append(signed: SignedBatch): HeldBatch {
    const before = this.#end.mark(signed.batch.value.author);
    const batch = { signed, ...this.#end.append(signed), before, point: this.#end.point };
    this.#batches.push(batch);
    this.#bytes += batchBytes(signed);
    return batch;
  }

  /** The batches that aren't on disk yet. */
  unsynced(): readonly HeldBatch[] {
    const batches: HeldBatch[] = [];
    for (let index = this.#indexAfter(this.#synced.position); index < this.#batches.size; index++) {
      batches.push(this.#batches.at(index)!);
    }
    return batches;
  }

  /** Everything up to this point is on disk. */
  setSynced(point: HistoryPoint): void {
    if (point.position > this.#synced.position) this.#synced = point;
  }

  /** How many batches have gone over to the log. */
  get shifted(): number {
    return this.#shifted;
  }

  /** The log's file has the first so many batches that went over to the log. */
  written(shifted: number): void {
    while (this.#shifted - this.#unwritten.size < shifted) this.#unwritten.shift();
  }

  /** The batches that a compacted file must keep beside the log as it is written, oldest first. */
  *toKeep(): IterableIterator<HeldBatch> {
    yield* this.#unwritten;
    yield* this.#batches;
  }

  /** The first batch goes over to the log. */
  shift(): HeldBatch {
    const batch = this.#batches.shift();
    invariant(batch !== undefined, "only what is held goes to the log");
    this.#bytes -= batchBytes(batch.signed);
    this.#unwritten.push(batch);
    this.#shifted++;
    this.#log = batch.point;
    this.#logSeq += batch.entries.length;
    this.setSynced(batch.point);
    return batch;
  }

  /** An independent copy of the history's end, or of the log's. */
  fork(from: "end" | "log"): HistoryEnd {
    const fork = this.#end.copy();
    if (from === "end") return fork;
    for (let index = this.#batches.size - 1; index >= 0; index--) {
      fork.takeBack(this.#batches.at(index)!.before);
    }
    return fork;
  }

  /** Forgets what is held beyond a position, the log's or later. */
  truncate(position: number): void {
    for (let last = this.#batches.last; last !== undefined; last = this.#batches.last) {
      if (last.point.position <= position) break;
      this.#batches.pop();
      this.#bytes -= batchBytes(last.signed);
      this.#end.takeBack(last.before);
    }
    if (this.#synced.position > this.#end.position) this.#synced = this.#end.point;
  }

  /** The log starts anew, empty, and nothing is held. */
  reset(crypto: Crypto, group: Hash): void {
    this.#end = new HistoryEnd(crypto, group);
    this.#log = this.#synced = this.#end.point;
    this.#logSeq = 0;
    this.#batches.clear();
    this.#unwritten.clear();
    this.#bytes = 0;
  }

  /** The digest at the log's end or at the end of a batch beyond it; null at other positions. */
  digestAt(position: number): Hash | null {
    if (position === this.#log.position) return this.#log.digest;
    const index = this.#indexAfter(position) - 1;
    const batch = index < 0 ? undefined : this.#batches.at(index);
    return batch?.point.position === position ? batch.point.digest : null;
  }

  /** The batch beyond the log that begins right after a position; null where none does. */
  batchAfter(position: number): HeldBatch | null {
    const batch = this.#batches.at(this.#indexAfter(position));
    return batch?.before.position === position ? batch : null;
  }

  /**
   * The batches on disk after a position, which is the log's end or beyond; null where no batch ends at the position.
   */
  after(position: number): HistoryRead | null {
    const digest = this.digestAt(position);
    if (digest === null || position > this.#synced.position) return null;
    const batches: SignedBatch[] = [];
    for (let index = this.#indexAfter(position); index < this.#batches.size; index++) {
      const batch = this.#batches.at(index)!;
      if (batch.point.position > this.#synced.position) break;
      batches.push(batch.signed);
    }
    return { batches, digest, seq: this.#seqAt(position) };
  }

  /** Number of the last entry at the log's end, or at the end of a batch beyond it. */
  #seqAt(position: number): number {
    const index = this.#indexAfter(position) - 1;
    if (index < 0) return this.#logSeq;
    const { before, entries } = this.#batches.at(index)!;
    return before.seq + entries.length;
  }

  /** Index of the first batch that ends after a position. */
  #indexAfter(position: number): number {
    let low = 0;
    let high = this.#batches.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#batches.at(middle)!.point.position <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Looks up one entry in the log. */
interface LookEffect {
  readonly type: "look";
  readonly token: number;
  readonly seq: number;
  readonly id: RequestId | null;
}

/** Look-ups of entries in the log, and what each is for. */
export class EntryLookups {
  /** Bounded by the callers: a few for each edit under way, and some for each member that inquires. */
  readonly #pending = new Pending<(entry: LoggedEntryState | null) => void>();

  constructor(readonly push: (effect: LookEffect) => void) {}

  /**
   * @param id An edit that the entry may have; that costs more the more edits the entry has. Null: no edit is looked
   * for.
   * @param done Gets the entry as the log has it by then; null where the log has none of that number.
   */
  look(
    seq: number,
    id: RequestId | null,
    done: (entry: LoggedEntryState | null) => void,
  ): void {
    const token = this.#pending.add(done);
    this.push({ type: "look", token, seq, id });
  }

  looked(token: number, entry: LoggedEntryState | null): void {
    this.#pending.take(token)?.(entry);
  }

  /** The log is another group's now: answers of the former one are ignored. */
  forget(): void {
    this.#pending.forget();
  }
}
