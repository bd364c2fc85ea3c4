/** The file of a table of users: read in one piece, replaced when a row is added, and watched for edits. */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { P2pchatError, systemErrorCode, systemText } from "../../base/errors.ts";
import { type AppendFile, type Disk, folderOf, NO_SUCH_FILE, spaceAdvice } from "../disk/disk.ts";
import { Replacement } from "../disk/replacement.ts";
import {
  tooLarge,
  USER_INFO_BYTES_MAX,
  type UserInfo,
  type UserInfoRow,
  userInfoRows,
  withUserInfo,
} from "./user_info.ts";
import { hash } from "node:crypto";
import type { Clock } from "../../base/machine/clock.ts";

/** Mode bits with which anybody may write the file. */
const WRITE_BITS = 0o222;

/**
 * The bytes of a table of users.
 * @throws {P2pchatError} `bad-file`, also where the file doesn't exist or can't be read.
 */
export async function readUserInfo(disk: Disk, path: string): Promise<Uint8Array> {
  const bytes = await userInfoBytes(disk, path);
  if (bytes !== null) return bytes;
  throw new P2pchatError(
    "bad-file",
    `Cannot read ${path}: ${NO_SUCH_FILE}, or begin a table with ` +
      `p2pchat users add ${path} NAME HOST PORT`,
  );
}

/**
 * Adds a row to the table at `path`, which is created where there is none; durable when it returns. Comments,
 * order, line ends, owner, group and permissions are preserved.
 * @param check Refuses the row because of those that are there.
 * @returns The row with its line.
 * @throws {P2pchatError} `bad-file`; `in-use` where another program changed the file meanwhile; `not-allowed` where
 *   the new file would have another owner; `disk`.
 */
export async function addUserInfo(
  disk: Disk,
  path: string,
  user: UserInfo,
  check: (rows: readonly UserInfoRow[]) => void = () => {},
): Promise<UserInfoRow> {
  const version = await disk.version(path).catch((error) =>
    refuse("bad-file", "read", path, error)
  );
  const before = await userInfoBytes(disk, path);
  const { bytes, row } = withUserInfo(path, before, user, check);
  try {
    const mode = (await disk.stat(path))?.mode ?? null;
    if (mode !== null && (mode & WRITE_BITS) === 0) throw readOnly(path);
    const replacement = await Replacement.beginAmongOthers(disk, path);
    try {
      replacement.write(bytes);
      if (mode !== null) keepAccess(path, replacement.file);
      if (await disk.version(path) !== version) throw changedMeanwhile(path);
      (await replacement.putInPlace()).close();
    } catch (error) {
      await replacement.abandon();
      throw error;
    }
    await disk.syncFolder(folderOf(path));
  } catch (error) {
    return refuse("disk", "write", path, error);
  }
  return row;
}

/** Keeps owner, group and permissions: with another owner, people who share the table could lose access to it. */
function keepAccess(path: string, replacement: AppendFile): void {
  try {
    replacement.allowLike(path);
  } catch (error) {
    if (systemErrorCode(error) !== "EPERM") throw error;
    throw new P2pchatError(
      "not-allowed",
      `Cannot change ${path}: it belongs to another user or group of this machine, and would be yours ` +
        "afterwards; run this as that user, as with sudo -u, or add the row with an editor",
      { cause: error },
    );
  }
}

/** The bytes of a file that may be a table, read only up to the size limit; null where there is no file. */
async function userInfoBytes(disk: Disk, path: string): Promise<Uint8Array | null> {
  try {
    const entry = await disk.stat(path);
    if (entry === null) return null;
    if (entry.kind !== "file") {
      const found = entry.kind === "folder" ? "a folder" : "no ordinary file";
      throw new P2pchatError(
        "bad-file",
        `Cannot read ${path}: it is ${found}; name the file with the table of users`,
      );
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of disk.readChunks(path)) {
      chunks.push(new Uint8Array(chunk));
      length += chunk.length;
      if (length > USER_INFO_BYTES_MAX) throw tooLarge(path);
    }
    return concatBytes(...chunks);
  } catch (error) {
    return refuse("bad-file", "read", path, error);
  }
}

