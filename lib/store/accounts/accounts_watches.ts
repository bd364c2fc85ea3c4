/**
 * The listeners that watch the accounts. Once a second the file is checked for changes by other programs, and each
 * change is reported at the next check: by then, somebody who saves the file in place, in parts, has finished.
 */

import type { Clock } from "../../base/machine/clock.ts";
import type { P2pchatError } from "../../base/errors.ts";
import type { Account, AccountBefore, AccountsListener } from "./accounts.ts";

/** The interval between checks: a change by another program is reported within two of them. */
const ACCOUNTS_LOOK_INTERVAL_MS = 1_000;

export class AccountsWatches {
  readonly #clock: Clock;
  readonly #look: () => Promise<P2pchatError | null>;
  readonly #accountOf: (name: string) => Account | null;
  readonly #listeners = new Set<AccountsListener>();
  /**
   * Accounts found changed since the last check, as they were before, by name; `#due` has those found before that
   * check.
   */
  #found = new Map<string, AccountBefore>();
  #due: ReadonlyMap<string, AccountBefore> = new Map();
  /** The error text of the last check, and the one last reported; null where the accounts could be read. */
  #brokenBefore: string | null = null;
  #brokenTold: string | null = null;
  #timer: { cancel(): void } | null = null;

  /**
   * @param look Reads what other programs have written; resolves to the error if that can't be read.
   * @param accountOf The account of a name when last read.
   */
  constructor(
    clock: Clock,
    look: () => Promise<P2pchatError | null>,
    accountOf: (name: string) => Account | null,
  ) {
    this.#clock = clock;
    this.#look = look;
    this.#accountOf = accountOf;
  }

  add(listener: AccountsListener): { close(): void } {
    this.#listeners.add(listener);
    if (this.#timer === null) this.#wait();
    return {
      close: () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size > 0) return;
        this.#timer?.cancel();
        this.#timer = null;
        this.#found.clear();
        this.#due = new Map();
      },
    };
  }

  /** This program has changed an account. */
  changed(account: AccountBefore): void {
    this.#told([account], true);
  }

  #told(before: readonly AccountBefore[], isOurs: boolean): void {
    const accounts = before.map((one) => ({ ...one, now: this.#accountOf(one.name) }));
    for (const listener of this.#listeners) listener.changed(accounts, isOurs);
  }

  /** Changes by other programs were found. */
  found(accounts: readonly AccountBefore[]): void {
    if (this.#listeners.size === 0) return;
    for (const account of accounts) {
      if (!this.#found.has(account.name)) this.#found.set(account.name, account);
    }
  }

  notice(text: string): void {
    for (const listener of this.#listeners) listener.notice(text);
  }

  #wait(): void {
    const dueMs = this.#clock.nowMs() + ACCOUNTS_LOOK_INTERVAL_MS;
    const timer = this.#clock.at(dueMs, () => {
      void this.#look().then((broken) => {
        if (this.#timer !== timer) return; // closed meanwhile
        this.#tell(broken);
        this.#wait();
      });
    });
    this.#timer = timer;
  }

  #tell(broken: P2pchatError | null): void {
    const message = broken?.message ?? null;
    const isMended = message === null && this.#brokenTold !== null;
    const isBroken = message !== this.#brokenTold && message === this.#brokenBefore;
    this.#brokenBefore = message;
    if (broken !== null && isBroken) {
      this.#brokenTold = message;
      for (const listener of this.#listeners) listener.broken(broken);
    }
    if (isMended) this.#brokenTold = null;
    if (this.#due.size > 0 || isMended) this.#told([...this.#due.values()], false);
    this.#due = this.#found;
    this.#found = new Map();
  }
}
