/**
 * The accounts in `accounts.csv`, held in memory. A sign-up appends one row and syncs it; every other change writes
 * a new file and renames it over the old one.
 *
 * A running directory and the operator's commands change the same file. Each change takes a short lock, checks
 * whether another program has written the file, and reads it again if so; as long as it can't be read, changes are
 * refused. Look-ups take no lock: a row that another program is just appending isn't visible yet.
 *
 * Editors and copying programs take no lock and may save in place: for a moment the file is incomplete, and a row
 * appended then would be lost. Programs that take the lock only ever append rows or replace the file. Any other
 * modification is accepted when the file has been unchanged for a second; until then, look-ups use the old table,
 * and changes wait.
 *
 * When the disk fails, the change is refused, and the next one writes the whole file anew: after a failed sync the
 * page cache can't be trusted (as in `append_log.ts`).
 */

import { numberText } from "../../base/text/words.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { foldName } from "../../base/text/names.ts";
import {
  type Account,
  type AccountBefore,
  type Accounts,
  ACCOUNTS_MAX,
  type AccountsListener,
  nameTaken,
  tooManyAccounts,
  withDevice,
  withHash,
} from "./accounts.ts";
import {
  accountLines,
  accountRow,
  ACCOUNTS_BYTES_MAX,
  type AccountTable,
  parseAccounts,
  type ParsedAccounts,
  tooLarge,
  WITHOUT,
} from "./accounts_csv.ts";
import { AccountsWatches } from "./accounts_watches.ts";
import { writeAnew } from "../log/append_log.ts";
import {
  corruptError,
  type Disk,
  FILE_MODE,
  folderOf,
  isSameFile,
  writeAll,
} from "../disk/disk.ts";
import { LOCK_WAIT_MS_MAX, takeTurn } from "../disk/held_lock.ts";
import { ACCOUNTS_FILE } from "../disk/paths.ts";
import { Replacement, REPLACEMENT_SUFFIX } from "../disk/replacement.ts";

/** Changes that may wait: each client of a directory waits for its own. */
const WAITING_MAX = 1_024;
/** A file saved in place, in parts, counts as complete when it hasn't changed for so long. */
const REST_MS = 1_000;
/** Interval at which a waiting change checks the file. */
const LOOK_AGAIN_MS = 50;
/** Characters of a new file written at once: some milliseconds' work. */
const PIECE_LENGTH = 1024 * 1024;
/** Mode bits with which others could read or write the file. */
const OTHERS_BITS = 0o077;

interface AccountsFileOptions {
  /** Distinguishes this program from others, such as by its process id. */
  readonly writer: string;
  readonly clock: Clock;
  /** The file's path, if it isn't in the folder itself but linked from there. */
  readonly path?: string;
}

export interface OpenedAccounts {
  readonly accounts: AccountsFile;
  /** What the user should know: that a torn row was dropped, or that others could read the file. */
  readonly notices: readonly string[];
}

/** The file's content, and the error if it can't be used. */
interface FoundFile {
  readonly bytes: Uint8Array | null;
  readonly parsed: ParsedAccounts | null;
  readonly error: P2pchatError | null;
}

/** What a change writes, and what its caller gets. */
interface Change<Answer> {
  readonly answer: Answer;
  /** Null: nothing is written. */
  readonly write: { readonly add: Account } | { readonly replace: AccountTable } | null;
  readonly name: string;
}

/** The path of the accounts of the directory in `folder`. */
export function accountsPath(folder: string): string {
  return `${folder}/${ACCOUNTS_FILE}`;
}

