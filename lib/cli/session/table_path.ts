/** Identifies a table's file, whatever its path looks like. */

import { P2pchatError } from "../../base/errors.ts";
import { folderOf } from "../../store/disk/disk.ts";
import { heldFolder } from "../../store/disk/held_folders.ts";

/**
 * The absolute path, without links, of the table at `path`, which is the same for all its names; of a missing
 * table, the path at which it would be created. Where the system can't resolve it, as in a missing folder, `path`
 * itself: reading or writing the file reports the error.
 * @throws {P2pchatError} `bad-file` for a dangling symbolic link.
 */
export async function realTablePath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return path;
  }
  await refuseDanglingLink(path);
  try {
    const named = folderOf(path);
    const folder = heldFolder(named)?.real ?? await Deno.realPath(named);
    return `${folder === "/" ? "" : folder}/${path.slice(path.lastIndexOf("/") + 1)}`;
  } catch {
    return path;
  }
}

/**
 * The target of a symbolic link, otherwise the path that the user gave: the file will be replaced, and a link has
 * to stay.
 * @param real The result of `realTablePath`.
 */
export async function behindLink(path: string, real: string): Promise<string> {
  try {
    return (await Deno.lstat(path)).isSymlink ? real : path;
  } catch {
    return path; // reading the file reports the error
  }
}

/** Creating the target isn't safe: its file system may not be mounted, or the link may be a mistake. */
async function refuseDanglingLink(path: string): Promise<void> {
  let target: string;
  try {
    target = await Deno.readLink(path);
  } catch {
    return; // not a link
  }
  throw new P2pchatError(
    "bad-file",
    `Cannot use ${path}: it is a symbolic link to ${target}, which isn't there; make that file, or ` +
      "correct the link",
  );
}
