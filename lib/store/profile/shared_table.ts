/**
 * A small table of a profile that several programs may use at once: each has the rows as it read them, and makes a
 * change to those that the file has by then.
 */

import type { Disk, DiskLock } from "../disk/disk.ts";
import type { FileFormat } from "../disk/record_line.ts";
import { Table, type TableRow } from "../disk/table.ts";

/** Takes the turn of the only program that changes the profile's files now. */
export type TakeTurn = () => Promise<Pick<DiskLock, "release">>;

export class SharedTable {
  #rows: readonly TableRow[];

  private constructor(
    readonly disk: Disk,
    readonly path: string,
    readonly format: FileFormat & { readonly without: string },
    readonly takeTurn: TakeTurn,
    rows: readonly TableRow[],
  ) {
    this.#rows = rows;
  }

  /** @throws {P2pchatError} As `Table.open`. */
  static async open(
    disk: Disk,
    path: string,
    format: SharedTable["format"],
    takeTurn: TakeTurn,
  ): Promise<SharedTable> {
    const rows = await Table.read(disk, path, format) ?? [];
    return new SharedTable(disk, path, format, takeTurn, rows);
  }

  /** As this program last read or wrote them. */
  get rows(): readonly TableRow[] {
    return this.#rows;
  }

  /**
   * Replaces the rows by what `changed` makes of them.
   * @returns When that is durable.
   * @throws {P2pchatError} What `changed` throws; `disk`, `store-corrupt`, or `in-use` where no turn came: the rows stay.
   */
  async change(changed: (rows: readonly TableRow[]) => readonly TableRow[]): Promise<void> {
    const turn = await this.takeTurn();
    try {
      const { table, rows } = await Table.open(this.disk, this.path, this.format);
      const next = changed(rows ?? []);
      await table.write(next);
      this.#rows = next;
    } finally {
      turn.release();
    }
  }
}
