/** Accounts in memory, for tests and simulation: one table that several programs share. */

import type { P2pchatError } from "../../lib/base/errors.ts";
import type { Fingerprint } from "../../lib/base/text/fingerprint.ts";
import type { FoldedName } from "../../lib/base/ids.ts";
import { foldName } from "../../lib/base/text/names.ts";
import {
  type Account,
  type Accounts,
  ACCOUNTS_MAX,
  type AccountsListener,
  nameTaken,
  tooManyAccounts,
  withDevice,
  withHash,
} from "../../lib/store/accounts/accounts.ts";

export class MemoryAccounts implements Accounts {
  /** The error with which changes fail; null: none. */
  failure: P2pchatError | null = null;
  readonly #table = new Map<FoldedName, Account>();
  readonly #listeners = new Set<AccountsListener>();

  get size(): number {
    return this.#table.size;
  }

  find(name: string): Promise<Account | null> {
    return Promise.resolve(this.#table.get(foldName(name)) ?? null);
  }

  list(): Promise<readonly Account[]> {
    return Promise.resolve([...this.#table.values()]);
  }

  signUp(account: Account): Promise<void> {
    const { name } = account;
    if (this.#table.has(foldName(name))) return Promise.reject(nameTaken(name));
    if (this.#table.size >= ACCOUNTS_MAX) return Promise.reject(tooManyAccounts(name));
    return this.#set(name, account);
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
    return { close: () => void this.#listeners.delete(listener) };
  }

  /** The number of listeners. */
  get watchers(): number {
    return this.#listeners.size;
  }

  /** Tells the listeners that the accounts can't be read. */
  broken(error: P2pchatError): void {
    for (const listener of this.#listeners) listener.broken(error);
  }

  /** Tells the listeners that the accounts can be read again. */
  mended(): void {
    for (const listener of this.#listeners) listener.changed([], false);
  }

  /** Simulates another program that removes an account and adds one of the same name before the listeners are told. */
  makeAnew(account: Account): Promise<void> {
    return this.#set(account.name, account, false);
  }

  async #changeSeen(
    { name, hash }: Account,
    changed: (account: Account) => Account | null,
  ): Promise<boolean> {
    const account = this.#table.get(foldName(name));
    if (account === undefined || account.hash !== hash) return false;
    await this.#set(name, changed(account));
    return true;
  }

  #set(name: string, account: Account | null, isOurs = true): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    const createdMs = this.#table.get(foldName(name))?.createdMs ?? null;
    if (account === null) this.#table.delete(foldName(name));
    else this.#table.set(foldName(name), account);
    for (const listener of this.#listeners) {
      listener.changed([{ name, createdMs, now: account }], isOurs);
    }
    return Promise.resolve();
  }
}