/** Throws the disk's error, with advice for a file that is the user's own and in no data folder. */
function refuse(code: "bad-file" | "disk", action: string, path: string, error: unknown): never {
  // Only errors of the system have a cause; others are already sentences for the user.
  const isOfDisk = error instanceof P2pchatError && error.code === "disk" &&
    error.cause !== undefined;
  if (!isOfDisk) throw error;
  const advice = spaceAdvice(error.cause) ?? `check the path, and that you may ${action} there`;
  const text = `Cannot ${action} ${path}: ${systemText(error.cause)}; ${advice}`;
  throw new P2pchatError(code, text, { cause: error });
}

/**
 * The error for a read-only table. The system wouldn't refuse: replacing a file only needs write access to its
 * folder.
 */
function readOnly(path: string): P2pchatError {
  return new P2pchatError(
    "disk",
    `Cannot write ${path}: it is read-only; allow writing (chmod u+w), or add the row to a copy`,
  );
}

function changedMeanwhile(path: string): P2pchatError {
  return new P2pchatError(
    "in-use",
    `Cannot write ${path}: another program has changed it meanwhile; try again`,
  );
}

/** Interval between checks: an edit is noticed within two of them. */
export const WATCH_INTERVAL_MS = 1_000;

export interface UserInfoListener {
  /** The table was edited and has no faults. */
  changed(rows: readonly UserInfoRow[]): void;
  /**
   * An edit broke the table, or the file is gone or can't be read: the last reported rows stay in use. Called once
   * for each content.
   * @param error `bad-file`.
   */
  broken(error: P2pchatError): void;
}

/** The file's content. `id` is the digest of its bytes or, where they can't be read, the error text. */
type Content =
  | { readonly id: string; readonly rows: readonly UserInfoRow[] }
  | { readonly id: string; readonly error: P2pchatError };

/**
 * Notices edits of a table of users by checking the file once a second. That works with editors that write a new
 * file and rename it, and with network folders, where the system doesn't report changes.
 */
export class UserInfoWatch {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #listener: UserInfoListener;
  /** The `id` of the content last reported. */
  #told: string;
  /** The file's version at the last check; undefined before the first, and where the check failed. */
  #seen: string | null | undefined = undefined;
  /** The file's version when last read. */
  #read: string | null | undefined = undefined;
  #timer: { cancel(): void } | null = null;
  #closed = false;

  /**
   * Begins to watch.
   * @param bytes The content that the caller has read: any other content is reported as a change.
   */
  constructor(
    disk: Disk,
    path: string,
    bytes: Uint8Array,
    clock: Clock,
    listener: UserInfoListener,
  ) {
    this.#disk = disk;
    this.#path = path;
    this.#clock = clock;
    this.#listener = listener;
    this.#told = digestOf(bytes);
    this.#wait();
  }

  /** Stops watching: the listener isn't called any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    // The next check begins when this one has ended, so that a slow network folder has one request at a time.
    if (this.#closed) return;
    const dueMs = this.#clock.nowMs() + WATCH_INTERVAL_MS;
    this.#timer = this.#clock.at(dueMs, () => void this.#look().then(() => this.#wait()));
  }

  async #look(): Promise<void> {
    const version = await this.#version();
    const isAtRest = version === this.#seen;
    this.#seen = version;
    // A program that writes a file in parts, or removes it before the new one is there, has time to finish.
    if (!isAtRest || (version !== undefined && version === this.#read)) return;
    const content = await this.#content();
    const versionRead = await this.#version();
    // If the file was written while it was read, the next check reads it again.
    if (versionRead !== version) return;
    this.#read = version;
    this.#tell(content);
  }

  /** Reads the file, which this program has just replaced as a whole, and reports a change now. */
  async reread(): Promise<void> {
    this.#tell(await this.#content());
  }

  #tell(content: Content): void {
    if (this.#closed) return;
    if (content.id === this.#told) return;
    this.#told = content.id;
    if ("rows" in content) this.#listener.changed(content.rows);
    else this.#listener.broken(content.error);
  }

  async #version(): Promise<string | null | undefined> {
    try {
      return await this.#disk.version(this.#path);
    } catch {
      return undefined; // reading the file gives the reason, in an error text of its own
    }
  }

  async #content(): Promise<Content> {
    let id: string | null = null;
    try {
      const bytes = await readUserInfo(this.#disk, this.#path);
      id = digestOf(bytes);
      return { id, rows: userInfoRows(this.#path, bytes) };
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return { id: id ?? error.message, error };
    }
  }
}

function digestOf(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}
