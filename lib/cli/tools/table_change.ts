/** Adds a row to a table of users, in turn with other programs that do so. */

import { takeTurn } from "../../store/disk/held_lock.ts";
import { tableLock } from "../../store/disk/paths.ts";
import { RealDisk } from "../../store/disk/real_disk.ts";
import type { UserInfo, UserInfoRow } from "../../store/users/user_info.ts";
import { addUserInfo } from "../../store/users/user_info_file.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { behindLink, realTablePath } from "../session/table_path.ts";

/** The table, and the data folder with its lock. */
interface TableChange<User extends UserInfo> {
  readonly dataFolder: string;
  readonly file: string;
  readonly user: User;
  /** Refuses what the table has already, of what was read under the lock. */
  readonly check?: (file: string, rows: readonly UserInfoRow[], user: User) => void;
}

/**
 * Adds a row; durable when it returns.
 * @throws {P2pchatError} `bad-file`, `in-use`, `not-allowed` or `disk`, or what `check` throws; the table is unchanged.
 */
export async function addToTable<User extends UserInfo>(
  { dataFolder, file, user, check }: TableChange<User>,
): Promise<UserInfoRow> {
  const disk = new RealDisk();
  const real = await realTablePath(file);
  const turn = await takeTurn(
    disk,
    file,
    tableLock(dataFolder, real),
    String(Deno.pid),
    SYSTEM_LINK_CLOCK,
  );
  try {
    const path = await behindLink(file, real);
    return await addUserInfo(disk, path, user, (rows) => check?.(file, rows, user));
  } finally {
    turn.release();
  }
}
