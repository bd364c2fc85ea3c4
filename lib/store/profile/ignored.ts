/**
 * The keys whose owners the user has chosen not to hear, in every mode, in a table that `cat` shows: the fingerprint, the
 * name at that time, and the day.
 */

import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { Table } from "../disk/table.ts";
import { SharedTable, type TakeTurn } from "./shared_table.ts";

const IGNORED_FORMAT = {
  format: "ignored",
  version: 1,
  without: "(without it everybody is heard again)",
} as const;

/** All are read at each start, and nobody types more. */
const IGNORED_MAX = 1_000;

export interface IgnoredOne {
  readonly name: string;
  readonly key: Fingerprint;
  /** The day, as in 2026-01-31. */
  readonly since: string;
}

/** The keys in the file at `path`, for who changes nothing. @throws {P2pchatError} As `Table.open`. */
export async function ignoredKeys(disk: Disk, path: string): Promise<ReadonlySet<string>> {
  const rows = await Table.read(disk, path, IGNORED_FORMAT) ?? [];
  return new Set(rows.map(([key = ""]) => key));
}

export class Ignored {
  /** Those of `table`, by key. */
  #keys: ReadonlySet<string>;

  private constructor(readonly table: SharedTable) {
    this.#keys = keysIn(table);
  }

  /** @throws {P2pchatError} As `Table.open`. */
  static async open(disk: Disk, path: string, takeTurn: TakeTurn): Promise<Ignored> {
    return new Ignored(await SharedTable.open(disk, path, IGNORED_FORMAT, takeTurn));
  }

  get all(): readonly IgnoredOne[] {
    return this.table.rows.map(([key, name = "", since = ""]) => ({
      name,
      key: key as Fingerprint,
      since,
    }));
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** @throws {P2pchatError} As `SharedTable.change`; `full`. */
  async add({ name, key, since }: IgnoredOne): Promise<void> {
    await this.table.change((rows) => {
      const others = rows.filter(([each]) => each !== key);
      if (others.length < IGNORED_MAX) return [...others, [key, name, since]];
      throw new P2pchatError(
        "full",
        `Cannot ignore more than ${IGNORED_MAX}: first /unignore somebody`,
      );
    });
    this.#keys = keysIn(this.table);
  }

  /** @throws {P2pchatError} As `SharedTable.change`. */
  async remove(key: string): Promise<void> {
    await this.table.change((rows) => rows.filter(([each]) => each !== key));
    this.#keys = keysIn(this.table);
  }
}

function keysIn({ rows }: SharedTable): ReadonlySet<string> {
  return new Set(rows.map(([key]) => key!));
}
