/**
 * Files that were dropped onto the page: `/send` offers them from here. The copies go when the program ends; one that was
 * killed leaves its own to the next one.
 */

import { P2pchatError } from "../../base/errors.ts";
import { countText, numberText } from "../../base/text/words.ts";
import { FILE_BYTES_MAX, FILES_BYTES_MAX_DEFAULT } from "../../protocols/transfer/limits.ts";
import type { AppendFile, Disk, DiskLock } from "../../store/disk/disk.ts";
import { forEach, isFolder, removeAll } from "../../store/disk/disk.ts";

/** Of all copies together: as much as is received where the user names no other bound. */
export const UPLOADS_BYTES_MAX = Math.min(FILES_BYTES_MAX_DEFAULT, FILE_BYTES_MAX);
/** Each takes a folder of its own. In one room sixteen files are offered at most. */
const UPLOADS_MAX = 1_000;

const LOCK = "lock";

interface FolderParts {
  /** The folder of all programs of the profile that serve a page. */
  readonly above: string;
  /** A name that no other program has. */
  readonly run: string;
  /** Told of what can't be removed, and stays until the next start. */
  failed(error: P2pchatError): void;
}

/** A copy that is being made: its file is closed once it is whole, or else it is given up. */
export interface Upload {
  readonly file: AppendFile;
  giveUp(): void;
}

export class UploadFolder {
  readonly #path: string;
  #lock: DiskLock | null = null;
  /** How much each takes, by number. */
  readonly #copies = new Map<number, number>();
  #count = 0;

  constructor(readonly disk: Disk, readonly parts: FolderParts) {
    this.#path = `${parts.above}/${parts.run}`;
  }

  /** Removes what programs left that were killed. @throws {P2pchatError} Why something stays, of all that does the first. */
  async removeLeft(): Promise<void> {
    const { above } = this.parts;
    const names = await isFolder(this.disk, above) ? await this.disk.list(above) : [];
    await forEach(names, async (name) => {
      const folder = `${above}/${name}`;
      const lock = await isFolder(this.disk, folder) ? await this.#tryLock(folder) : null;
      if (lock !== null) await this.#removeLocked(folder, lock); // otherwise its program goes on
    });
  }

  async #removeLocked(folder: string, lock: DiskLock): Promise<void> {
    try {
      await removeAll(this.disk, folder);
    } finally {
      lock.release();
    }
  }

  /**
   * Begins to take a file of that size. @param name One part of a path.
   * @throws {P2pchatError} `too-long`, `full`, `in-use` or `disk`.
   */
  async begin(name: string, bytes: number): Promise<Upload> {
    if (bytes > UPLOADS_BYTES_MAX) {
      const text = `The file has ${countText(bytes, "byte")}: at most ${
        numberText(UPLOADS_BYTES_MAX)
      } can be sent from the page; /send FILE has no copy made`;
      throw new P2pchatError("too-long", text);
    }
    const taken = this.#copies.values().reduce((sum, one) => sum + one, bytes);
    if (taken > UPLOADS_BYTES_MAX || this.#copies.size >= UPLOADS_MAX) {
      const text = "The files sent from the page take all the room that there is for them until " +
        "p2pchat ends: /send FILE has no copy made";
      throw new P2pchatError("full", text);
    }
    const number = ++this.#count;
    this.#copies.set(number, bytes);
    try {
      await this.#hold();
      await this.disk.makeFolder(`${this.#path}/${number}`);
      const file = await this.disk.openAppend(`${this.#path}/${number}/${name}`, { isNew: true });
      const giveUp = () => {
        file.close();
        void this.#remove(number);
      };
      return { file, giveUp };
    } catch (error) {
      await this.#remove(number);
      throw error;
    }
  }

  /** Keeps the folder from others that start, and remove what is left. @throws {P2pchatError} `in-use` or `disk`. */
  async #hold(): Promise<void> {
    if (this.#lock !== null) return;
    await this.disk.makeFolder(this.#path);
    const lock = await this.#tryLock(this.#path);
    this.#lock ??= lock;
    if (this.#lock !== null) return;
    const text = "Another program that starts is removing what others have left: send it again";
    throw new P2pchatError("in-use", text);
  }

  /** Null where another program has it. */
  async #tryLock(folder: string): Promise<DiskLock | null> {
    const lock = await this.disk.tryLock(`${folder}/${LOCK}`, `${Deno.pid}\n`);
    return "heldBy" in lock ? null : lock;
  }

  /** What can't be removed takes its room until the end. */
  async #remove(number: number): Promise<void> {
    await this.#told(async () => {
      await removeAll(this.disk, `${this.#path}/${number}`);
      this.#copies.delete(number);
    });
  }

  /** Removes all copies. */
  async close(): Promise<void> {
    const lock = this.#lock;
    if (lock !== null) await this.#told(() => this.#removeLocked(this.#path, lock));
  }

  async #told(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.parts.failed(error);
    }
  }
}
