/**
 * What a user has chosen for all modes, in a table that `cat` shows:
 *
 *     b1c37e02  p2pchat  settings  1
 *     5f0e1a77  notify   all
 *     77e01d4c  account  chat.example:4400
 *     90cc31d8  end      1         3f5ce211
 */

import type { Disk } from "../disk/disk.ts";
import type { TableRow } from "../disk/table.ts";
import { SharedTable, type TakeTurn } from "./shared_table.ts";

/** What the user is told of while the terminal isn't looked at. */
export const NOTIFY_LEVELS = ["off", "mentions", "all"] as const;
export type NotifyLevel = typeof NOTIFY_LEVELS[number];

export const SETTINGS_FORMAT = {
  format: "settings",
  version: 1,
  without: "(without it /notify is as at first, and directories show the menu)",
} as const;

const NOTIFY = "notify";
const ACCOUNT = "account";
/** More directories than anybody has accounts at; beyond them the one used longest ago is forgotten. */
const ACCOUNTS_MAX = 64;

export class Settings {
  private constructor(readonly table: SharedTable) {}

  /** @throws {P2pchatError} As `Table.open`. */
  static async open(disk: Disk, path: string, takeTurn: TakeTurn): Promise<Settings> {
    return new Settings(await SharedTable.open(disk, path, SETTINGS_FORMAT, takeTurn));
  }

  get notify(): NotifyLevel {
    const value = this.table.rows.find(([name]) => name === NOTIFY)?.[1];
    return NOTIFY_LEVELS.find((level) => level === value) ?? "mentions";
  }

  /** @throws {P2pchatError} As `SharedTable.change`. */
  setNotify(level: NotifyLevel): Promise<void> {
    // Rows of a later version stay.
    return this.table.change((
      rows,
    ) => [...rows.filter(([name]) => name !== NOTIFY), [NOTIFY, level]]);
  }

  /** Whether the user came in to that directory by an account the last time. */
  hasAccountAt(directory: string): boolean {
    return this.table.rows.some(([name, at]) => name === ACCOUNT && at === directory);
  }

  /** @throws {P2pchatError} As `SharedTable.change`. */
  async cameIn(directory: string, isGuest: boolean): Promise<void> {
    if (isGuest !== this.hasAccountAt(directory)) return;
    await this.table.change((rows) => {
      const others = rows.filter(([name, at]) => name !== ACCOUNT || at !== directory);
      if (isGuest) return others;
      const accounts = others.filter(([name]) => name === ACCOUNT);
      const isKept = (row: TableRow) => accounts.length < ACCOUNTS_MAX || row !== accounts[0];
      return [...others.filter(isKept), [ACCOUNT, directory]];
    });
  }
}
