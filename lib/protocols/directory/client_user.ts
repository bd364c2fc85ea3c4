/** What a client's user asks for, except within calls: checks it, and tells the user the outcome. */

import type { Signer } from "../../base/crypto.ts";
import { type Fingerprint, fingerprintOf } from "../../base/fingerprint.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import { isSameName, nameFault, shownName, withoutMark } from "../../base/names.ts";
import {
  acceptedText,
  didYouMeanName,
  isYouText,
  noOtherKeyText,
} from "../../base/name_answers.ts";
import type { VerifyAnswer } from "../../base/mode_machine.ts";
import { verifyEvent } from "../../base/mode_output.ts";
import { isPossiblePassword, normalPassword, weakPassword } from "../../base/passwords.ts";
import { checkedMessage, tooLong, utf8Length, visibleText } from "../../base/text.ts";
import type { Asking } from "./asking.ts";
import type { Calling } from "./calling.ts";
import type { ClientConfig } from "./client_io.ts";
import type { ClientOutput } from "./client_output.ts";
import { statusView } from "./client_view.ts";
import { DIRECTORY_NAME } from "./events.ts";
import type { Hearing } from "./hearing.ts";
import type { KnownKeys } from "./known_keys.ts";
import { TEXT_BYTES_MAX } from "./limits.ts";
import type { Lobby } from "./lobby.ts";
import type { Session } from "./session.ts";

export interface ClientUserOwner {
  readonly config: ClientConfig;
  readonly signer: Signer;
  readonly out: ClientOutput;
  readonly session: Session;
  readonly lobby: Lobby;
  readonly keys: KnownKeys;
  readonly calling: Calling;
  readonly asking: Asking;
  readonly hearing: Hearing;
  readonly selfName: string;
  /** Whether the directory lets us send broadcasts. */
  readonly mayBroadcast: boolean;
}

export class ClientUser {
  constructor(readonly owner: ClientUserOwner) {}

  // Calls.

  call(typed: string, ref: string | undefined): void {
    const { out, lobby, calling, selfName } = this.owner;
    const name = withoutMark(typed).normalize("NFC");
    if (nameFault(name) !== null) {
      const text = `${
        visibleText(typed)
      } isn't a possible name: call somebody with NAME or /call NAME`;
      return out.error("unknown-user", text, ref);
    }
    const { call } = calling;
    if (call?.phase === "asked" && isSameName(call.peer, name)) return calling.accept(ref);
    const known = isSameName(name, selfName) ? selfName : lobby.find(name)?.name ?? name;
    calling.ring(known, ref);
  }

  callAt({ host, port }: Endpoint, ref: string | undefined): void {
    const { out, lobby, calling } = this.owner;
    const endpoint = { host, port };
    const user = lobby.at(endpoint);
    if (user === null) {
      const text = `Nobody in the list takes calls at ${endpointText(endpoint)}; /list shows all`;
      return out.error("unknown-user", text, ref);
    }
    // If several claim an address, whose it is gets decided once: here, where the user sees whom it calls.
    calling.ring(user.name, ref);
  }

  // What the directory may refuse.

  broadcast(text: string, ref: string | undefined): void {
    const { out, session, asking, mayBroadcast } = this.owner;
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) return out.error("too-long", tooLong(bytes).message, ref);
    if (!this.#isIn("Nothing was sent", ref)) return;
    if (!mayBroadcast) {
      const text = "Nothing was sent: this directory doesn't let you send broadcasts";
      return out.error("not-allowed", text, ref);
    }
    asking.broadcast(checkedMessage(text), ref);
    if (!session.isUp && asking.size === 1) {
      out.notice("Waits for the directory, for as long as this program runs", ref);
    }
  }

