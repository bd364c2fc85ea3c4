/**
 * A simulated append-only log of records: what was written survives the process, what was synced survives
 * the machine.
 */

import type { Random } from "./random.ts";
import { type Timer, type VirtualTime } from "./virtual_time.ts";

export interface DiskConfig {
  /** Mean time of a sync, ms; 0 for a disk whose syncs take no time. */
  readonly syncMs: number;
  /** The chance that a sync takes 50 times as long. */
  readonly slowChance: number;
}

export class SimDisk<Stored> {
  /** Written, in order; the first `synced` of them survive a loss of power. */
  records: Stored[] = [];
  synced = 0;
  /** Whether writes are refused: a full disk, an input/output error. */
  refuses = false;
  /** How long it takes until whoever writes is told of a refusal. */
  refusalMs = 0;
  /** Told of every write, and of where it begins. */
  wrote: ((records: readonly Stored[], from: number) => void) | null = null;
  #sync: Timer | null = null;
  /** How often it was written anew: a sync from before says nothing of the new file. */
  #files = 0;

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly config: DiskConfig,
  ) {}

  /** Whether the records were written; all or none. */
  write(records: readonly Stored[]): boolean {
    if (this.refuses) return false;
    const from = this.records.length;
    for (const record of records) this.records.push(record);
    this.wrote?.(records, from);
    return true;
  }

  /** Starts a sync of what is written by now; one is under way at a time. */
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

  /** The process is gone: what it wrote stays, a sync under way is nobody's any more. */
  processEnds(): void {
    if (this.#sync !== null) this.time.disarm(this.#sync);
    this.#sync = null;
    this.refuses = false;
    this.refusalMs = 0;
  }

  /** Puts the disk back to an image that was taken of it, or of another. */
  restore(records: readonly Stored[]): void {
    this.#files++;
    this.records = [...records];
    this.synced = records.length;
  }

  /** The machine lost its power: of what wasn't synced, some first part is there, perhaps nothing. */
  powerLost(): void {
    this.processEnds();
    const unsynced = this.records.length - this.synced;
    this.records.length = this.synced + this.random.below(unsynced + 1);
    this.synced = this.records.length;
  }
}
