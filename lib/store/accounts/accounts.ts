/**
 * The accounts of a directory, as a port: found by name and changed by compare-and-set, so that a running
 * directory, the operator's commands and the users don't overwrite each other's changes. Adapters: `AccountsFile`,
 * and `MemoryAccounts` for tests and simulation. Both pass `tests/contracts/accounts_contract.ts`.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";

/**
 * The most device keys of one account: all devices that a person has, and a few former ones. Each device can log in
 * without the password, and a row stays a line that people can read.
 */
export const ACCOUNT_KEYS_MAX = 16;

/** The most accounts: held in memory they then take 180 MB, and some two seconds to load. */
export const ACCOUNTS_MAX = 250_000;

export interface Account {
  /** Valid and in NFC. */
  readonly name: string;
  /**
   * PHC string (`password_hash.ts`). Its salt is drawn anew for each password, so two passwords never have the same
   * hash.
   */
  readonly hash: string;
  /** Sign-up time: wall time, ms since 1970. */
  readonly createdMs: number;
  /** Devices that have logged in with the password, at most `ACCOUNT_KEYS_MAX`; the one added last is at the end. */
  readonly keys: readonly Fingerprint[];
}

/** An account before a change. */
export interface AccountBefore {
  readonly name: string;
  /** Its sign-up time; null where there was no such account. */
  readonly createdMs: number | null;
}

/** A changed account, and the present account of its name: perhaps another one, or none. */
export interface ChangedAccount extends AccountBefore {
  readonly now: Account | null;
}

export interface AccountsListener {
  /**
   * Accounts have changed: many at once after another program's import, and none where a broken table has been
   * repaired without any change.
   * @param isOurs Whether this program made the changes.
   */
  changed(accounts: readonly ChangedAccount[], isOurs: boolean): void;
  /**
   * The accounts can't be read any more: the ones last read stay in use for look-ups, and changes are refused.
   * Called once.
   * @param error The reason.
   */
  broken(error: P2pchatError): void;
  /** Something that the operator should know, such as that an entry isn't an account. */
  notice(text: string): void;
}

/**
 * A parameter `seen` is the account as it was found: a change is made only if the account still exists with the
 * same password hash.
 */
export interface Accounts {
  /** The number of accounts when last read. */
  readonly size: number;
  /** The account of `name`, or of a name that folds to the same; null where there is none. */
  find(name: string): Promise<Account | null>;
  /** All accounts in the order of their sign-up. */
  list(): Promise<readonly Account[]>;
  /**
   * Adds an account.
   * @param by The device that signs up by itself: where others may let in guests, none of them may have the name.
   * @returns When it is durable.
   * @throws {P2pchatError} `name-taken`, `full`, `disk`, or the error for which the table refuses changes: the
   *   account isn't there then.
   */
  signUp(account: Account, by?: Fingerprint): Promise<void>;
  /**
   * Sets the hash of a new password.
   * @param keysKept Devices that may still log in without the new password; by default all.
   * @returns Whether that was done; if so, it is durable.
   * @throws {P2pchatError} `disk`, or the error for which the table refuses changes.
   */
  setHash(seen: Account, hash: string, keysKept?: readonly Fingerprint[]): Promise<boolean>;
  /**
   * Records that a device was used; beyond `ACCOUNT_KEYS_MAX`, the one used longest ago is dropped.
   * @returns Whether the account is still the one seen; if so, the change is durable.
   * @throws {P2pchatError} As `setHash`.
   */
  addKey(seen: Account, key: Fingerprint): Promise<boolean>;
  /** Deletes the account. Returns and throws as `setHash`. */
  remove(seen: Account): Promise<boolean>;
  /** Notifies `listener` of changes from now on: of this program's at once, of other programs' within seconds. */
  watch(listener: AccountsListener): { close(): void };
}

/** The list of device keys after the device `key` was used. */
export function withKey(
  keys: readonly Fingerprint[],
  key: Fingerprint,
): readonly Fingerprint[] {
  if (keys.at(-1) === key) return keys;
  return [...keys.filter((other) => other !== key), key].slice(-ACCOUNT_KEYS_MAX);
}

/** The account after the device `key` was used; the same one where that changes nothing. */
export function withDevice(account: Account, key: Fingerprint): Account {
  const keys = withKey(account.keys, key);
  return keys === account.keys ? account : { ...account, keys };
}

/**
 * The account with a new password hash and, of its devices, those in `keysKept`; all of them where that is missing.
 */
export function withHash(
  account: Account,
  hash: string,
  keysKept: readonly Fingerprint[] | undefined,
): Account {
  const keys = account.keys.filter((key) => keysKept?.includes(key) ?? true);
  return { ...account, hash, keys };
}

/** The error of a sign-up for a name that has an account. */
export function nameTaken(name: string): P2pchatError {
  return new P2pchatError(
    "name-taken",
    `Cannot sign up ${shownName(name)}: there is an account of that name`,
  );
}

/** The error of a sign-up beyond `ACCOUNTS_MAX`. */
export function tooManyAccounts(name: string): P2pchatError {
  return new P2pchatError(
    "full",
    `Cannot sign up ${
      shownName(name)
    }: there are ${ACCOUNTS_MAX} accounts, the most there may be; remove some`,
  );
}
