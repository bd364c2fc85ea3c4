/** Which file a table is, however it is named. */

import { P2pchatError } from "../base/errors.ts";
import { folderOf } from "../store/disk.ts";

/**
 * The absolute path without links of the table at `path`, the same for all of its names; of one that isn't there
 * yet, where it would be made. Where the system can't tell, as in a folder that isn't there, `path` itself: whoever
 * reads or writes the file says what is wrong.
 * @throws {P2pchatError} `bad-file` for a symbolic link that leads nowhere.
 */
export async function realTablePath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return path;
  }
  await refuseDanglingLink(path);
  try {
    const folder = await Deno.realPath(folderOf(path));
    return `${folder === "/" ? "" : folder}/${path.slice(path.lastIndexOf("/") + 1)}`;
  } catch {
    return path;
  }
}

/**
 * Where a symbolic link leads, otherwise the name that the user knows: the file is replaced, and the link is to stay.
 * @param real As `realTablePath` has it.
 */
export async function behindLink(path: string, real: string): Promise<string> {
  try {
    return (await Deno.lstat(path)).isSymlink ? real : path;
  } catch {
    return path; // whoever reads it says what is wrong
  }
}

/** Its target, made now, might be in a folder that isn't mounted, or the link a mistake. */
async function refuseDanglingLink(path: string): Promise<void> {
  let target: string;
  try {
    target = await Deno.readLink(path);
  } catch {
    return; // no link
  }
  throw new P2pchatError(
    "bad-file",
    `Cannot use ${path}: it is a symbolic link to ${target}, which isn't there; make that file, or ` +
      "correct the link",
  );
}
