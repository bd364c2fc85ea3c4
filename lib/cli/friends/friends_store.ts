/**
 * A profile's stored data of friends: a folder for each table of users, `friends/DIGEST/`, with the path of the
 * table in `table`, and the messages, sent and received, in `log`.
 *
 * Two tables may have different friends of the same name: messages waiting for one must never go to the other.
 */

import { countText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { waitingIn } from "../../protocols/friends/friends_log.ts";
import { FRIENDS_LOG } from "../../protocols/friends/records.ts";
import type { FriendsStore } from "../../runtime/hosts/friends_host.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { pathDigest } from "../../store/disk/paths.ts";
import { Table } from "../../store/disk/table.ts";
import { openRecords } from "../session/record_store.ts";

/** The file with the path of the table that a folder belongs to. */
const TABLE_FILE = "table";
export const FRIENDS_TABLE_FORMAT = { format: "friends-table", version: 1 } as const;
const LOG_FILE = "log";

/**
 * Opens the stored data for the friends of a table.
 * @param folder `friends` in the profile.
 * @param table The table's path, absolute.
 * @returns `notices`: repairs and, at the first use of a table, messages that wait for friends of other tables;
 *   `folder`: the table's own; `isNew`: this table wasn't used before; `isFirst`: no table was; `noteUse`: records durably that this table was
 *   used, to be called after the work of its first use. It rejects with `disk`.
 * @throws {P2pchatError} `store-corrupt` with file and line, `bad-file` or `disk`.
 */
export async function openFriends(
  disk: Disk,
  folder: string,
  table: string,
): Promise<
  {
    readonly store: FriendsStore;
    readonly folder: string;
    readonly notices: readonly string[];
    readonly isNew: boolean;
    readonly isFirst: boolean;
    readonly noteUse: () => Promise<void>;
  }
> {
  const own = `${folder}/${pathDigest(table)}`;
  const isFirst = (await disk.list(folder)).length === 0;
  await disk.makeFolder(own);
  const { table: kept, rows } = await Table.open(
    disk,
    `${own}/${TABLE_FILE}`,
    FRIENDS_TABLE_FORMAT,
  );
  const isNew = rows === null;
  const notices = isNew ? await leftBehind(disk, folder) : [];
  const path = `${own}/${LOG_FILE}`;
  if (!isNew && await disk.stat(path) === null) {
    throw new P2pchatError(
      "store-corrupt",
      `Cannot read ${path}: it is missing, with what waited for friends; restore it from a copy, or ` +
        `move ${own} away to start without what it holds`,
    );
  }
  const store = await openRecords(disk, path, FRIENDS_LOG);
  const noteUse = async () => {
    if (isNew) await kept.write([[table]]);
  };
  const found = [...notices, ...store.notices];
  return { store, folder: own, notices: found, isNew, isFirst, noteUse };
}

/** Notices about messages that wait for friends of other tables. */
async function leftBehind(disk: Disk, folder: string): Promise<readonly string[]> {
  const notices: string[] = [];
  for (const name of await disk.list(folder)) {
    let table = `the table of ${folder}/${name}`;
    try {
      const { rows } = await Table.open(
        disk,
        `${folder}/${name}/${TABLE_FILE}`,
        FRIENDS_TABLE_FORMAT,
      );
      if (rows === null) continue;
      table = rows[0]?.[0] ?? table;
      const log = await openRecords(disk, `${folder}/${name}/${LOG_FILE}`, FRIENDS_LOG);
      await log.close();
      notices.push(...log.notices);
      const messages = waitingIn(log.records);
      if (messages === 0) continue;
      const count = countText(messages, "message waits", "messages wait");
      notices.push(
        `${count} for friends of ${table}: start with that table to send what you wrote there`,
      );
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      // That table's data isn't needed here; a start with that table would report the error.
      notices.push(`Cannot tell what waits for friends of ${table}: ${error.message}`);
    }
  }
  return notices;
}
