/** Answers the directory machine's questions about accounts from their store. Passwords are hashed in turn. */

import { dropOldest } from "../base/collections/bounded.ts";
import type { Logger } from "../base/machine/environment.ts";
import { P2pchatError } from "../base/errors.ts";
import { unreachable } from "../base/invariant.ts";
import type {
  Account as KnownAccount,
  AccountAnswer,
  AccountQuestion,
} from "../protocols/directory/schema/directory_io.ts";
import { type Account, type Accounts, withKey } from "../store/accounts/accounts.ts";
import type { PasswordHasher } from "./password_hasher.ts";

type QuestionOf<Ask extends AccountQuestion["ask"]> = Extract<
  AccountQuestion,
  { readonly ask: Ask }
>;

const WRONG: AccountAnswer = { outcome: "wrong" };

/** Attempts at a password check: during an honest log-in the account's hash changes at most once. */
const CHECKS_MAX = 2;

/**
 * Rehashed accounts remembered. A check against the former hash is followed up within a moment; no more accounts
 * can be rehashed meanwhile.
 */
const MADE_ANEW_MAX = 64;

/** The part of `PasswordHasher` that is used here. */
export type AccountHasher = Pick<PasswordHasher, "hash" | "verify" | "needsRehash" | "waiting">;

/** Answers questions. An account's version is its hash: each change of the password changes the salt in it. */
export class AccountQuestions {
  /** The latest rehashes of unchanged passwords, by the former hash: both hashes count as the same version. */
  readonly #madeAnew = new Map<string, string>();

  constructor(
    readonly accounts: Accounts,
    readonly hasher: AccountHasher,
    readonly wallMs: () => number,
    readonly log: Pick<Logger, "warn">,
  ) {}

  /** Answers as `AccountQuestion` specifies for each kind. Rejects only because of bugs. */
  async answer(question: AccountQuestion): Promise<AccountAnswer> {
    try {
      return await this.#answer(question);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      switch (error.code) {
        case "name-taken":
          return { outcome: "name-taken" };
        case "full":
        case "too-fast":
          return { outcome: "full" };
        case "store-corrupt":
          return { outcome: "disk", text: error.message, isDamaged: true };
        case "in-doubt":
          return { outcome: "disk", text: error.message, isInDoubt: true };
        default:
          // Whatever the reason, the change isn't stored.
          return { outcome: "disk", text: error.message };
      }
    }
  }

  #answer(question: AccountQuestion): Promise<AccountAnswer> {
    switch (question.ask) {
      case "find":
        return this.#find(question.name);
      case "check-password":
        return this.#checkPassword(question);
      case "sign-up":
        return this.#signUp(question);
      case "add-key":
        return this.#ofVersion(question, async (seen) => {
          if (!await this.accounts.addKey(seen, question.key)) return null;
          return { ...seen, keys: withKey(seen.keys, question.key) };
        });
      case "set-password":
        return this.#setPassword(question);
      case "remove":
        return this.#ofVersion(
          question,
          async (seen) => await this.accounts.remove(seen) ? seen : null,
        );
      default:
        return unreachable(question);
    }
  }

  async #find(name: string): Promise<AccountAnswer> {
    const account = await this.accounts.find(name);
    return account === null ? WRONG : ok(account);
  }

  async #checkPassword(
    { name, password, address }: QuestionOf<"check-password">,
  ): Promise<AccountAnswer> {
    // Verifying takes a while. By then the hash may have changed: rehashed for another device, or for a new
    // password.
    for (let attempt = 0; attempt < CHECKS_MAX; attempt++) {
      const hash = (await this.accounts.find(name))?.hash ?? null;
      if (!await this.hasher.verify(password, hash, address)) return WRONG;
      const seen = await this.accounts.find(name);
      if (seen === null || seen.hash !== hash) continue;
      const account = await this.#rehashed(seen, password, address);
      if (account !== null) return ok(account);
    }
    return WRONG;
  }

  /**
   * The account rehashed with today's parameters, now that its password is known. The unchanged account if the hash
   * can't be computed or stored, as that is no reason to refuse the log-in; null if the account was changed
   * meanwhile.
   */
  async #rehashed(seen: Account, password: string, address: string): Promise<Account | null> {
    // Rehashing mustn't delay others' log-ins.
    if (this.hasher.waiting > 0 || !this.hasher.needsRehash(seen.hash)) return seen;
    try {
      const hash = await this.hasher.hash(password, address);
      if (!await this.accounts.setHash(seen, hash)) return null;
      this.#madeAnew.set(seen.hash, hash);
      dropOldest(this.#madeAnew, MADE_ANEW_MAX);
      return { ...seen, hash };
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.log.warn("an account's hash stays weaker than today's", {
        name: seen.name,
        text: error.message,
      });
      return seen;
    }
  }

  async #signUp({ name, password, key, address }: QuestionOf<"sign-up">): Promise<AccountAnswer> {
    // If the name is taken, answer without computing a hash.
    if (await this.accounts.find(name) !== null) return { outcome: "name-taken" };
    const hash = await this.hasher.hash(password, address);
    const account: Account = { name, hash, createdMs: Math.floor(this.wallMs()), keys: [key] };
    await this.accounts.signUp(account, key);
    return ok(account);
  }

  #setPassword(question: QuestionOf<"set-password">): Promise<AccountAnswer> {
    const { password, key, address } = question;
    return this.#ofVersion(question, async (seen) => {
      const hash = await this.hasher.hash(password, address);
      return await this.accounts.setHash(seen, hash, [key]) ? { ...seen, hash, keys: [key] } : null;
    });
  }

  /**
   * Calls `changed` if the account still has that version. `changed` resolves to the new account, or to null if the
   * account was changed meanwhile.
   */
  async #ofVersion(
    { name, version }: { readonly name: string; readonly version: string },
    changed: (seen: Account) => Promise<Account | null>,
  ): Promise<AccountAnswer> {
    const seen = await this.accounts.find(name);
    if (seen === null || ![version, this.#madeAnew.get(version)].includes(seen.hash)) return WRONG;
    const account = await changed(seen);
    return account === null ? WRONG : ok(account);
  }
}

function ok({ name, keys, hash }: Account): AccountAnswer {
  const account: KnownAccount = { name, keys, version: hash };
  return { outcome: "ok", account };
}
