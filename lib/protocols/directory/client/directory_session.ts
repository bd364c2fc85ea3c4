/**
 * A client's way in, and its link to the directory: the directory is dialled again and again, and the client comes in
 * again without anything being typed.
 */

import type { Logger } from "../../../base/machine/environment.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { saidByText } from "../../../base/trust/name_answers.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { foldName, nameFault } from "../../../base/text/names.ts";
import {
  isPossiblePassword,
  normalPassword,
  weakPassword,
} from "../../../base/crypto/password_hash.ts";
import { type DialFailure, ServerConnection } from "../../../base/trust/server_connection.ts";
import { visibleText } from "../../../base/text/text.ts";
import type { ClientConfig, Entry } from "../schema/client_io.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { DIRECTORY_NAME, type SessionState } from "../schema/events.ts";
import {
  ENTER_MS_MAX,
  FULL_MS_MAX,
  FULL_PAUSE_MS_MAX,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  STABLE_MS,
} from "../schema/limits.ts";
import type { DirectoryMessage, DirectoryMessageOf, WayIn } from "../schema/messages.ts";
import { errorCodeOf, refusedText } from "../schema/refusal_text.ts";
import { InstanceMove, type OtherInstance } from "./instance_move.ts";

type Phase =
  /** No link: the directory is being dialled, or is when the time has come. */
  | "apart"
  /** There is a link, and we wait for the user to say how to come in. */
  | "asking"
  /** We wait for the directory to say whether we are in. */
  | "entering"
  | "up"
  /** Another program has taken our place: we don't come in again. */
  | "replaced"
  /** The directory no longer lets us in, or wasn't found: we don't come in again. */
  | "out";

interface DirectorySessionParts {
  readonly config: ClientConfig;
  readonly out: ClientOutput;
  readonly log: Logger;
  readonly random: () => number;
  /** A number that no other dial has. */
  readonly nextAttempt: () => number;
  /** The fields of `enter` beside those that say who we are. */
  readonly standing: () => Pick<DirectoryMessageOf<"enter">, "busy" | "seen">;
  /** The directory's key is known, or has changed. */
  readonly metDirectory: (key: PeerKey) => void;
  readonly entered: (message: DirectoryMessageOf<"entered">) => void;
  /** Another instance is the directory from now on: where it is, with the address that its name led to. */
  readonly linked: (directory: Endpoint) => void;
  /** The link on which we were in is gone. */
  readonly left: () => void;
  /** Another program came in in our place. */
  readonly replaced: () => void;
  /** The account no longer exists. */
  readonly forgotten: () => void;
  /** The directory no longer lets us in as who we were; the user was told, and is asked anew. */
  readonly disowned: () => void;
  /** We can't come in any more: the program ends, once no call goes on. */
  readonly fatal: (code: ErrorCode, text: string) => void;
}

export class DirectorySession {
  #phase: Phase = "apart";
  readonly #connection: ServerConnection;
  /** To another instance, where this one is cut off. */
  readonly move: InstanceMove;
  #upSinceMs = 0;
  /** How to come in for the first time; it holds the password until the directory has answered. */
  #entry: Entry | null = null;
  /**
   * The link was lost before `#entry` was answered, or the directory's engine doesn't answer: it may have been carried out.
   */
  #isUnanswered = false;
  #isAsked = false;
  /**
   * The directory no longer lets `#self` in: the user is to say who we are, but not during a call, in which we are
   * still `#self`.
   */
  #isDisowned = false;
  #sentHow: WayIn = "guest";
  /** Who we are, or were last, in the directory; null before we were in. */
  #self: { readonly name: string; readonly guest: boolean; readonly rank: number } | null = null;
  /** Whether the directory has our device on its disk. */
  #isRemembered = true;
  #mayBroadcast = true;
  /** What the directory lacks to let us in, and since when it lacks something; null: nothing, as far as we know. */
  #lacking: { readonly what: Lack; readonly sinceMs: number } | null = null;
  /**
   * Since when the directory is there and doesn't answer whether we may come in: it says nothing, or the link is lost
   * each time.
   */
  #silentSinceMs: number | null = null;
  /** The state that the user was told last; null: none yet. */
  #told: SessionState | null = null;
  /** When we no longer wait for the answer to `enter`; null: none is awaited. */
  #enterByMs: number | null = null;

