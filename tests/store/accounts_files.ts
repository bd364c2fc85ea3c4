/** Accounts in a file of a disk, and time that passes for them. */

import { assert } from "@std/assert";
import type { Clock } from "../../lib/base/machine/clock.ts";
import { AccountsFile, type OpenedAccounts } from "../../lib/store/accounts/accounts_file.ts";
import type { Disk } from "../../lib/store/disk/disk.ts";
import type { AccountsFixture } from "../contracts/accounts_contract.ts";

/** Waits for a lock pass at once; looks at the file happen when a test says so. */
export class LookClock implements Clock {
  #nowMs = 0;
  #look: { readonly atMs: number; readonly callback: () => void } | null = null;
  #waiting = Promise.withResolvers<void>();

  nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, callback: () => void): { cancel(): void } {
    if (atMs < this.#nowMs + 1_000) {
      this.#nowMs = atMs;
      const timer = setTimeout(callback, 0);
      return { cancel: () => clearTimeout(timer) };
    }
    const look = { atMs, callback };
    this.#look = look;
    this.#waiting.resolve();
    return {
      cancel: () => {
        if (this.#look === look) this.#look = null;
      },
    };
  }

  get isArmed(): boolean {
    return this.#look !== null;
  }

  /** Lets those who watch look so many times; nothing where nobody does. */
  async looks(count: number): Promise<void> {
    for (let at = 0; at < count && this.#look !== null; at++) {
      const { atMs, callback } = this.#look;
      this.#look = null;
      this.#waiting = Promise.withResolvers();
      this.#nowMs = Math.max(this.#nowMs, atMs);
      callback();
      await this.#waiting.promise;
    }
  }
}

let programs = 0;

/** Opens the accounts as one more program. */
export async function openAccounts(
  disk: Disk,
  folder: string,
  clock: Clock = new LookClock(),
): Promise<OpenedAccounts> {
  return await AccountsFile.open(disk, folder, { writer: String(++programs), clock });
}

/** What `accountsContract` needs, on whichever disk. */
export async function accountsOn(disk: Disk, folder: string): Promise<AccountsFixture> {
  const clock = new LookClock();
  const { accounts } = await openAccounts(disk, folder, clock);
  const { accounts: others, notices } = await openAccounts(disk, folder);
  assert(notices.length === 0);
  return { accounts, others, pass: () => clock.looks(3) };
}
