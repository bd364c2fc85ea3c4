/**
 * The disk as the stores see it: a port with two adapters that pass the same contract
 * (`tests/contracts/disk_contract.ts`), `RealDisk` over Deno and `MemoryDisk` for tests and simulation.
 *
 * An adapter promises:
 * - Nothing survives a power cut unless it was synced: a file's bytes by its `syncData`, the names in a folder
 *   (created, renamed, removed) by `syncFolder` on that folder.
 * - `rename` is atomic: readers see either the old file or the new one, whole.
 * - Files are created with mode 0600, folders with 0700, so that only their owner can read them.
 * - A failure is a `P2pchatError` with code `disk`, made by `diskError`.
 *
 * Writing is synchronous because it goes to the page cache (4 us; a promise costs 11 us). Syncing waits for the
 * device (160 us and more), so it is asynchronous and doesn't stop the chat.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import {
  isForbidden,
  OPEN_FILES_ADVICE,
  P2pchatError,
  systemErrorCode,
  systemText,
} from "../../base/errors.ts";
import { numberText } from "../../base/text/words.ts";

/** Default chunk size of `readChunks`, in bytes: larger chunks are no faster. */
export const READ_CHUNK_BYTES = 256 * 1024;

/** The mode of all files and folders that the program creates. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** What is at a path. */
export interface DiskEntry {
  /** `other`: a pipe or a device, on which opening or reading may never end. */
  readonly kind: "file" | "folder" | "other";
  /** Length in bytes; 0 for anything but a file. */
  readonly bytes: number;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  /** The id of another user whom it belongs to; null where that is this program's. */
  readonly otherUser: number | null;
}

/** How a file is opened for appending. */
export interface OpenOptions {
  readonly empty?: boolean;
  /** Fails where the path exists, even as a dangling link. */
  readonly isNew?: boolean;
}

