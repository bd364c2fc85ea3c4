/**
 * Notices edits of a table of users by checking the file once a second. That works with editors that write a new
 * file and rename it, and with network folders, where the system doesn't report changes.
 */

import { hash } from "node:crypto";
import type { Clock } from "../../base/machine/clock.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { type UserInfoRow, userInfoRows } from "./user_info.ts";
import { readUserInfo } from "./user_info_file.ts";

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
    if (this.#closed || versionRead !== version) return;
    this.#read = version;
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
