/**
 * A machine's log: what it persists goes there, it is compacted when it has grown, written anew after the disk
 * refused a part of it, and told what the user has seen.
 */

import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/environment.ts";
import { P2pchatError } from "../base/errors.ts";
import { RetryPauses } from "../base/retry_pauses.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "./within.ts";

/** What is on disk. */
export interface RecordStore<Stored> {
  /** In the order of writing. */
  readonly records: readonly Stored[];
  /** Length of the file, for deciding when to compact. */
  readonly bytes: number;
  /**
   * Resolves when written, and synced where `sync` is set. Rejects with `disk`; with `in-use` where another program
   * has taken the store's place, which nothing changes any more.
   */
  append(records: readonly Stored[], sync: boolean): Promise<void>;
  /**
   * Compaction: the log holds these records from now on, and what is appended meanwhile. They may rely on what is
   * appended in the turn of the call.
   */
  rewrite(records: Iterable<Stored>): Promise<void>;
  close(): Promise<void>;
}

/** What a machine does with its log. */
export interface LoggedMachine<Stored, Shown> {
  /**
   * All that the log must hold, everything through `shownThrough` having been shown, and nothing of this process
   * where that is null. Null where there is nothing yet, or more waits to be shown than the machine still has.
   */
  snapshot(shownThrough: Shown | null): Iterable<Stored> | null;
  /** Whether a write is under way that a snapshot would lack. Until it is done this is asked at each append. */
  isWriting?(): boolean;
  /** The record that says that all up to `through` was shown. */
  shown(through: Shown): Stored;
  /** After a refused write: the log holds everything again. */
  restored(): void;
}

export interface RecordLogPorts<Stored, Shown> extends LoggedMachine<Stored, Shown> {
  readonly clock: Clock;
  readonly log: Logger;
  /** Resolves when all that was shown is before the user's eyes. */
  flushed(): Promise<void>;
  /** Resolves when all that was shown before the call is; more may be waiting. */
  written(): Promise<void>;
  /** A bug of our own, or of the runtime; `in-use` of the store. */
  failed(error: unknown): void;
}

/** A log is compacted when it is so long at least, and so many times as long as after the last time. */
const COMPACT_BYTES_MIN = 16 * 1024 * 1024;
const COMPACT_FACTOR = 2;
/** As pauses between retries everywhere. */
const DISK_RETRY_MS_MIN = 1_000;
const DISK_RETRY_MS_MAX = 30_000;
/** To write so short a log anew costs hardly more than to try a record: it is tried for each. */
const SHORT_BYTES = 1024 * 1024;

export class RecordLog<Stored, Shown> {
  /** How much of a log that was opened is still needed isn't known: a long one is compacted at the first write. */
  #compactAtBytes = COMPACT_BYTES_MIN;
  #compacting: Promise<void> | null = null;
  /** The disk refused records that the machine takes for written. */
  #gap = false;
  #closingGap: Promise<void> | null = null;
  #retry: { cancel(): void } | null = null;
  readonly #pauses = new RetryPauses(DISK_RETRY_MS_MIN, DISK_RETRY_MS_MAX);
  /** Why a long log couldn't be written anew; until that is tried again, nothing is appended without a sync. */
  #refusal: P2pchatError | null = null;
  /** Nothing new begins. */
  #isOver = false;
  /** Nothing more is written. */
  #isClosed = false;
  /** Through which everything was handed to the output, which may not have come to the user's eyes. */
  #handedThrough: Shown | null = null;
  /** Through which the user has seen everything; null where nothing of this process. */
  #seenThrough: Shown | null = null;
  #noting: Promise<void> | null = null;

  constructor(
    readonly store: RecordStore<Stored>,
    readonly ports: RecordLogPorts<Stored, Shown>,
  ) {}