  constructor(readonly parts: DirectorySessionParts) {
    const { config, out, random, nextAttempt } = parts;
    const dial = (expect: Fingerprint | null, endpoint: Endpoint) => {
      const attempt = nextAttempt();
      out.push({ type: "dial", attempt, mode: "directory", endpoint, expect });
      return attempt;
    };
    this.move = new InstanceMove({
      out,
      random,
      dial: (endpoint) => dial(fingerprintOf(this.peer!), endpoint),
      enter: () => this.#returning(),
      moved: (to, message) => this.#moved(to, message),
    });
    const {
      directory: endpoint,
      instances: others = [],
      knownPeers,
      expect: pinned,
      given,
      refused,
    } = config;
    const isVerified = config.isServerVerified ?? false;
    const directory = {
      what: "directory",
      name: DIRECTORY_NAME,
      endpoint,
      others,
      knownPeers,
      pinned,
      given,
      refused,
      isVerified,
    } as const;
    this.#connection = new ServerConnection(directory, {
      out,
      random,
      dial,
      close: (link, reason) => out.close(link, reason),
    }, { minMs: RETRY_MS_MIN, maxMs: RETRY_MS_MAX });
  }

  get isUp(): boolean {
    return this.#phase === "up";
  }

  /** Whether we don't come in again. */
  get isOut(): boolean {
    return this.#phase === "replaced" || this.#phase === "out";
  }

  get link(): LinkId | null {
    return this.#connection.link;
  }

  /** Where the directory is dialled next, was dialled last, or is. */
  get endpoint(): Endpoint {
    return this.#connection.endpoint;
  }

  /** Where it is, of a directory that has several instances. */
  get instance(): { readonly instance?: string } {
    const isOne = this.#connection.addresses.length === 1;
    return isOne ? {} : { instance: endpointText(this.endpoint) };
  }

  /** The directory's key; null before it was reached. */
  get peer(): PeerKey | null {
    return this.#connection.peer;
  }

  get name(): string {
    return this.#self?.name ?? this.#entry?.name ?? this.parts.config.name ?? "";
  }

  /** Whether we are in, were in, or want to come in as a guest. */
  get isGuest(): boolean {
    return this.#self?.guest ?? (this.#entry?.how ?? this.parts.config.how) === "guest";
  }

  /** Whether we were ever in, and may come in again as the same user. */
  get wasUp(): boolean {
    return this.#told === "up" || (this.#self !== null && !this.#isDisowned);
  }

  /** Whether the directory lets us send broadcasts, as it said last. */
  get mayBroadcast(): boolean {
    return this.#mayBroadcast;
  }

  get isDisowned(): boolean {
    return this.#isDisowned;
  }

  /** Whether the directory is there, and its engine doesn't answer it. */
  get isCutOff(): boolean {
    return this.move.isUnderWay;
  }

  get state(): SessionState {
    return this.#phase === "up" || this.#phase === "replaced" ? this.#phase : "down";
  }

  /** Why the last dial failed, as part of a sentence; null where it didn't. */
  get failure(): string | null {
    return this.#connection.failure;
  }

  get #isOver(): boolean {
    return this.isOut || this.parts.out.isStopped;
  }

  // The link.

  dial(): void {
    if (this.#phase === "apart") this.#connection.dial();
  }

  /** Whether this attempt is the session's latest dial. */
  isAttempt(attempt: number | null): boolean {
    return this.#connection.isAttempt(attempt);
  }

  up(link: LinkId, peer: PeerKey): void {
    const { out } = this.parts;
    const { key, peer: before } = this.#connection;
    if (!this.#connection.up(link, peer)) return;
    if (this.#phase !== "apart") return this.close("not needed any more"); // it ended meanwhile
    if (key.isRefused(peer)) {
      this.close("another key is expected");
      return this.#end("key-changed", key.refusal(peer));
    }
    const known = key.expected !== null;
    const isFirst = before !== peer;
    const directory = this.#connection.endpoint;
    if (isFirst) out.show({ event: "directory", ...directory, key: fingerprintOf(peer), known });
    if (!known && this.#sendsUnseen) {
      this.close("its key isn't known");
      return this.#end("usage", unknownText(endpointText(directory)));
    }
    key.proved(peer);
    if (isFirst) this.parts.metDirectory(peer);
    this.#phase = "asking";
    if (this.#self !== null || this.#entry !== null) this.#enter();
    else this.#ask();
  }

  /** Whether a password is sent before anybody could compare the directory's key. */
  get #sendsUnseen(): boolean {
    const { how, asksAgain, trustFirst } = this.parts.config;
    return how !== null && how !== "guest" && !asksAgain && !trustFirst;
  }

  /**
   * @param reason Part of a sentence. @param closed Whether the reason is the directory's. @returns Whether it was the
   * link in use.
   */
  down(link: LinkId, reason: string, closed: boolean): boolean {
    if (!this.#connection.down(link)) return false;
    this.move.end();
    this.#connection.leave();
    const wasStable = this.#wasStable;
    const pauseMs = this.#pauseMs();
    const why = closed ? saidByText("it", reason) : reason;
    this.#lost(why, wasStable ? RETRY_MS_MIN * this.parts.random() : pauseMs);
    return true;
  }

  dialFailed(failed: DialFailure): void {
    const strange = this.#connection.strangeKey(failed);
    if (!this.#connection.dialFailed(failed) || this.#phase !== "apart") return;
    const { config, out } = this.parts;
    const { key } = this.#connection;
    if (this.#connection.hasFailedEverywhere) { // nothing shows that it is there
      if (this.#lacking !== null) this.#told = null; // it was there before: that it isn't now is news
      this.#lacking = this.#silentSinceMs = null;
    }
    if (strange !== null) {
      const mayAccept = config.isInteractive && config.wait && config.given === null;
      const isAnybodyThere = this.wasUp || mayAccept;
      if (!isAnybodyThere) return this.#end("key-changed", key.refusal(strange));
      key.met(strange);
    } else if (
      !config.wait && !this.wasUp && !out.isStopped && this.#connection.hasFailedEverywhere
    ) {
      return this.#end("unreachable", this.#connection.unreachableText());
    }
    this.#connection.retryIn(this.#pauseMs());
    this.#tellDown(this.failure!);
  }

  /**
   * Closes the link; the directory is dialled again after a pause. @param said The reason that the directory is told.
   */
  giveUp(reason: string, said = reason): void {
    this.close(said);
    this.#lost(reason, this.#pauseMs());
  }

  /** The directory broke a rule. */
  offends(text: string): void {
    this.parts.log.warn("the directory breaks the protocol", { text });
    this.giveUp("it sent invalid data", `${text} isn't allowed`);
  }

  close(reason: string): void {
    this.move.end();
    this.#connection.close(reason);
  }

  /** Sends to the directory, if we are in. */
  tell(message: DirectoryMessage): void {
    if (this.isUp && this.link !== null) this.parts.out.send(this.link, message);
  }

  #lost(reason: string, pauseMs: number): void {
    const before = this.#phase;
    this.#enterByMs = null;
    if (this.isOut) return;
    this.#phase = "apart";
    if (before === "entering") this.#isUnanswered ||= this.#entry !== null;
    if (before === "entering" && this.#isSilentTooLong) return this.#endsSilence();
    // The user may take their time to answer, although the directory closes a link on which nothing is said.
    if (before === "asking" && (this.#isAsked || this.#isDisowned)) return;
    this.#connection.retryIn(pauseMs);
    this.#tellDown(reason);
    if (before === "up") this.parts.left();
  }

  /**
   * Whether we were in long enough: a directory that lets us in and then is gone, or breaks a rule, at once isn't
   * dialled without a growing pause.
   */
  get #wasStable(): boolean {
    return this.#phase === "up" && this.parts.out.nowMs - this.#upSinceMs >= STABLE_MS;
  }

  #pauseMs(): number {
    if (this.#wasStable) this.#connection.succeeded();
    return this.#connection.nextPauseMs();
  }

  /** @param why Of a directory that is there, and lacks something. */
  #tellDown(reason: string, why: { readonly isFull?: true; readonly isCutOff?: true } = {}): void {
    if (this.#told === "down" || this.#isOver) return;
    this.#told = "down";
    const { name, isGuest: guest } = this;
    this.parts.out.show({
      event: "session",
      state: "down",
      name,
      guest,
      reason: visibleText(reason),
      ...why,
    });
  }

  /** The user accepts the other key that was shown. @returns The key; null where none was shown. */
  trust(): PeerKey | null {
    return this.#connection.trust();
  }

  /** The user found other digits than the directory's operator: nobody can stay with it. */
  refuse(): void {
    const { peer, key } = this.#connection;
    if (peer !== null) this.#end("key-changed", key.refuse(peer));
  }

  // Coming in.

  #ask(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    // The directory is there: if it is gone when the user has answered, that is news.
    if (this.#told === "down") this.#told = null;
    this.parts.out.push({ type: "ask-to-enter" });
  }

  /** The user has said how to come in. */
  entry(entry: Entry): void {
    if (this.#self !== null || this.#phase === "entering" || this.#isOver) return;
    this.#isAsked = false;
    this.#isUnanswered = false;
    this.#lacking = null;
    const fault = entryFault(entry);
    if (fault !== null) return this.#refuse(fault.code, fault.text);
    this.#entry = {
      ...entry,
      name: entry.name.normalize("NFC"),
      password: normalPassword(entry.password),
      newPassword: normalPassword(entry.newPassword),
    };
    if (this.#phase === "asking") this.#enter();
    else this.dial();
  }

  #enter(): void {
    const { out } = this.parts;
    const link = this.link!;
    const entry = this.#entry;
    const how = this.#self !== null
      ? this.#self.guest ? "guest" : "resume"
      // The account may exist, with this device's key: then we have taken its name ourselves.
      : entry!.how === "sign-up" && this.#isUnanswered
      ? "resume"
      : entry!.how;
    const isTyped = entry !== null && how === entry.how;
    this.#sentHow = how;
    this.#phase = "entering";
    this.#silentSinceMs ??= out.nowMs;
    this.#enterByMs = out.nowMs + ENTER_MS_MAX;
    out.send(link, this.#entering(how, isTyped ? entry : NOTHING_TYPED));
  }

  #entering(
    how: WayIn,
    { password, newPassword }: Pick<Entry, "newPassword" | "password">,
  ): DirectoryMessageOf<"enter"> {
    return {
      type: "enter",
      how,
      name: this.name,
      password,
      newPassword,
      port: this.parts.config.listening.port,
      ...this.parts.standing(),
      rank: this.#self?.rank ?? 0,
      lists: "told",
    };
  }

  /** As who we are. */
  #returning(): DirectoryMessageOf<"enter"> {
    this.#sentHow = this.isGuest ? "guest" : "resume";
    return this.#entering(this.#sentHow, NOTHING_TYPED);
  }

  /** Another instance has let us in. */
  #moved(
    { link, peer, endpoint, host }: OtherInstance,
    message: DirectoryMessageOf<"entered">,
  ): void {
    const { out, left, linked } = this.parts;
    this.#connection.close("in at another instance");
    this.#connection.adopt(link, peer, endpoint);
    left();
    linked({ host, port: endpoint.port });
    out.notice(`You are at another instance of the directory now: ${endpointText(endpoint)}`);
    this.#entered(message);
  }

  /**
   * Handles the answer to `enter`, and messages that end the session. @returns Whether the message was one of these.
   */
  message(message: DirectoryMessage): boolean {
    if (message.type === "dismissed") {
      this.#dismissed(message);
      return true;
    }
    if (message.type === "instances") {
      this.#instances(message);
      return true;
    }
    if (this.#phase !== "entering") return false;
    if (message.type === "entered" || message.type === "refused") this.#silentSinceMs = null;
    if (message.type === "entered") {
      this.#entered(message);
      return true;
    }
    if (message.type !== "refused") return false;
    this.#refused(message);
    return true;
  }

  /** The directory runs as several programs: they are dialled where this one can't be. */
  #instances({ because, addresses }: DirectoryMessageOf<"instances">): void {
    const { out } = this.parts;
    if (this.#connection.learn(addresses)) {
      out.push({ type: "keep-addresses", addresses: this.#connection.addresses });
    }
    if (this.#phase !== "up") return;
    const { move } = this;
    if (because === "away") {
      const tried = addresses.length === 0 ? "" : "; other instances are tried";
      if (!move.isUnderWay) out.notice(`${CUT_OFF_TEXT}${tried}`);
      move.begin(addresses);
    } else if (because === "in" && move.isUnderWay) {
      move.end();
      out.notice("The directory's engine answers again");
    }
  }

  #entered(message: DirectoryMessageOf<"entered">): void {
    const { name, guest } = message;
    if (foldName(name) !== foldName(this.name)) {
      return this.offends("another name than ours");
    }
    this.#enterByMs = null;
    // A directory whose clock was set back gives a lower rank: by that, an earlier program would count as later at
    // the next one.
    const rank = Math.max(message.rank, this.#self?.rank ?? 0);
    this.#self = { name, guest, rank };
    const isChanged = this.#entry !== null && this.#entry.newPassword !== "";
    this.#entry = null;
    this.#isUnanswered = false;
    this.#lacking = null;
    this.#upSinceMs = this.parts.out.nowMs;
    this.#phase = "up";
    this.#told = "up";
    const key = fingerprintOf(this.peer!);
    this.parts.out.show({ event: "session", state: "up", name, guest, key, ...this.instance });
    if (isChanged) this.parts.out.show({ event: "password-changed" });
    if (this.#isRemembered && !message.isRemembered) this.parts.out.notice(UNREMEMBERED_TEXT);
    this.#isRemembered = message.isRemembered;
    this.#mayBroadcast = message.mayBroadcast;
    this.parts.entered(message);
  }

  #refused({ code, text, retryMs }: DirectoryMessageOf<"refused">): void {
    this.#enterByMs = null;
    this.#phase = "asking";
    if (code === "engine") this.#isUnanswered ||= this.#entry !== null;
    if (code === "full" || code === "checking" || code === "engine") {
      this.#connection.leave(); // another instance may have room, or reach the engine
      return this.#lacks(code, refusedText(code, text, "entry", 0), retryMs);
    }
    const entry = this.#entry;
    if (code === "bad-credentials" && entry !== null && this.#isUnanswered) {
      this.#isUnanswered = false;
      if (this.#sentHow === "resume") return this.#enter();
      if (entry.newPassword !== "") {
        this.#entry = { ...entry, password: entry.newPassword };
        return this.#enter();
      }
    }
    if (this.#self !== null && retryMs > 0 && code !== "kicked") {
      this.parts.out.error(errorCodeOf(code), refusedText(code, text, "entry", retryMs));
      this.close("refused");
      this.#phase = "apart";
      return this.#connection.retryIn(
        Math.min(Math.max(retryMs, this.#pauseMs()), FULL_PAUSE_MS_MAX),
      );
    }
    const isOut = code === "bad-credentials" && this.#sentHow === "resume";
    const outText = this.#isRemembered ? OUT_TEXT : FORGOTTEN_TEXT;
    this.#refuse(code, isOut ? outText : refusedText(code, text, "entry", retryMs));
  }

  /** Tells the user why we aren't let in, and asks again. */
  #refuse(code: ErrorCode, text: string): void {
    this.#entry = null;
    if (!this.parts.config.asksAgain || code === "kicked" || code === "protocol") {
      this.close("refused");
      return this.#end(code, text);
    }
    this.parts.out.error(code, text);
    if (this.#self === null) return this.#ask();
    this.#isDisowned = true;
    this.parts.disowned();
  }

  /** No call goes on any more: if we aren't let in as who we were, the user is asked. */
  askAnew(): void {
    if (!this.#isDisowned) return;
    this.#isDisowned = false;
    this.#self = null;
    this.#ask();
  }

  /** We don't come in again. In a call that goes on we are still who we were. */
  #end(code: ErrorCode, text: string): void {
    this.#phase = "out";
    this.parts.fatal(code, text);
  }

  /** It can't let us in now, perhaps later. @param text What is lacking, in a sentence. */
  #lacks(what: Lack, text: string, retryMs: number): void {
    const { out, random } = this.parts;
    const code = errorCodeOf(what);
    const { said, for: forTooLong, down } = LACKS[what];
    this.close(said);
    this.#connection.answered();
    this.#phase = "apart";
    const isNew = this.#lacking?.what !== what;
    const { sinceMs } = this.#lacking = { what, sinceMs: this.#lacking?.sinceMs ?? out.nowMs };
    if (out.nowMs - sinceMs >= FULL_MS_MAX) {
      const minutes = FULL_MS_MAX / 60_000;
      return this.#end(code, `${forTooLong} for ${minutes} minutes; try later`);
    }
    const pauseMs = Math.min(FULL_PAUSE_MS_MAX, Math.max(retryMs, 2 * RETRY_MS_MIN)) *
      (0.8 + 0.2 * random());
    this.#connection.retryIn(pauseMs);
    const isCutOff = what === "engine";
    this.#tellDown(down, isCutOff ? { isCutOff } : { isFull: true });
    if (!isCutOff) out.error(code, `${text}; trying again in ${Math.ceil(pauseMs / 1_000)} s`);
    // It is tried each second or so: once is enough.
    else if (isNew) out.error(code, `${text}; trying again until it does`);
  }

  #dismissed({ because, text, retryMs }: DirectoryMessageOf<"dismissed">): void {
    const { out } = this.parts;
    switch (because) {
      case "replaced":
        // A client that comes back may hear only now that another came in meanwhile.
        if (this.#phase !== "up" && this.#phase !== "entering") {
          return this.giveUp("the directory says that we were replaced");
        }
        this.#enterByMs = null;
        this.close("replaced");
        this.#phase = "replaced";
        out.show({ event: "session", state: "replaced", name: this.name, guest: this.isGuest });
        return this.parts.replaced();
      case "kicked":
        this.close("kicked");
        return this.#end(
          "kicked",
          refusedText("kicked", text, "entry", retryMs),
        );
      case "forgotten":
        this.close("forgotten");
        return this.parts.forgotten();
      case "closing":
      case "slow": {
        const leastMs = Math.max(this.#pauseMs(), RETRY_MS_MIN * (1 + this.parts.random()));
        this.close(because);
        return this.#lost(
          because === "closing" ? "the directory is closing" : "too much waited for us",
          Math.max(Math.min(retryMs, RETRY_MS_MAX), leastMs),
        );
      }
    }
  }

  // Time.

  nextMs(): number | null {
    return earliestMs(this.#connection.nextMs(), this.#enterByMs);
  }

  tick(nowMs: number): void {
    if (this.#connection.takeDue()) this.dial();
    if (this.#enterByMs === null || this.#enterByMs > nowMs) return;
    this.giveUp("no answer whether we may come in");
  }

  /** A client that was in goes on trying; one that never was doesn't wait for ever, just as with a full directory. */
  get #isSilentTooLong(): boolean {
    if (this.wasUp || this.#silentSinceMs === null) return false;
    return this.parts.out.nowMs - this.#silentSinceMs >= FULL_MS_MAX;
  }

  #endsSilence(): void {
    const minutes = FULL_MS_MAX / 60_000;
    const text = `The directory hasn't answered for ${minutes} minutes whether you may come in`;
    this.#end("timeout", `${text}; try later`);
  }
}

const NOTHING_TYPED = { password: "", newPassword: "" } as const;

export const CUT_OFF_TEXT =
  "The directory's engine doesn't answer: who is online may be out of date, and broadcasts wait";

/** What a directory may lack for us, for a while. */
const LACKS = {
  full: {
    said: "there is no room",
    for: "The directory has been full",
    down: "it is full",
  },
  checking: {
    said: "there is no room",
    for: "The directory has been checking too many passwords",
    down: "it is checking too many passwords",
  },
  engine: {
    said: "its engine doesn't answer",
    for: "The directory's engine hasn't answered",
    down: "its engine doesn't answer",
  },
} as const;

type Lack = keyof typeof LACKS;

/** For a user that came in with a password, and is now refused by key. */
const OUT_TEXT = "Your password was changed, or your account is another one now: log in again";

const UNREMEMBERED_TEXT =
  "The directory cannot write to its disk, and doesn't remember this device: once it was restarted, you have to log " +
  "in with your password again";
const FORGOTTEN_TEXT = "The directory was restarted and doesn't remember this device: log in again";

function unknownText(address: string): string {
  return `No password was sent to the directory at ${address}, as its key isn't known here yet: name the key ` +
    `that its operator tells you, --registry ${address}#FINGERPRINT, or accept the one that answers with ` +
    "--trust-first";
}

/** What is wrong with this way to come in; null where nothing is. */
function entryFault(
  { how, name, password, newPassword }: Entry,
): { readonly code: ErrorCode; readonly text: string } | null {
  const fault = nameFault(name);
  if (fault !== null) return { code: "bad-name", text: `Invalid name: ${fault}` };
  if (how === "guest") return null;
  const wanted = how === "sign-up" ? password : newPassword;
  const which = how === "sign-up" ? "The password" : "The new password";
  const weak = wanted === "" && how === "log-in" ? null : weakPassword(wanted, which);
  if (weak !== null) return { code: "weak-password", text: weak };
  if (isPossiblePassword(password)) return null;
  return { code: "bad-credentials", text: "Name or password is wrong" };
}
