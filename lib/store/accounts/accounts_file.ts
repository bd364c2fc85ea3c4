/**
 * The accounts in `accounts.csv`, held in memory. Each change writes a new file and renames it over the old one.
 *
 * A running directory and the operator's commands change the same file. Each change takes a short lock, and reads the
 * file again if another program has written it; as long as it can't be read, changes are refused. Look-ups take no lock.
 *
 * Editors and copying programs take no lock, and may save in place. So a file that has replaced the former one is
 * accepted at once if nothing is wrong with it, and any other content when it hasn't changed for a second; until then,
 * look-ups use the old table, and changes wait.
 */

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
  tooLarge,
} from "./accounts_csv.ts";
import { type Disk, FILE_MODE, folderOf, isSameFile } from "../disk/disk.ts";
import { LOCK_WAIT_MS_MAX, takeTurn } from "../disk/held_lock.ts";
import { ACCOUNTS_FILE } from "../disk/paths.ts";
import { Replacement, REPLACEMENT_SUFFIX } from "../disk/replacement.ts";

/** Changes that may wait: each client of a directory waits for its own. */
const WAITING_MAX = 1_024;
/** A file saved in place, in parts, counts as complete when it hasn't changed for so long. */
const REST_MS = 1_000;
/** Interval at which a waiting change checks the file. */
const LOOK_AGAIN_MS = 50;
/** The interval between checks for listeners: a change by another program is reported within two of them. */
const WATCHED_MS = 1_000;
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
  /** What the user should know: that others could read the file. */
  readonly notices: readonly string[];
}

/** What a change does. */
interface Change<Answer> {
  readonly answer: Answer;
  readonly name: string;
  /** What is to be written; null: nothing. */
  readonly table: AccountTable | null;
}

/** The path of the accounts of the directory in `folder`. */
export function accountsPath(folder: string): string {
  return `${folder}/${ACCOUNTS_FILE}`;
}

export class AccountsFile implements Accounts {
  readonly #path: string;
  /** Whether the file is in the program's own folder; elsewhere there may be files of the user's beside it. */
  readonly #isOwnPlace: boolean;
  readonly #listeners = new Set<AccountsListener>();
  #timer: { cancel(): void } | null = null;
  #table: AccountTable = new Map();
  /** The `Disk.version` that was last accepted; null: there was no file. */
  #version: string | null = null;
  /** Why the file of `#version` can't be read. */
  #broken: P2pchatError | null = null;
  /** Accounts that other programs have changed since the last check, as they were before, by name. */
  #found = new Map<string, AccountBefore>();
  /** The error that listeners were told last; null: none, or that it has gone. */
  #brokenTold: string | null = null;
  /** A version that somebody may still be writing, and since when it hasn't changed. */
  #unsettled: { readonly version: string | null; readonly sinceMs: number } | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #lastLook: Promise<P2pchatError | null> = Promise.resolve(null);
  /** The last one, while it hasn't begun. */
  #nextLook: Promise<P2pchatError | null> | null = null;

  private constructor(
    readonly disk: Disk,
    readonly folder: string,
    readonly options: AccountsFileOptions,
  ) {
    this.#path = options.path ?? accountsPath(folder);
    this.#isOwnPlace = this.#path === accountsPath(folder);
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
    const path = accounts.#path;
    const entry = await disk.stat(path);
    if (entry === null) return { accounts, notices: [] };
    const turn = await accounts.#takeTurn();
    try {
      if (accounts.#isOwnPlace) await disk.remove(path + REPLACEMENT_SUFFIX);
      const isOpen = (entry.mode & OTHERS_BITS) !== 0;
      if (isOpen) await disk.setMode(path, FILE_MODE);
      await accounts.#settled();
      // That the last change renamed it may not be durable yet.
      await disk.syncFolder(folderOf(path));
      const text =
        `Others could read or change ${path}, where hashes of passwords are; now you alone can`;
      return { accounts, notices: isOpen ? [text] : [] };
    } finally {
      turn.release();
    }
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
      return { answer: undefined, name, table: changedTable(table, name, account) };
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
    this.#listeners.add(listener);
    if (this.#timer === null) this.#watchLater();
    return {
      close: () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size > 0) return;
        this.#timer?.cancel();
        this.#timer = null;
        this.#found.clear();
      },
    };
  }

