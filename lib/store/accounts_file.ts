/**
 * The accounts in `accounts.csv`, held in memory. A sign-up appends one row and syncs it; every other change writes the
 * file anew beside it and puts that in its place.
 *
 * A running directory and the operator's command change one file. Each change is made under a lock that is held for no
 * longer, after a look whether another program has written: then the file is read again, and a change isn't made while
 * it can't be read. Whoever only looks for an account needs no lock: a row that another program is just appending isn't
 * there yet.
 *
 * Editors and copying programs take no lock, and may save in place: for a moment the file is a part of what it will be,
 * and what is written to it then is lost. Programs that take the lock only ever add rows or replace the file. Whatever
 * else was done to it is taken when it has been the same for a second; until then the old table is found, and changes
 * wait.
 *
 * When the disk fails, the change is refused and the next one writes the file anew: what a failed sync has left in
 * the page cache is relied on no more (as in `append_log.ts`).
 */

import { numberText } from "../base/counts.ts";
import type { Clock } from "../base/clock.ts";
import { utf8 } from "../base/crypto.ts";
import { P2pchatError } from "../base/errors.ts";
import type { Fingerprint } from "../base/fingerprint.ts";
import { foldName } from "../base/names.ts";
import {
  type Account,
  type AccountBefore,
  type Accounts,
  ACCOUNTS_MAX,
  type AccountsListener,
  nameTaken,
  tooManyAccounts,
  withHash,
  withKey,
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
import { writeAnew } from "./append_log.ts";
import { corruptError, type Disk, FILE_MODE, folderOf, isSameFile, writeAll } from "./disk.ts";
import { LOCK_WAIT_MS_MAX, takeTurn } from "./file_turn.ts";
import { ACCOUNTS_FILE } from "./paths.ts";
import { Replacement, REPLACEMENT_SUFFIX } from "./replacement.ts";

/** Of changes at once: each client of a directory waits for its own. */
const WAITING_MAX = 1_024;
/** Who saves a file in place, in parts, has ended when it is the same for so long. */
const REST_MS = 1_000;
/** Pause between two looks at a file that a change waits for. */
const LOOK_AGAIN_MS = 50;
/** Of a file that is written anew, in characters: some milliseconds' work. */
const PIECE_LENGTH = 1024 * 1024;
/** Of a file's mode: it is others' to read or write. */
const OTHERS_BITS = 0o077;

export interface AccountsFileOptions {
  /** Tells this program from others, such as the process id. */
  readonly writer: string;
  readonly clock: Clock;
  /** Where the file is, if not in the folder: a link there leads to it. */
  readonly path?: string;
}

export interface OpenedAccounts {
  readonly accounts: AccountsFile;
  /** What the user should know: that a torn row was dropped, that others could read the file. */
  readonly notices: readonly string[];
}

/** What is in the file, and why that can't be used. */
interface FoundFile {
  readonly bytes: Uint8Array | null;
  readonly parsed: ParsedAccounts | null;
  readonly error: P2pchatError | null;
}

/** What a change makes of the table, and what its caller is told. */
interface Change<Answer> {
  readonly answer: Answer;
  /** Null: nothing is to be written. */
  readonly write: { readonly add: Account } | { readonly replace: AccountTable } | null;
  readonly name: string;
}

/** Where the accounts of the directory in `folder` are. */
export function accountsPath(folder: string): string {
  return `${folder}/${ACCOUNTS_FILE}`;
}

export class AccountsFile implements Accounts {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #lock: string;
  readonly #options: AccountsFileOptions;
  readonly #watches: AccountsWatches;
  #table: AccountTable = new Map();
  /** `Disk.version` of what `#table` was read from, or failed to; undefined: it has to be looked at. */
  #version: string | null | undefined = null;
  /** Why the file of `#version` can't be read. */
  #broken: P2pchatError | null = null;
  /** A version that somebody may still be writing, and since when it is the same. */
  #unsettled: { readonly version: string | null; readonly sinceMs: number } | null = null;
  /** Up to here the file is what `#table` says. */
  #bytes = 0;
  #endsInLineFeed = true;
  /** Whether the file was seen to be without what a killed program may have left at its end. */
  #isMended = true;
  /** The disk failed at the last change: the file's end and its name are to be relied on no more. */
  #isSuspect = false;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  private constructor(disk: Disk, folder: string, options: AccountsFileOptions) {
    this.#disk = disk;
    this.#path = options.path ?? accountsPath(folder);
    this.#lock = `${folder}/accounts.lock`;
    this.#options = options;
    this.#watches = new AccountsWatches(
      options.clock,
      () => this.#look(),
      (name) => this.#accountOf(name),
    );
  }

  /**
   * Opens the accounts in `folder`. Where there are none yet, nothing is made before the first sign-up.
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
        await disk.remove(accounts.#path + REPLACEMENT_SUFFIX);
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
    return this.#changeSeen(seen, (account) => {
      const keys = withKey(account.keys, key);
      return keys === account.keys ? account : { ...account, keys };
    });
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

  /** Changes an account that is still the one seen: to another one, to none (null), or not at all. */
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

  /** Makes changes one after the other, each when nobody else makes one. */
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

  /** Until when a change that is asked for now waits for others to end writing. */
  #waitEndMs(): number {
    return this.#options.clock.nowMs() + LOCK_WAIT_MS_MAX;
  }

  /** Under the lock: whatever else was written is read. @throws {P2pchatError} Where it can't be. */
  async #readIfChanged(endMs: number): Promise<void> {
    const version = await this.#disk.version(this.#path);
    if (version === this.#version) this.#unsettled = null;
    if (version !== this.#version || !this.#isMended) {
      for (const notice of await this.#readMended(endMs)) this.#watches.notice(notice);
    }
    if (this.#broken !== null) throw this.#broken;
  }

  /**
   * Under the lock: reads the file when nobody writes it, and puts right what a killed program left in it.
   * @returns What the user should know of that.
   * @throws {P2pchatError} `in-use` where it is still being written at `endMs`; why it can't be read.
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
      // A killed program may have left its row in the page cache alone, after a sync that failed.
      if (lastRowAt > 0) await writeAnew(this.#disk, this.#path, lastRowAt);
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
   * Reads the file as it is. Where it can't be, what was read before stays.
   * @param isToBeMended What is torn will be cut off, so that nobody may be writing it.
   * @returns Null where somebody may still be writing it: nothing was taken. `parsed` is null where there is no file.
   * @throws {P2pchatError}
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

  /** What the file holds. @throws {P2pchatError} `disk`: it may answer the next time. */
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

  /** Whether what was found can be no part of a file that is just being saved. */
  #isWhole(
    { parsed, error }: FoundFile,
    version: string | null,
    isToBeMended: boolean,
  ): boolean {
    const isFirst = this.#version === null && this.#table.size === 0;
    if (error !== null) return isFirst; // nothing is found in the meantime
    if (parsed === null) return true;
    const hasAllRows = beginsWith(parsed.table, this.#table);
    if (parsed.torn !== null) return hasAllRows && !isToBeMended;
    return hasAllRows || !isSameFile(this.#version ?? null, version);
  }

  /** Who was killed adding a row has left the others: a file with fewer bytes lacks more than that row. */
  #cutShort({ bytes, parsed }: FoundFile): P2pchatError | null {
    if (!parsed?.torn || bytes === null || bytes.length >= this.#bytes) return null;
    return corruptError(this.#path, parsed.torn.line, "its end is missing", WITHOUT);
  }

  /** Whether another file has taken the place of one that was being written: it is judged by itself. */
  #isAnother(version: string | null): boolean {
    const seen = this.#unsettled?.version ?? null;
    return seen !== null && version !== null && !isSameFile(seen, version);
  }

  /** Whether a version that wasn't taken when it was seen first has been the same for long enough. */
  #isAtRest(version: string | null): boolean {
    const seen = this.#unsettled;
    if (seen !== null && seen.version !== version) this.#wait(version);
    return seen?.version === version && this.#options.clock.nowMs() - seen.sinceMs >= REST_MS;
  }

  #wait(version: string | null): null {
    this.#unsettled = { version, sinceMs: this.#options.clock.nowMs() };
    return null;
  }

  /** Reads what others have written, unless a change of ours is under way, which does that itself. */
  async #refresh(): Promise<void> {
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
      // What was read before is what holds; those who watch are told, and whoever changes something.
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
        // A row that was refused shouldn't stay there for others to read.
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
    const replacement = await Replacement.begin(this.#disk, this.#path);
    let bytes = 0;
    try {
      let piece = "";
      const writePiece = async () => {
        const written = utf8(piece);
        replacement.write(written);
        bytes += written.length;
        piece = "";
        // Lets others go on, and spreads what the device has to do.
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
    // From here on this is what others read, whatever becomes of the sync.
    this.#table = table;
    this.#bytes = bytes;
    this.#endsInLineFeed = true;
    this.#version = await this.#disk.version(this.#path);
    await this.#disk.syncFolder(folderOf(this.#path));
    this.#isSuspect = false;
  }
}

const LINE_FEED = 0x0a;

/** All of a file that may be a table of accounts. */
export async function readBytes(disk: Disk, path: string): Promise<Uint8Array | null> {
  const entry = await disk.stat(path);
  if (entry !== null && entry.bytes > ACCOUNTS_BYTES_MAX) throw tooLarge(path);
  return await disk.read(path);
}

/** Those that aren't the same in both. */
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

/** Whether a table has all rows of another one first. */
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
