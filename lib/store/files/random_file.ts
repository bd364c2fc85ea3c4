/**
 * A file that is read and written at any place in it, a part at a time, without stopping the event loop: what is asked
 * of one file is done in order. A failure is a `P2pchatError` with code `disk`.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { isSystemError, P2pchatError } from "../../base/errors.ts";
import { diskError, FILE_MODE } from "../disk/disk.ts";
import { isNamed } from "../disk/real_disk.ts";
import { otherUser } from "../disk/other_users.ts";

/** What is written to a file that somebody else can reach by another name, or by a link, isn't the user's alone. */
const NOT_OURS = "it isn't the file that this program made there";

export class RandomFile {
  /** What was asked last; resolves also where that failed. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(readonly path: string, readonly file: Deno.FsFile) {}

  /** As `version`, of the file that is at `path` now; null where there is none, or it is out of reach. */
  static async versionAt(path: string): Promise<string | null> {
    try {
      return versionOf(await Deno.stat(path));
    } catch (cause) {
      if (!isSystemError(cause)) throw cause;
      return null;
    }
  }

  /**
   * Opens a file of the user's for reading, through links.
   * @throws {P2pchatError} `disk`, also where it is no regular file: reading might never end.
   */
  static async openToRead(path: string): Promise<RandomFile> {
    try {
      const { isFile } = await Deno.stat(path);
      if (!isFile) throw new P2pchatError("disk", `Cannot read ${path}: it is no regular file`);
      return new RandomFile(path, await Deno.open(path));
    } catch (cause) {
      throw failure("read", path, cause);
    }
  }

  /** Makes a file, for its owner alone. @returns Null where something is there, a link that leads nowhere too. */
  static async create(path: string): Promise<RandomFile | null> {
    try {
      const options = { read: true, write: true, createNew: true, mode: FILE_MODE };
      return new RandomFile(path, await Deno.open(path, options));
    } catch (cause) {
      if (cause instanceof Deno.errors.AlreadyExists) return null;
      throw failure("create", path, cause);
    }
  }

  /**
   * Opens a file that this program made, to go on with it. @returns Null where none is there. @throws {P2pchatError}
   * `disk`, also where a link, or another's file, is in its place.
   */
  static async openAgain(path: string): Promise<RandomFile | null> {
    try {
      // Nothing is opened that was no file of ours before; what is there then is looked at again.
      if (!isOurs(await Deno.lstat(path))) throw new P2pchatError("disk", notOurs(path));
      const file = await Deno.open(path, { read: true, write: true });
      if (isNamed(path, file) && isOurs(file.statSync())) return new RandomFile(path, file);
      file.close();
      throw new P2pchatError("disk", notOurs(path));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return null;
      throw failure("open", path, cause);
    }
  }

  /** Bytes. @throws {P2pchatError} `disk`. */
  get size(): Promise<number> {
    return this.#inTurn("look at", async () => (await this.file.stat()).size);
  }

  /** Changes whenever the file is written or replaced, but for changes within one tick of the file system's clock. */
  get version(): Promise<string> {
    return this.#inTurn("look at", async () => versionOf(await this.file.stat()));
  }

  /** `length` bytes from `offset` on, or fewer where the file ends before. */
  read(offset: number, length: number): Promise<Bytes> {
    return this.#inTurn("read", async () => {
      const bytes = new Uint8Array(length);
      let filled = 0;
      this.file.seekSync(offset, Deno.SeekMode.Start);
      while (filled < length) {
        const count = await this.file.read(bytes.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return filled === length ? bytes : bytes.subarray(0, filled);
    });
  }

  /** Writes all of `bytes`, which must not change meanwhile. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#inTurn("write", async () => {
      this.file.seekSync(offset, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) {
        written += await this.file.write(bytes.subarray(written));
      }
    });
  }

  /** Makes durable what was written before. */
  sync(): Promise<void> {
    return this.#inTurn("sync", () => this.file.syncData());
  }

  /** Closes the file when all is done that was asked before. A second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#last.then(() => this.file.close());
  }

  async #inTurn<Result>(action: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const done = (async () => {
      await before;
      try {
        return await work();
      } catch (cause) {
        throw failure(action, this.path, cause);
      }
    })();
    this.#last = done.catch(() => {}); // whoever asked is told
    return await done;
  }
}

function isOurs(info: Deno.FileInfo): boolean {
  return info.isFile && (info.nlink ?? 1) === 1 && otherUser(info) === null;
}

function notOurs(path: string): string {
  return `Cannot go on with ${path}: ${NOT_OURS}; move it away and fetch the file again`;
}

function versionOf({ dev, ino, size, mtime }: Deno.FileInfo): string {
  return `${dev}-${ino}-${size}-${mtime?.getTime() ?? 0}`;
}

function failure(action: string, path: string, cause: unknown): P2pchatError {
  return cause instanceof P2pchatError ? cause : diskError(action, path, cause);
}
