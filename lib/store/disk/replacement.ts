/**
 * New content for a file, written beside it and renamed over it: after any crash, readers find either the old file
 * or the new one, whole.
 */

import { dateText } from "../../base/text/words.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type AppendFile, type Disk, folderOf, misplacedError, writeAll } from "./disk.ts";

/** Name suffix of a file that isn't in place yet. One left by a crash is removed when the store is next opened. */
export const REPLACEMENT_SUFFIX = ".new";

/** The suffix where there are others' files, too: no other process has the same, or can guess it. */
const OWN_SUFFIX = `${REPLACEMENT_SUFFIX}-${crypto.getRandomValues(new Uint8Array(8)).toHex()}`;

/** How often one process may set aside the file at a path: each time leaves a whole file there. */
const ASIDES_MAX = 16;

/** What stands between a log's name and the time where it is set aside: damaged, another group's, or on demand. */
export const DAMAGED_INFIX = ".damaged-";

/** The same for a file that is whole, and makes way for another one. */
export const FORMER_INFIX = ".aside-";

/**
 * The names under which the file at `path` may be set aside by this process, in the order in which they are tried.
 * @param startedMs The wall time at which the process started: rights over these names are taken then.
 */
export function asideNames(
  path: string,
  startedMs: number,
  infix: typeof DAMAGED_INFIX | typeof FORMER_INFIX,
): readonly string[] {
  const first = path + infix + dateText(startedMs).replace(/[-:]|\.\d+/g, "");
  return Array.from({ length: ASIDES_MAX }, (_, at) => at === 0 ? first : `${first}-${at + 1}`);
}

/** The name that new versions of the file at `path`, among the user's own files, have in this process. */
export function replacementName(path: string): string {
  return path + OWN_SUFFIX;
}

export class Replacement {
  private constructor(readonly disk: Disk, readonly path: string, readonly file: AppendFile) {}

  /** Begins a replacement of the file at `path`, which needn't exist. At most one at a time for each path. */
  static async begin(
    disk: Disk,
    path: string,
    suffix: string = REPLACEMENT_SUFFIX,
  ): Promise<Replacement> {
    // Made anew, as somebody else may have put a link there.
    await disk.remove(path + suffix);
    const file = await disk.openAppend(path + suffix, { isNew: true });
    return new Replacement(disk, path, file);
  }

  /**
   * As `begin`, in a folder where the user, and others, may have files of any name: under one of this process that
   * nobody can guess, so that no file is removed but what an earlier replacement of this process left.
   */
  static beginAmongOthers(disk: Disk, path: string): Promise<Replacement> {
    return Replacement.begin(disk, path, OWN_SUFFIX);
  }

  write(bytes: Uint8Array): void {
    writeAll(this.file, bytes);
  }

  /** Syncs what was written so far, so that the final sync takes less long. */
  async sync(): Promise<void> {
    await this.file.syncData();
  }

  /**
   * Syncs the new content and renames it to `path`. Durable after `syncFolder`.
   * @returns The new file, open; the caller closes it.
   * @throws {P2pchatError} `disk`; the old file is in its place, and the caller has to call `abandon`.
   */
  async putInPlace(): Promise<AppendFile> {
    await this.file.syncData();
    // Whoever else may write in the folder may have put another file, or a link, under the name.
    if (!this.file.isInPlace()) throw misplacedError(this.file.path);
    await this.disk.rename(this.file.path, this.path);
    this.file.path = this.path;
    return this.file;
  }

  /** Closes and removes the new file. If that fails, the next opening removes it. */
  async abandon(): Promise<void> {
    try {
      // If the folder was removed meanwhile, a file of that name may be another program's.
      if (this.file.isInPlace()) await this.disk.remove(this.file.path);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
    } finally {
      this.file.close();
    }
  }
}

/**
 * Replaces the content of the file at `path` by `bytes`; durable when it returns.
 * @throws {P2pchatError} `disk`. The file is the old one, unless the folder's sync failed: then either may be found
 *   after a power cut.
 */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const replacement = await Replacement.begin(disk, path);
  try {
    replacement.write(bytes);
    (await replacement.putInPlace()).close();
  } catch (error) {
    await replacement.abandon();
    throw error;
  }
  await disk.syncFolder(folderOf(path));
}
