/**
 * The disk as the stores see it: a port with two adapters that pass the same contract
 * (`tests/contracts/disk_contract.ts`), `RealDisk` over Deno and `MemoryDisk` for tests and simulation.
 *
 * What an adapter promises:
 * - Nothing outlives a power cut unless it was synced: the bytes of a file by its `syncData`, the names
 *   in a folder (created, renamed, removed) by `syncFolder` on that folder.
 * - `rename` is atomic: whoever looks sees the old file or the new one, whole.
 * - Files are made with mode 0600, folders with 0700: what is stored is its owner's alone.
 * - A failure is a `P2pchatError` with code `disk`, made by `diskError`.
 *
 * Writing is synchronous because it goes to the page cache (4 us; a promise costs 11 us); syncing waits
 * for the device (160 us and more) and is a promise, so that the chat goes on meanwhile.
 */

import type { Bytes } from "../base/crypto.ts";
import { OPEN_FILES_ADVICE, P2pchatError, systemErrorCode, systemText } from "../base/errors.ts";

/** Bytes that `readChunks` reads at a time unless told: larger ones read no faster. */
export const READ_CHUNK_BYTES = 256 * 1024;

/** Permission bits that all files and folders of ours have. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** What is at a path. */
export interface DiskEntry {
  /** `other`: a pipe or a device, which may be opened or read for ever. */
  readonly kind: "file" | "folder" | "other";
  /** Length in bytes; 0 where it is no file. */
  readonly bytes: number;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
}

/** How a file is opened for appending. */
export interface OpenOptions {
  readonly empty?: boolean;
  /** Refused where there is one of that name, or a link, wherever that leads. */
  readonly isNew?: boolean;
}

