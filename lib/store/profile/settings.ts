/**
 * What a user has chosen for all modes, in a table that `cat` shows:
 *
 *     b1c37e02  p2pchat  settings  1
 *     5f0e1a77  notify   all
 *     77e01d4c  account  chat.example:4400
 *     90cc31d8  end      1         3f5ce211
 */

import type { Disk } from "../disk/disk.ts";
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

export class Settings {
  private constructor(readonly table: SharedTable) {}

  /** @throws {P2pchatError} As `Table.open`. */
  static async open(disk: Disk, path: string, takeTurn: TakeTurn): Promise<Settings> {
    return new Settings(await SharedTable.open(disk, path, SETTINGS_FORMAT, takeTurn));
  }

  get notify(): NotifyLevel {
    const value = this.#of(NOTIFY);
    return NOTIFY_LEVELS.find((level) => level === value) ?? "mentions";
  }

  /** @throws {P2pchatError} As `SharedTable.change`. */
  setNotify(level: NotifyLevel): Promise<void> {
    return this.#set(NOTIFY, level);
  }

  /** The directory where the user came in by an account the last time that any was used; empty: as a guest, or nowhere. */
  get accountAt(): string {
    return this.#of(ACCOUNT) ?? "";
  }

  /** @throws {P2pchatError} As `SharedTable.change`. */
  async setAccountAt(directory: string): Promise<void> {
    if (directory !== this.accountAt) await this.#set(ACCOUNT, directory);
  }

  #of(setting: string): string | undefined {
    return this.table.rows.find(([name]) => name === setting)?.[1];
  }

  #set(setting: string, value: string): Promise<void> {
    // Rows of a later version stay.
    return this.table.change((rows) => [
      ...rows.filter(([name]) => name !== setting),
      [setting, value],
    ]);
  }
}