  /** Whether we are in, or will be again. */
  #isIn(what: string, ref: string | undefined): boolean {
    const { session, out } = this.owner;
    if (session.wasUp && !session.isOut) return true;
    out.error("not-logged-in", `${what}: you aren't logged in`, ref);
    return false;
  }

  changePassword(old: string, fresh: string, ref: string | undefined): void {
    const { out, asking } = this.owner;
    if (!this.#hasAccount("The password isn't changed", ref)) return;
    const weak = weakPassword(fresh, "The new password");
    if (weak !== null) return out.error("weak-password", weak, ref);
    if (!isPossiblePassword(old)) return this.#isWrong("The password isn't changed", ref);
    const request = { old: normalPassword(old), new: normalPassword(fresh) };
    asking.ask({ type: "change-password", ...request }, ref);
  }

  forgetMe(password: string, ref: string | undefined): void {
    if (!this.#hasAccount("Nothing is removed", ref)) return;
    if (!isPossiblePassword(password)) return this.#isWrong("Nothing is removed", ref);
    this.owner.asking.ask({ type: "forget-me", password: normalPassword(password) }, ref);
  }

  #hasAccount(what: string, ref: string | undefined): boolean {
    const { session, out } = this.owner;
    if (!session.isUp) {
      out.error("not-logged-in", `${what}: you aren't in the directory now`, ref);
    } else if (session.isGuest) {
      out.error("not-logged-in", `${what}: a guest has no account`, ref);
    } else return true;
    return false;
  }

  #isWrong(what: string, ref: string | undefined): void {
    this.owner.out.error("bad-credentials", `${what}: the password is wrong`, ref);
  }

  // What is so, and whose keys those are.

  status(ref: string | undefined): void {
    const { session, config, signer, calling, lobby, asking, hearing, out } = this.owner;
    const view = statusView({
      name: session.name,
      key: signer.key,
      registry: config.registry,
      session: session.state,
      isOut: session.isOut,
      isDisowned: session.isDisowned,
      guest: session.isGuest,
      failure: session.failure,
      call: calling.call,
      online: lobby.size,
      asked: asking.size,
      isDiskFull: hearing.isRefused,
      nowMs: out.nowMs,
    });
    out.show(view, ref);
  }

  verify(name: string, answer: VerifyAnswer | undefined, ref: string | undefined): void {
    const { out, keys, calling, session, selfName, signer: { key: ownKey } } = this.owner;
    if (isSameName(name, selfName)) {
      return out.error("unknown-user", isYouText("verify", name), ref);
    }
    const isDirectory = name === DIRECTORY_NAME;
    const peerKey = isDirectory ? session.peer : keys.find(name)?.key ?? null;
    if (peerKey === null) return this.#unmet("verify", name, ref);
    const shown = isDirectory ? DIRECTORY_NAME : keys.find(name)!.name;
    out.show(verifyEvent(shown, ownKey, peerKey, answer), ref);
    if (answer !== "no") return;
    if (isDirectory) return session.refuse();
    keys.refuse(shown, peerKey);
    calling.refused(shown, peerKey);
  }

  /** As `verify` with `no`, said in another program of the profile. */
  refuse(name: string, key: Fingerprint): void {
    const { keys, calling, session } = this.owner;
    if (name === DIRECTORY_NAME) {
      if (session.peer !== null && fingerprintOf(session.peer) === key) session.refuse();
      return;
    }
    const met = keys.find(name);
    if (met === null || fingerprintOf(met.key) !== key) return keys.refuseUnmet(name, key);
    keys.refuse(met.name, met.key);
    calling.refused(met.name, met.key);
  }

  trust(name: string, ref: string | undefined): void {
    const { out, keys, session, selfName } = this.owner;
    if (isSameName(name, selfName)) {
      return out.error("unknown-user", isYouText("trust", name), ref);
    }
    if (name === DIRECTORY_NAME) {
      const key = session.trust();
      const text = key === null
        ? noOtherKeyText("the directory")
        : acceptedText("The directory", fingerprintOf(key));
      return out.notice(text, ref);
    }
    const trusted = keys.trust(name);
    if (trusted !== null) {
      const accepted = acceptedText(shownName(trusted.name), fingerprintOf(trusted.key));
      const before = trusted.before === undefined
        ? ""
        : `; the former key ${trusted.before} isn't accepted any more`;
      return out.notice(`${accepted}${before}; call again`, ref);
    }
    if (keys.find(name) === null) return this.#unmet("trust", name, ref);
    out.notice(noOtherKeyText(shownName(name)), ref);
  }

  #unmet(command: string, name: string, ref: string | undefined): void {
    const hint = didYouMeanName(name, this.owner.keys.names(), (known) => `/${command} ${known}`);
    const advice = hint ||
      (command === "trust"
        ? "; call them: if their key is another one, you are told, and can accept it then"
        : "; a call names the keys of both");
    const text = `Cannot ${command} ${
      shownName(name)
    }: since this program started, there was no call with anybody of that name${advice}`;
    this.owner.out.error("unknown-user", text, ref);
  }
}
