/**
 * A file that is read and written at any place in it, a part at a time. A failure is a `P2pchatError` with code `disk`.
 *
 * As with `Disk`, writing goes to the page cache, and is done at once (64 KiB: 20 us; a promise of the system's costs 15
 * times as much). Reading what isn't in memory, and syncing, wait for the device, so they are asynchronous. Reads and
 * writes of one file are done in order, as they share its position.
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
  /** Reads that aren't done: until then, writes wait. */
  #waiting = 0;
  #syncing: Promise<unknown> = Promise.resolve();
  #ahead: { readonly offset: number; readonly bytes: Bytes } = {
    offset: 0,
    bytes: new Uint8Array(0),
  };
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
      let isStill = false;
      try {
        isStill = isNamed(path, file) && isOurs(file.statSync());
      } finally {
        if (!isStill) file.close(); // it may be gone, too
      }
      if (isStill) return new RandomFile(path, file);
      throw new P2pchatError("disk", notOurs(path));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return null;
      throw failure("open", path, cause);
    }
  }

  /**
   * Changes whenever the file is written or replaced, but for changes within one tick of the file system's clock that
   * keep its length. The same after each start: numbers of devices and of files needn't be (btrfs, NFS, FAT).
   */
  get version(): Promise<string> {
    return this.#inTurn("look at", async () => versionOf(await this.file.stat()));
  }

  /**
   * `length` bytes from `offset` on, or fewer where the file ends before.
   * @param ahead So many are read at once, of a file that nobody changes: the next ones are then there already.
   */
  async read(offset: number, length: number, ahead = 0): Promise<Bytes> {
    const start = offset - this.#ahead.offset;
    const isHere = start >= 0 && start + length <= this.#ahead.bytes.length;
    if (ahead > 0 && isHere) return this.#ahead.bytes.subarray(start, start + length);
    const bytes = await this.#read(offset, Math.max(length, ahead));
    if (ahead === 0) return bytes;
    this.#ahead = { offset, bytes };
    return bytes.subarray(0, length);
  }

  async #read(offset: number, length: number): Promise<Bytes> {
    const bytes = new Uint8Array(length);
    const filled = await this.fill(offset, bytes);
    return filled === length ? bytes : bytes.subarray(0, filled);
  }

  /** As `read`, into a buffer of the caller's. @returns How many bytes: fewer than it holds where the file ends. */
  fill(offset: number, buffer: Bytes): Promise<number> {
    return this.#inTurn("read", async () => {
      let filled = 0;
      this.file.seekSync(offset, Deno.SeekMode.Start);
      while (filled < buffer.length) {
        const count = await this.file.read(buffer.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return filled;
    });
  }

  /** Writes all of `bytes`, which must not change until this resolves. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const work = () => {
      this.file.seekSync(offset, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) {
        written += this.file.writeSync(bytes.subarray(written));
      }
    };
    if (this.#waiting > 0) return await this.#inTurn("write", () => Promise.resolve(work()));
    try {
      work();
    } catch (cause) {
      throw failure("write", this.path, cause);
    }
  }

  /** Makes durable what was written before. Nothing waits for it. */
  async sync(): Promise<void> {
    const synced = this.#last.then(() => this.file.syncData());
    this.#syncing = Promise.allSettled([this.#syncing, synced]);
    try {
      await synced;
    } catch (cause) {
      throw failure("sync", this.path, cause);
    }
  }

  /** Closes the file when all is done that was asked before. A second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#last.then(() => this.#syncing).then(() => this.file.close());
  }

  async #inTurn<Result>(action: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    this.#waiting++;
    const done = (async () => {
      await before;
      try {
        return await work();
      } catch (cause) {
        throw failure(action, this.path, cause);
      } finally {
        this.#waiting--;
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

function versionOf({ size, mtime }: Deno.FileInfo): string {
  return `${size}-${mtime?.getTime() ?? 0}`;
}

function failure(action: string, path: string, cause: unknown): P2pchatError {
  return cause instanceof P2pchatError ? cause : diskError(action, path, cause);
}
