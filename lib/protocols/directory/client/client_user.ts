/** What a client's user asks for, except within calls: checks it, and tells the user the outcome. */

import { numberText } from "../../../base/text/words.ts";
import {
  isPossiblePassword,
  normalPassword,
  weakPassword,
} from "../../../base/crypto/password_hash.ts";
import { type Endpoint, endpointText, NO_ADDRESS, type PeerKey } from "../../../base/ids.ts";
import type { VerifyCommand } from "../../../base/machine/mode_machine.ts";
import { OwnPresence } from "../../../base/machine/own_presence.ts";
import {
  HERE,
  isSamePresence,
  type Presence,
  shownPresence,
} from "../../../base/machine/user_presence.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import { isSameName, nameFault, shownName, withoutMark } from "../../../base/text/names.ts";
import { checkedMessage, tooLong, utf8Length, visibleText } from "../../../base/text/text.ts";
import {
  acceptedText,
  Comparing,
  didYouMeanName,
  isYouText,
  noOtherKeyText,
} from "../../../base/trust/name_answers.ts";
import type { Calling } from "../client_calls/calling.ts";
import type { ClientCall } from "../client_calls/client_call.ts";
import type { KnownKeys, NamedUser } from "../lobby/known_keys.ts";
import type { Lobby } from "../lobby/lobby.ts";
import type { ClientConfig } from "../schema/client_io.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { type ClientEvent, DIRECTORY_NAME, type SessionState } from "../schema/events.ts";
import { TEXT_BYTES_MAX } from "../schema/limits.ts";
import type { CallRoute } from "../schema/messages.ts";
import type { BroadcastReceiver } from "./broadcast_receiver.ts";
import { CUT_OFF_TEXT, type DirectorySession } from "./directory_session.ts";
import type { RequestQueue } from "./request_queue.ts";

type SessionFacts = Pick<
  DirectorySession,
  | "failure"
  | "instance"
  | "isCutOff"
  | "isDisowned"
  | "isGuest"
  | "isOut"
  | "isUp"
  | "mayBroadcast"
  | "name"
  | "peer"
  | "state"
  | "wasUp"
>;

interface ClientUserParts {
  readonly config: Pick<ClientConfig, "isInteractive" | "registry">;
  readonly ownKey: PeerKey;
  readonly out: ClientOutput;
  readonly session: SessionFacts & Pick<DirectorySession, "refuse" | "tell" | "trust">;
  readonly lobby: Pick<Lobby, "at" | "find" | "size" | "view">;
  readonly keys: KnownKeys;
  readonly calling: Pick<Calling, "accept" | "call" | "refused" | "ring">;
  readonly asking: Pick<RequestQueue, "ask" | "broadcast" | "fill" | "size">;
  readonly hearing: Pick<BroadcastReceiver, "apart" | "isRefused">;
}

export class ClientUser {
  readonly presence = new OwnPresence((said) => this.#tell(said));
  readonly #comparing: Comparing;

  constructor(readonly parts: ClientUserParts) {
    this.#comparing = new Comparing(parts.ownKey, parts.out, (name, key) => this.refuse(name, key));
  }

  // Calls.

  call(typed: string, ref: string | undefined): void {
    const { out, lobby, keys, calling, session } = this.parts;
    const name = withoutMark(typed).normalize("NFC");
    const apart = keys.findApart(typed);
    if (apart !== null) return this.#callApart(typed, apart, ref);
    if (nameFault(name) !== null) {
      const text = `${
        visibleText(typed)
      } isn't a possible name: call somebody with NAME or /call NAME`;
      return out.error("unknown-user", text, ref);
    }
    const { call } = calling;
    if (call?.phase === "asked" && isSameName(call.peer, name)) return calling.accept(name, ref);
    const known = isSameName(name, session.name) ? session.name : lobby.find(name)?.name ?? name;
    calling.ring(known, ref);
  }

  /** Somebody with another key than the one expected is never called; whoever has that one now isn't meant. */
  #callApart(typed: string, apart: NamedUser, ref: string | undefined): void {
    const { keys, calling } = this.parts;
    if (keys.expected(apart.name) === fingerprintOf(apart.key)) calling.ring(apart.name, ref);
    else keys.isStrangeApart(typed, apart, ref);
  }

  callAt({ host, port }: Endpoint, ref: string | undefined): void {
    const { out, lobby, calling } = this.parts;
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
    const { out, session, asking } = this.parts;
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) return out.error("too-long", tooLong(bytes).message, ref);
    if (!this.#isIn("Nothing was sent", ref)) return;
    if (!session.mayBroadcast) {
      const text = "Nothing was sent: this directory doesn't let you send broadcasts";
      return out.error("not-allowed", text, ref);
    }
    asking.broadcast(checkedMessage(text), ref);
    if (session.isUp) return;
    if (asking.size === 1) {
      out.notice("Your broadcast waits for the directory, for as long as this program runs", ref);
    } else if (this.parts.config.isInteractive && asking.fill < 1) {
      out.notice(`This one waits, too: ${numberText(asking.size)} wait for the directory`, ref);
    }
  }