export class AccountsFile implements Accounts {
  readonly #disk: Disk;
  readonly #path: string;
  /** Whether the file is in the program's own folder; elsewhere there may be files of the user's beside it. */
  readonly #isOwnPlace: boolean;
  readonly #lock: string;
  readonly #options: AccountsFileOptions;
  readonly #watches: AccountsWatches;
  #table: AccountTable = new Map();
  /** The `Disk.version` that was last read, successfully or not; undefined: the file has to be read again. */
  #version: string | null | undefined = null;
  /** Why the file of `#version` can't be read. */
  #broken: P2pchatError | null = null;
  /** A version that somebody may still be writing, and since when it hasn't changed. */
  #unsettled: { readonly version: string | null; readonly sinceMs: number } | null = null;
  /** The length of the file up to the end of the last row in `#table`. */
  #bytes = 0;
  #endsInLineFeed = true;
  /** Whether leftovers of a killed program at the file's end have been dealt with. */
  #isMended = true;
  /** The disk failed at the last change: the file's end and its directory entry may not be durable. */
  #isSuspect = false;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #lastLook: Promise<void> = Promise.resolve();
  /** The last one, while it hasn't begun. */
  #nextLook: Promise<void> | null = null;

  private constructor(disk: Disk, folder: string, options: AccountsFileOptions) {
    this.#disk = disk;
    this.#path = options.path ?? accountsPath(folder);
    this.#isOwnPlace = this.#path === accountsPath(folder);
    this.#lock = `${folder}/accounts.lock`;
    this.#options = options;
    this.#watches = new AccountsWatches(
      options.clock,
      () => this.#look(),
      (name) => this.#accountOf(name),
    );
  }

  /**
   * Opens the accounts in `folder`. Where there are none yet, the first sign-up creates the file.
   * @throws {P2pchatError} `store-corrupt` with file and line, `bad-file`, `in-use`, `disk`.
   */
  static async open(
    disk: Disk,
    folder: string,
    options: AccountsFileOptions,
  ): Promise<OpenedAccounts> {
    const accounts = new AccountsFile(disk, folder, options);
    if (await disk.stat(accounts.#path) !== null) {
      const turn = await accounts.#takeTurn();
      try {
        if (accounts.#isOwnPlace) await disk.remove(accounts.#path + REPLACEMENT_SUFFIX);
        return { accounts, notices: await accounts.#readMended(accounts.#waitEndMs()) };
      } finally {
        turn.release();
      }
    }
    return { accounts, notices: [] };
  }

  get size(): number {
    return this.#table.size;
  }

  async find(name: string): Promise<Account | null> {
    await this.#refresh();
    return this.#accountOf(name);
  }

  async list(): Promise<readonly Account[]> {
    await this.#refresh();
    return [...this.#table.values()].map(({ account }) => account);
  }

  signUp(account: Account): Promise<void> {
    const { name } = account;
    return this.#change((table) => {
      if (table.has(foldName(name))) throw nameTaken(name);
      if (table.size >= ACCOUNTS_MAX) throw tooManyAccounts(name);
      return { answer: undefined, write: { add: account }, name };
    });
  }

  setHash(seen: Account, hash: string, keysKept?: readonly Fingerprint[]): Promise<boolean> {
    return this.#changeSeen(seen, (account) => withHash(account, hash, keysKept));
  }

  addKey(seen: Account, key: Fingerprint): Promise<boolean> {
    return this.#changeSeen(seen, (account) => withDevice(account, key));
  }

  remove(seen: Account): Promise<boolean> {
    return this.#changeSeen(seen, () => null);
  }

  watch(listener: AccountsListener): { close(): void } {
    return this.#watches.add(listener);
  }

  #accountOf(name: string): Account | null {
    return this.#table.get(foldName(name))?.account ?? null;
  }

  /**
   * Changes an account if it is still the one seen. `changed` returns a new account, null to delete it, or the same
   * one for no change.
   */
  #changeSeen(seen: Account, changed: (account: Account) => Account | null): Promise<boolean> {
    const { name, hash } = seen;
    const folded = foldName(name);
    return this.#change((table) => {
      const account = table.get(folded)?.account;
      if (account === undefined || account.hash !== hash) {
        return { answer: false, write: null, name };
      }
      const next = changed(account);
      if (next === account) return { answer: true, write: null, name };
      const replace = new Map(table);
      if (next === null) replace.delete(folded);
      else replace.set(folded, accountRow(next));
      return { answer: true, write: { replace }, name };
    });
  }

  /** Makes changes one after the other, each under the lock that excludes other programs. */
  #change<Answer>(decide: (table: AccountTable) => Change<Answer>): Promise<Answer> {
    const endMs = this.#waitEndMs();
    return this.#inOrder(async () => {
      const turn = await this.#takeTurn();
      try {
        await this.#readIfChanged(endMs);
        const { answer, write, name } = decide(this.#table);
        if (write === null) return answer;
        const createdMs = this.#accountOf(name)?.createdMs ?? null;
        try {
          await this.#write(write);
        } finally {
          this.#watches.changed({ name, createdMs });
        }
        return answer;
      } finally {
        turn.release();
      }
    });
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) {
      const text =
        `Cannot change ${this.#path}: ${WAITING_MAX} changes wait already; try again later`;
      return Promise.reject(new P2pchatError("full", text));
    }
    this.#waiting++;
    const done = this.#last.then(work).finally(() => this.#waiting--);
    this.#last = done.catch(() => {});
    return done;
  }

  #takeTurn() {
    const { writer, clock } = this.#options;
    return takeTurn(this.#disk, this.#path, this.#lock, writer, clock);
  }

  /** The time until which a change requested now waits for other programs to finish writing. */
  #waitEndMs(): number {
    return this.#options.clock.nowMs() + LOCK_WAIT_MS_MAX;
  }

  /**
   * Under the lock: reads the file again if another program has written it. @throws {P2pchatError} Where it can't
   * be read.
   */
  async #readIfChanged(endMs: number): Promise<void> {
    const version = await this.#disk.version(this.#path);
    if (version === this.#version) this.#unsettled = null;
    if (version !== this.#version || !this.#isMended) {
      for (const notice of await this.#readMended(endMs)) this.#watches.notice(notice);
    }
    if (this.#broken !== null) throw this.#broken;
  }

  /**
   * Under the lock: reads the file once nobody is writing it, and repairs what a killed program left at its end.
   * @returns Notices for the user about repairs.
   * @throws {P2pchatError} `in-use` where somebody is still writing it at `endMs`; or the reason it can't be read.
   */
  async #readMended(endMs: number): Promise<readonly string[]> {
    let found = await this.#read(true);
    while (found === null) {
      await this.#lookLater(endMs);
      found = await this.#read(true);
    }
    const { parsed } = found;
    if (parsed === null) return [];
    const notices: string[] = [];
    const { torn, bytes, lastRowAt } = parsed;
    const mode = (await this.#disk.stat(this.#path))?.mode ?? FILE_MODE;
    if ((mode & OTHERS_BITS) !== 0) {
      await this.#disk.setMode(this.#path, FILE_MODE);
      notices.push(
        `Others could read or change ${this.#path}, where hashes of passwords are; now you alone can`,
      );
    }
    if (torn !== null) {
      notices.push(
        `Dropped ${
          numberText(torn.bytes)
        } bytes at the end of ${this.#path}, line ${torn.line}: they were being ` +
          "written when the program or machine stopped",
      );
    }
    const file = await this.#disk.openAppend(this.#path);
    try {
      if (torn !== null) file.truncate(bytes);
      // The row of a killed program may exist only in the page cache, if its sync failed.
      if (lastRowAt > 0) await writeAnew(file, lastRowAt);
      await file.syncData();
    } finally {
      file.close();
    }
    await this.#disk.syncFolder(folderOf(this.#path));
    this.#version = await this.#disk.version(this.#path);
    this.#isMended = true;
    return notices;
  }

  async #lookLater(endMs: number): Promise<void> {
    const { clock } = this.#options;
    const dueMs = clock.nowMs() + LOOK_AGAIN_MS;
    if (dueMs > endMs) throw beingWritten(this.#path);
    await new Promise<void>((resolve) => clock.at(dueMs, resolve));
  }

  /**
   * Reads the file. If it can't be read, the table read before stays in use.
   * @param isToBeMended The caller will cut off a torn row, so nobody else may be writing it.
   * @returns Null where somebody may still be writing the file: the table is unchanged then. `parsed` is null where
   *   there is no file.
   * @throws {P2pchatError} The reason it can't be read.
   */
  async #read(
    isToBeMended = false,
  ): Promise<{ readonly parsed: ParsedAccounts | null } | null> {
    const version = await this.#disk.version(this.#path);
    const isAnother = this.#isAnother(version);
    const isAtRest = this.#isAtRest(version);
    if (this.#unsettled !== null && !isAtRest && !isAnother) return null;
    const found = await this.#find(version);
    if (isAtRest && await this.#disk.version(this.#path) !== version) return this.#wait(version);
    if (!isAtRest && !this.#isWhole(found, version, isToBeMended)) return this.#wait(version);
    const { bytes, parsed } = found;
    this.#unsettled = null;
    this.#version = version;
    this.#isMended = version === null;
    this.#broken = found.error ?? this.#cutShort(found);
    if (this.#broken !== null) throw this.#broken;
    const table: AccountTable = parsed?.table ?? new Map();
    this.#watches.found(changedAccounts(this.#table, table));
    this.#table = table;
    this.#bytes = parsed?.bytes ?? 0;
    this.#endsInLineFeed = bytes === null || bytes[this.#bytes - 1] === LINE_FEED;
    return { parsed };
  }

  /** Reads and parses the file. @throws {P2pchatError} `disk`: the next attempt may succeed. */
  async #find(version: string | null): Promise<FoundFile> {
    let bytes: Uint8Array | null = null;
    try {
      bytes = version === null ? null : await readBytes(this.#disk, this.#path);
      const parsed = bytes === null ? null : parseAccounts(this.#path, bytes);
      const isGone = bytes === null && this.#table.size > 0;
      const error = parsed?.complaints[0] ?? (isGone ? missing(this.#path) : null);
      return { bytes, parsed, error };
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (error.code !== "disk") return { bytes, parsed: null, error };
      this.#version = undefined;
      this.#isMended = false;
      this.#broken = error;
      throw error;
    }
  }

  /** Whether the found content can't be an incomplete state of a file that is being saved. */
  #isWhole(
    { parsed, error }: FoundFile,
    version: string | null,
    isToBeMended: boolean,
  ): boolean {
    const isFirst = this.#version === null && this.#table.size === 0;
    if (error !== null) return isFirst; // no other table could be used in the meantime
    if (parsed === null) return true;
    const hasAllRows = beginsWith(parsed.table, this.#table);
    if (parsed.torn !== null) return hasAllRows && !isToBeMended;
    return hasAllRows || !isSameFile(this.#version ?? null, version);
  }

  /**
   * A program killed while appending leaves all earlier rows: a torn file shorter than before has lost more than
   * its last row.
   */
  #cutShort({ bytes, parsed }: FoundFile): P2pchatError | null {
    if (!parsed?.torn || bytes === null || bytes.length >= this.#bytes) return null;
    return corruptError(this.#path, parsed.torn.line, "its end is missing", WITHOUT);
  }

  /** Whether another file has replaced one that was being written: the new file is judged by itself. */
  #isAnother(version: string | null): boolean {
    const seen = this.#unsettled?.version ?? null;
    return seen !== null && version !== null && !isSameFile(seen, version);
  }

  /** Whether a version that wasn't accepted when first seen hasn't changed for `REST_MS`. */
  #isAtRest(version: string | null): boolean {
    const seen = this.#unsettled;
    if (seen !== null && seen.version !== version) this.#wait(version);
    return seen?.version === version && this.#options.clock.nowMs() - seen.sinceMs >= REST_MS;
  }

  #wait(version: string | null): null {
    this.#unsettled = { version, sinceMs: this.#options.clock.nowMs() };
    return null;
  }

  /** Reads what other programs have written until now. */
  #refresh(): Promise<void> {
    // A look that is under way may have missed it: those who come meanwhile share the next one.
    this.#nextLook ??= this.#lastLook = this.#lastLook.then(() => {
      this.#nextLook = null;
      return this.#readNews();
    });
    return this.#nextLook;
  }

  /** Reads it, unless a change of this program is waiting, which will do that itself. */
  async #readNews(): Promise<void> {
    if (this.#waiting > 0) return;
    try {
      const version = await this.#disk.version(this.#path);
      if (this.#waiting > 0) return;
      if (version === this.#version) {
        this.#unsettled = null;
        return;
      }
      await this.#inOrder(() => this.#read());
    } catch (error) {
      // The table read before stays in use; whoever watches, or changes something, gets the error.
      if (!(error instanceof P2pchatError)) throw error;
    }
  }

  async #look(): Promise<P2pchatError | null> {
    await this.#refresh();
    return this.#broken;
  }

  async #write(write: NonNullable<Change<unknown>["write"]>): Promise<void> {
    try {
      if ("add" in write) await this.#add(write.add);
      else await this.#replace(write.replace);
    } catch (error) {
      this.#isSuspect = true;
      throw error;
    }
  }

  async #add(account: Account): Promise<void> {
    const row = accountRow(account);
    const folded = foldName(account.name);
    if (this.#version === null || this.#isSuspect) {
      return await this.#replace(new Map([...this.#table, [folded, row]]));
    }
    const bytes = utf8(`${this.#endsInLineFeed ? "" : "\n"}${row.text}\n`);
    if (this.#bytes + bytes.length > ACCOUNTS_BYTES_MAX) throw tooLarge(this.#path);
    const file = await this.#disk.openAppend(this.#path);
    try {
      try {
        writeAll(file, bytes);
        await file.syncData();
      } catch (error) {
        // Others shouldn't be able to read a row that was refused.
        file.truncate(this.#bytes);
        throw error;
      } finally {
        this.#version = await this.#disk.version(this.#path);
      }
    } finally {
      file.close();
    }
    this.#table.set(folded, row);
    this.#bytes += bytes.length;
    this.#endsInLineFeed = true;
  }

  async #replace(table: AccountTable): Promise<void> {
    const replacement = this.#isOwnPlace
      ? await Replacement.begin(this.#disk, this.#path)
      : await Replacement.beginAmongOthers(this.#disk, this.#path);
    let bytes = 0;
    try {
      let piece = "";
      const writePiece = async () => {
        const written = utf8(piece);
        replacement.write(written);
        bytes += written.length;
        piece = "";
        // Lets other tasks run, and spreads the device's work.
        await replacement.sync();
      };
      for (const line of accountLines(table)) {
        piece += line;
        if (piece.length >= PIECE_LENGTH) await writePiece();
      }
      await writePiece();
      if (bytes > ACCOUNTS_BYTES_MAX) throw tooLarge(this.#path);
      (await replacement.putInPlace()).close();
    } catch (error) {
      await replacement.abandon();
      throw error;
    }
    // From here on other programs see the new content, whether or not the sync succeeds.
    this.#table = table;
    this.#bytes = bytes;
    this.#endsInLineFeed = true;
    this.#version = await this.#disk.version(this.#path);
    await this.#disk.syncFolder(folderOf(this.#path));
    this.#isSuspect = false;
  }
}

const LINE_FEED = 0x0a;

/** The content of a file, unless it is too large to be a table of accounts. */
export async function readBytes(disk: Disk, path: string): Promise<Uint8Array | null> {
  const entry = await disk.stat(path);
  if (entry !== null && entry.bytes > ACCOUNTS_BYTES_MAX) throw tooLarge(path);
  return await disk.read(path);
}

/** The accounts of `before` and `after` that differ. */
function changedAccounts(before: AccountTable, after: AccountTable): readonly AccountBefore[] {
  const changed: AccountBefore[] = [];
  for (const [folded, { account: { name, createdMs }, text }] of before) {
    if (after.get(folded)?.text !== text) changed.push({ name, createdMs });
  }
  for (const [folded, { account: { name } }] of after) {
    if (!before.has(folded)) changed.push({ name, createdMs: null });
  }
  return changed;
}

/** Whether `table` begins with all rows of `first`. */
function beginsWith(table: AccountTable, first: AccountTable): boolean {
  const rows = table.values();
  for (const { text } of first.values()) if (rows.next().value?.text !== text) return false;
  return true;
}

function beingWritten(path: string): P2pchatError {
  return new P2pchatError(
    "in-use",
    `Cannot write ${path}: another program is writing it; try again when that has ended`,
  );
}

function missing(path: string): P2pchatError {
  return new P2pchatError(
    "bad-file",
    `Cannot read ${path}: it is gone; put it back, or start again without it`,
  );
}
