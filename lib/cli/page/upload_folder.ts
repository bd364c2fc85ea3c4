/**
 * Files that were dropped onto the page, until the program ends: `/send` offers them from here. A program that was killed
 * leaves them to the next one.
 */

import { P2pchatError } from "../../base/errors.ts";
import { countText, numberText } from "../../base/text/words.ts";
import { FILE_BYTES_MAX, FILES_BYTES_MAX_DEFAULT } from "../../protocols/transfer/limits.ts";
import { type AppendFile, type Disk, type DiskLock, writeAll } from "../../store/disk/disk.ts";

/** Of all files together: as much as is received where the user names no other bound. */
export const UPLOADS_BYTES_MAX = Math.min(FILES_BYTES_MAX_DEFAULT, FILE_BYTES_MAX);
/** Each takes a folder of its own. */
const UPLOADS_MAX = 1_000;

const LOCK = "lock";

export class UploadFolder {
  #lock: DiskLock | null = null;
  #bytes = 0;
  #count = 0;

  /**
   * @param above The folder of all programs of the profile that serve a page.
   * @param run A name that no other program has.
   */
  constructor(readonly disk: Disk, readonly above: string, readonly run: string) {}

  get #path(): string {
    return `${this.above}/${this.run}`;
  }

  /** Removes what programs left that were killed. @throws {P2pchatError} `disk`. */
  async removeLeft(): Promise<void> {
    for (const name of await this.disk.list(this.above)) {
      const folder = `${this.above}/${name}`;
      if (name === this.run || (await this.disk.stat(folder))?.kind !== "folder") continue;
      const lock = await this.disk.tryLock(`${folder}/${LOCK}`, `${this.run}\n`);
      if ("heldBy" in lock) continue;
      await this.#remove(folder, lock);
    }
  }

  /**
   * Begins to take a file of that size. @param name One part of a path.
   * @throws {P2pchatError} `too-long`, `full` or `disk`.
   */
  async begin(name: string, bytes: number): Promise<Upload> {
    if (bytes > UPLOADS_BYTES_MAX) {
      const text = `The file has ${countText(bytes, "byte")}: at most ${
        numberText(UPLOADS_BYTES_MAX)
      } can be sent from the page; /send FILE has no copy made`;
      throw new P2pchatError("too-long", text);
    }
    if (this.#bytes + bytes > UPLOADS_BYTES_MAX || this.#count >= UPLOADS_MAX) {
      const text = "The files sent from the page take all the room that there is for them: " +
        "/send FILE has no copy made, and a new start makes room";
      throw new P2pchatError("full", text);
    }
    this.#bytes += bytes;
    const folder = `${this.#path}/${++this.#count}`;
    try {
      await this.disk.makeFolder(folder);
      if (this.#lock === null) await this.#takeLock();
      const file = await this.disk.openAppend(`${folder}/${name}`, { isNew: true });
      return new Upload(file, bytes, () => this.#bytes -= bytes);
    } catch (error) {
      this.#bytes -= bytes;
      throw error;
    }
  }

  async #takeLock(): Promise<void> {
    const lock = await this.disk.tryLock(`${this.#path}/${LOCK}`, `${this.run}\n`);
    if (!("heldBy" in lock)) this.#lock = lock;
  }

  /** Removes all files. @throws {P2pchatError} `disk`. */
  async close(): Promise<void> {
    if (this.#lock !== null) await this.#remove(this.#path, this.#lock);
    this.#lock = null;
  }

  async #remove(folder: string, lock: DiskLock): Promise<void> {
    try {
      for (const name of await this.disk.list(folder)) {
        if (name === LOCK) continue;
        for (const file of await this.disk.list(`${folder}/${name}`)) {
          await this.disk.remove(`${folder}/${name}/${file}`);
        }
        await this.disk.removeFolder(`${folder}/${name}`);
      }
      await this.disk.remove(`${folder}/${LOCK}`);
      await this.disk.removeFolder(folder);
    } finally {
      lock.release();
    }
  }
}

/** A file that is being taken. */
export class Upload {
  #left: number;

  /** @param released Called where it comes to nothing. */
  constructor(readonly file: AppendFile, bytes: number, readonly released: () => void) {
    this.#left = bytes;
  }

  get path(): string {
    return this.file.path;
  }

  get isWhole(): boolean {
    return this.#left === 0;
  }

  /** Adds what has come, and ignores what is too much. @throws {P2pchatError} `disk`. */
  write(bytes: Uint8Array): void {
    const part = bytes.subarray(0, this.#left);
    writeAll(this.file, part);
    this.#left -= part.length;
  }

  /** It is whole. */
  close(): void {
    this.file.close();
  }

  /** It won't be whole: it takes no room any more. */
  giveUp(): void {
    try {
      this.file.truncate(0);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error; // it goes with the folder
    }
    this.file.close();
    this.released();
  }
}
