/**
 * A page that is open in a browser: it proves itself, and is shown what happens from where it was. One that takes less
 * than it is shown gets it later; of what is no longer kept by then it is told that it misses some.
 */

import { imitationsAfter } from "../../base/text/names.ts";
import type { Clock } from "../../base/machine/clock.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import type { Begun, QuestionsView } from "../commands/open_questions.ts";
import { askedBy } from "../commands/question_kinds.ts";
import type { DoorEvent, DoorHost } from "../doors/door.ts";
import { isSameSecret, proofOf, type Proved } from "./page_proofs.ts";
import { CLOSED, type PageSocket } from "./page_socket.ts";
import { harmless, messageIn, PAGE_PROTOCOL } from "./window_messages.ts";
import type { Refusal, WindowMessage } from "./window_messages.ts";

/** Messages of one window: more than anybody types, pastes or clicks. */
const MESSAGES_PER_S = 20;
const MESSAGES_BURST = 100;
/** While so much waits for the browser, no more events are given to the socket: what it asks has room beside them. */
const EVENTS_WAITING_BYTES_MAX = 512 * 1_024;
/** Events, and characters of them, in one message: so that a page shows the first while it is sent the others. */
const EVENTS_AT_ONCE = 64;
const CHARACTERS_AT_ONCE = 128 * 1_024;
/** What a browser can offer in a list. */
const NAMES_MAX = 5_000;
/** Names that have a mark, in one message. */
const MARKED_AT_ONCE = 1_000;

/** The server, as its windows see it. */
export interface WindowSite {
  readonly parts: { readonly host: DoorHost; readonly clock: Clock; readonly token: string } & {
    /** An unpredictable text of 43 characters. */
    readonly secret: () => string;
  };
  readonly port: number;
  /** Names this run of the program. */
  readonly run: string;
  /** What every window is told of the program when it comes in. */
  readonly welcome: Readonly<Record<string, unknown>>;
  /** How far something is that goes on; null: nothing does. */
  readonly progressText: string | null;
  /** The event as that window is shown it, as JSON; null: it isn't for it. */
  textOf(event: DoorEvent, window: string): string | null;
  /** The window has proved itself. @returns Why it can't come in; null: it is in. */
  admit(window: PageWindow): Refusal | null;
  left(window: PageWindow): void;
}

export class PageWindow {
  /** Empty until it has logged in. */
  id = "";
  /** For uploads. */
  readonly ticket: string;
  readonly #asking: QuestionsView;
  #begun: Begun;
  readonly #rate = new TokenBucket(MESSAGES_PER_S, MESSAGES_BURST);
  /** What is waited for; `in`: whatever there is. */
  #step: "hello" | "login" | "in" = "hello";
  #proved: Proved;
  /** The last event that it was shown. */
  #lastId = 0;
  /** So many of the names that have a mark it has been told of. */
  #marked = 0;
  /** Which events were kept when it came in: see `DoorHost.wholeFrom`. */
  #wholeFrom = 0;
  /** What it is to be told besides events, by kind, once it has taken what waits. */
  readonly #untold = new Map<string, string>();

