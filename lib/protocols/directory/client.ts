/**
 * A client of the directory: comes in and stays in, knows who is there, calls and is called, tells and is told.
 *
 * `session.ts` is the way in and the link to the directory, `lobby.ts` who is there, `calling.ts` the one call,
 * `asking.ts` what the directory may refuse, `hearing.ts` what was told to all. Here is where each input goes, and
 * what the user asks.
 *
 * The caller's duties are those in `client_io.ts`.
 */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { Deadlines, earliestMs, type Machine } from "../../base/machine.ts";
import { stalledMs } from "../../base/mode_machine.ts";
import { foldName } from "../../base/names.ts";
import { didYouMean } from "../../base/nearest.ts";
import { isPossiblePassword, normalPassword, weakPassword } from "../../base/passwords.ts";
import { checkedMessage, MESSAGE_BYTES_MAX, tooLong, utf8Length } from "../../base/text.ts";
import { Asking } from "./asking.ts";
import { Calling } from "./calling.ts";
import type { ClientConfig, ClientEffect, ClientInput } from "./client_io.ts";
import { ClientLog } from "./client_log.ts";
import { ClientOutput } from "./client_output.ts";
import { ClientPath } from "./client_path.ts";
import type { ClientRecord, HeardPlace } from "./client_records.ts";
import { statusView } from "./client_view.ts";
import { type ClientCommand, DIRECTORY_NAME } from "./events.ts";
import { Hearing } from "./hearing.ts";
import { KnownKeys } from "./known_keys.ts";
import { LEAVE_MS_MAX } from "./client_limits.ts";
import { UNKNOWN_MESSAGES_MAX } from "./limits.ts";
import { Lobby } from "./lobby.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "./messages.ts";
import { MissedCalls } from "./missed_calls.ts";
import { Session } from "./session.ts";

const DEADLINES = ["leave"] as const;

/** The input pauses when so much of what may wait does. */
const FULL = 0.5;

export class Client implements Machine<ClientInput, ClientEffect> {
  // Shared with the parts; each is bounded by itself.
  readonly out = new ClientOutput();
  readonly session: Session;
  readonly lobby: Lobby;
  readonly keys: KnownKeys;
  readonly missed: MissedCalls;
  readonly calling: Calling;
  readonly asking: Asking;
  readonly hearing: Hearing;
  readonly verified: Set<ReturnType<typeof fingerprintOf>>;
  readonly random: () => number;
  readonly randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
  readonly #log: ClientLog;
  readonly #path: ClientPath;
  readonly #deadlines = new Deadlines(DEADLINES);
  #attempts = 0;
  #mayBroadcast = true;
  #pausedBecause: string | null = null;
  #unknownMessages = 0;
  #leaving: { readonly ref: string | undefined } | null = null;
  #lastStepMs = 0;
  #dueMs: number | null = null;