  /** Whether we are in, or will be again. */
  #isIn(what: string, ref: string | undefined): boolean {
    const { session, out } = this.parts;
    if (session.wasUp && !session.isOut) return true;
    out.error("not-logged-in", `${what}: you aren't logged in`, ref);
    return false;
  }

  changePassword(old: string, fresh: string, ref: string | undefined): void {
    const { out, asking } = this.parts;
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
    this.parts.asking.ask({ type: "forget-me", password: normalPassword(password) }, ref);
  }

  #hasAccount(what: string, ref: string | undefined): boolean {
    const { session, out } = this.parts;
    if (!session.isUp) {
      out.error("not-logged-in", `${what}: you aren't in the directory now`, ref);
    } else if (session.isGuest) {
      out.error("not-logged-in", `${what}: a guest has no account`, ref);
    } else return true;
    return false;
  }

  #isWrong(what: string, ref: string | undefined): void {
    this.parts.out.error("bad-credentials", `${what}: the password is wrong`, ref);
  }

  // What our user says of itself.

  say(change: Partial<Presence>, ref: string | undefined): void {
    if (!this.#isIn("Nobody is told", ref)) return;
    const { out, session: { name, isGuest: guest }, ownKey, calling } = this.parts;
    const said = shownPresence(this.presence.say(change, out.nowMs));
    const state = calling.call?.isTalking ? "busy" : "free";
    const who = { name, self: true, key: fingerprintOf(ownKey), state, guest } as const;
    out.show({ event: "presence", ...who, ...said }, ref);
  }

  /** We are in: the directory knows nothing of it. */
  entered(): void {
    const { told } = this.presence;
    if (!isSamePresence(told, HERE)) this.#tell(told);
  }

  #tell(presence: Presence): void {
    const { session } = this.parts;
    if (session.isUp) session.tell({ type: "about-me", ...presence });
  }

  // What is so, and whose keys those are.

  status(ref: string | undefined): void {
    const { session, config, ownKey, calling, lobby, asking, hearing, out } = this.parts;
    const view = statusView({
      name: session.name,
      key: ownKey,
      registry: config.registry,
      instance: session.instance,
      session: session.state,
      isOut: session.isOut,
      isDisowned: session.isDisowned,
      isCutOff: session.isCutOff,
      guest: session.isGuest,
      presence: this.presence.present,
      failure: session.failure,
      call: calling.call,
      online: lobby.size,
      asked: asking.size,
      isDiskFull: hearing.isRefused,
      monotonicMs: out.monotonicMs,
    });
    out.show(view, ref);
  }

  verify(command: VerifyCommand, ref: string | undefined): void {
    const { name, answer } = command;
    const { out, keys, hearing, session } = this.parts;
    if (isSameName(name, session.name)) {
      return out.error("unknown-user", isYouText("verify", name), ref);
    }
    if (name === DIRECTORY_NAME && session.peer !== null) {
      return void this.#comparing.verify(command, { name, key: session.peer }, null, ref);
    }
    const met = keys.find(name);
    const shown = met === null || keys.isExpected(met.name, met.key)
      ? met
      : { ...met, name: hearing.apart(met.name, met.key) };
    const isMeant = this.#comparing.verify(command, shown, keys.expected(withoutMark(name)), ref);
    if (!isMeant) return this.#unmet("verify", name, ref);
    if (met === null || answer === "no") return;
    const other = this.#onlineWithOther(name, met.key);
    if (other !== null) {
      out.notice(`That is the key known before; ${other} is online with another`, ref);
    }
  }

  /** @param typed Null: the user. */
  whois(typed: string | null, ref: string | undefined): void {
    const { out, ownKey, keys, lobby, session } = this.parts;
    if (typed === null || isSameName(withoutMark(typed), session.name)) {
      const { host, port } = lobby.find(session.name) ?? NO_ADDRESS;
      const key = fingerprintOf(ownKey);
      const who = { name: session.name, self: true, key, host, port, route: null };
      return out.show({ event: "whois", ...who, ...shownPresence(this.presence.present) }, ref);
    }
    if (typed === DIRECTORY_NAME && session.peer !== null) {
      const key = fingerprintOf(session.peer);
      const who = { name: typed, self: false, key, ...NO_ADDRESS };
      return out.show({ event: "whois", ...who, route: session.isUp ? "direct" : null }, ref);
    }
    // Who is online is meant before whoever was met under that name earlier.
    const listed = lobby.view(typed);
    const met = listed === null ? keys.find(typed) : null;
    if (listed === null && met === null) return this.#unmet("whois", typed, ref);
    if (listed === null) {
      const who = { name: typed, self: false, key: fingerprintOf(met!.key), ...NO_ADDRESS };
      return out.show({ event: "whois", ...who, route: null }, ref);
    }
    const { name, shown = name, state: _, guest: __, ...who } = listed;
    const route = this.#routeTo(name);
    out.show({ event: "whois", ...who, name: shown, self: false, route }, ref);
  }

  /** How the call with that user goes; null where there is none. */
  #routeTo(name: string): CallRoute | null {
    const { call } = this.parts.calling;
    return call !== null && call.isTalking && isSameName(call.peer, name) ? call.route : null;
  }

  /** How whoever is online under this name, with another key than the one expected, is shown; null where nobody is. */
  #onlineWithOther(typed: string, than: PeerKey | null): string | null {
    const { lobby, keys, hearing } = this.parts;
    const online = lobby.find(withoutMark(typed));
    if (online === null || online.key === than || keys.isExpected(online.name, online.key)) {
      return null;
    }
    return shownName(hearing.apart(online.name, online.key));
  }

  /** The key isn't that of the one called so: said here, or in another program of the profile. */
  refuse(name: string, key: Fingerprint): void {
    const { keys, calling, session } = this.parts;
    if (name === DIRECTORY_NAME) {
      if (session.peer !== null && fingerprintOf(session.peer) === key) session.refuse();
      return;
    }
    const met = keys.refuse(name, key);
    if (met !== null) calling.refused(met.name, met.key);
  }

  trust(name: string, ref: string | undefined): void {
    const { out, keys, session } = this.parts;
    if (isSameName(name, session.name)) {
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

  #unmet(command: "verify" | "trust" | "whois", name: string, ref: string | undefined): void {
    const other = this.#onlineWithOther(name, null);
    if (other !== null) {
      const shown = shownName(name);
      const text =
        `Cannot ${command} ${shown}: whoever is online as ${shown} has another key than ` +
        `the one known, and is meant by /${command} ${other}`;
      return this.parts.out.error("unknown-user", text, ref);
    }
    const hint = didYouMeanName(name, this.parts.keys.names(), (known) => `/${command} ${known}`);
    const advice = hint ||
      (command === "trust"
        ? "; call them: if their key is another one, you are told, and can accept it then"
        : "; a call names the keys of both");
    const text = `Cannot ${command} ${
      shownName(name)
    }: since this program started, there was no call with anybody of that name${advice}`;
    this.parts.out.error("unknown-user", text, ref);
  }
}

