/** The directory's accounts, as its host keeps them: answered after a while, and kept through every crash. */

import type { FoldedName } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/names.ts";
import type {
  Account,
  AccountAnswer,
  AccountQuestion,
} from "../../../lib/protocols/directory/directory_io.ts";

interface Kept extends Account {
  readonly password: string;
}

export class Accounts {
  readonly #kept = new Map<FoldedName, Kept>();
  #versions = 0;

  get size(): number {
    return this.#kept.size;
  }

  has(name: string): boolean {
    return this.#kept.has(foldName(name));
  }

  answer(question: AccountQuestion): AccountAnswer {
    const folded = foldName(question.name);
    const account = this.#kept.get(folded);
    if (question.ask === "sign-up") {
      if (account !== undefined) return { outcome: "name-taken" };
      const { name, password, key } = question;
      return this.#keep({ name, password, keys: [key], version: this.#version() });
    }
    if (account === undefined) return { outcome: "wrong" };
    switch (question.ask) {
      case "find":
        return { outcome: "ok", account };
      case "check-password":
        return account.password === question.password
          ? { outcome: "ok", account }
          : { outcome: "wrong" };
      case "add-key":
        if (account.version !== question.version) return { outcome: "wrong" };
        return this.#keep({ ...account, keys: [...account.keys, question.key] });
      case "set-password": {
        if (account.version !== question.version) return { outcome: "wrong" };
        const { password, key } = question;
        return this.#keep({ ...account, password, keys: [key], version: this.#version() });
      }
      case "remove":
        if (account.version !== question.version) return { outcome: "wrong" };
        this.#kept.delete(folded);
        return { outcome: "ok", account };
    }
  }

  #version(): string {
    return String(++this.#versions);
  }

  #keep(account: Kept): AccountAnswer {
    this.#kept.set(foldName(account.name), account);
    return { outcome: "ok", account };
  }
}
