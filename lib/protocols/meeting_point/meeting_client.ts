/**
 * A visitor of one meeting point: keeps a link to it as long as it is of use, registers this member there, and asks for
 * streams. Whatever the meeting point says or sends, nobody is taken for somebody else: each stream carries a handshake
 * of the two ends.
 */

import type { Environment } from "../../base/machine/environment.ts";
import type { Bytes } from "../../base/crypto/crypto.ts";
import type { RoomId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { roomTagAt } from "./room_tag.ts";
import type { KeyChange, PinEffect } from "../../base/machine/mode_machine.ts";
import { Agenda, Deadlines, type Machine, whenDue } from "../../base/machine/machine.ts";
import { UnknownMessages } from "../../base/machine/unknown_messages.ts";
import { ServerConnection } from "../../base/trust/server_connection.ts";
import type { Server } from "../../base/trust/server_key.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { quotedStart, visibleText } from "../../base/text/text.ts";
import { ClientStreams } from "./client_streams.ts";
import { REPLACED_MS, RETRY_MS_MAX, RETRY_MS_MIN, UNUSED_MS } from "./limits.ts";
import type { MeetingState, VisitorEffect, VisitorInput } from "./meeting_io.ts";
import type { MeetingMessage } from "./messages.ts";

type InputOf<Type> = Extract<VisitorInput, { readonly type: Type }>;

const GONE = "the meeting point is gone";
const FULL = "the meeting point takes no more visitors, in all or from this address";
const NO_MEETING_POINT =
  "no meeting point answers there; a directory is one that was started with --meeting-point";

export class MeetingClient implements Machine<VisitorInput, VisitorEffect> {
  readonly #connection: ServerConnection;
  readonly #streams: ClientStreams;
  readonly #deadlines = new Deadlines({
    /** When the link is closed, as nobody needs it. */
    unused: () => this.#leaveUnused(),
    /** When we try to register again where that was refused. */
    again: () => this.#register(),
  });
  readonly #agenda: Agenda;
  #unknown = new UnknownMessages();
  /** The room in which others may reach us; null: nobody may. */
  #room: RoomId | null = null;
  #isRegistered = false;
  #numbers: readonly number[] = [];
  #attempt = 0;
  #told: { readonly state: MeetingState; readonly failure: string | null } = {
    state: "away",
    failure: null,
  };
  /** Why we aren't registered though the meeting point is there, or was. */
  #refusal: string | null = null;
  #nowMs = 0;
  readonly #keyOutput = {
    nowMs: 0,
    push: (effect: PinEffect) => this.#out.push(effect),
    keyChanged: (changed: KeyChange, text: string) =>
      this.#out.push({ type: "key-changed", changed, text }),
  };
  #out: VisitorEffect[] = [];

  constructor(server: Server, readonly environment: Pick<Environment, "random" | "crypto">) {
    this.#connection = new ServerConnection(server, {
      out: this.#keyOutput,
      random: () => environment.random(),
      dial: (expect, endpoint) => {
        const attempt = ++this.#attempt;
        this.#out.push({ type: "dial", attempt, endpoint, expect });
        return attempt;
      },
      close: (link, reason) => this.#out.push({ type: "close", link, reason }),
    }, { minMs: RETRY_MS_MIN, maxMs: RETRY_MS_MAX });
    this.#streams = new ClientStreams({
      tagOf: (room) => this.#tagOf(room),
      send: (message) => this.#send(message),
      emit: (effect) => this.#out.push(effect),
    });
    this.#agenda = new Agenda([
      whenDue(() => this.#connection.nextMs(), () => this.#dialDue()),
      whenDue(() => this.#streams.nextMs, (nowMs) => this.#streams.tick(nowMs)),
      this.#deadlines,
    ]);
  }

  /** Whether another key than the expected one was shown to the user, who may accept it. */
  get hasStrangeKey(): boolean {
    return this.#connection.key.strange !== null;
  }

  /** Whether others can reach us there now. */
  get isRegistered(): boolean {
    return this.#isRegistered;
  }

  step(input: VisitorInput, nowMs: number): readonly VisitorEffect[] {
    this.#out = [];
    this.#nowMs = this.#keyOutput.nowMs = nowMs;
    this.#handle(input);
    this.#watchUse();
    this.#tell();
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
  }

  #handle(input: VisitorInput): void {
    switch (input.type) {
      case "register":
        this.#room = input.room;
        if (this.#connection.link !== null) this.#register();
        else if (this.#connection.nextMs() === null) this.#connection.dial();
        return;
      case "numbers":
        this.#numbers = input.numbers;
        if (this.#isRegistered) this.#sendNumbers();
        return;
      case "connect":
        return this.#connect(input);
      case "link-up":
        return this.#up(input);
      case "dial-failed":
        return this.#dialFailed(input);
      case "link-down":
        if (!this.#connection.down(input.link)) return;
        if (input.reason === "full") this.#refusal = FULL;
        return this.#lost(GONE);
      case "message":
        if (input.link === this.#connection.link) this.#message(input.message);
        return;
      case "unknown-message":
        if (input.link === this.#connection.link) this.#unknownMessage(input.code);
        return;
      case "bytes":
        return this.#streams.send(input.stream, input.bytes);
      case "taken":
        return this.#streams.taken(input.stream, input.bytes);
      case "over":
        return this.#streams.over(input.stream);
      case "trust":
        this.#connection.trust();
        return;
      case "tick":
        return this.#agenda.tick(this.#nowMs);
      default:
        return unreachable(input);
    }
  }

  // The link.

  #dialDue(): void {
    if (this.#connection.takeDue() && this.#isWanted) this.#connection.dial();
  }

  get #isWanted(): boolean {
    return this.#room !== null || this.#streams.isUsed;
  }

  #up({ link, peer, attempt }: InputOf<"link-up">): void {
    if (!this.#connection.isAttempt(attempt)) {
      this.#out.push({ type: "close", link, reason: "not needed any more" });
      return;
    }
    if (!this.#connection.up(link, peer)) return;
    this.#connection.key.proved(peer);
    this.#unknown = new UnknownMessages();
    if (this.#room === null) this.#connection.succeeded();
    else this.#register();
    this.#streams.ask();
  }

  #dialFailed(failure: InputOf<"dial-failed">): void {
    const strange = this.#connection.strangeKey(failure);
    if (!this.#connection.dialFailed(failure)) return;
    if (strange !== null) this.#connection.key.met(strange);
    this.#refusal = failure.reason === "wrong-mode" ? NO_MEETING_POINT : null;
    this.#lost(this.#unreachableText());
  }

  #unreachableText(): string {
    return `the meeting point can't be reached: ${this.#failure ?? "no answer"}`;
  }

  get #failure(): string | null {
    return this.#refusal ?? this.#connection.failure;
  }

  #lost(text: string): void {
    this.#isRegistered = false;
    this.#streams.lost(text);
    if (this.#room !== null && this.#connection.nextMs() === null) {
      this.#connection.retryIn(this.#connection.nextPauseMs());
    }
  }

  /** The meeting point breaks the rules: it is dialled again after a pause. */
  #leave(reason: string): void {
    this.#refusal = `it ${reason}`;
    this.#connection.close(reason);
    this.#lost(GONE);
  }

  #watchUse(): void {
    if (this.#isWanted || this.#connection.link === null) this.#deadlines.clear("unused");
    else this.#deadlines.setEarliest("unused", this.#nowMs + UNUSED_MS);
  }

  #leaveUnused(): void {
    this.#connection.close("not needed any more");
  }

  #tell(): void {
    const { link, peer } = this.#connection;
    const state = this.#isRegistered ? "registered" : link === null ? "away" : "up";
    const failure = this.#isRegistered ? null : this.#failure;
    if (state === this.#told.state && failure === this.#told.failure) return;
    this.#told = { state, failure };
    const key = peer === null ? null : fingerprintOf(peer);
    this.#out.push({ type: "state", state, failure, key });
  }

  // What we say.

  #send(message: MeetingMessage): void {
    const { link } = this.#connection;
    if (link !== null) this.#out.push({ type: "send", link, message });
  }

  #register(): void {
    this.#isRegistered = false;
    this.#deadlines.clear("again");
    this.#send({ type: "register", room: this.#tagOf(this.#room!) });
  }

  #tagOf(room: RoomId): Bytes {
    return roomTagAt(this.environment.crypto, fingerprintOf(this.#connection.peer!), room);
  }

  #sendNumbers(): void {
    this.#send({ type: "numbers", numbers: [...this.#numbers] });
  }

  /** A meeting point that is gone isn't dialled for each stream: where it is dialled again later, there is none now. */
  #connect({ call, callee }: InputOf<"connect">): void {
    if (!this.#streams.call(call, callee, this.#nowMs)) return;
    if (this.#connection.link !== null) return this.#streams.ask();
    if (this.#connection.nextMs() === null) this.#connection.dial();
    else this.#streams.lost(this.#unreachableText());
  }

  // What it says.

  #message(message: MeetingMessage): void {
    const fault = this.#heard(message);
    if (fault !== null) this.#leave(fault);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  #heard(message: MeetingMessage): string | null {
    switch (message.type) {
      case "registered":
        if (this.#room === null) return "registered us unasked";
        this.#isRegistered = true;
        this.#refusal = null;
        this.#connection.succeeded();
        if (this.#numbers.length > 0) this.#sendNumbers();
        return null;
      case "numbered":
        this.#out.push({ type: "numbered", numbers: message.numbers });
        return null;
      case "opened":
        this.#streams.opened(message.stream);
        return null;
      case "refused":
        this.#refused(message);
        return null;
      case "incoming":
        return this.#room === null ? "brought a stream unasked" : this.#streams.incoming(message);
      case "bytes":
        return this.#streams.received(message.stream, message.bytes);
      case "room":
        this.#streams.room(message.stream, message.bytes);
        return null;
      case "close":
        this.#streams.ended(message.stream, visibleText(message.reason));
        return null;
      case "unknown":
        return this.#unknown.fault(this.#nowMs);
      case "register":
      case "numbers":
      case "connect":
      case "connect-number":
        return `sent ${message.type}, which only a visitor does`;
      default:
        return unreachable(message);
    }
  }

  #refused(
    { stream, code, text }: Extract<MeetingMessage, { readonly type: "refused" }>,
  ): void {
    if (stream !== null) return this.#streams.refused(stream, code, said(text));
    this.#refusal = said(text);
    this.#isRegistered = false;
    const pauseMs = code === "replaced" ? REPLACED_MS : this.#connection.nextPauseMs();
    this.#deadlines.set("again", this.#nowMs + pauseMs);
  }

  #unknownMessage(code: number): void {
    const fault = this.#unknown.fault(this.#nowMs);
    if (fault !== null) return this.#leave(fault);
    this.#send({ type: "unknown", code });
  }
}

/** What a meeting point says, as its words. */
function said(text: string): string {
  return `the meeting point says ${quotedStart(text)}`;
}
