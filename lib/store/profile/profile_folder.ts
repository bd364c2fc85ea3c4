/**
 * Where a user's profile is, `users/NAME/` in the data folder; and the lock that keeps two processes from using it in the
 * same mode at the same time.
 */

import { hash } from "node:crypto";
import type { Clock } from "../../base/machine/clock.ts";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError, systemText } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { foldName, isSameName, nameFault } from "../../base/text/names.ts";
import { type Disk, FOLDER_MODE } from "../disk/disk.ts";
import { HeldLock, holderOf, takeTurn, TURN_FILE } from "../disk/held_lock.ts";
import { otherUsersError } from "../disk/other_users.ts";
import { ACCOUNTS_FILE, usersFolder } from "../disk/paths.ts";
import { REPLACEMENT_SUFFIX } from "../disk/replacement.ts";

const TABLES = ["known_peers", "settings", "ignored", "typed", "irc_password", "irc_shown", "web"];

/** What may be in a profile, beside its key. */
export const PROFILE_NAMES: readonly string[] = [
  ...TABLES.flatMap((name) => [name, name + REPLACEMENT_SUFFIX]),
  ...["uploads", "mesh", "group", "friends", "registry"],
  ...[TURN_FILE, "group.lock", "friends.lock", "registry.lock"],
];

/** A user of a data folder. */
export interface ProfileOwner {
  readonly dataFolder: string;
  /** A valid name in NFC, as its user typed it. */
  readonly name: string;
}

/**
 * Finds the folder of a user's profile, or makes it with the name as it was typed. Names that are the same name have
 * one folder, with whatever spelling it was made, also where several programs start at once.
 * @param writer Distinguishes this program from others, such as by its process id.
 * @returns The folder's path.
 * @throws {P2pchatError} `disk`; `bad-file` where a link is in its place; `in-use` as `takeTurn`, where other programs
 *   make folders.
 */
export async function openProfileFolder(
  disk: Disk,
  owner: ProfileOwner,
  writer: string,
  clock: Clock,
): Promise<string> {
  invariant(
    nameFault(owner.name) === null,
    "a profile's name can be a folder's on any file system",
  );
  const found = await findProfileFolder(disk, owner);
  if (found !== null) return found;
  const users = usersFolder(owner.dataFolder);
  // No name begins with a full stop.
  const turn = await takeTurn(disk, users, `${users}/.lock`, writer, clock);
  try {
    const folder = await findProfileFolder(disk, owner) ?? `${users}/${owner.name}`;
    await disk.makeFolder(folder);
    return folder;
  } finally {
    turn.release();
  }
}

/**
 * The folder of a user's profile; null where there is none. Of several, the one of earlier versions, or else the first
 * by code units: whatever spelling was typed.
 * @throws {P2pchatError} `bad-file` where a link is in its place; `disk`.
 */
export async function findProfileFolder(
  disk: Disk,
  { dataFolder, name }: ProfileOwner,
): Promise<string | null> {
  const users = usersFolder(dataFolder);
  await refuseLink(disk, users);
  const earlier = earlierFolderName(name);
  const names = await listed(disk, users) ?? [earlier, name];
  const spellings = names.filter((each) => nameFault(each) === null && isSameName(each, name));
  for (const each of [...names.filter((each) => each === earlier), ...spellings]) {
    const path = `${users}/${each}`;
    await refuseLink(disk, path);
    if ((await disk.stat(path))?.kind === "folder") return path;
  }
  return null;
}

const OTHERS_BITS = 0o077;
const OTHERS_WRITE_BITS = 0o022;

/**
 * Keeps a profile, or a server's folder, to the user: whoever else may write there, or replace it, decides who is
 * verified. Its mode becomes 0700, and that of the folder of all users too where others may write there. No link may be
 * in it, and nothing of another user, but for a directory's accounts file, which its operator may keep elsewhere.
 * @param users The folder of all users; null for a server's folder.
 * @returns What the user should know: where others could write, and may have done so.
 * @throws {P2pchatError} `bad-file` where that can't be done; or another user's folder, file or link is there or below.
 */