// The answer to a client's `/status`.

interface Standing {
  readonly name: string;
  readonly key: PeerKey;
  readonly registry: string;
  readonly instance: Pick<Status, "instance">;
  readonly session: SessionState;
  /** Whether the directory isn't dialled any more. */
  readonly isOut: boolean;
  /** Whether the user will be asked how to come in, after the present call. */
  readonly isDisowned: boolean;
  /** Whether the directory's engine doesn't answer it. */
  readonly isCutOff: boolean;
  readonly guest: boolean;
  readonly presence: Presence;
  /** Why the last dial of the directory failed. */
  readonly failure: string | null;
  readonly call: ClientCall | null;
  readonly online: number;
  readonly asked: number;
  readonly isDiskFull: boolean;
  readonly monotonicMs: number;
}

type Status = Extract<ClientEvent, { readonly event: "status" }>;

export function statusView(standing: Standing): ClientEvent {
  const { name, key, registry, instance, session, guest, call, online, asked, monotonicMs } =
    standing;
  return {
    event: "status",
    name,
    key: fingerprintOf(key),
    registry,
    ...instance,
    session,
    guest,
    ...shownPresence(standing.presence),
    call: call === null ? null : callView(call, monotonicMs),
    roundTripMs: null,
    online,
    unsent: (call?.lines.size ?? 0) + asked,
    problems: problemsOf(standing),
  };
}

function callView(call: ClientCall, monotonicMs: number): Status["call"] {
  const { shownId, peer, route, isTalking } = call;
  const state = isTalking
    ? "connected"
    : call.phase === "ringing" || call.phase === "asked"
    ? "ringing"
    : "connecting";
  const sinceMs = Math.round(monotonicMs - (isTalking ? call.talkingSinceMs : call.sinceMs));
  return { call: shownId, peer, state, route, sinceMs, roundTripMs: null };
}

function problemsOf(standing: Standing): readonly string[] {
  const { session, isOut, isDisowned, isCutOff, failure, isDiskFull, call } = standing;
  const problems: string[] = [];
  if (session === "replaced") {
    problems.push(
      "Your name has come in from somewhere else: this program ends when the call is over",
    );
  } else if (isOut) {
    problems.push("The directory lets you in no more: this program ends with the call");
  } else if (isDisowned) {
    problems.push("You aren't in the directory: after the call you are asked how to come in");
  } else if (session === "down") {
    const because = failure === null ? "" : `: ${failure}`;
    problems.push(`You aren't in the directory${because}; trying again`);
  } else if (isCutOff) {
    problems.push(CUT_OFF_TEXT);
  }
  if (isDiskFull) {
    problems.push("Cannot write to the disk; broadcasts are shown once they can be stored");
  }
  if (call?.isCongested) problems.push(`${call.peer} takes in nothing at the moment`);
  return problems;
}
