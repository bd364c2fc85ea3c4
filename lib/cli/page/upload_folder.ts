/**
 * Files that were dropped onto the page: `/send` offers them from here. A copy goes once nothing needs it any more (see
 * `UploadUses`), and all do when the program ends; one that was killed leaves them to the next one.
 */

import { P2pchatError } from "../../base/errors.ts";
import { countText, numberText } from "../../base/text/words.ts";
import { FILE_BYTES_MAX, FILES_BYTES_MAX_DEFAULT } from "../../protocols/transfer/limits.ts";
import { type AppendFile, type Disk, type DiskLock, writeAll } from "../../store/disk/disk.ts";
import { failureOf, removeAll } from "./removal.ts";
import { UploadUses } from "./upload_uses.ts";

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
  readonly nowMs: () => number;
  /** Told of what can't be removed, and stays until the next start. */
  failed(error: P2pchatError): void;
}

export class UploadFolder {
  readonly uses: UploadUses;
  readonly #path: string;
  #lock: Promise<DiskLock> | null = null;
  /** The bytes of each copy that takes room, by its number. */
  readonly #bytes = new Map<number, number>();
  #count = 0;

  constructor(readonly disk: Disk, readonly parts: FolderParts) {
    this.#path = `${parts.above}/${parts.run}`;
    this.uses = new UploadUses(parts.run, parts.nowMs, (copy) => void this.#remove(copy));
  }

  /** Removes what programs left that were killed. @returns Why something stays, of all that does the first. */
  async removeLeft(): Promise<P2pchatError | null> {
    const { above, run } = this.parts;
    return await failureOf(async () => {
      let first: P2pchatError | null = null;
      for (const name of await this.disk.isLink(above) ? [] : await this.disk.list(above)) {
        const failure = name === run ? null : await this.#removeRun(`${above}/${name}`);
        first ??= failure;
      }
      return first;
    });
  }

  /** Unless its program goes on. */
  #removeRun(folder: string): Promise<P2pchatError | null> {
    return failureOf(async () => {
      const isFolder = !await this.disk.isLink(folder) &&
        (await this.disk.stat(folder))?.kind === "folder";
      if (!isFolder) return null;
      const lock = await this.#tryLock(folder);
      if (lock === null) return null;
      const failure = await removeAll(this.disk, folder);
      lock.release();
      return failure;
    });
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
    this.uses.expire();
    const taken = this.#bytes.values().reduce((sum, each) => sum + each, bytes);
    if (taken > UPLOADS_BYTES_MAX || this.#bytes.size >= UPLOADS_MAX) {
      const text = "The files sent from the page take all the room that there is for them: " +
        "/send FILE has no copy made, and /cancel of one that is offered makes room";
      throw new P2pchatError("full", text);
    }
    const copy = ++this.#count;
    this.#bytes.set(copy, bytes);
    try {
      await this.#hold();
      await this.disk.makeFolder(`${this.#path}/${copy}`);
      const file = await this.disk.openAppend(`${this.#path}/${copy}/${name}`, { isNew: true });
      return new Upload(file, bytes, {
        whole: () => this.uses.came(copy),
        givenUp: () => void this.#remove(copy),
      });
    } catch (error) {
      await this.#remove(copy);
      throw error;
    }
  }

  /** Keeps the folder from others that start, and remove what is left. @throws {P2pchatError} `in-use` or `disk`. */
  async #hold(): Promise<void> {
    this.#lock ??= this.#held();
    try {
      await this.#lock;
    } catch (error) {
      this.#lock = null;
      throw error;
    }
  }

  async #held(): Promise<DiskLock> {
    await this.disk.makeFolder(this.#path);
    const lock = await this.#tryLock(this.#path);
    if (lock !== null) return lock;
    const text = "Another program that starts is removing what others have left: send it again";
    throw new P2pchatError("in-use", text);
  }

  /** Null where another program has it. */
  async #tryLock(folder: string): Promise<DiskLock | null> {
    const lock = await this.disk.tryLock(`${folder}/${LOCK}`, `${Deno.pid}\n`);
    return "heldBy" in lock ? null : lock;
  }

  /** What can't be removed takes its room until the end. */
  async #remove(copy: number): Promise<void> {
    const failure = await removeAll(this.disk, `${this.#path}/${copy}`);
    if (failure === null) this.#bytes.delete(copy);
    else this.parts.failed(failure);
  }

  /** Removes all copies. */
  async close(): Promise<void> {
    const failure = await failureOf(async () => {
      const lock = await this.#lock;
      if (lock === null) return null;
      const failure = await removeAll(this.disk, this.#path);
      lock.release();
      return failure;
    });
    if (failure !== null) this.parts.failed(failure);
  }
}

interface UploadPorts {
  /** It is there. */
  whole(): void;
  /** It won't be. */
  givenUp(): void;
}

/** A file that is being taken. */
export class Upload {
  #left: number;

  constructor(readonly file: AppendFile, bytes: number, readonly ports: UploadPorts) {
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
    this.ports.whole();
  }

  giveUp(): void {
    this.file.close();
    this.ports.givenUp();
  }
}
