/**
 * A client of the directory: comes in and stays in, knows who is there, calls and is called, tells and is told.
 *
 * `directory_session.ts` is the way in and the link to the directory, `lobby.ts` who is there, `calling.ts` the one
 * call, `request_queue.ts` what the directory may refuse, `broadcast_receiver.ts` what was told to all,
 * `client_user.ts` what else the user asks. Here is where each input goes, and how it ends.
 *
 * The caller's duties are those in `client_io.ts`.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { Agenda, Deadlines, type Machine } from "../../../base/machine/machine.ts";
import { shownName } from "../../../base/text/names.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { RequestQueue } from "./request_queue.ts";
import { Calling } from "../client_calls/calling.ts";
import { PastCalls } from "../client_calls/past_calls.ts";
import type { ClientConfig, ClientEffect, ClientInput } from "../schema/client_io.ts";
import { ClientLog } from "./client_log.ts";
import { ClientOutput } from "../schema/client_output.ts";
import { ClientPath } from "../datagrams/datagram_path.ts";
import type { ClientRecord, HeardPlace } from "../schema/client_records.ts";
import { ClientUser } from "./client_user.ts";
import type { ClientCommand } from "../schema/events.ts";
import { BroadcastReceiver } from "./broadcast_receiver.ts";
import { KnownKeys } from "../lobby/known_keys.ts";
import { LEAVE_MS_MAX, LEAVE_UNTOLD_MS, SUBSCRIBED_PINS_MAX } from "../schema/limits.ts";
import { Lobby } from "../lobby/lobby.ts";
import {
  type DirectoryMessage,
  type DirectoryMessageOf,
  LEAVE_GOODBYE,
} from "../schema/messages.ts";
import { DirectorySession } from "./directory_session.ts";

/** Fraction of a queue's bound above which the input pauses. */
const FULL = 0.5;

/** Why what waits for the directory is given up when the program ends by itself: part of a sentence. */
const OUT = "you aren't logged in any more";

