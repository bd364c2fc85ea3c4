/** What the directory's machine asks of the accounts, answered from their store; passwords are hashed in turn. */

import { dropOldest } from "../base/bounded.ts";
import type { Logger } from "../base/environment.ts";
import { P2pchatError } from "../base/errors.ts";
import { unreachable } from "../base/invariant.ts";
import type {
  Account as KnownAccount,
  AccountAnswer,
  AccountQuestion,
} from "../protocols/directory/directory_io.ts";
import { type Account, type Accounts, withKey } from "../store/accounts.ts";
import type { PasswordHasher } from "./password_hasher.ts";

type QuestionOf<Ask extends AccountQuestion["ask"]> = Extract<
  AccountQuestion,
  { readonly ask: Ask }
>;

const WRONG: AccountAnswer = { outcome: "wrong" };

/** A hash changes once between two checks, whoever changes it; more often is no honest log-in. */
const CHECKS_MAX = 2;

/** What was checked against an older hash is asked for within a moment; more can't be made anew meanwhile. */
const MADE_ANEW_MAX = 64;

/** What of a `PasswordHasher` is used. */
export type AccountHasher = Pick<PasswordHasher, "hash" | "verify" | "needsRehash" | "waiting">;

/** An account's version is its hash: there is another salt in it after each change of the password. */
export class AccountQuestions {
  /** The latest hashes made anew of the same password, by the one before: both are the same version. */
  readonly #madeAnew = new Map<string, string>();

  constructor(
    readonly accounts: Accounts,
    readonly hasher: AccountHasher,
    readonly wallMs: () => number,
    readonly log: Pick<Logger, "warn">,
  ) {}

  /** As `AccountQuestion` says of each. Rejects with bugs alone. */
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
        default:
          // Whatever the file is refused for, it isn't stored there.
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
    // It takes a while, and the hash may be another by then: made anew for another device, or of a new password.
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
   * The account with a hash of today's parameters, now that its password is at hand. As it was where the hash can't
   * be made or stored, which is no reason to keep anybody out; null where it was changed meanwhile.
   */
  async #rehashed(seen: Account, password: string, address: string): Promise<Account | null> {
    // Whoever waits for a log-in doesn't wait for this.
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
    // Whoever asks for a name that is taken needn't wait for a hash.
    if (await this.accounts.find(name) !== null) return { outcome: "name-taken" };
    const hash = await this.hasher.hash(password, address);
    const account: Account = { name, hash, createdMs: Math.floor(this.wallMs()), keys: [key] };
    await this.accounts.signUp(account);
    return ok(account);
  }

  #setPassword(question: QuestionOf<"set-password">): Promise<AccountAnswer> {
    const { password, key, address } = question;
    return this.#ofVersion(question, async (seen) => {
      const hash = await this.hasher.hash(password, address);
      return await this.accounts.setHash(seen, hash, [key]) ? { ...seen, hash, keys: [key] } : null;
    });
  }

  /** Changes the account while it is still that version; `changed` gives it as it is then, null where it isn't. */
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