  constructor(
    readonly config: ClientConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const { out } = this;
    this.random = environment.random;
    this.randomBytes = environment.randomBytes;
    this.verified = new Set(config.verified);
    this.#log = new ClientLog(config.records);
    this.lobby = new Lobby(out);
    this.keys = new KnownKeys(out);
    this.missed = new MissedCalls(environment.wallMs);
    this.session = new Session(config, this);
    this.#path = new ClientPath(config.directory, out);
    this.calling = new Calling(this);
    this.asking = new Asking(this);
    this.hearing = new Hearing(this.#log, this);
  }

  /** For a compacted log; null where more waits to be shown than is held here. */
  snapshot(shownThrough: HeardPlace | null): readonly ClientRecord[] | null {
    return this.#log.snapshot(shownThrough);
  }

  step(input: ClientInput, nowMs: number): readonly ClientEffect[] {
    const { out } = this;
    out.begin(nowMs);
    if (out.isStopped) return out.take();
    const delayMs = stalledMs(this.#dueMs, this.#lastStepMs, nowMs);
    this.#lastStepMs = nowMs;
    if (delayMs > 0) { for (const part of this.#timed) part.postpone(delayMs); }
    this.#handle(input);
    this.#settle();
    this.#dueMs = out.isStopped
      ? null
      : earliestMs(this.#deadlines.nextMs(), ...this.#timed.map((part) => part.nextMs()));
    return out.take();
  }

  nextDeadlineMs(): number | null {
    return this.#dueMs;
  }

  get #timed() {
    return [
      this.session,
      this.lobby,
      this.calling,
      this.asking,
      this.hearing,
      this.#path,
      this.#deadlines,
    ];
  }

  #handle(input: ClientInput): void {
    const { session, calling } = this;
    switch (input.type) {
      case "start":
        return this.#start();
      case "enter":
        return session.entry(input.entry);
      case "link-up":
        if (!session.isAttempt(input.attempt)) return calling.linkUp(input);
        this.#path.linked(input.host);
        return session.up(input.link, input.peer);
      case "dial-failed":
        return session.isAttempt(input.attempt)
          ? session.dialFailed(input.attempt, input)
          : calling.dialFailed(input.attempt);
      case "link-down":
        if (!session.down(input.link, input.reason)) calling.linkDown(input.link, input.closed);
        return;
      case "congested":
        return calling.congested(input.link);
      case "drained":
        return calling.drained(input.link);
      case "message":
        return this.#message(input.link, input.message);
      case "unknown-message":
        return this.#unknown(input.link, input.code);
      case "datagram":
        return this.#datagram(input);
      case "relayed":
        return calling.relayed(input.call, input.bytes);
      case "relay-taken":
        return calling.relayTaken(input.call, input.bytes);
      case "persisted":
        return this.out.persisted(input.token);
      case "persist-failed":
        return this.out.persistFailed(input.token, input.text);
      case "command":
        return this.#command(input.command, input.ref);
      case "tick":
        return this.#tick();
      default:
        return unreachable(input);
    }
  }

  #start(): void {
    const { config: { name, listening, registry }, signer } = this;
    this.out.show({
      event: "ready",
      command: "peer",
      ...(name === null ? {} : { name }),
      ...listening,
      key: fingerprintOf(signer.key),
      registry,
    });
    this.hearing.start();
    this.session.dial();
  }

  #tick(): void {
    this.session.tick();
    this.lobby.tick();
    this.calling.tick();
    this.asking.tick();
    this.hearing.tick();
    this.#path.tick();
    if (this.#deadlines.takeDue(this.out.nowMs).length > 0) this.#leave();
  }

  // What the parts ask of each other.

  get isInteractive(): boolean {
    return this.config.isInteractive;
  }

  get isUp(): boolean {
    return this.session.isUp;
  }

  get selfName(): string {
    return this.session.name;
  }

  nextAttempt(): number {
    return ++this.#attempts;
  }

  standing(): Pick<DirectoryMessageOf<"enter">, "talking" | "seen"> {
    return { talking: this.calling.enters(), seen: this.hearing.seen(this.session.name) };
  }

  metDirectory(key: PeerKey): void {
    this.keys.load(this.config.pinsOf(key));
  }

  entered(message: DirectoryMessageOf<"entered">): void {
    this.#mayBroadcast = message.mayBroadcast;
    this.#unknownMessages = 0;
    this.#path.entered(message);
    this.hearing.entered(message);
    this.calling.entered();
    this.asking.pump();
  }

  left(): void {
    this.lobby.left();
    this.#path.left();
    this.hearing.left();
    this.asking.left();
    this.calling.directoryLeft();
  }

  replaced(): void {
    this.left();
    if (this.calling.call === null) this.#replaced();
  }

  #replaced(): void {
    const text = "Your account came in from somewhere else, which takes its place";
    this.fatal("replaced", text);
  }

  forgotten(): void {
    if (!this.asking.isForgetting) {
      return this.fatal("not-logged-in", "Your account was removed from the directory");
    }
    this.calling.drop();
    this.out.bye("forgotten", this.#leaving?.ref);
  }

  fatal(code: ErrorCode, text: string): void {
    this.calling.drop();
    this.out.fatal(code, text);
  }

  tell(message: DirectoryMessage): void {
    const { link, isUp } = this.session;
    if (isUp && link !== null) this.out.send(link, message);
  }

  acknowledge(message: DirectoryMessageOf<"got">, way: "link" | "datagram"): void {
    if (way === "datagram") this.#path.send(message);
    else this.tell(message);
  }

  enterAnew(): void {
    this.session.renew("a call goes on");
  }

  unanswered(): void {
    this.session.giveUp("no answer");
  }

  offends(text: string): void {
    this.environment.log.warn("the directory breaks the protocol", { text });
    this.session.offends(text);
  }

  // What comes.

  #message(link: LinkId, message: DirectoryMessage): void {
    const { session, lobby, calling, hearing } = this;
    if (link !== session.link) return calling.message(link, message);
    if (session.message(message) || message.type === "unknown") return;
    if (!session.isUp) return this.offends(`${message.type} before entered`);
    switch (message.type) {
      case "users":
        return lobby.page(message);
      case "presence":
        return lobby.changed(message);
      case "incoming":
        return calling.incoming(message);
      case "meet":
        return calling.meet(message);
      case "relay-on":
        return calling.relayOn(message.call.toHex());
      case "relay":
      case "relay-room":
        return calling.relay(message);
      case "outcome":
        return calling.outcome(message);
      case "missed":
        return calling.missed(message);
      case "told":
        return hearing.told(message, "link");
      default:
        if (!this.asking.message(message)) this.offends(`${message.type}, unasked,`);
    }
  }

  #unknown(link: LinkId, code: number): void {
    if (++this.#unknownMessages > UNKNOWN_MESSAGES_MAX) {
      if (link === this.session.link) return this.offends("so much that isn't understood");
      return this.out.close(link, "too much that isn't understood");
    }
    this.out.send(link, { type: "unknown", code });
  }

