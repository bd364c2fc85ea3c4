/** The file of a table of users: read in one piece, and replaced when a row is added. */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { P2pchatError, systemErrorCode } from "../../base/errors.ts";
import {
  type AppendFile,
  type Disk,
  folderOf,
  NO_SUCH_FILE,
  spaceAdvice,
  systemReason,
} from "../disk/disk.ts";
import { Replacement } from "../disk/replacement.ts";
import {
  tooLarge,
  USER_INFO_BYTES_MAX,
  type UserInfo,
  type UserInfoRow,
  withUserInfo,
} from "./user_info.ts";

/** Mode bits with which anybody may write the file. */
const WRITE_BITS = 0o222;

/**
 * The bytes of a table of users.
 * @throws {P2pchatError} `bad-file`, also where the file doesn't exist or can't be read.
 */
export async function readUserInfo(disk: Disk, path: string): Promise<Uint8Array> {
  const bytes = await userInfoBytes(disk, path);
  if (bytes !== null) return bytes;
  throw new P2pchatError(
    "bad-file",
    `Cannot read ${path}: ${NO_SUCH_FILE}, or begin a table with ` +
      `p2pchat users add ${path} NAME HOST PORT`,
  );
}

/**
 * Adds a row to the table at `path`, which is created where there is none; durable when it returns. Comments,
 * order, line ends, owner, group and permissions are preserved.
 * @returns The row with its line.
 * @throws {P2pchatError} `bad-file`; `in-use` where another program changed the file meanwhile; `not-allowed` where
 *   the new file would have another owner; `disk`.
 */
export async function addUserInfo(
  disk: Disk,
  path: string,
  user: UserInfo,
): Promise<UserInfoRow> {
  const version = await disk.version(path).catch((error) =>
    refuse("bad-file", "read", path, error)
  );
  const before = await userInfoBytes(disk, path);
  const { bytes, row } = withUserInfo(path, before, user);
  try {
    const mode = (await disk.stat(path))?.mode ?? null;
    if (mode !== null && (mode & WRITE_BITS) === 0) throw readOnly(path);
    const replacement = await Replacement.beginAmongOthers(disk, path);
    try {
      replacement.write(bytes);
      if (mode !== null) keepAccess(path, replacement.file);
      if (await disk.version(path) !== version) throw changedMeanwhile(path);
      (await replacement.putInPlace()).close();
    } catch (error) {
      await replacement.abandon();
      throw error;
    }
    await disk.syncFolder(folderOf(path));
  } catch (error) {
    return refuse("disk", "write", path, error);
  }
  return row;
}

/** Keeps owner, group and permissions: with another owner, people who share the table could lose access to it. */
function keepAccess(path: string, replacement: AppendFile): void {
  try {
    replacement.allowLike(path);
  } catch (error) {
    if (systemErrorCode(error) !== "EPERM") throw error;
    throw new P2pchatError(
      "not-allowed",
      `Cannot change ${path}: it belongs to another user or group of this machine, and would be yours ` +
        "afterwards; run this as that user, as with sudo -u, or add the row with an editor",
      { cause: error },
    );
  }
}

/** The bytes of a file that may be a table, read only up to the size limit; null where there is no file. */
async function userInfoBytes(disk: Disk, path: string): Promise<Uint8Array | null> {
  try {
    const entry = await disk.stat(path);
    if (entry === null) return null;
    if (entry.kind !== "file") {
      const found = entry.kind === "folder" ? "a folder" : "no ordinary file";
      throw new P2pchatError(
        "bad-file",
        `Cannot read ${path}: it is ${found}; name the file with the table of users`,
      );
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of disk.readChunks(path)) {
      chunks.push(new Uint8Array(chunk));
      length += chunk.length;
      if (length > USER_INFO_BYTES_MAX) throw tooLarge(path);
    }
    return concatBytes(...chunks);
  } catch (error) {
    return refuse("bad-file", "read", path, error);
  }
}

/** Throws the disk's error, with advice for a file that is the user's own and in no data folder. */
function refuse(code: "bad-file" | "disk", action: string, path: string, error: unknown): never {
  // Only errors of the system have a cause; others are already sentences for the user.
  const isOfDisk = error instanceof P2pchatError && error.code === "disk" &&
    error.cause !== undefined;
  if (!isOfDisk) throw error;
  const advice = spaceAdvice(error.cause) ?? `check the path, and that you may ${action} there`;
  const text = `Cannot ${action} ${path}: ${systemReason(error.cause)}; ${advice}`;
  throw new P2pchatError(code, text, { cause: error });
}

/**
 * The error for a read-only table. The system wouldn't refuse: replacing a file only needs write access to its
 * folder.
 */
function readOnly(path: string): P2pchatError {
  return new P2pchatError(
    "disk",
    `Cannot write ${path}: it is read-only; allow writing (chmod u+w), or add the row to a copy`,
  );
}

function changedMeanwhile(path: string): P2pchatError {
  return new P2pchatError(
    "in-use",
    `Cannot write ${path}: another program has changed it meanwhile; try again`,
  );
}