  /** @param settle Called once it has proved itself, and has its place. */
  constructor(
    readonly socket: PageSocket,
    readonly server: WindowSite,
    readonly settle: () => void,
  ) {
    const { host, secret } = server.parts;
    this.#asking = host.questions.view({
      hasPrompt: true,
      isNeverSaid: true,
      rest: () => "first read it to its end, above the message box",
    });
    this.#begun = this.#asking.unbegun;
    this.ticket = secret();
    this.#proved = { port: server.port, page: "", program: secret() };
    socket.ports = {
      message: (text) => this.#message(text),
      drained: () => this.#drained(),
      closed: () => server.left(this),
    };
  }

  /** Shows it what it hasn't been shown, as far as it keeps up. */
  pump(): void {
    const { host } = this.server.parts;
    if (this.#step !== "in") return;
    this.#mark();
    while (this.#lastId < host.lastId && this.#keepsUp) {
      if (host.wholeFrom > this.#wholeFrom && host.wholeFrom > this.#lastId + 1) {
        return this.socket.close(CLOSED.later, "It has fallen too far behind");
      }
      this.#sendEvents();
    }
  }

  /** Tells it which names have a mark, before it is shown them: as the console, which has found that. */
  #mark(): void {
    while (this.#keepsUp) {
      const { names, known } = imitationsAfter(this.#marked, MARKED_AT_ONCE);
      if (names.length === 0) return;
      this.#marked = known;
      this.#send({ type: "marked", names });
    }
  }

  #sendEvents(): void {
    const { host, clock } = this.server.parts;
    const { events, last } = host.after(this.#lastId, EVENTS_AT_ONCE);
    const texts: string[] = [];
    let characters = 0;
    this.#lastId = last;
    for (const event of events) {
      const text = this.server.textOf(event, this.id);
      if (text === null) continue;
      const asked = askedBy(event.fields);
      // How much of it the window shows isn't known.
      if (asked !== null) this.#asking.shows(asked.id, clock.nowMs(), new Set([0]));
      if (characters > 0 && characters + text.length > CHARACTERS_AT_ONCE) {
        this.#lastId = event.id - 1;
        break;
      }
      characters += text.length;
      texts.push(text);
    }
    const message = `{"type":"events","last":${this.#lastId},"events":[${texts.join(",")}]}`;
    this.socket.send(message); // without events: those are of other windows
  }

  /** Tells it something of which only the last counts. @param message An object with that `type`. */
  tell(message: { readonly type: string; readonly [more: string]: unknown }): void {
    if (this.#step !== "in") return;
    this.#untold.delete(message.type);
    if (this.#keepsUp) this.#send(message);
    else this.#untold.set(message.type, harmless(message));
  }

  get #keepsUp(): boolean {
    return this.socket.waitingBytes < EVENTS_WAITING_BYTES_MAX && !this.socket.isClosed;
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    this.socket.send(harmless(message));
  }

  /** @param status With which it is closed; null: it may go on. */
  refuse(refusal: Refusal, status: number | null): void {
    const message = { type: "refused", ...refusal };
    if (status === null) this.#send(message);
    else this.socket.close(status, refusal.text, harmless(message));
  }

  close(): void {
    this.socket.close(CLOSED.away, "The program has ended");
  }

  #drained(): void {
    for (const text of this.#untold.values()) this.socket.send(text);
    this.#untold.clear();
    this.pump();
  }

  #message(text: string): void {
    const message = messageIn(text);
    const status = this.#step === "in" ? null : CLOSED.refused;
    if (!this.#rate.take(this.server.parts.clock.nowMs())) {
      const ref = "ref" in message ? { ref: message.ref } : {};
      const text = "Too much at once: it wasn't done";
      this.refuse({ code: "too-fast", text, ...ref }, status);
    } else if ("code" in message) this.refuse(message, status);
    else this.#heed(message);
  }

  #heed(message: WindowMessage): void {
    const { server } = this;
    const { host, clock, token } = server.parts;
    const { type } = message;
    if (this.#step !== (type === "hello" || type === "login" ? type : "in")) {
      return this.refuse({ code: "protocol", text: `Out of turn: ${type}` }, CLOSED.refused);
    }
    switch (type) {
      case "hello": {
        this.#proved = { ...this.#proved, page: message.nonce };
        this.#step = "login";
        const proof = proofOf(token, "program", this.#proved);
        return this.#send({ type: "challenge", nonce: this.#proved.program, proof });
      }
      case "login":
        return this.#logIn(message);
      case "run":
        return host.run(message.command, `${this.id} ${message.ref}`, this.#begun);
      case "begins": {
        const isSeen = ({ id }: { readonly id: string }) => id === message.question;
        this.#begun = this.#asking.begins(clock.nowMs(), isSeen);
        return;
      }
      case "shown": {
        // Nobody is shown what the window wasn't sent.
        const id = host.askedBy(message.question);
        if (id !== null && id <= this.#lastId) this.#asking.shows(message.question, clock.nowMs());
        return;
      }
      case "ping":
        return this.tell({ type: "pong" });
    }
  }

  #logIn({ proof, window, run, after }: Extract<WindowMessage, { type: "login" }>): void {
    const { server } = this;
    const { host, token } = server.parts;
    if (!isSameSecret(proof, proofOf(token, "window", this.#proved))) {
      const text = "This isn't the page's present address: open the one that p2pchat printed";
      return this.refuse({ code: "bad-credentials", text }, CLOSED.refused);
    }
    this.id = window;
    const refusal = server.admit(this);
    if (refusal !== null) return this.refuse(refusal, CLOSED.later);
    this.settle();
    this.#step = "in";
    const resumed = run === server.run && after <= host.lastId;
    this.#lastId = resumed ? after : 0;
    this.#wholeFrom = host.wholeFrom;
    this.#send({
      ...{ type: "welcome", protocol: PAGE_PROTOCOL, run: server.run, ...server.welcome },
      ...{ resumed, missed: host.wholeFrom > this.#lastId + 1, last: host.lastId },
      ...{ ticket: this.ticket, prompt: host.prompt(), paused: host.pausedBecause },
      ...{ progress: server.progressText, names: host.names().slice(0, NAMES_MAX) },
    });
    this.pump();
  }
}
