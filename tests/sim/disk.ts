/** A simulated append-only log of records: written records survive the process, synced records survive the machine. */

import type { Random } from "./random.ts";
import { type Timer, type VirtualTime } from "./virtual_time.ts";

export interface DiskConfig {
  /** Mean time of a sync, ms; 0 for a disk that syncs at once. */
  readonly syncMs: number;
  /** The probability that a sync takes 50 times as long. */
  readonly slowChance: number;
}

export class SimDisk<Stored> {
  /** Written records in order; the first `synced` of them survive a loss of power. */
  records: Stored[] = [];
  synced = 0;
  /** Whether writes are refused, as by a full disk or an input/output error. */
  refuses = false;
  /** How long it takes until the writer is told of a refusal. */
  refusalMs = 0;
  /** Called for every write, with the index at which it begins. */
  wrote: ((records: readonly Stored[], from: number) => void) | null = null;
  #sync: Timer | null = null;
  /** Incremented when the log is rewritten: an earlier sync doesn't apply to the new file. */
  #files = 0;

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly config: DiskConfig,
  ) {}

  /** Writes records, all or none. @returns Whether they were written. */
  write(records: readonly Stored[]): boolean {
    if (this.refuses) return false;
    const from = this.records.length;
    for (const record of records) this.records.push(record);
    this.wrote?.(records, from);
    return true;
  }

  /** Starts a sync of everything written so far, unless one is in progress. */
  sync(done: () => void): void {
    if (this.#sync !== null) return;
    const upTo = this.records.length;
    const file = this.#files;
    const slow = this.random.chance(this.config.slowChance) ? 50 : 1;
    const tookMs = this.config.syncMs === 0
      ? 0
      : this.random.exponential(this.config.syncMs) * slow;
    this.#sync = this.time.after(tookMs, () => {
      this.#sync = null;
      if (file === this.#files) this.synced = Math.max(this.synced, upTo);
      done();
    });
  }

  /** The process has ended: what it wrote stays, and a sync in progress has no effect. */
  processEnds(): void {
    if (this.#sync !== null) this.time.disarm(this.#sync);
    this.#sync = null;
    this.refuses = false;
    this.refusalMs = 0;
  }

  /** Restores an image of this disk, or of another one. */
  restore(records: readonly Stored[]): void {
    this.#files++;
    this.records = [...records];
    this.synced = records.length;
  }

  /** The machine has lost power: of the unsynced records a prefix survives, perhaps none. */
  powerLost(): void {
    this.processEnds();
    const unsynced = this.records.length - this.synced;
    this.records.length = this.synced + this.random.below(unsynced + 1);
    this.synced = this.records.length;
  }
}