/** A file open for appending. */
export interface AppendFile {
  /** For error texts; whoever renames the file updates it. */
  path: string;
  /**
   * Appends `bytes` to the file. That survives a killed process, but not a power cut.
   * @returns The number of bytes written, which may be less than all, as with `write(2)`.
   * @throws {P2pchatError} `disk`; nothing was written.
   */
  write(bytes: Uint8Array): number;
  /**
   * Truncates the file to `length` bytes, at most its present length.
   * @throws {P2pchatError} `disk`.
   */
  truncate(length: number): void;
  /**
   * Overwrites existing bytes from `offset` on with `bytes`: in this open file, whatever is at `path` now. Durable
   * after a `syncData`.
   * @throws {P2pchatError} `disk`, also where the file isn't at `path` any more.
   */
  overwrite(offset: number, bytes: Uint8Array): void;
  /**
   * Syncs what was written before the call to the device (fdatasync).
   * @throws {P2pchatError} `disk`: then nothing is known about the bytes not synced before, and a later `syncData`
   *   that succeeds proves nothing about them.
   */
  syncData(): Promise<void>;
  /**
   * Checks that the file is still the one at `path`: no later start would find what is synced into a removed file.
   * May check only once a second.
   * @throws {P2pchatError} `disk`: the file was removed or replaced, or the check failed.
   */
  checkPlace(): void;
  /** Whether the file is the one at `path`, no link to it, checked now. @throws {P2pchatError} `disk`. */
  isInPlace(): boolean;
  /**
   * Gives the file the group and permission bits of the file at `like`: this open file, whatever is at `path` now.
   * @throws {P2pchatError} `disk`: with EPERM where the owners differ, or the group can't be given; or where the
   *   file isn't at `path` any more.
   */
  allowLike(like: string): void;
  /** The file's bytes in order, even if it isn't at `path` any more. As `Disk.readChunks`. */
  readChunks(options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Closes the file without syncing. A second call does nothing. */
  close(): void;
}

/** A lock that this process holds until `release` or until it ends, however it ends. */
export interface DiskLock {
  /**
   * Whether the lock file is still at its path: if it was removed, another process can lock a new file of that
   * name.
   * @throws {P2pchatError} `disk`.
   */
  isInPlace(): boolean;
  release(): void;
}

export interface ReadOptions {
  /** Offset of the first byte; 0 unless set. */
  readonly from?: number;
  /** Largest chunk in bytes; `READ_CHUNK_BYTES` unless set. */
  readonly chunkBytes?: number;
}

/** Tells a store whether it may still write in its folder. A lock implements it (`held_lock.ts`). */
export interface Hold {
  /**
   * Called before a store replaces or creates the file at `path`. A lock whose file was removed is taken again.
   * @param file The file that the store has open under that name, even if it was moved.
   * @throws {P2pchatError} `in-use` where another program has taken the lock since; `disk` where none has, but
   *   another file is at `path`, or the folder is gone.
   */
  ensure(path: string, file: AppendFile | null): Promise<void>;
}

/** File operations. Paths have the operating system's form, with `/` between folders. */
export interface Disk {
  /**
   * Asked by logs before they replace files. Set by the program that locks the data folder; null where nothing is
   * locked.
   */
  hold: Hold | null;
  /** The kind, length and mode of what is at `path`; `null` where there is nothing. */
  stat(path: string): Promise<DiskEntry | null>;
  /** Whether a symbolic link is at `path`, wherever it leads. */
  isLink(path: string): Promise<boolean>;
  /**
   * The paths of the symbolic links, and of what belongs to other users, in a folder and in those below it, sorted. None
   * where the folder isn't there.
   */
  othersBelow(folder: string): Promise<readonly string[]>;
  /**
   * A text that changes when anybody writes or replaces the file at `path`; `null` where there is none. Two changes
   * within one tick of the file system's clock (2 s on some) that keep the length may have the same version.
   * `isSameFile` distinguishes a file written in place from one that was replaced.
   */
  version(path: string): Promise<string | null>;
  /** The content of a small file; `null` where there is none. Of a store: `readStore`. */
  read(path: string): Promise<Bytes | null>;
  /**
   * The bytes of a file in order, at most `chunkBytes` at a time. A chunk is valid until the next one is requested.
   * A missing file has no chunks.
   */
  readChunks(path: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /**
   * Opens a file for appending; creates it where there is none, and truncates it if `empty` is set. One of another user
   * is refused.
   */
  openAppend(path: string, options?: OpenOptions): Promise<AppendFile>;
  /** Renames `from` to `to` in the same folder, replacing any file of that name. Durable after `syncFolder`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; does nothing where there is none. Durable after `syncFolder`. */
  remove(path: string): Promise<void>;
  /** Removes an empty folder; does nothing where there is none. Durable after `syncFolder` on the one above it. */
  removeFolder(folder: string): Promise<void>;
  /** The names in a folder, sorted by code unit; an empty list where there is no folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Creates a folder and its missing parents, each durable before the call returns. */
  makeFolder(folder: string): Promise<void>;
  /** Sets the permission bits of a file or folder; refuses a link at `path`. */
  setMode(path: string, mode: number): Promise<void>;
  /** Syncs the names in a folder to the device, where its file system can do that. */
  syncFolder(folder: string): Promise<void>;
  /**
   * Takes the exclusive lock of the lock file at `path` and writes `holder` into it. The file is created where it
   * is missing and never removed: otherwise two processes could lock two files of the same name.
   * @returns The lock, or what its holder wrote where another process has it. Never waits.
   */
  tryLock(path: string, holder: string): Promise<DiskLock | { readonly heldBy: string }>;
}

/** What to do when the disk is full, whosever file it is. */
const SPACE_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "free some space there and try again",
  EDQUOT: "your quota is used up; free some space and try again",
};

/** What to do about a failure, by the operating system's name for it. */
const ADVICE: Readonly<Record<string, string>> = {
  ...SPACE_ADVICE,
  EIO: "the device reports errors; check it and keep a copy of the folder",
  EROFS: "it is mounted read-only; choose another folder with --data",
  EACCES: "check who owns it, or choose another folder with --data",
  EPERM: "check who owns it, or choose another folder with --data",
  ...OPEN_FILES_ADVICE,
  ENOTDIR: "a part of the path is a file; move it away or choose another folder with --data",
  EISDIR: "it is a folder where a file belongs; move it away",
  ESPIPE: "it is a pipe or a device where a file belongs; move it away",
  ELOOP: "put the file itself there",
  ENOENT: "it is gone; was the folder moved or removed while the program ran?",
};

/**
 * The error of a failed file operation.
 * @param action The operation, such as `write` or `sync`.
 * @param cause The system's error; its `code` (`ENOSPC`) selects the advice.
 */
export function diskError(action: string, path: string, cause: unknown): P2pchatError {
  const code = systemErrorCode(cause);
  const advice = isForbidden(cause)
    ? "choose another folder with --data"
    : action === "lock" && code === "ELOOP"
    ? "remove it, and the program makes a file of its own there"
    : (code === null ? undefined : ADVICE[code]) ?? "check the disk and try again";
  const text = `Cannot ${action} ${path}: ${systemText(cause)}; ${advice}`;
  return new P2pchatError("disk", text, { cause });
}

/** The error of a file that was removed or replaced while it was written. */
export function misplacedError(path: string): P2pchatError {
  return new P2pchatError(
    "disk",
    `Cannot write ${path}: it was removed or replaced while the program ran; see that its folder ` +
      "is there and try again",
  );
}

/** What to do about a full disk; null for any other failure. */
export function spaceAdvice(cause: unknown): string | null {
  return SPACE_ADVICE[systemErrorCode(cause) ?? ""] ?? null;
}

/** Why a file named by the user can't be read, and what to do. */
export const NO_SUCH_FILE = "there is no such file; check the name";

/** The consequence of starting without a store, where nothing more certain is known. */
const WITHOUT = "to start without what it holds";

/**
 * The error of a store whose content is damaged.
 * @param line 1 is the first line of the file.
 * @param found What is wrong there, such as `the checksum doesn't fit`.
 * @param without The consequence of starting without the file, appended to "move it away".
 */
export function corruptError(
  path: string,
  line: number,
  found: string,
  without = WITHOUT,
): P2pchatError {
  return new P2pchatError(
    "store-corrupt",
    `Cannot read ${path}: line ${line} is damaged, ${found}; ` +
      `restore the file from a copy, or move it away ${without}`,
  );
}

/**
 * The content of a store that is read whole; `null` where there is none. One that has grown is refused unread: a
 * gigabyte would take twice as much memory, and the program hear of nothing until it was looked through.
 * @param bytesMax No right file has more.
 * @param without As of `corruptError`.
 * @throws {P2pchatError} `store-corrupt` for a larger file; `disk`.
 */
export async function readStore(
  disk: Disk,
  path: string,
  bytesMax: number,
  without = WITHOUT,
): Promise<Bytes | null> {
  const bytes = (await disk.stat(path))?.bytes ?? 0;
  if (bytes <= bytesMax) return await disk.read(path);
  throw new P2pchatError(
    "store-corrupt",
    `Cannot read ${path}: it has ${numberText(bytes)} bytes, and no such file has more than ` +
      `${numberText(bytesMax)}; restore the file from a copy, or move it away ${without}`,
  );
}

/**
 * Writes all of `bytes`, in as many calls as necessary.
 * @throws {P2pchatError} `disk`; some of the bytes may have been written.
 */
export function writeAll(file: AppendFile, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    const count = file.write(written === 0 ? bytes : bytes.subarray(written));
    if (count <= 0) throw diskError("write", file.path, new Error("the system took no bytes"));
    written += count;
  }
}

