/**
 * New content for a file, written beside it and put in its place at once: whoever looks, after whatever
 * crash, finds the old file or the new one, whole.
 */

import { P2pchatError } from "../base/errors.ts";
import { type AppendFile, type Disk, folderOf, writeAll } from "./disk.ts";

/** Ends the name of a file that isn't in place yet. One that a crash left is removed at the next opening. */
export const REPLACEMENT_SUFFIX = ".new";

export class Replacement {
  private constructor(readonly disk: Disk, readonly path: string, readonly file: AppendFile) {}

  /** Begins a replacement of the file at `path`, which needn't exist. One at a time for each path. */
  static async begin(
    disk: Disk,
    path: string,
    suffix: string = REPLACEMENT_SUFFIX,
  ): Promise<Replacement> {
    const file = await disk.openAppend(path + suffix, { empty: true });
    return new Replacement(disk, path, file);
  }

  /** The same in a folder where others may write, too: in a file that is made now, under a name that nobody guesses. */
  static async beginAmongOthers(disk: Disk, path: string, writer: string): Promise<Replacement> {
    const chance = crypto.getRandomValues(new Uint8Array(8)).toHex();
    const name = `${path}${REPLACEMENT_SUFFIX}-${writer}-${chance}`;
    const file = await disk.openAppend(name, { isNew: true });
    return new Replacement(disk, path, file);
  }

  write(bytes: Uint8Array): void {
    writeAll(this.file, bytes);
  }

  /** Forces what was written so far onto the device, so that the rest takes less long. */
  async sync(): Promise<void> {
    await this.file.syncData();
  }

  /**
   * Syncs the new content and gives it the file's name. `syncFolder` makes that durable.
   * @returns The new file, open; the caller closes it.
   * @throws {P2pchatError} `disk`; the old file is in its place, and `abandon` is still to be called.
   */
  async putInPlace(): Promise<AppendFile> {
    await this.file.syncData();
    await this.disk.rename(this.file.path, this.path);
    this.file.path = this.path;
    return this.file;
  }

  /** Closes and removes what was begun. What can't be removed now, the next opening removes. */
  async abandon(): Promise<void> {
    try {
      // In a folder that was removed meanwhile another program may have begun one of that name.
      if (this.file.isInPlace()) await this.disk.remove(this.file.path);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
    } finally {
      this.file.close();
    }
  }
}

/**
 * Replaces the file at `path` by `bytes`; durable when it returns.
 * @throws {P2pchatError} `disk`. The file is the old one, unless the folder's sync failed: then a power
 *     cut decides between old and new.
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