export async function keepToOwner(
  disk: Disk,
  folder: string,
  users: string | null,
): Promise<readonly string[]> {
  await refuseLink(disk, folder);
  for (const path of users === null ? [folder] : [users, folder]) {
    const user = (await disk.stat(path))?.otherUser ?? null;
    if (user !== null) throw otherUsersError(path, user);
  }
  const notices: string[] = [];
  const closed: [string, number][] = [[folder, OTHERS_BITS]];
  if (users !== null) closed.push([users, OTHERS_WRITE_BITS]);
  for (const [path, bits] of closed) {
    const entry = await disk.stat(path);
    if (entry === null || (entry.mode & bits) === 0) continue;
    const mode = entry.mode.toString(8).padStart(4, "0");
    try {
      await disk.setMode(path, FOLDER_MODE);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      const why = systemText(error.cause);
      throw new P2pchatError(
        "bad-file",
        `Cannot use ${folder}: others have access to ${path} (mode ${mode}), and it can't be taken from them: ` +
          `${why}; have its owner run chmod 700 on it, or choose another folder with --data`,
        { cause: error },
      );
    }
    if ((entry.mode & OTHERS_WRITE_BITS) === 0) continue;
    notices.push(
      `Others could write in ${path} (mode ${mode}), now it is yours alone (0700); if you don't ` +
        "trust them, begin anew in another folder with --data",
    );
  }
  // Now that nobody else can put one there any more.
  const isMeant = (path: string) => path === `${folder}/${ACCOUNTS_FILE}`;
  const left = (await disk.othersBelow(folder)).find((path) => !isMeant(path));
  if (left === undefined) return notices;
  if (await disk.isLink(left)) throw linkFound(left, "file or folder");
  throw otherUsersError(left, (await disk.stat(left))?.otherUser ?? null);
}

async function refuseLink(disk: Disk, path: string): Promise<void> {
  if (await disk.isLink(path)) throw linkFound(path, "folder");
}

/** Through a link others who could write there once would have this program read or write what they choose. */
function linkFound(path: string, kind: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot use ${path}: it is a symbolic link; put the ${kind} itself there, or choose another folder with --data`,
  );
}

/** The names in a folder; null where it may be used, and not be read. */
async function listed(disk: Disk, folder: string): Promise<readonly string[] | null> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if (error instanceof P2pchatError) return null;
    throw error;
  }
}

/** Device names of Windows, which no file there can have, with any extension. */
const DEVICE_NAME = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=$|\.)/;
const EARLIER_BYTES_MAX = 200;

/** The name of the folder that earlier versions made: folded, with a full stop at its end as `%2e`. */
function earlierFolderName(name: string): string {
  const escaped = foldName(name)
    .replace(/[^\p{L}\p{M}\p{N}_.-]|\.$/gu, escapeChar)
    .replace(DEVICE_NAME, (device) => escapeChar(device[0]!) + device.slice(1));
  // Some letters fold to several, so that a folded name was too long.
  if (utf8(escaped).length <= EARLIER_BYTES_MAX) return escaped;
  return `%${hash("sha256", escaped, "hex")}`;
}

function escapeChar(char: string): string {
  return [...utf8(char)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

/** The modes that use a folder: each has its own files and its own lock there. A room has a lock of its own. */
export type LockMode = "serve" | "group" | "friends" | "regserver" | "registry";

const PURPOSES: Readonly<Record<LockMode, string>> = {
  friends: "friends",
  group: "a group",
  serve: "a coordinator",
  registry: "a directory",
  regserver: "a directory",
};

/**
 * Locks `folder` for `mode` until `release` or until this process ends, even if it is killed.
 * @param pid The id of this process, for the error message of a second one.
 * @throws {P2pchatError} `in-use` where another process has the lock; `disk`.
 */
export function lockProfile(
  disk: Disk,
  folder: string,
  mode: LockMode,
  pid: number,
): Promise<HeldLock> {
  const refused = (lock: { readonly heldBy: string }) =>
    new P2pchatError(
      "in-use",
      `Cannot use ${folder} for ${PURPOSES[mode]}: ${
        holderOf(lock)
      } uses it already; end that one, or choose another ${
        isNamed(mode) ? "name or another folder" : "folder"
      } with --data`,
    );
  return HeldLock.take(disk, `${folder}/${mode}.lock`, pid, refused);
}

/** Whether the mode is started with a user name, which determines the folder. */
function isNamed(mode: LockMode): boolean {
  return mode !== "serve" && mode !== "regserver";
}
