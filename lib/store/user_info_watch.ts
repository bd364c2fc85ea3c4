/**
 * Follows edits of a table of users by looking at the file once a second: that works with editors that write a new
 * file and rename it, and with folders of other machines, where the system tells nobody of changes.
 */

import { hash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { P2pchatError } from "../base/errors.ts";
import type { Disk } from "./disk.ts";
import { type UserInfoRow, userInfoRows } from "./user_info.ts";
import { readUserInfo } from "./user_info_file.ts";

/** How often the file is looked at: an edit is seen within two of these. */
export const WATCH_INTERVAL_MS = 1_000;

export interface UserInfoListener {
  /** The table was edited, and nothing is wrong with it. */
  changed(rows: readonly UserInfoRow[]): void;
  /**
   * An edit broke the table, or the file is gone or can't be read: the rows told last stay those that hold.
   * Called once for each content.
   * @param error `bad-file`.
   */
  broken(error: P2pchatError): void;
}

/** What the file holds now; `id` is the digest of its bytes, or the sentence of why there are none. */
type Content =
  | { readonly id: string; readonly rows: readonly UserInfoRow[] }
  | { readonly id: string; readonly error: P2pchatError };

export class UserInfoWatch {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #listener: UserInfoListener;
  /** The `id` of the content that was told last. */
  #told: string;
  /** The file as it was at the last look; undefined before the first, and while it can't be looked at. */
  #seen: string | null | undefined = undefined;
  /** The file as it was when it was read last. */
  #read: string | null | undefined = undefined;
  #timer: { cancel(): void } | null = null;
  #closed = false;

  /**
   * Begins to watch.
   * @param bytes What the caller has read: a change since then counts as one.
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

  /** Nothing is told after this. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    // The next look begins when this one has ended: a slow folder of another machine is asked one thing at a time.
    if (this.#closed) return;
    const dueMs = this.#clock.nowMs() + WATCH_INTERVAL_MS;
    this.#timer = this.#clock.at(dueMs, () => void this.#look().then(() => this.#wait()));
  }

  async #look(): Promise<void> {
    const version = await this.#version();
    const isAtRest = version === this.#seen;
    this.#seen = version;
    // Whoever writes a file in parts, or removes it before the new one is there, gets the time to end that.
    if (!isAtRest || (version !== undefined && version === this.#read)) return;
    const content = await this.#content();
    const versionRead = await this.#version();
    // Where it was written to while it was read, the next look sees that.
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
      return undefined; // reading it says why, in a sentence of its own
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
