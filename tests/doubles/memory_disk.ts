/**
 * A disk in memory that fails as real ones do, for tests and simulation.
 *
 * It tracks what was written and what would survive a power cut separately, fails where its `fault` hook says so,
 * and waits where its `latency` hook says so (without one, every returned promise is already settled). The same
 * seed and the same calls leave the same data.
 *
 * `crash` and `kill` end the process that uses the disk, so they return a new disk for the next process; the old
 * one refuses everything, and operations in progress on it have no effect.
 *
 * The model of a power cut is harsher than any one file system: of the names changed since `syncFolder`, a prefix
 * survives in each folder; of the bytes appended since `syncData`, a prefix survives, with garbage at its end or
 * with a page of zeros in it; an unsynced `truncate` may be undone. Bytes whose `syncData` failed are lost even if
 * a later one succeeds, because Linux marks such pages clean (Rebello et al., Can Applications Recover from fsync
 * Failures?, USENIX ATC 2020).
 */

import { hash } from "node:crypto";
import type { Bytes } from "../../lib/base/crypto/crypto.ts";
import { invariant } from "../../lib/base/invariant.ts";
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
} from "../../lib/store/disk/disk.ts";
import { MemoryFile } from "./memory_file.ts";

/** The names of operations, as passed to `fault` and `latency`. */
export type DiskOperationKind =
  | "stat"
  | "read"
  | "overwrite"
  | "open"
  | "write"
  | "truncate"
  | "sync"
  | "rename"
  | "remove"
  | "list"
  | "makeFolder"
  | "setMode"
  | "allowLike"
  | "syncFolder"
  | "lock";

export interface DiskOperation {
  readonly kind: DiskOperationKind;
  readonly path: string;
  /** The first operation on a disk has number 1; the disks after `crash` and `kill` count anew. */
  readonly number: number;
}

/** A fault: a system error, or a write of only the first bytes. */
export type DiskFault = "ENOSPC" | "EIO" | "EPERM" | { readonly shortWriteBytes: number };

export interface MemoryDiskOptions {
  /** Decides what survives a power cut; without it, everything unsynced is lost. */
  readonly random?: () => number;
  /** Capacity of the disk in bytes; unlimited unless set. */
  readonly bytesMax?: number;
  /**
   * Called when an operation is about to take effect; `null` lets it succeed. It may call `crash` or `kill`: then
   * the operation has no effect.
   */
  readonly fault?: (operation: DiskOperation) => DiskFault | null;
  /**
   * Called before each operation except `write`, `truncate`, `overwrite` and `allowLike`; a promise delays the
   * operation, `null` doesn't.
   */
  readonly latency?: (operation: DiskOperation) => Promise<void> | null;
}

type Node = MemoryFile | "folder";
/** A change of names that isn't durable yet; `null` removes a name. */
type NameChange = readonly (readonly [path: string, node: Node | null])[];

const MESSAGES = {
  ENOSPC: "No space left on device",
  EIO: "Input/output error",
  EPERM: "Operation not permitted",
} as const;
const EXTRA_MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory",
  EISDIR: "Is a directory",
  ENOTDIR: "Not a directory",
  EBADF: "The process that had this file open is dead",
};

/** The system's error, in the form that `diskError` recognizes. */
class SystemError extends Error {
  override readonly name = "SystemError";
  constructor(readonly code: string) {
    super(EXTRA_MESSAGES[code] ?? MESSAGES[code as keyof typeof MESSAGES] ?? code);
  }
}

export class MemoryDisk implements Disk {
  hold: Hold | null = null;
  /** May be changed between operations, to simulate space that runs out and is freed. */
  bytesMax: number;
  fault: ((operation: DiskOperation) => DiskFault | null) | null;
  latency: ((operation: DiskOperation) => Promise<void> | null) | null;

  readonly #random: (() => number) | null;
  #names = new Map<string, Node>();
  /** Of folders whose mode was set; lost in a crash. */
  readonly #folderModes = new Map<string, number>();
  #durableNames = new Map<string, Node>();
  #unsyncedNames = new Map<string, NameChange[]>();
  readonly #locks = new Map<MemoryFile, string>();
  #operations = 0;
  #dead = false;

  constructor(options: MemoryDiskOptions = {}) {
    this.#random = options.random ?? null;
    this.bytesMax = options.bytesMax ?? Infinity;
    this.fault = options.fault ?? null;
    this.latency = options.latency ?? null;
  }

  /** The number of operations so far. */
  get operations(): number {
    return this.#operations;
  }