  #datagram({ from, bytes }: Extract<ClientInput, { readonly type: "datagram" }>): void {
    const message = this.#path.open(from, bytes);
    if (message?.type === "told") this.hearing.told(message, "datagram");
  }

  // What the user asks.

  #command(command: ClientCommand, ref: string | undefined): void {
    const { out, calling, lobby } = this;
    switch (command.command) {
      case "list":
        return lobby.show(command.part, ref);
      case "broadcast":
        return this.#broadcast(command.text, ref);
      case "call":
        return calling.ring(command.name, ref);
      case "call-address":
        return calling.ringAt(command, ref);
      case "accept":
        return calling.accept(ref);
      case "decline":
        return calling.decline(command.reason, ref);
      case "cancel":
        return calling.cancel(ref);
      case "hang-up":
        return calling.hangUp(ref);
      case "say":
        return calling.say(command.text, ref);
      case "missed":
        return out.show({ event: "missed", calls: this.missed.calls }, ref);
      case "passwd":
        return this.#changePassword(command.old, command.new, ref);
      case "forget-me":
        return this.#forgetMe(command.password, ref);
      case "status":
        return this.#status(ref);
      case "verify":
        return this.#verify(command.name, ref);
      case "trust":
        return this.#trust(command.name, ref);
      case "quit":
        if (this.#leaving !== null) return;
        this.#leaving = { ref };
        return;
      default:
        return unreachable(command);
    }
  }

  #broadcast(text: string, ref: string | undefined): void {
    const { out } = this;
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > MESSAGE_BYTES_MAX) return out.error("too-long", tooLong(bytes).message, ref);
    if (!this.#isIn("Nothing was sent", ref)) return;
    if (!this.#mayBroadcast) {
      const text = "Nothing was sent: this directory doesn't let you tell all";
      return out.error("not-allowed", text, ref);
    }
    this.asking.broadcast(checkedMessage(text), ref);
    if (!this.isUp && this.asking.size === 1) {
      out.notice("Kept, and told to all when the directory is back", ref);
    }
  }

  /** Whether we are in, or will be again. */
  #isIn(what: string, ref: string | undefined): boolean {
    const { session, out } = this;
    if (session.wasUp && !session.isReplaced) return true;
    out.error("not-logged-in", `${what}: you aren't logged in`, ref);
    return false;
  }

  #changePassword(old: string, fresh: string, ref: string | undefined): void {
    const { out } = this;
    if (!this.#hasAccount("The password isn't changed", ref)) return;
    const weak = weakPassword(fresh, "The new password");
    if (weak !== null) return out.error("weak-password", weak, ref);
    if (!isPossiblePassword(old)) return this.#isWrong("The password isn't changed", ref);
    const request = { old: normalPassword(old), new: normalPassword(fresh) };
    this.asking.ask({ type: "change-password", ...request }, ref);
  }

  #forgetMe(password: string, ref: string | undefined): void {
    if (!this.#hasAccount("Nothing is removed", ref)) return;
    if (!isPossiblePassword(password)) return this.#isWrong("Nothing is removed", ref);
    this.asking.ask({ type: "forget-me", password: normalPassword(password) }, ref);
  }

  #hasAccount(what: string, ref: string | undefined): boolean {
    if (!this.isUp) {
      this.out.error("not-logged-in", `${what}: you aren't in the directory now`, ref);
    } else if (this.session.isGuest) {
      this.out.error("not-logged-in", `${what}: a guest has no account`, ref);
    } else return true;
    return false;
  }

  #isWrong(what: string, ref: string | undefined): void {
    this.out.error("bad-credentials", `${what}: the password is wrong`, ref);
  }

  #status(ref: string | undefined): void {
    const { session, config, signer, calling, lobby, asking, hearing, out } = this;
    const view = statusView({
      name: session.name,
      key: signer.key,
      registry: config.registry,
      session: session.state,
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

  #verify(name: string, ref: string | undefined): void {
    const { out, keys, session, signer: { key: ownKey } } = this;
    if (foldName(name) === foldName(this.selfName)) {
      const text = `${name} is you: /verify somebody else, to compare digits with them`;
      return out.error("unknown-user", text, ref);
    }
    const isDirectory = name === DIRECTORY_NAME;
    const peerKey = isDirectory ? session.peer : keys.find(name)?.key ?? null;
    if (peerKey === null) return this.#unmet("verify", name, ref);
    const key = fingerprintOf(peerKey);
    this.verified.add(key);
    const shown = isDirectory ? DIRECTORY_NAME : keys.find(name)!.name;
    out.show({ event: "verify", name: shown, key, ownKey, peerKey }, ref);
  }

  #trust(name: string, ref: string | undefined): void {
    const { out, keys, session } = this;
    if (name === DIRECTORY_NAME) {
      const key = session.trust();
      const text = key === null
        ? "No other key of the directory was met"
        : `The directory's key is ${fingerprintOf(key)} from now on`;
      return out.notice(text, ref);
    }
    const trusted = keys.trust(name);
    if (trusted !== null) {
      const key = fingerprintOf(trusted.key);
      return out.notice(`${trusted.name}'s key is ${key} from now on; call again`, ref);
    }
    if (keys.find(name) === null) return this.#unmet("trust", name, ref);
    out.notice(`No other key of ${name} was met`, ref);
  }

  #unmet(command: string, name: string, ref: string | undefined): void {
    const hint = didYouMean(name, this.keys.names(), (known) => `/${command} ${known}`);
    const advice = hint ||
      (command === "trust"
        ? "; call them: where their key is another one you are told, and can accept it then"
        : "; a call names the keys of both");
    const text =
      `Cannot ${command} ${name}: since the start there was no call with anybody of that name${advice}`;
    this.out.error("unknown-user", text, ref);
  }

  // After each step.

  #settle(): void {
    const { out, session, calling } = this;
    if (out.isStopped) return;
    if (session.isReplaced && calling.call === null) return this.#replaced();
    if (this.#leaving !== null) this.#goOnLeaving();
    this.#pauseInput();
  }

  #pauseInput(): void {
    const { session, config, calling, asking } = this;
    const { call } = calling;
    let because: string | null = null;
    if (!config.isInteractive && !session.wasUp) because = "coming in";
    else if (call?.endsAfterLines) because = `waiting for the end of the call with ${call.peer}`;
    else if (call !== null && call.lines.fill > FULL) because = `waiting for ${call.peer}`;
    else if (asking.fill > FULL) because = "waiting for the directory";
    if (because === this.#pausedBecause) return;
    this.#pausedBecause = because;
    this.out.push({ type: "input", pausedBecause: because });
  }

  /** A call that waits for its answer, what was said in one, and what is to be told to all, go out first. */
  #goOnLeaving(): void {
    const { out, calling, asking } = this;
    calling.leave();
    const { call } = calling;
    // Its own bounds end a call that isn't connected.
    if (call !== null && !call.isTalking) return this.#deadlines.clear("leave");
    if (this.#deadlines.get("leave") === null) {
      this.#deadlines.set("leave", out.nowMs + LEAVE_MS_MAX);
    }
    if (call === null && asking.size === 0 && !calling.isParting) this.#leave();
  }

  #leave(): void {
    const { out, session, calling, asking } = this;
    if (out.isStopped) return;
    const { size } = asking;
    if (size > 0) {
      out.notice(`${size === 1 ? "1 broadcast wasn't" : `${size} broadcasts weren't`} sent`);
    }
    calling.drop();
    session.close("quit");
    out.bye("quit", this.#leaving?.ref);
  }
}