  /** As that of `RecordStore`. */
  async append(records: readonly Stored[], sync: boolean): Promise<void> {
    try {
      // In the same turn as the call where it can be: the machine has told nothing since that a snapshot would have.
      // What is forced to disk is worth a try: a mere note waits for the next one.
      if (this.#gap && !sync && this.#refusal !== null) throw this.#refusal;
      if (this.#gap) await this.#closeGap();
      if (this.store.bytes >= this.#compactAtBytes) this.#beginCompaction();
      await this.store.append(records, sync);
    } catch (error) {
      // What was received goes on being shown; the log must not continue as if nothing were missing.
      this.#gap = true;
      const text = error instanceof Error ? error.message : String(error);
      this.ports.log.warn("the disk refused to write", { text });
      this.#retryLater();
      throw error;
    }
  }

  /** A record `shown` is written when the user has really seen it; the latest one speaks for all before. */
  noteShown(through: Shown): void {
    this.#handedThrough = through;
    this.#noting ??= this.#writeShown();
  }

  /**
   * Resolves when nothing more is written. What was shown is noted first; what nobody reads in `CLOSE_MS_MAX` is
   * left to the next start.
   */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#retry?.cancel();
    await this.#closingGap?.catch(() => {}); // it was tried
    await this.#compacting;
    const noted = this.ports.flushed().then(() => this.#noting);
    await isDoneWithin(this.ports.clock, CLOSE_MS_MAX, noted);
    this.#isClosed = true;
    await this.store.close();
  }

  /** After a refused write the log lacks what the machine has: it is written anew before it goes on. */
  #closeGap(): Promise<void> {
    if (!this.#gap) return Promise.resolve();
    return this.#closingGap ??= this.#rewriteAll().finally(() => {
      this.#closingGap = null;
    });
  }

  async #rewriteAll(): Promise<void> {
    await this.#compacting;
    const shownThrough = this.#seenThrough;
    const snapshot = this.ports.snapshot(shownThrough);
    if (snapshot === null) throw new P2pchatError("disk", UNSEEN_TEXT);
    await this.store.rewrite(snapshot).catch((error) => {
      if (!isOfDisk(error) || this.store.bytes <= SHORT_BYTES) throw error;
      throw this.#refusal = withRoomItTakes(error, this.store.bytes);
    });
    this.#gap = false;
    this.#pauses.reset();
    this.ports.log.info("the disk writes again, the log was written anew");
    this.ports.restored();
    if (this.#seenThrough !== shownThrough) await this.#noteSeen();
  }

  /** Where nothing happens nothing else would find out that the disk writes again. */
  #retryLater(): void {
    if (this.#retry !== null || this.#isOver) return;
    const { clock } = this.ports;
    this.#retry = clock.at(clock.nowMs() + this.#pauses.failed(1), () => {
      this.#retry = this.#refusal = null;
      this.#closeGap().catch((error) => {
        if (!isOfDisk(error)) return this.ports.failed(error);
        this.#retryLater();
      });
    });
  }

  async #writeShown(): Promise<void> {
    while (this.#handedThrough !== null) {
      const through = this.#handedThrough;
      await this.ports.written();
      if (this.#isClosed) return;
      if (this.#handedThrough === through) this.#handedThrough = null;
      this.#seenThrough = through;
      await this.#noteSeen();
    }
    this.#noting = null;
  }

  async #noteSeen(): Promise<void> {
    const through = this.#seenThrough;
    // With a gap the file may lack what was shown; it is written anew, and then has this.
    if (through === null || this.#gap) return;
    try {
      await this.store.append([this.ports.shown(through)], false);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      // At worst the next start shows a message again, as history.
      this.ports.log.warn("what was shown couldn't be noted", { text: error.message });
    }
  }

  /**
   * Begins before a write: what is in the file by now, the machine has been told of, and so a snapshot has it.
   * What comes from here on is carried over.
   */
  #beginCompaction(): void {
    if (this.#compacting !== null || this.#isOver) return;
    // Asked again at the next append: a busy machine is writing at most of them.
    if (this.ports.isWriting?.()) return;
    const snapshot = this.ports.snapshot(this.#seenThrough);
    if (snapshot === null) {
      this.#compactLater();
      return;
    }
    this.#compacting = this.store.rewrite(snapshot).then(() => {
      this.#compactAtBytes = Math.max(COMPACT_BYTES_MIN, COMPACT_FACTOR * this.store.bytes);
    }).catch((error) => {
      if (!isOfDisk(error)) return this.ports.failed(error);
      this.ports.log.warn("the log couldn't be compacted", { text: error.message });
      this.#compactLater();
    }).finally(() => this.#compacting = null);
  }

  #compactLater(): void {
    this.#compactAtBytes = this.store.bytes + COMPACT_BYTES_MIN;
  }
}

/** Who has made a little room on the disk, or all of it just now, wonders that it still takes nothing. */
function withRoomItTakes(error: P2pchatError, bytes: number): P2pchatError {
  const mib = Math.ceil(bytes / 2 ** 20);
  const room = `all of the log is written anew, which takes ${mib} MiB`;
  const text = `${error.message}; ${room}; that is tried again within 30 s`;
  return new P2pchatError("disk", text, { cause: error });
}

/** Whether it may pass. */
function isOfDisk(error: unknown): error is P2pchatError {
  return error instanceof P2pchatError && error.code === "disk";
}

/** Part of a sentence: why the disk takes nothing although it writes again. */
const UNSEEN_TEXT =
  "Cannot write the log anew: too much of what came waits to be read; read the output";