export class Client implements Machine<ClientInput, ClientEffect> {
  readonly out = new ClientOutput();
  readonly session: DirectorySession;
  readonly lobby: Lobby;
  readonly keys: KnownKeys;
  readonly calling: Calling;
  readonly asking: RequestQueue;
  readonly #hearing: BroadcastReceiver;
  readonly #user: ClientUser;
  readonly #past: PastCalls;
  readonly #log: ClientLog;
  readonly #path: ClientPath;
  readonly #deadlines = new Deadlines({
    /** When we leave, whatever still waits. */
    leave: () => this.#leave(),
    /** When the user is told of what takes a while. */
    told: () => this.#tellLeaving(),
  });
  readonly #agenda: Agenda;
  #pausedBecause: string | null = null;
  #unknownMessages = new UnknownMessages();
  #leaving: { readonly ref: string | undefined } | null = null;
  /** Why the program ends once no call goes on; null: it doesn't. */
  #ending: { readonly code: ErrorCode; readonly text: string } | null = null;

  constructor(
    readonly config: ClientConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const { out } = this;
    const { crypto, log, random, randomBytes } = environment;
    const { isInteractive, directory, refused, verified } = config;
    const wallMs = () => Math.max(0, Math.floor(environment.wallMs()));
    const ownKey = signer.key;
    let attempts = 0;
    const nextAttempt = () => ++attempts;
    const clientLog = this.#log = new ClientLog(config.records);
    const keys = this.keys = new KnownKeys(out, refused, verified);
    const path = this.#path = new ClientPath(directory, out);
    const session = this.session = new DirectorySession({
      config,
      out,
      log,
      random,
      nextAttempt,
      standing: () => ({
        busy: this.calling.enters(),
        seen: this.#hearing.seen(this.session.name),
      }),
      metDirectory: (key) => this.#metDirectory(key),
      entered: (message) => this.#entered(message),
      linked: (directory) => path.linked(directory),
      left: () => this.#left("directory-down"),
      replaced: () => this.#replaced(),
      forgotten: () => this.#forgotten(),
      disowned: () => this.#disowned(),
      fatal: (code, text) => this.#fatal(code, text),
    });
    const shared = { out, keys, session, wallMs };
    const hearing = this.#hearing = new BroadcastReceiver(clientLog, {
      ...shared,
      crypto,
      ownKey,
      dropped: (text, from) => log.warn("a broadcast isn't shown", { text, from }),
      acknowledge: (message, way) =>
        way === "datagram" ? path.send(message) : session.tell(message),
    });
    const isTalking = () => this.calling.call?.isTalking ?? false;
    const ownPresence = () => this.#user.presence.present;
    const lobby = this.lobby = new Lobby({ ...shared, hearing, isTalking, ownPresence });
    const past = this.#past = new PastCalls({
      ...shared,
      lobby,
      ownKey,
      call: () => this.calling.call,
      shownAgain: config.shownAgain ?? 0,
    });
    const calling = this.calling = new Calling({
      ...shared,
      lobby,
      past,
      isInteractive,
      randomBytes,
      nextAttempt,
    });
    const asking = this.asking = new RequestQueue({ ...shared, lobby, log: clientLog, signer });
    this.#user = new ClientUser({ ...shared, config, ownKey, lobby, calling, asking, hearing });
    this.#agenda = new Agenda([
      session,
      session.move.deadlines,
      lobby.deadlines,
      lobby.searching,
      calling,
      asking.deadlines,
      hearing.deadlines,
      path.deadlines,
      this.#user.presence,
      this.#deadlines,
    ]);
  }

  /** Who may be sent files at this moment: the other side of the call, over its link. */
  recipients(): ReadonlyMap<PeerKey, LinkId> {
    const { call } = this.calling;
    return call?.phase === "talking" && call.link !== null
      ? new Map([[call.link.peer, call.link.link]])
      : new Map();
  }

  /** The records of a compacted log; null where more waits to be shown than is held here. */
  snapshot(shownThrough: HeardPlace | null): readonly ClientRecord[] | null {
    return this.#log.snapshot(shownThrough);
  }

  step(input: ClientInput, nowMs: number): readonly ClientEffect[] {
    const { out } = this;
    out.begin(nowMs);
    if (out.isStopped) return out.take();
    if (out.clock.stalledMs > 0) this.calling.awoke(out.clock.stalledMs);
    this.#handle(input);
    this.#settle();
    out.clock.dueMs = out.isStopped ? null : this.#agenda.nextMs();
    return out.take();
  }

  nextDeadlineMs(): number | null {
    return this.out.clock.nextDeadlineMs();
  }

  #handle(input: ClientInput): void {
    const { session, calling } = this;
    switch (input.type) {
      case "start":
        return this.#start();
      case "enter":
        return session.entry(input.entry);
      case "link-up":
        if (session.move.isAttempt(input.attempt)) {
          return session.move.up(input.link, input.peer, input.host);
        }
        if (!session.isAttempt(input.attempt)) return calling.linkUp(input);
        this.#path.linked({ host: input.host, port: session.endpoint.port });
        return session.up(input.link, input.peer);
      case "dial-failed":
        if (session.move.isAttempt(input.attempt)) return session.move.dialFailed();
        return session.isAttempt(input.attempt)
          ? session.dialFailed(input)
          : calling.dialFailed(input.attempt);
      case "link-down":
        if (session.move.down(input.link)) return;
        if (!session.down(input.link, input.reason, input.closed)) {
          calling.linkDown(input.link, input.closed, input.reason);
        }
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
        return this.#agenda.tick(this.out.nowMs);
      default:
        return unreachable(input);
    }
  }

  #start(): void {
    const { config: { name, listening, registry, expect, pinsOf }, signer } = this;
    // Files of earlier calls are told before the directory answers.
    if (expect !== null) this.keys.load(pinsOf(expect));
    this.out.show({
      event: "ready",
      command: "peer",
      ...(name === null ? {} : { name }),
      ...listening,
      key: fingerprintOf(signer.key),
      registry,
    });
    this.#hearing.start();
    this.session.dial();
  }

  // What the session says of itself.

  #metDirectory(key: PeerKey): void {
    const pins = this.config.pinsOf(fingerprintOf(key));
    this.keys.load(pins);
    this.lobby.cares(...[...pins.keys()].slice(0, SUBSCRIBED_PINS_MAX));
  }

  #entered(message: DirectoryMessageOf<"entered">): void {
    this.#unknownMessages = new UnknownMessages();
    this.#log.hasSaid(message.said);
    this.#path.entered(message);
    this.lobby.entered();
    this.#hearing.entered(message);
    this.calling.entered();
    this.asking.entered();
    this.#user.entered();
  }

  #left(reason: "directory-down" | "replaced"): void {
    this.asking.left(); // before the lobby is told, which has who was there
    this.lobby.left();
    this.#path.left();
    this.#hearing.left();
    this.calling.directoryLeft(reason);
  }

  #replaced(): void {
    this.#left("replaced");
    const { name, isGuest } = this.session;
    const whoElse = isGuest
      ? "others have a copy of your profile: take a new one"
      : "log in again, and change the password there with /passwd";
    const text =
      `${
        shownName(name)
      } came in from somewhere else, which takes the place of this program; if that ` +
      `wasn't you, ${whoElse}`;
    this.#ending = { code: "replaced", text };
    this.asking.giveUp(OUT);
  }

  #forgotten(): void {
    const { out, asking, calling } = this;
    if (!asking.isForgetting) {
      calling.drop(true);
      return this.#fatal("not-logged-in", "Your account was removed from the directory");
    }
    calling.drop();
    out.notice(`The account ${shownName(this.session.name)} is removed`, asking.forgotten());
    asking.giveUp(OUT);
    out.bye("forgotten", this.#leaving?.ref);
  }

  #disowned(): void {
    const { out, asking, calling: { call } } = this;
    asking.giveUp(OUT);
    if (call === null) return;
    out.notice(
      `Your call with ${shownName(call.peer)} goes on; after it you are asked how to come in`,
    );
  }

  #fatal(code: ErrorCode, text: string): void {
    const { out, calling } = this;
    this.#ending = { code, text };
    this.asking.giveUp(OUT);
    if (code === "kicked") calling.drop(true);
    if (calling.call === null) return this.#endUnlessTalking();
    out.error(code, text);
    out.notice(`Your call with ${shownName(calling.call.peer)} goes on; this program ends with it`);
  }

  /**
   * Ends, unless a call goes on: a direct call needs no directory. What was said in a call that our user has ended
   * goes out first.
   */
  #endUnlessTalking(): void {
    const { out, calling, session } = this;
    if (this.#ending === null || calling.call !== null || calling.isParting) return;
    const { code, text } = this.#ending;
    calling.drop();
    session.close(LEAVE_GOODBYE);
    out.fatal(code, text);
  }

  // What comes.

  #message(link: LinkId, message: DirectoryMessage): void {
    const { session, lobby, calling, asking } = this;
    if (session.move.message(link, message)) return;
    if (link !== session.link) return calling.message(link, message);
    if (session.message(message)) return;
    if (message.type === "unknown") return void this.#isPastUnknown();
    if (!session.isUp) return session.offends(`${message.type} before entered`);
    switch (message.type) {
      case "users":
        lobby.page(message);
        return asking.othersCame();
      case "presence":
        lobby.changed(message);
        return asking.othersCame();
      case "online":
        lobby.online(message);
        return asking.othersCame();
      case "page":
        return lobby.found(message);
      case "incoming":
        lobby.cares(message.from);
        return calling.incoming(message);
      case "rings":
        lobby.cares(message.name);
        return calling.rings(message);
      case "meet":
        lobby.cares(message.name);
        return calling.meet(message);
      case "relay-on":
        return calling.relayOn(message);
      case "relay":
      case "relay-room":
        return calling.relay(message);
      case "outcome":
        return calling.outcome(message);
      case "call-at":
        return calling.callAt(message);
      case "told":
        return this.#hearing.told(message, "link");
      default:
        if (!asking.message(message)) session.offends(`${message.type}, unasked,`);
    }
  }

  #unknown(link: LinkId, code: number): void {
    if (link !== this.session.link) return this.calling.unknown(link, code);
    if (!this.#isPastUnknown()) this.out.send(link, { type: "unknown", code });
  }

  /** Counts a message of an unknown type from the directory. @returns Whether there were too many. */
  #isPastUnknown(): boolean {
    const fault = this.#unknownMessages.fault(this.out.nowMs);
    if (fault !== null) this.session.offends(fault);
    return fault !== null;
  }

  #datagram({ from, bytes }: Extract<ClientInput, { readonly type: "datagram" }>): void {
    const message = this.#path.open(from, bytes);
    if (message?.type === "told") this.#hearing.told(message, "datagram");
  }

  // What the user asks.

  #command(command: ClientCommand, ref: string | undefined): void {
    const { out, calling, lobby } = this;
    const user = this.#user;
    switch (command.command) {
      case "list":
        return lobby.list(command.part, ref);
      case "more":
        return lobby.more(ref);
      case "broadcast":
        return user.broadcast(command.text, ref);
      case "call":
        return user.call(command.name, ref);
      case "call-address":
        return user.callAt(command, ref);
      case "accept":
        return calling.accept(command.name, ref);
      case "decline":
        return calling.decline(command.reason, ref);
      case "cancel":
        return calling.cancel(ref);
      case "hang-up":
        return calling.hangUp(ref);
      case "say":
        return calling.say(command.text, ref);
      case "missed":
        return out.show({ event: "missed", calls: calling.missedCalls }, ref);
      case "history":
        return this.#past.ask(command, ref);
      case "passwd":
        return user.changePassword(command.old, command.new, ref);
      case "forget-me":
        return user.forgetMe(command.password, ref);
      case "presence":
        return user.say(command.change, ref);
      case "status":
        return user.status(ref);
      case "refuse":
        return user.refuse(command.name, command.key);
      case "unrefuse":
        // A program that has refused its directory has ended.
        return this.keys.unrefuse(command.name, command.key);
      case "verify":
        return user.verify(command, ref);
      case "whois":
        return user.whois(command.name, ref);
      case "trust":
        return user.trust(command.name, ref);
      case "quit":
        if (this.#leaving !== null) return;
        this.#leaving = { ref };
        return;
      default:
        return unreachable(command);
    }
  }

  // After each step.

  #settle(): void {
    this.#endUnlessTalking();
    if (this.out.isStopped) return;
    if (this.#leaving !== null) this.#goOnLeaving();
    else if (this.calling.call === null && !this.calling.isParting) this.session.askAnew();
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

  /**
   * A call that waits for its answer, lines said in a call, and broadcasts go out first; we also wait to hear whom
   * those reached.
   */
  #goOnLeaving(): void {
    const { out, calling, asking } = this;
    calling.leave();
    asking.hurry();
    const { call } = calling;
    // A call that isn't connected ends within its own bounds.
    if (call !== null && !call.isTalking) return this.#deadlines.clear("leave");
    if (this.#deadlines.get("leave") === null) {
      this.#deadlines.set("leave", out.nowMs + LEAVE_MS_MAX);
      this.#deadlines.set("told", out.nowMs + LEAVE_UNTOLD_MS);
    }
    if (call !== null || asking.size > 0 || calling.isParting) return;
    // As far as we know, a directory that is gone won't report it any more.
    if (!(this.session.isUp && asking.isReaching)) this.#leave();
  }

  #tellLeaving(): void {
    const { out, calling, asking } = this;
    if (calling.call !== null || (asking.size === 0 && !asking.isReaching)) return;
    const restMs = LEAVE_MS_MAX - LEAVE_UNTOLD_MS;
    const what = asking.size > 0
      ? "the directory has what waits for it"
      : "it is known whom your broadcasts have reached";
    out.notice(`Leaving when ${what}, or in ${restMs / 1_000} s`);
  }

  #leave(): void {
    const { out, session, calling, asking } = this;
    if (out.isStopped) return;
    asking.giveUp("you left before");
    calling.drop();
    session.close(LEAVE_GOODBYE);
    out.bye("quit", this.#leaving?.ref);
  }
}
