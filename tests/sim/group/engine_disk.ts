/** What a leading coordinator has in an engine, in the form of a disk: a write is synced when the engine has it. */

import type { P2pchatError } from "../../../lib/base/errors.ts";
import type { FencedLog } from "../../../lib/engine/fenced_log.ts";
import type { CoordinatorRecord } from "../../../lib/protocols/group/schema/records.ts";
import { GroupDisk } from "./group_disk.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** Each line of the log stands for a record: the form of records in text is another test's. */
export class Lines {
  readonly #records: CoordinatorRecord[] = [];

  lineOf(record: CoordinatorRecord): string {
    return `${this.#records.push(record) - 1}`;
  }

  recordOf(line: string): CoordinatorRecord {
    return this.#records[Number(line)]!;
  }
}

export class EngineDisk extends GroupDisk<CoordinatorRecord> {
  /** Whether a compaction goes on: the program doesn't begin another one then. */
  isRewriting = false;
  /** Those that wait until so many records are synced. */
  #waiting: { readonly upTo: number; readonly done: () => void }[] = [];

  /** @param found The lines that are in the log. @param isThere Whether the engine has a line. */
  constructor(
    world: World,
    readonly fenced: FencedLog,
    readonly lines: Lines,
    found: readonly string[],
    readonly isThere: (line: string) => boolean,
  ) {
    super(world.time, world.random.fork(), world.options.disk);
    this.restoreImage(found.map((line) => lines.recordOf(line)));
  }

  override write(records: readonly CoordinatorRecord[]): boolean {
    if (!super.write(records)) return false;
    const upTo = this.records.length;
    const given = records.map((record) => this.lines.lineOf(record));
    this.#when(this.fenced.append(given), () => {
      const missing = given.find((line) => !this.isThere(line));
      if (missing !== undefined) {
        const { kind } = this.lines.recordOf(missing);
        throw new Violation(`A record "${kind}" counts as written, and isn't in the engine`);
      }
      this.synced = Math.max(this.synced, upTo);
      const due = this.#waiting.filter((one) => one.upTo <= this.synced);
      this.#waiting = this.#waiting.filter((one) => one.upTo > this.synced);
      for (const { done } of due) done();
    });
    return true;
  }

  override sync(done: () => void): void {
    this.#waiting.push({ upTo: this.records.length, done });
  }

  /** Compaction. */
  override restore(records: readonly CoordinatorRecord[]): void {
    super.restore(records);
    this.isRewriting = true;
    this.#when(
      this.fenced.rewrite(this.records.map((record) => this.lines.lineOf(record))),
      () => this.isRewriting = false,
    );
  }

  /** Where it fails the lead is lost, which ends the process. A violation is thrown where virtual time goes on. */
  #when(work: Promise<void>, done: () => void): void {
    work.then(
      () => void this.time.after(0, done),
      (_: P2pchatError) => {},
    );
  }
}
