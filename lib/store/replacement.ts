/**
 * New content for a file, written beside it and renamed over it: after any crash, readers find either the old file
 * or the new one, whole.
 */

import { P2pchatError } from "../base/errors.ts";
import { type AppendFile, type Disk, folderOf, writeAll } from "./disk.ts";

/** Name suffix of a file that isn't in place yet. One left by a crash is removed when the store is next opened. */
export const REPLACEMENT_SUFFIX = ".new";

export class Replacement {
  private constructor(readonly disk: Disk, readonly path: string, readonly file: AppendFile) {}

  /** Begins a replacement of the file at `path`, which needn't exist. At most one at a time for each path. */
  static async begin(
    disk: Disk,
    path: string,
    suffix: string = REPLACEMENT_SUFFIX,
  ): Promise<Replacement> {
    const file = await disk.openAppend(path + suffix, { empty: true });
    return new Replacement(disk, path, file);
  }

  /**
   * As `begin`, in a folder where others may write, too: in a file that must not exist yet, under an unguessable
   * name.
   */
  static async beginAmongOthers(disk: Disk, path: string, writer: string): Promise<Replacement> {
    const chance = crypto.getRandomValues(new Uint8Array(8)).toHex();
    const name = `${path}${REPLACEMENT_SUFFIX}-${writer}-${chance}`;
    const file = await disk.openAppend(name, { isNew: true });
    return new Replacement(disk, path, file);
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