  /** Simulates a power cut. @returns The disk afterwards. */
  crash(): MemoryDisk {
    const names = new Map(this.#durableNames);
    for (const changes of this.#unsyncedNames.values()) {
      const survivors = Math.floor((this.#random?.() ?? 0) * (changes.length + 1));
      for (const change of changes.slice(0, survivors)) applyChange(names, change);
    }
    for (const [path, node] of names) {
      if (node !== "folder") names.set(path, node.afterPowerCut(this.#random));
    }
    return this.#successor(names, new Map(names), new Map());
  }

  /** Kills the process: all that was written is there, and a later power cut may still lose the unsynced part. */
  kill(): MemoryDisk {
    return this.#successor(this.#names, this.#durableNames, this.#unsyncedNames);
  }

  /** A disk with the same files, all synced: a backup to be restored later. This disk stays usable. */
  copy(): MemoryDisk {
    const names = new Map<string, Node>();
    for (const [path, node] of this.#names) {
      names.set(path, node === "folder" ? node : MemoryFile.of(node.bytes(), node.mode));
    }
    return this.#withNames(names, new Map(names), new Map());
  }

  /** The text of a file; `null` where there is none. */
  text(path: string): string | null {
    const node = this.#names.get(path);
    return node instanceof MemoryFile ? new TextDecoder().decode(node.bytes()) : null;
  }

  /** Puts a file there, its content and name synced: for example a damaged one, or one of an older version. */
  place(path: string, content: Uint8Array | string): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    this.#makeDurableFolder(folderOf(path));
    this.#change(path, [[path, MemoryFile.of(bytes, FILE_MODE)]]);
    this.#syncNames(folderOf(path));
  }

  /** The paths of all files, sorted. */
  paths(): readonly string[] {
    return [...this.#names].filter(([, node]) => node !== "folder").map(([path]) => path).sort();
  }

  stat(path: string): Promise<DiskEntry | null> {
    return this.#run("stat", "look at", path, () => {
      const node = this.#names.get(path);
      if (node === undefined) return isRoot(path) ? FOLDER_ENTRY : null;
      const otherUser = this.otherUsers.get(path) ?? null;
      return node === "folder"
        ? { ...FOLDER_ENTRY, mode: this.#folderModes.get(path) ?? FOLDER_MODE, otherUser }
        : { kind: "file", bytes: node.length, mode: node.mode, otherUser };
    });
  }

  /** The other users to whom a test has given files or folders. */
  readonly otherUsers = new Map<string, number>();

  /** Paths at which a test has put links, whatever else is there. */
  readonly links = new Set<string>();

  isLink(path: string): Promise<boolean> {
    return Promise.resolve(this.links.has(path));
  }

  othersBelow(folder: string): Promise<readonly string[]> {
    const all = [...this.links, ...this.otherUsers.keys()];
    return Promise.resolve(all.filter((path) => path.startsWith(`${folder}/`)).sort());
  }

  version(path: string): Promise<string | null> {
    return this.#run("stat", "look at", path, () => {
      const node = this.#names.get(path);
      if (node === undefined) return isRoot(path) ? "folder" : null;
      return node === "folder" ? node : `${hash("sha256", node.bytes(), "hex")} ${node.number}`;
    });
  }

  read(path: string): Promise<Bytes | null> {
    return this.#run("read", "read", path, () => this.#fileAt(path)?.bytes() ?? null);
  }

  async *readChunks(path: string, options: ReadOptions = {}): AsyncIterable<Uint8Array> {
    const { from: first = 0, chunkBytes = READ_CHUNK_BYTES } = options;
    const file = await this.#run("open", "open", path, () => this.#fileAt(path));
    if (file !== null) yield* this.#chunksOf(path, file, first, chunkBytes);
  }

  openAppend(path: string, options?: OpenOptions): Promise<AppendFile> {
    return this.#run("open", "open", path, () => {
      const found = this.#fileAt(path);
      if (found !== null && options?.isNew === true) throw new SystemError("EEXIST");
      const file = found ?? this.#newFile(path);
      if (options?.empty === true) file.truncate(0);
      return this.#appendFile(path, file);
    });
  }

