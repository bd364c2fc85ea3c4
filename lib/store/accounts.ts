/**
 * The accounts of a directory, as a port: found by name, changed by compare-and-set, so that a running directory, the
 * operator's command and the users themselves don't undo each other's changes. Adapters: `AccountsFile`, and
 * `MemoryAccounts` for tests and simulation. Both pass `tests/contracts/accounts_contract.ts`.
 */

import { P2pchatError } from "../base/errors.ts";
import type { Fingerprint } from "../base/fingerprint.ts";

/**
 * Devices of one account: all that somebody has and a few that were set up anew; each can come in without the
 * password, and a row stays a line that people can read.
 */
export const ACCOUNT_KEYS_MAX = 16;

/** All are held in memory, 180 MB then, and take some two seconds to open. */
export const ACCOUNTS_MAX = 250_000;

export interface Account {
  /** Valid and in NFC. */
  readonly name: string;
  /** PHC string (`password_hash.ts`). Its salt is drawn for each password: no two passwords have the same. */
  readonly hash: string;
  /** When it was made: wall time, ms since 1970. */
  readonly createdMs: number;
  /** Devices that have come in with the password, `ACCOUNT_KEYS_MAX` at most, the one put there last at the end. */
  readonly keys: readonly Fingerprint[];
}

/** An account before it was changed. */
export interface AccountBefore {
  readonly name: string;
  /** When it was made; null: there was none. */
  readonly createdMs: number | null;
}

/** The same, and what it is by now: perhaps another one, or gone. */
export interface ChangedAccount extends AccountBefore {
  readonly now: Account | null;
}

export interface AccountsListener {
  /**
   * Many at once where another program imports them; none where what was broken is in order again, as it was before.
   * @param isOurs This program has changed them, and no other.
   */
  changed(accounts: readonly ChangedAccount[], isOurs: boolean): void;
  /**
   * The accounts can't be read any more: what was read last is what is found, and changes are refused. Told once.
   * @param error Why.
   */
  broken(error: P2pchatError): void;
  /** What the operator should know, such as that a torn row was dropped. */
  notice(text: string): void;
}

/** `seen` is an account as it was found: a change of one that has another password by now, or is gone, isn't made. */
export interface Accounts {
  /** How many there are, as they were read last. */
  readonly size: number;
  /** The account of a name, or of one that is the same name; null where there is none. */
  find(name: string): Promise<Account | null>;
  /** All of them, those signed up first at the start. */
  list(): Promise<readonly Account[]>;
  /**
   * Adds an account.
   * @returns When it is durable.
   * @throws {P2pchatError} `name-taken`; `full`; `disk`, and what a change is refused with: there is no such account.
   */
  signUp(account: Account): Promise<void>;
  /**
   * Sets another password's hash.
   * @param keysKept Devices that may go on coming in without the new password; all of them unless set.
   * @returns Whether that was done; durable by then.
   * @throws {P2pchatError} `disk`, and what a change is refused with.
   */
  setHash(seen: Account, hash: string, keysKept?: readonly Fingerprint[]): Promise<boolean>;
  /**
   * Notes that a device was used; of more than `ACCOUNT_KEYS_MAX` the one used longest ago goes.
   * @returns Whether the account is still the one seen; durable by then.
   * @throws {P2pchatError} As `setHash`.
   */
  addKey(seen: Account, key: Fingerprint): Promise<boolean>;
  /** As `setHash`. */
  remove(seen: Account): Promise<boolean>;
  /** Tells of changes from now on, one's own at once, those of other programs within seconds. */
  watch(listener: AccountsListener): { close(): void };
}

/** The keys of an account one of whose devices was just used. */
export function withKey(
  keys: readonly Fingerprint[],
  key: Fingerprint,
): readonly Fingerprint[] {
  if (keys.at(-1) === key) return keys;
  return [...keys.filter((other) => other !== key), key].slice(-ACCOUNT_KEYS_MAX);
}

/** The account with another password, and of its devices those that may stay; all of them where that isn't said. */
export function withHash(
  account: Account,
  hash: string,
  keysKept: readonly Fingerprint[] | undefined,
): Account {
  const keys = account.keys.filter((key) => keysKept?.includes(key) ?? true);
  return { ...account, hash, keys };
}

/** The error of a sign-up for a name that somebody has. */
export function nameTaken(name: string): P2pchatError {
  return new P2pchatError("name-taken", `Cannot sign up ${name}: there is an account of that name`);
}

/** The error of a sign-up beyond `ACCOUNTS_MAX`. */
export function tooManyAccounts(name: string): P2pchatError {
  return new P2pchatError(
    "full",
    `Cannot sign up ${name}: there are ${ACCOUNTS_MAX} accounts, the most there may be; remove some`,
  );
}
