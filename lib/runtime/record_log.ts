/**
 * A machine's log: takes its records, compacts the file when it has grown, writes it anew after the disk refused a
 * part of it, and notes what the user has seen.
 */

import type { Clock } from "../base/machine/clock.ts";
import type { Logger } from "../base/machine/environment.ts";
import { P2pchatError } from "../base/errors.ts";
import { RetryPauses } from "../base/rates/retry_pauses.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "./within.ts";

/** A file of records. */
export interface RecordStore<Stored> {
  /** In the order of writing. */
  readonly records: readonly Stored[];
  /** Length of the file, for deciding when to compact. */
  readonly bytes: number;
  /**
   * Resolves when the records are written, and synced where `sync` is set. Rejects with `disk`; with `in-use` where
   * another program has taken the store's place, which is final.
   */
  append(records: readonly Stored[], sync: boolean): Promise<void>;
  /**
   * Compacts: from now on the log holds these records, and those that are appended meanwhile. They may rely on what
   * is appended in the turn of the call.
   */
  rewrite(records: Iterable<Stored>): Promise<void>;
  close(): Promise<void>;
}

/** What the log needs of its machine. */
export interface LoggedMachine<Stored, Shown> {
  /**
   * Everything that the log must hold if all through `shownThrough` has been shown (null: nothing of this process).
   * Null where there is nothing yet, or more waits to be shown than the machine still has.
   */
  snapshot(shownThrough: Shown | null): Iterable<Stored> | null;
  /** Whether a write is under way that a snapshot would lack. If so, it is asked again at each append. */
  isWriting?(): boolean;
  /** The record which says that everything up to `through` was shown. */
  shown(through: Shown): Stored;
  /** After a refused write: the log holds everything again. */
  restored(): void;
}

interface RecordLogPorts<Stored, Shown> extends LoggedMachine<Stored, Shown> {
  readonly clock: Clock;
  readonly log: Logger;
  /** Resolves when everything shown so far has reached the user's screen. */
  flushed(): Promise<void>;
  /** Resolves when everything shown before the call is written; more may be waiting by then. */
  written(): Promise<void>;
  /** A bug of our own, or of the runtime; `in-use` of the store. */
  failed(error: unknown): void;
}

/** A log is compacted when it is at least this long, and this many times as long as after the last time. */
const COMPACT_BYTES_MIN = 16 * 1024 * 1024;
const COMPACT_FACTOR = 2;
/** The same pauses as between other retries. */
const DISK_RETRY_MS_MIN = 1_000;
const DISK_RETRY_MS_MAX = 30_000;
/** To write a log this short anew costs hardly more than to try one record: it is tried for each record. */
const SHORT_BYTES = 1024 * 1024;

export class RecordLog<Stored, Shown> {
  /** How much of an opened log is still needed isn't known: a long one is compacted at the first write. */
  #compactAtBytes = COMPACT_BYTES_MIN;
  #compacting: Promise<void> | null = null;
  /** The disk refused records that the machine takes for written. */
  #gap = false;
  #closingGap: Promise<void> | null = null;
  #retry: { cancel(): void } | null = null;
  readonly #pauses = new RetryPauses(DISK_RETRY_MS_MIN, DISK_RETRY_MS_MAX);
  /** Why a long log couldn't be written anew; until that is tried again, only synced records are tried. */
  #refusal: P2pchatError | null = null;
  /** No new work begins. */
  #isOver = false;
  /** Nothing more is written. */
  #isClosed = false;
  /** Through which everything was handed to the output, though it may not have reached the screen. */
  #handedThrough: Shown | null = null;
  /** Through which the user has seen everything; null: nothing of this process. */
  #seenThrough: Shown | null = null;
  #noting: Promise<void> | null = null;

  constructor(
    readonly store: RecordStore<Stored>,
    readonly ports: RecordLogPorts<Stored, Shown>,
  ) {}

  /** As `append` of `RecordStore`. */
  async append(records: readonly Stored[], sync: boolean): Promise<void> {
    try {
      // In the same turn as the call where possible: the machine has emitted nothing since that a snapshot would
      // have. A record to be synced is worth a try; a mere note waits for the next one.
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

  /**
   * Notes that everything through this was handed to the output: a record `shown` follows when it has reached the
   * screen; the latest one covers all before it.
   */
  noteShown(through: Shown): void {
    this.#handedThrough = through;
    this.#noting ??= this.#writeShown();
  }

  /**
   * Resolves when nothing more is written. What was shown is noted first; output that nobody reads within
   * `CLOSE_MS_MAX` is left to the next start.
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

  /** Where nothing else happens, nothing else would find out that the disk writes again. */
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
    // With a gap the file may lack what was shown; it is written anew, and includes this then.
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
   * Begins before a write: the machine knows of everything in the file by now, so a snapshot has it. What comes from
   * here on is carried over.
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

/**
 * Explains a refusal of the disk: a user who has made a little room on it, or has all of it just now, would wonder
 * that it still takes nothing.
 */
function withRoomItTakes(error: P2pchatError, bytes: number): P2pchatError {
  const mib = Math.ceil(bytes / 2 ** 20);
  const room = `all of the log is written anew, which takes ${mib} MiB`;
  const text = `${error.message}; ${room}; that is tried again within 30 s`;
  return new P2pchatError("disk", text, { cause: error });
}

/** Whether the error is one of the disk, which may pass. */
function isOfDisk(error: unknown): error is P2pchatError {
  return error instanceof P2pchatError && error.code === "disk";
}

/** Part of a sentence: why the disk takes nothing although it writes again. */
const UNSEEN_TEXT =
  "Cannot write the log anew: too much of what came waits to be read; read the output";