  rename(from: string, to: string): Promise<void> {
    invariant(folderOf(from) === folderOf(to), "a rename stays in its folder");
    return this.#run("rename", "rename", `${from} to ${to}`, () => {
      const file = this.#fileAt(from);
      if (file === null) throw new SystemError("ENOENT");
      if (this.#names.get(to) === "folder") throw new SystemError("EISDIR");
      if (from !== to) this.#change(to, [[from, null], [to, file]]);
    });
  }

  remove(path: string): Promise<void> {
    return this.#run("remove", "remove", path, () => {
      if (this.#fileAt(path) !== null) this.#change(path, [[path, null]]);
    });
  }

  removeFolder(folder: string): Promise<void> {
    return this.#run("remove", "remove", folder, () => {
      if (!this.#names.has(folder)) return;
      if (this.#names.get(folder) instanceof MemoryFile) throw new SystemError("ENOTDIR");
      if ([...this.#names.keys()].some((path) => path !== folder && folderOf(path) === folder)) {
        throw new SystemError("ENOTEMPTY");
      }
      this.#change(folder, [[folder, null]]);
    });
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#run("list", "list", folder, () => {
      if (this.#names.get(folder) instanceof MemoryFile) throw new SystemError("ENOTDIR");
      const names: string[] = [];
      for (const path of this.#names.keys()) {
        if (path !== folder && folderOf(path) === folder) names.push(nameOf(path));
      }
      return names.sort();
    });
  }

  makeFolder(folder: string): Promise<void> {
    return this.#run("makeFolder", "make folder", folder, () => this.#makeDurableFolder(folder));
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#run("setMode", "set the mode of", path, () => {
      if (this.#names.get(path) === "folder") return void this.#folderModes.set(path, mode);
      const file = this.#fileAt(path);
      if (file === null) throw new SystemError("ENOENT");
      file.mode = mode;
    });
  }

  syncFolder(folder: string): Promise<void> {
    return this.#run("syncFolder", "sync folder", folder, () => {
      this.#requireFolder(folder);
      this.#syncNames(folder);
    });
  }

  tryLock(path: string, holder: string): Promise<DiskLock | { readonly heldBy: string }> {
    return this.#run("lock", "lock", path, (): DiskLock | { readonly heldBy: string } => {
      const file = this.#fileAt(path) ?? this.#newFile(path);
      const heldBy = this.#locks.get(file);
      if (heldBy !== undefined) return { heldBy };
      this.#locks.set(file, holder);
      let held = true;
      const release = () => {
        if (held) this.#locks.delete(file);
        held = false;
      };
      return { isInPlace: () => this.#names.get(path) === file, release };
    });
  }

  #newFile(path: string): MemoryFile {
    this.#requireFolder(folderOf(path));
    const file = MemoryFile.of(new Uint8Array(0), FILE_MODE);
    this.#change(path, [[path, file]]);
    return file;
  }

  #appendFile(path: string, file: MemoryFile): AppendFile {
    let open = true;
    const check = () => {
      if (!open) throw new SystemError("EBADF");
    };
    const opened: AppendFile = {
      path,
      write: (bytes) => {
        return this.#runNow("write", "write", opened.path, (fault) => {
          check();
          const room = Math.min(bytes.length, this.bytesMax - this.#bytesUsed());
          if (room <= 0 && bytes.length > 0) throw new SystemError("ENOSPC");
          const count = Math.min(room, fault?.shortWriteBytes ?? room);
          file.append(bytes.subarray(0, count));
          return count;
        });
      },
      truncate: (length) => {
        this.#runNow("truncate", "truncate", opened.path, () => {
          check();
          invariant(length <= file.length, "truncate never makes a file longer");
          file.truncate(length);
        });
      },
      overwrite: (offset, bytes) => {
        this.#runNow("overwrite", "overwrite", opened.path, () => {
          check();
          if (!opened.isInPlace()) throw misplacedError(opened.path);
          invariant(offset + bytes.length <= file.length, "what is overwritten is there");
          file.overwrite(offset, bytes);
        });
      },
      syncData: () => {
        const length = file.length;
        const failed = () => file.loseUnsynced(length);
        return this.#run("sync", "sync", opened.path, () => {
          check();
          file.sync(length);
        }, failed);
      },
      checkPlace: () => {
        if (!opened.isInPlace()) throw misplacedError(opened.path);
      },
      isInPlace: () => this.#names.get(opened.path) === file,
      allowLike: (like) => {
        this.#runNow("allowLike", "set the permissions of", opened.path, () => {
          check();
          const model = this.#fileAt(like); // all files here have the same owner
          if (model === null) throw new SystemError("ENOENT");
          if (!opened.isInPlace()) throw new SystemError("ENOENT");
          file.mode = model.mode;
        });
      },
      readChunks: ({ from, chunkBytes } = {}) => {
        return this.#chunksOf(opened.path, file, from, chunkBytes, check);
      },
      close: () => {
        open = false;
      },
    };
    return opened;
  }

  async *#chunksOf(
    path: string,
    file: MemoryFile,
    first = 0,
    chunkBytes = READ_CHUNK_BYTES,
    check = () => {},
  ): AsyncIterable<Uint8Array> {
    for (let from = first; from < file.length; from += chunkBytes) {
      yield await this.#run("read", "read", path, () => {
        check();
        return file.slice(from, from + chunkBytes);
      });
    }
  }

  #fileAt(path: string): MemoryFile | null {
    const node = this.#names.get(path);
    if (node === "folder") throw new SystemError("EISDIR");
    return node ?? null;
  }

  #requireFolder(folder: string): void {
    const node = this.#names.get(folder);
    if (node === "folder" || isRoot(folder)) return;
    throw new SystemError(node === undefined ? "ENOENT" : "ENOTDIR");
  }

  #makeDurableFolder(folder: string): void {
    if (isRoot(folder) || this.#names.get(folder) === "folder") return;
    if (this.#names.has(folder)) throw new SystemError("ENOTDIR");
    this.#makeDurableFolder(folderOf(folder));
    this.#change(folder, [[folder, "folder"]]);
    this.#syncNames(folderOf(folder));
  }

  #change(path: string, change: NameChange): void {
    applyChange(this.#names, change);
    const folder = folderOf(path);
    const changes = this.#unsyncedNames.get(folder);
    if (changes === undefined) this.#unsyncedNames.set(folder, [change]);
    else changes.push(change);
  }

  #syncNames(folder: string): void {
    for (const change of this.#unsyncedNames.get(folder) ?? []) {
      applyChange(this.#durableNames, change);
    }
    this.#unsyncedNames.delete(folder);
  }

  #bytesUsed(): number {
    if (this.bytesMax === Infinity) return 0;
    let used = 0;
    for (const node of this.#names.values()) if (node !== "folder") used += node.length;
    return used;
  }

  /** Performs an operation after its latency. Calls `failed` if `fault` chose a failure. */
  #run<T>(
    kind: DiskOperationKind,
    action: string,
    path: string,
    body: () => T,
    failed?: () => void,
  ): Promise<T> {
    const operation = { kind, path, number: ++this.#operations };
    const perform = () => this.#perform(operation, action, body, failed);
    const delay = this.latency?.(operation) ?? null;
    if (delay !== null) return delay.then(perform);
    try {
      return Promise.resolve(perform());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #runNow<T>(
    kind: DiskOperationKind,
    action: string,
    path: string,
    body: (fault: { readonly shortWriteBytes: number } | null) => T,
  ): T {
    return this.#perform({ kind, path, number: ++this.#operations }, action, body);
  }

  #perform<T>(
    operation: DiskOperation,
    action: string,
    body: (fault: { readonly shortWriteBytes: number } | null) => T,
    failed?: () => void,
  ): T {
    try {
      if (this.#isDead()) throw new SystemError("EBADF");
      const fault = this.fault?.(operation) ?? null;
      if (this.#isDead()) throw new SystemError("EBADF"); // the hook may have ended the process
      if (typeof fault === "string") {
        failed?.();
        throw new SystemError(fault);
      }
      return body(fault);
    } catch (error) {
      throw error instanceof SystemError ? diskError(action, operation.path, error) : error;
    }
  }

  #isDead(): boolean {
    return this.#dead;
  }

  #successor(
    names: Map<string, Node>,
    durableNames: Map<string, Node>,
    unsyncedNames: Map<string, NameChange[]>,
  ): MemoryDisk {
    this.#dead = true;
    return this.#withNames(names, durableNames, unsyncedNames);
  }

  #withNames(
    names: Map<string, Node>,
    durableNames: Map<string, Node>,
    unsyncedNames: Map<string, NameChange[]>,
  ): MemoryDisk {
    const disk = new MemoryDisk({
      bytesMax: this.bytesMax,
      ...(this.#random === null ? {} : { random: this.#random }),
      ...(this.fault === null ? {} : { fault: this.fault }),
      ...(this.latency === null ? {} : { latency: this.latency }),
    });
    disk.#names = names;
    disk.#durableNames = durableNames;
    disk.#unsyncedNames = unsyncedNames;
    return disk;
  }
}

const FOLDER_ENTRY: DiskEntry = {
  kind: "folder",
  bytes: 0,
  mode: FOLDER_MODE,
  otherUser: null,
};

function applyChange(names: Map<string, Node>, change: NameChange): void {
  for (const [path, node] of change) {
    if (node === null) names.delete(path);
    else names.set(path, node);
  }
}

function isRoot(folder: string): boolean {
  return folder === "/" || folder === ".";
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