/**
 * Whether two versions belong to one file that was written in place, as the part after their last blank tells. On
 * file systems that don't record when a file was created, a new file that reuses a removed one's inode number may
 * count as the same.
 */
export function isSameFile(before: string | null, after: string | null): boolean {
  const file = (version: string) => version.slice(version.lastIndexOf(" ") + 1);
  return before !== null && after !== null && file(before) === file(after);
}

/** The path of the folder that contains `path`. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}

/** Whether a folder is at the path itself, and not at the end of a link. */
export async function isFolder(disk: Disk, path: string): Promise<boolean> {
  return !await disk.isLink(path) && (await disk.stat(path))?.kind === "folder";
}

/**
 * Removes what is at the path, a folder with all that is in it, and of a link the link alone: what it leads to is somebody
 * else's. Where something can't be removed, the rest is.
 * @throws {P2pchatError} `disk`: why something stays, of all that does the first.
 */
export async function removeAll(disk: Disk, path: string): Promise<void> {
  if (!await isFolder(disk, path)) return await disk.remove(path);
  await forEach(await disk.list(path), (name) => removeAll(disk, `${path}/${name}`));
  await disk.removeFolder(path);
}

/** Works on each of them, and throws only then what the first has thrown that did. */
export async function forEach(names: readonly string[], work: (name: string) => Promise<void>) {
  const done = await Promise.allSettled(names.map(work));
  for (const each of done) if (each.status === "rejected") throw each.reason;
}
