/**
 * The program's `Disk`, over Deno's file calls. Calls that the system answers from memory (names, opening, small
 * reads) are synchronous: a thread for each costs ten times as much, and a start makes dozens of them in sequence.
 * Syncs wait for the device, so they are asynchronous.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { isSystemError, P2pchatError, systemErrorCode } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import {
  type AppendFile,
  type Disk,
  type DiskEntry,
  diskError,
  type DiskLock,
  FILE_MODE,
  FOLDER_MODE,
  folderOf,
  type Hold,
  misplacedError,
  type OpenOptions,
  READ_CHUNK_BYTES,
  type ReadOptions,
} from "./disk.ts";

import { heldFolder } from "./held_folders.ts";
import { nodeFiles } from "./node_files.ts";
import { belongsText, otherUser } from "./other_users.ts";

const PERMISSION_BITS = 0o777;
/** Opens what may no longer be the file that was there: through no link, and without waiting for a pipe's writer. */
function openThroughNoLink(path: string, access: "O_RDONLY" | "O_WRONLY"): number {
  const { constants, openSync } = nodeFiles();
  return openSync(path, constants[access] | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/** How a file is opened that is made where it is missing. */
interface Access {
  readonly read: true;
  readonly append?: true;
  readonly write?: true;
}

/** How often a file that is neither there to be opened, nor missing to be made, is tried again. */
const OPEN_ATTEMPTS_MAX = 10;
/** What such file systems say; EPERM is a right that is missing. */
const NO_SUCH_SYNC: readonly (string | null)[] = ["EINVAL", "ENOTSUP", "EOPNOTSUPP"];
const LINK_TEXT = "it is a symbolic link";
/** The longest content of a lock file: a process id and a line end. */
const LOCK_BYTES_MAX = 24;
/** Shortest interval between checks whether an open file is still in its place; their cost isn't noticeable then. */
const LOOK_MS = 1_000;

class RealAppendFile implements AppendFile {
  #open = true;
  #nextLookMs = -Infinity;

  constructor(
    public path: string,
    readonly file: Deno.FsFile,
    readonly nowMs: () => number,
  ) {}

  write(bytes: Uint8Array): number {
    try {
      return this.file.writeSync(bytes);
    } catch (cause) {
      throw diskError("write", this.path, cause);
    }
  }

  truncate(length: number): void {
    try {
      this.file.truncateSync(length);
    } catch (cause) {
      throw diskError("truncate", this.path, cause);
    }
  }

  overwrite(offset: number, bytes: Uint8Array): void {
    try {
      // This one writes to the end, wherever it is positioned.
      const opened = this.#openAgain("O_WRONLY");
      try {
        for (let written = 0; written < bytes.length;) {
          const rest = bytes.length - written;
          written += nodeFiles().writeSync(opened, bytes, written, rest, offset + written);
        }
      } finally {
        nodeFiles().closeSync(opened);
      }
    } catch (cause) {
      if (cause instanceof P2pchatError) throw cause;
      throw diskError("overwrite", this.path, cause);
    }
  }

  /**
   * Opens the same file once more, for calls that Deno's open files don't have.
   * @throws {P2pchatError} Where another one is at its path now.
   */
  #openAgain(access: "O_RDONLY" | "O_WRONLY"): number {
    if (!this.isInPlace()) throw misplacedError(this.path);
    const opened = openThroughNoLink(this.path, access);
    if (isSameFile(nodeFiles().fstatSync(opened), this.file.statSync())) return opened;
    nodeFiles().closeSync(opened);
    throw misplacedError(this.path);
  }

  async syncData(): Promise<void> {
    try {
      await this.file.syncData();
    } catch (cause) {
      throw diskError("sync", this.path, cause);
    }
  }

  checkPlace(): void {
    const nowMs = this.nowMs();
    if (nowMs < this.#nextLookMs) return;
    if (!this.isInPlace()) throw misplacedError(this.path);
    this.#nextLookMs = nowMs + LOOK_MS;
  }

  isInPlace(): boolean {
    return isAt(this.path, this.file);
  }

  allowLike(like: string): void {
    try {
      const [is, wanted] = [this.file.statSync(), Deno.statSync(like)];
      // Even root gives nothing away: whoever may write in the folder could have put another file there.
      if (is.uid !== wanted.uid) throw systemError("EPERM", "Operation not permitted");
      // Deno's open files have no way to set these.
      const opened = this.#openAgain("O_RDONLY");
      try {
        if (is.gid !== wanted.gid) nodeFiles().fchownSync(opened, wanted.uid!, wanted.gid!);
        nodeFiles().fchmodSync(opened, (wanted.mode ?? 0) & PERMISSION_BITS);
      } finally {
        nodeFiles().closeSync(opened);
      }
    } catch (cause) {
      if (cause instanceof P2pchatError) throw cause;
      throw diskError("set the permissions of", this.path, cause);
    }
  }

  async *readChunks(options: ReadOptions = {}): AsyncIterable<Uint8Array> {
    const buffer = new Uint8Array(options.chunkBytes ?? READ_CHUNK_BYTES);
    for (let at = options.from ?? 0;;) {
      // The file has a single position; appends go to the end wherever that is.
      const count = await orDiskError("read", this.path, () => {
        this.file.seekSync(at, Deno.SeekMode.Start);
        return this.file.readSync(buffer);
      });
      if (count === null) return;
      yield buffer.subarray(0, count);
      at += count;
    }
  }

  close(): void {
    if (this.#open) this.file.close();
    this.#open = false;
  }
}

export class RealDisk implements Disk {
  hold: Hold | null = null;

  /** @param nowMs The time, for the interval between checks of an open file's place; without it every call checks. */
  constructor(readonly nowMs: () => number = () => Infinity) {}

  async stat(path: string): Promise<DiskEntry | null> {
    const held = heldFolder(path)?.stat();
    if (held !== undefined) return held.nlink === 0 ? null : folderEntry(held);
    const info = await orNullWhereMissing("look at", path, () => Deno.statSync(path));
    if (info === null) return null;
    return {
      kind: info.isFile ? "file" : info.isDirectory ? "folder" : "other",
      bytes: info.isFile ? info.size : 0,
      mode: (info.mode ?? 0) & PERMISSION_BITS,
      otherUser: otherUser(info),
    };
  }

  isLink(path: string): Promise<boolean> {
    return orDiskError("look at", path, () => isLink(path));
  }

  async othersBelow(folder: string): Promise<readonly string[]> {
    return (await othersBelow(folder)).sort();
  }

  async version(path: string): Promise<string | null> {
    const info = await orNullWhereMissing("look at", path, () => Deno.stat(path));
    if (info === null) return null;
    const { mtime, birthtime, size, ino } = info;
    // A removed file's inode number is reused: the creation time distinguishes the two files.
    return `${mtime?.getTime()} ${size} ${ino}/${birthtime?.getTime()}`;
  }

  read(path: string): Promise<Bytes | null> {
    return orNullWhereMissing("read", path, () => {
      refuseEndless(path);
      return Deno.readFileSync(path);
    });
  }

  async *readChunks(path: string, options: ReadOptions = {}): AsyncIterable<Uint8Array> {
    const file = await orNullWhereMissing("open", path, () => {
      refuseEndless(path);
      return Deno.openSync(path, { read: true });
    });
    if (file === null) return;
    try {
      const buffer = new Uint8Array(options.chunkBytes ?? READ_CHUNK_BYTES);
      await orDiskError("read", path, () => file.seekSync(options.from ?? 0, Deno.SeekMode.Start));
      while (true) {
        const count = await orDiskError("read", path, () => file.readSync(buffer));
        if (count === null) return;
        yield buffer.subarray(0, count);
      }
    } finally {
      file.close();
    }
  }

  async openAppend(path: string, options?: OpenOptions): Promise<AppendFile> {
    const file = await orDiskError(
      "open",
      path,
      () => openOwn(path, { read: true, append: true }, options?.isNew === true),
    );
    const opened = new RealAppendFile(path, file, this.nowMs);
    if (options?.empty === true) {
      try {
        opened.truncate(0);
      } catch (error) {
        opened.close();
        throw error;
      }
    }
    return opened;
  }

  rename(from: string, to: string): Promise<void> {
    invariant(folderOf(from) === folderOf(to), "a rename stays in its folder");
    return orDiskError("rename", `${from} to ${to}`, () => Deno.renameSync(from, to));
  }

  async remove(path: string): Promise<void> {
    await orNullWhereMissing("remove", path, () => Deno.removeSync(path));
  }

  async removeFolder(folder: string): Promise<void> {
    await orNullWhereMissing("remove", folder, () => {
      if (!Deno.lstatSync(folder).isDirectory) throw systemError("ENOTDIR", "it is no folder");
      Deno.removeSync(folder); // fails where anything is in it
    });
  }

  async list(folder: string): Promise<readonly string[]> {
    const names = await orNullWhereMissing("list", folder, () => {
      const found: string[] = [];
      for (const entry of Deno.readDirSync(folder)) found.push(entry.name);
      return found;
    });
    return (names ?? []).sort();
  }

  async makeFolder(folder: string): Promise<void> {
    const entry = await this.stat(folder);
    if (entry?.kind === "folder") return;
    const parent = folderOf(folder);
    if (parent !== folder && parent !== ".") await this.makeFolder(parent);
    await orDiskError("make folder", folder, () => {
      try {
        Deno.mkdirSync(folder, { mode: FOLDER_MODE });
      } catch (error) {
        // Another process may have created it since the check.
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
        if (!Deno.statSync(folder).isDirectory) throw error;
      }
    });
    await this.syncFolder(parent);
  }

  setMode(path: string, mode: number): Promise<void> {
    return orDiskError("set the mode of", path, () => {
      if (isLink(path)) throw systemError("ELOOP", LINK_TEXT);
      const opened = openThroughNoLink(path, "O_RDONLY");
      try {
        nodeFiles().fchmodSync(opened, mode);
      } finally {
        nodeFiles().closeSync(opened);
      }
    });
  }

  syncFolder(folder: string): Promise<void> {
    return orDiskError("sync folder", folder, async () => {
      try {
        await syncNames(folder);
      } catch (error) {
        // A file system without such a sync, as folders that a virtual machine shares may be, keeps names as it does.
        if (!NO_SUCH_SYNC.includes(systemErrorCode(error))) throw error;
      }
    });
  }

  async tryLock(path: string, holder: string): Promise<DiskLock | { readonly heldBy: string }> {
    return await orDiskError("lock", path, () => {
      // The lock of a file elsewhere would be another one, and nothing is lost with the link.
      if (isLink(path)) throw systemError("ELOOP", LINK_TEXT);
      const file = openOwn(path, { read: true, write: true }, false);
      let locked = false;
      try {
        // flock(2): the lock belongs to the open file, so the system releases it when the process is killed.
        locked = file.tryLockSync(true);
        const holder = readHolder(file);
        if (!locked) return { heldBy: holder ?? "" };
        if (holder === null) throw systemError("EEXIST", "it is no lock file");
      } catch (error) {
        locked = false;
        throw error;
      } finally {
        if (!locked) file.close();
      }
      writeHolder(file, holder);
      let held = true;
      return {
        isInPlace: () => isAt(path, file),
        release() {
          if (!held) return;
          held = false;
          file.unlockSync(); // a child process just started may share the open file for another moment
          file.close();
        },
      };
    });
  }
}

async function syncNames(folder: string): Promise<void> {
  const held = heldFolder(folder);
  if (held !== null) return await held.sync();
  const opened = Deno.openSync(folder, { read: true });
  try {
    await opened.sync();
  } finally {
    opened.close();
  }
}

function folderEntry({ mode, uid }: { readonly mode: number; readonly uid: number }): DiskEntry {
  return { kind: "folder", bytes: 0, mode: mode & PERMISSION_BITS, otherUser: otherUser({ uid }) };
}

/**
 * Opens a file, or makes it; never one that a link leads to, or one of another user. That one may have put it into a
 * folder that both can write to: by the link this one's program would write over a file of this one's, and what it
 * writes into a file of the other's, the other reads.
 */
function openOwn(path: string, access: Access, isNew: boolean): Deno.FsFile {
  const make = () => Deno.openSync(path, { ...access, createNew: true, mode: FILE_MODE });
  for (let attempt = 1; !isNew; attempt++) {
    try {
      return openUnlinked(path, access);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    try {
      return make();
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      if (isLink(path)) throw systemError("ELOOP", LINK_TEXT);
      // Another program has made it since, and may have removed it again: then this one has another try.
      if (attempt === OPEN_ATTEMPTS_MAX) throw error;
    }
  }
  return make();
}

function openUnlinked(path: string, access: Access): Deno.FsFile {
  refuseEndless(path);
  const file = Deno.openSync(path, access);
  try {
    const user = otherUser(file.statSync());
    if (user !== null) throw systemError("EPERM", `it ${belongsText(user)}`);
    if (isNamed(path, file)) return file;
    if (isLink(path)) throw systemError("ELOOP", LINK_TEXT);
    throw systemError("ESTALE", "it was replaced meanwhile");
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Whether a link is at `path`, wherever it leads. */
function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Below a link it doesn't look. */
async function othersBelow(folder: string): Promise<string[]> {
  // One that has been removed meanwhile hides nothing of the others.
  const entries = await orNullWhereMissing("list", folder, () => [...Deno.readDirSync(folder)]);
  const found: string[] = [];
  for (const { name, isSymlink, isDirectory } of entries ?? []) {
    const path = `${folder}/${name}`;
    if (isSymlink || isOthers(path)) found.push(path);
    else if (isDirectory) found.push(...await othersBelow(path));
  }
  return found;
}

/** False where it has been removed meanwhile, as other programs of the profile do with theirs. */
function isOthers(path: string): boolean {
  try {
    return otherUser(Deno.lstatSync(path)) !== null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * What a lock file says of who holds it: an id, or nothing. Null for another file, under a second name, which would be
 * written over.
 */
function readHolder(file: Deno.FsFile): string | null {
  const bytes = new Uint8Array(LOCK_BYTES_MAX + 1);
  const count = file.readSync(bytes) ?? 0;
  file.seekSync(0, Deno.SeekMode.Start);
  const text = new TextDecoder().decode(bytes.subarray(0, count));
  return count <= LOCK_BYTES_MAX && /^[0-9]*\n?$/.test(text) ? text : null;
}

/** An error as the system's, with its name for it. */
function systemError(code: string, text: string): Error {
  return Object.assign(new Error(text), { code });
}

/**
 * Whether the open file is the one at `path`, and not one to which a link there leads.
 * @throws The system's error.
 */
export function isNamed(path: string, file: Deno.FsFile): boolean {
  return isSameFile(Deno.lstatSync(path), file.statSync());
}

interface FileId {
  readonly dev: number;
  readonly ino: number | null;
}

function isSameFile(one: FileId, other: FileId): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** As `isNamed`, false where nothing is there. @throws {P2pchatError} `disk`. */
function isAt(path: string, file: Deno.FsFile): boolean {
  try {
    return isNamed(path, file);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(cause) ?? "")) return false;
    throw diskError("look at", path, cause);
  }
}

/**
 * Reading such a file could block the whole program: a pipe until somebody writes to it, a device perhaps for ever.
 */
function refuseEndless(path: string): void {
  const { isFifo, isCharDevice } = Deno.statSync(path);
  if (isFifo !== true && isCharDevice !== true) return;
  throw systemError("ESPIPE", "Illegal seek");
}

/**
 * Writes the holder's id into a lock file. The lock works without it, too: a full disk mustn't keep users from
 * reading their chats.
 */
function writeHolder(file: Deno.FsFile, holder: string): void {
  try {
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(holder));
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

async function orDiskError<T>(action: string, path: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw diskError(action, path, cause);
  }
}

/** As `orDiskError`, but `null` where the path doesn't exist. */
async function orNullWhereMissing<T>(
  action: string,
  path: string,
  run: () => T | Promise<T>,
): Promise<T | null> {
  try {
    return await run();
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return null;
    throw diskError(action, path, cause);
  }
}
