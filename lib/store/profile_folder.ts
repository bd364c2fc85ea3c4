/** Where a user's profile is: `users/NAME/` in the data folder. */

import { hash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { utf8 } from "../base/crypto.ts";
import { P2pchatError } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { foldName, isSameName, nameFault } from "../base/names.ts";
import type { Disk } from "./disk.ts";
import { takeTurn } from "./file_turn.ts";
import { usersFolder } from "./paths.ts";

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
 * @throws {P2pchatError} `disk`; `in-use` as `takeTurn`, where other programs make folders.
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
 */
export async function findProfileFolder(
  disk: Disk,
  { dataFolder, name }: ProfileOwner,
): Promise<string | null> {
  const users = usersFolder(dataFolder);
  const earlier = earlierFolderName(name);
  const names = await listed(disk, users) ?? [earlier, name];
  const spellings = names.filter((each) => nameFault(each) === null && isSameName(each, name));
  for (const each of [...names.filter((each) => each === earlier), ...spellings]) {
    const path = `${users}/${each}`;
    if ((await disk.stat(path))?.kind === "folder") return path;
  }
  return null;
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
