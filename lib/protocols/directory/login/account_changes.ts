/** What clients that are in ask for their accounts: another password, or removal. */

import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { FoldedName } from "../../../base/ids.ts";
import { weakPassword } from "../../../base/crypto/password_hash.ts";
import type { Client } from "../sessions/client_session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Account, AccountAnswer } from "../schema/directory_io.ts";
import { DISK_FULL_RETRY_MS, PASSWORDS_RETRY_MS } from "../schema/limits.ts";
import type { LockOuts } from "./lock_outs.ts";
import { checkPassword } from "./password_check.ts";
import type { DirectoryRefusal } from "../schema/messages.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import { DAMAGED_TEXT, REFUSED_TEXTS } from "../schema/refusal_text.ts";
import type { Entrance } from "./entrance.ts";

interface AccountChangesParts {
  readonly out: DirectoryOutput;
  readonly lockOuts: Pick<LockOuts, "begin">;
  readonly sessions: Pick<Sessions, "named">;
  readonly entrance: Pick<Entrance, "accountChanged" | "dismiss" | "logOut">;
  /** There is no such account any more. */
  forget(account: FoldedName): void;
}

export class AccountChanges {
  constructor(readonly parts: AccountChangesParts) {}

  changePassword(client: Client, old: string, password: string): void {
    const weak = weakPassword(password, "The new password");
    if (weak !== null) return this.#refuse(client, "weak-password", weak);
    this.#ifRight(client, old, ({ name, version }) => {
      const { link } = client;
      const key = fingerprintOf(client.key);
      const { address } = link;
      const question = { ask: "set-password", name, version, password, key, address } as const;
      this.parts.out.ask(question, (answer) => {
        client.isAsking = false;
        // Another client may have come in with the former password meanwhile, also in this client's place.
        if (answer.outcome === "ok") this.changed(client.folded, answer.account.keys);
        if (link.client !== client) return;
        if (answer.outcome !== "ok") return this.#denied(client, answer);
        this.parts.out.send(link.id, { type: "done" });
      });
    });
  }

  forget(client: Client, password: string): void {
    this.#ifRight(client, password, ({ name, version }) => {
      this.parts.out.ask({ ask: "remove", name, version }, (answer) => {
        client.isAsking = false;
        if (answer.outcome !== "ok") return this.#denied(client, answer);
        this.removed(client.folded, []);
      });
    });
  }

  /**
   * The account is removed: logs out the client that is in as this account, perhaps on a later link.
   * @param keys Devices of another account that has the name by now: clients with those stay in.
   */
  removed(account: FoldedName, keys: readonly Fingerprint[]): void {
    const { sessions, entrance, forget } = this.parts;
    entrance.accountChanged(account, keys);
    const client = sessions.named(account);
    if (client !== null && !client.isGuest && !keys.includes(fingerprintOf(client.key))) {
      entrance.dismiss(client, "forgotten", "Your account is removed");
    }
    forget(account);
  }

  /** @param keys Devices of the account: a client with another key is logged out, and needs the password. */
  changed(account: FoldedName, keys: readonly Fingerprint[]): void {
    const { sessions, entrance } = this.parts;
    entrance.accountChanged(account, keys);
    const client = sessions.named(account);
    if (client === null || client.isGuest || keys.includes(fingerprintOf(client.key))) return;
    entrance.logOut(client, "password-changed");
  }

  /** Continues if this is the account's password; guessing is limited as at a log-in. */
  #ifRight(client: Client, password: string, then: (account: Account) => void): void {
    const { name, folded, isGuest, link, isAsking } = client;
    if (isGuest) return this.#refuse(client, "not-allowed", "A guest has no account");
    if (isAsking) {
      const text = "Your last request isn't done yet";
      return this.#refuse(client, "too-fast", text, PASSWORDS_RETRY_MS);
    }
    const { address } = link;
    client.isAsking = true;
    checkPassword(this.parts, { name, folded, password, address }, ({ retryMs, isLockedOut }) => {
      client.isAsking = false;
      if (!isLockedOut) return this.#refuse(client, "checking", REFUSED_TEXTS.checking, retryMs);
      const text = "Too many wrong passwords";
      return this.#refuse(client, "locked-out", text, retryMs);
    }, (answer) => {
      if (answer.outcome === "ok" && link.client === client) return then(answer.account);
      client.isAsking = false;
      if (answer.outcome !== "ok") this.#denied(client, answer);
    });
  }

  #denied(client: Client, answer: Exclude<AccountAnswer, { readonly outcome: "ok" }>): void {
    switch (answer.outcome) {
      case "full":
        return this.#refuse(client, "checking", REFUSED_TEXTS.checking, PASSWORDS_RETRY_MS);
      case "disk": {
        if (answer.isDamaged && !this.parts.out.isAlone) {
          return this.#refuse(client, "not-allowed", DAMAGED_TEXT);
        }
        if (answer.isInDoubt) return this.#refuse(client, "engine", REFUSED_TEXTS.engine);
        const text = "The directory cannot store that at the moment";
        return this.#refuse(client, "disk", text, DISK_FULL_RETRY_MS);
      }
      default:
        return this.#refuse(client, "bad-credentials", "Wrong password");
    }
  }

  #refuse(client: Client, code: DirectoryRefusal, text: string, retryMs = 0): void {
    const { link } = client;
    if (link.client !== client) return; // the client has left meanwhile
    this.parts.out.send(link.id, { type: "refused", code, text, retryMs: Math.ceil(retryMs) });
  }
}