/** A file that is open for writing at its end. */
export interface AppendFile {
  /** For messages; whoever renames the file sets it. */
  path: string;
  /**
   * Writes to the end of the file, which a killed process doesn't undo, a power cut does.
   * @returns How many bytes of `bytes` were written; may be fewer than all, as `write(2)` has it.
   * @throws {P2pchatError} `disk`; nothing was written.
   */
  write(bytes: Uint8Array): number;
  /**
   * Cuts the file to `length` bytes, at most what it has.
   * @throws {P2pchatError} `disk`.
   */
  truncate(length: number): void;
  /**
   * Forces what was written before the call onto the device (fdatasync).
   * @throws {P2pchatError} `disk`: then nothing is known about bytes that weren't synced before, and a
   *     later `syncData` that succeeds proves nothing about them.
   */
  syncData(): Promise<void>;
  /**
   * Makes sure that the file is still the one at `path`: what is synced into a removed one, no start finds. May look
   * once a second only.
   * @throws {P2pchatError} `disk`: it was removed or replaced, or that can't be found out.
   */
  checkPlace(): void;
  /** Whether the file is the one at `path`, as a look says now. @throws {P2pchatError} `disk`. */
  isInPlace(): boolean;
  /** The file's bytes in order, also where it isn't at `path` any more. As `Disk.readChunks`. */
  readChunks(options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Closes the file. Nothing is synced by that. A second call does nothing. */
  close(): void;
}

/** A lock that this process holds until `release` or its end, however that comes. */
export interface DiskLock {
  /**
   * Whether who asks for the lock meets this one: where its file was removed, another may take a lock of that name.
   * @throws {P2pchatError} `disk`.
   */
  isInPlace(): boolean;
  release(): void;
}

export interface ReadOptions {
  /** Offset of the first byte; 0 unless set. */
  readonly from?: number;
  /** Most bytes at a time; `READ_CHUNK_BYTES` unless set. */
  readonly chunkBytes?: number;
}

/** Says whether a store may still write where it is: a lock does (`held_lock.ts`). */
export interface Hold {
  /**
   * Asked before a file takes the place of the one at `path`, or one is opened there. A lock whose file was removed
   * is taken anew.
   * @param file What the store has open of that name, wherever it is now.
   * @throws {P2pchatError} `in-use` where another program has taken the lock since; `disk` where none has and another
   *     file is at `path` all the same, or the folder is gone.
   */
  ensure(path: string, file: AppendFile | null): Promise<void>;
}

/** File operations; paths are as the operating system has them, `/` between folders. */
export interface Disk {
  /** What logs ask before they replace files. Set by who locks the folder of all of them; null where nobody does. */
  hold: Hold | null;
  /** What is at `path`, `null` where nothing is. */
  stat(path: string): Promise<DiskEntry | null>;
  /**
   * A text that is another one after the file at `path` was written or replaced, by whomever; `null` where nothing
   * is. Two changes within a tick of the file system's clock (2 s on some) that leave the size alike may share one.
   * `isSameFile` tells what was written in place from what was replaced.
   */
  version(path: string): Promise<string | null>;
  /** All bytes of a small file, `null` where none is. */
  read(path: string): Promise<Bytes | null>;
  /**
   * The bytes of a file in order, at most `chunkBytes` at a time. A chunk is valid until the next is asked for.
   * Where there is no file, there is no chunk.
   */
  readChunks(path: string, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Writes `bytes` over those from `offset` on, which the file has. Durable after a `syncData`. */
  overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void>;
  /** Opens a file for appending; makes it where there is none, and empties it when `empty` is set. */
  openAppend(path: string, options?: OpenOptions): Promise<AppendFile>;
  /**
   * Gives the file `from` the name `to` in the same folder, whatever file had that name before.
   * Durable after `syncFolder`.
   */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; does nothing where there is none. Durable after `syncFolder`. */
  remove(path: string): Promise<void>;
  /** The names in a folder, sorted by code unit; none where there is no folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes a folder and those above it that are missing, each durable before the call returns. */
  makeFolder(folder: string): Promise<void>;
  /** Sets the permission bits of a file or folder. */
  setMode(path: string, mode: number): Promise<void>;
  /**
   * Gives the file `path` the owner and group of the file `like`, where they are others.
   * @throws {P2pchatError} `disk`, as where the system lets root alone do so.
   */
  setOwnerLike(path: string, like: string): Promise<void>;
  /** Forces the names in a folder onto the device. */
  syncFolder(folder: string): Promise<void>;
  /**
   * Takes the exclusive lock that the file at `path` stands for (made where missing, never removed:
   * removing it would let two processes lock two files of one name) and writes `holder` into it.
   * @returns The lock, or what its holder wrote where another has it. Never waits.
   */
  tryLock(path: string, holder: string): Promise<DiskLock | { readonly heldBy: string }>;
}

/** What to do where nothing more fits, whosever file it is. */
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
  ENOENT: "it is gone; was the folder moved or removed while the program ran?",
};

/**
 * The error of a failed file operation.
 * @param action The operation, such as `write` or `sync`.
 * @param cause What the system said; its `code` (`ENOSPC`) chooses the advice.
 */
export function diskError(action: string, path: string, cause: unknown): P2pchatError {
  const code = systemErrorCode(cause);
  const advice = isForbidden(cause)
    ? "choose another folder with --data"
    : (code === null ? undefined : ADVICE[code]) ?? "check the disk and try again";
  const text = `Cannot ${action} ${path}: ${systemReason(cause)}; ${advice}`;
  return new P2pchatError("disk", text, { cause });
}

/** The error of a file that isn't at its path any more while it is written. */
export function misplacedError(path: string): P2pchatError {
  return new P2pchatError(
    "disk",
    `Cannot write ${path}: it was removed or replaced while the program ran; see that its folder ` +
      "is there and try again",
  );
}

/** What to do about a failure for want of space; null for any other one. */
export function spaceAdvice(cause: unknown): string | null {
  return SPACE_ADVICE[systemErrorCode(cause) ?? ""] ?? null;
}

/** Why a file that the user names can't be read, and what to do, wherever that is. */
export const NO_SUCH_FILE = "there is no such file; check the name";

/** What the system says of a failure. */
export function systemReason(cause: unknown): string {
  return isForbidden(cause) ? "files of the system itself are out of reach" : systemText(cause);
}

/** The runtime keeps programs from `/proc`, `/sys` and `/dev`, where files are more than files. */
function isForbidden(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "NotCapable";
}

/**
 * The error of a store whose content is damaged.
 * @param line 1 is the first line of the file.
 * @param found What is wrong there, as in `the checksum doesn't fit`.
 * @param without What a start without the file means, behind "move it away".
 */
export function corruptError(
  path: string,
  line: number,
  found: string,
  without = "to start without what it holds",
): P2pchatError {
  return new P2pchatError(
    "store-corrupt",
    `Cannot read ${path}: line ${line} is damaged, ${found}; ` +
      `restore the file from a copy, or move it away ${without}`,
  );
}

/**
 * Writes all of `bytes`, however many calls that takes.
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
 * Whether two versions are of one file that was written in place, by what stands behind their last blank. Where the
 * file system doesn't say when a file was made, one may look like a removed one whose number it was given.
 */
export function isSameFile(before: string | null, after: string | null): boolean {
  const file = (version: string) => version.slice(version.lastIndexOf(" ") + 1);
  return before !== null && after !== null && file(before) === file(after);
}

/** The folder that `path` is in. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}