  #watchLater(): void {
    const { clock } = this.options;
    const timer = this.#timer = clock.at(clock.nowMs() + WATCHED_MS, () => {
      // By the next check, somebody who saves a new file in parts has finished.
      const due = [...this.#found.values()];
      this.#found.clear();
      void this.#refresh().then((error) => {
        if (this.#timer !== timer) return; // closed meanwhile
        this.#tellBroken(error);
        if (due.length > 0) this.#tell(due, false);
        this.#watchLater();
      });
    });
  }

  #tellBroken(error: P2pchatError | null): void {
    const message = error?.message ?? null;
    if (message === this.#brokenTold) return;
    this.#brokenTold = message;
    if (error === null) return this.#tell([], false);
    for (const listener of this.#listeners) listener.broken(error);
  }

  #tell(before: readonly AccountBefore[], isOurs: boolean): void {
    const accounts = before.map((one) => ({ ...one, now: this.#accountOf(one.name) }));
    for (const listener of this.#listeners) listener.changed(accounts, isOurs);
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
    return this.#change((table) => {
      const account = table.get(foldName(name))?.account;
      if (account?.hash !== hash) return { answer: false, name, table: null };
      const next = changed(account);
      return {
        answer: true,
        name,
        table: next === account ? null : changedTable(table, name, next),
      };
    });
  }

  /** Makes changes one after the other, each under the lock that excludes other programs. */
  #change<Answer>(decide: (table: AccountTable) => Change<Answer>): Promise<Answer> {
    const endMs = this.#waitEndMs();
    return this.#inOrder(async () => {
      const turn = await this.#takeTurn();
      try {
        await this.#settled(endMs);
        const { answer, name, table } = decide(this.#table);
        if (table !== null) await this.#replace(table, name);
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

  /** Until when what is begun now waits for others to finish writing. */
  #waitEndMs(): number {
    return this.options.clock.nowMs() + LOCK_WAIT_MS_MAX;
  }

  /** Reads the file once nobody is writing it. @throws {P2pchatError} `in-use`; or why it can't be read. */
  async #settled(endMs = this.#waitEndMs()): Promise<void> {
    const { clock } = this.options;
    while (!await this.#look()) {
      const dueMs = clock.nowMs() + LOOK_AGAIN_MS;
      if (dueMs > endMs) throw beingWritten(this.#path);
      await new Promise<void>((resolve) => clock.at(dueMs, resolve));
    }
    if (this.#broken !== null) throw this.#broken;
  }

  #takeTurn() {
    const { writer, clock } = this.options;
    return takeTurn(this.disk, this.#path, `${this.folder}/accounts.lock`, writer, clock);
  }

  /**
   * Reads the file if another program has written it. Where it can't be read, the table read before stays in use.
   * @returns Whether nobody may still be writing it.
   * @throws {P2pchatError} `disk`: the next attempt may succeed.
   */
  async #look(): Promise<boolean> {
    const version = await this.disk.version(this.#path);
    if (version === this.#version) {
      this.#unsettled = null;
      return true;
    }
    const nowMs = this.options.clock.nowMs();
    const isNew = this.#unsettled?.version !== version;
    if (isNew) this.#unsettled = { version, sinceMs: nowMs };
    const isAtRest = nowMs - this.#unsettled!.sinceMs >= REST_MS;
    const isFirst = this.#version === null && this.#table.size === 0; // there is none to use meanwhile
    const isReplaced = version !== null && !isSameFile(this.#version, version);
    if (!isAtRest && !(isNew && (isReplaced || isFirst))) return false;
    const found = await this.#read(version);
    const isFault = found instanceof P2pchatError;
    if (isFault && !isAtRest && !isFirst) return false;
    if (await this.disk.version(this.#path) !== version) return false;
    this.#unsettled = null;
    this.#version = version;
    this.#broken = isFault ? found : null;
    if (isFault) return true;
    if (this.#listeners.size > 0) {
      for (const account of changedAccounts(this.#table, found)) {
        if (!this.#found.has(account.name)) this.#found.set(account.name, account);
      }
    }
    this.#table = found;
    return true;
  }

  /** @returns The content of the file, or why it can't be used. @throws {P2pchatError} `disk`. */
  async #read(version: string | null): Promise<AccountTable | P2pchatError> {
    try {
      const bytes = version === null ? null : await readBytes(this.disk, this.#path);
      if (bytes === null) return this.#table.size > 0 ? missing(this.#path) : new Map();
      const { table, complaints } = parseAccounts(this.#path, bytes);
      return complaints[0] ?? table;
    } catch (error) {
      if (!(error instanceof P2pchatError) || error.code === "disk") throw error;
      return error;
    }
  }

  /** Reads what other programs have written until now. @returns Why that can't be read; null: it was. */
  #refresh(): Promise<P2pchatError | null> {
    // A look that is under way may have missed it: those who come meanwhile share the next one.
    this.#nextLook ??= this.#lastLook = this.#lastLook.then(async () => {
      this.#nextLook = null;
      try {
        // A change that waits looks itself.
        if (this.#waiting === 0) await this.#inOrder(() => this.#look());
        return this.#broken;
      } catch (error) {
        if (!(error instanceof P2pchatError)) throw error;
        return error; // the table read before stays in use
      }
    });
    return this.#nextLook;
  }

  async #replace(table: AccountTable, name: string): Promise<void> {
    const { disk } = this;
    const replacement = this.#isOwnPlace
      ? await Replacement.begin(disk, this.#path)
      : await Replacement.beginAmongOthers(disk, this.#path);
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
    const createdMs = this.#accountOf(name)?.createdMs ?? null;
    this.#table = table;
    this.#tell([{ name, createdMs }], true);
    this.#version = await disk.version(this.#path);
    await disk.syncFolder(folderOf(this.#path));
  }
}

/** The content of a file, unless it is too large to be a table of accounts. */
export async function readBytes(disk: Disk, path: string): Promise<Uint8Array | null> {
  const entry = await disk.stat(path);
  if (entry !== null && entry.bytes > ACCOUNTS_BYTES_MAX) throw tooLarge(path);
  return await disk.read(path);
}

/** @param account Null: there is no account of that name any more. */
function changedTable(table: AccountTable, name: string, account: Account | null): AccountTable {
  const changed = new Map(table);
  if (account === null) changed.delete(foldName(name));
  else changed.set(foldName(name), accountRow(account));
  return changed;
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
