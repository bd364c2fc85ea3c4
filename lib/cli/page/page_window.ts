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
import { isWindowProof, programProof, type Proved } from "./page_proofs.ts";
import { CLOSED, type PageSocket } from "./page_socket.ts";
import { messageIn, PAGE_PROTOCOL, type Refusal, type WindowMessage } from "./window_messages.ts";

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
/** Names that imitate others, in one message. */
const MARKED_AT_ONCE = 1_000;

/** The page's program, as a window sees it. */
interface WindowPorts {
  readonly host: Omit<DoorHost, "run">;
  readonly run: DoorHost["run"];
  readonly clock: Clock;
  readonly token: string;
  /** At which the page is served. */
  readonly port: number;
  /** Names this run of the program. */
  readonly runId: string;
  /** What every window is told of the program when it comes in. */
  readonly welcome: Readonly<Record<string, unknown>>;
  secret(): string;
  /** How far something is that goes on; null: nothing does. */
  progress(): string | null;
  /** The event as this window is shown it, as JSON; null: it isn't for it. */
  textOf(event: DoorEvent, window: string): string | null;
  /** The window has proved itself. @returns Why it can't come in; null: it is in. */
  admit(window: PageWindow): Refusal | null;
  left(window: PageWindow): void;
}

/** It isn't known how much of it the window shows. */
const UNREAD: ReadonlySet<number> = new Set([0]);

type Step = "hello" | "login" | "in";

export class PageWindow {
  /** Empty until it has logged in. */
  id = "";
  /** For uploads. */
  readonly ticket: string;
  readonly #ports: WindowPorts;
  readonly #socket: PageSocket;
  readonly #asking: QuestionsView;
  #begun: Begun;
  readonly #rate = new TokenBucket(MESSAGES_PER_S, MESSAGES_BURST);
  #step: Step = "hello";
  #proved: Proved;
  /** The last event that it was shown. */
  #lastId = 0;
  /** So many of the names that imitate others it has been told of. */
  #marked = 0;
  /** Which events were kept when it came in: see `DoorHost.wholeFrom`. */
  #wholeFrom = 0;
  /** What it is to be told besides events, by kind, once it has taken what waits. */
  readonly #untold = new Map<string, string>();

  constructor(socket: PageSocket, ports: WindowPorts) {
    this.#socket = socket;
    this.#ports = ports;
    this.#asking = ports.host.questions.view({
      hasPrompt: true,
      isNeverSaid: true,
      rest: () => "first read it to its end, above the message box",
    });
    this.#begun = this.#asking.unbegun;
    this.ticket = ports.secret();
    this.#proved = { port: ports.port, page: "", program: "" };
    socket.handle({
      message: (text) => this.#message(text),
      drained: () => this.#drained(),
      closed: () => ports.left(this),
    });
  }

  /** Shows it what it hasn't been shown, as far as it keeps up. */
  pump(): void {
    const { host } = this.#ports;
    if (this.#step !== "in") return;
    this.#mark();
    while (this.#lastId < host.lastId && this.#keepsUp && !this.#socket.isClosed) {
      if (host.wholeFrom > this.#wholeFrom && host.wholeFrom > this.#lastId + 1) {
        return this.#socket.close(CLOSED.later, "It has fallen too far behind");
      }
      this.#sendEvents();
    }
  }

  /** Tells it which names imitate others, before it is shown them: as the console, which has found that. */
  #mark(): void {
    while (this.#keepsUp && !this.#socket.isClosed) {
      const { names, known } = imitationsAfter(this.#marked, MARKED_AT_ONCE);
      if (names.length === 0) return;
      this.#marked = known;
      this.#socket.send(JSON.stringify({ type: "marked", names }));
    }
  }

  #sendEvents(): void {
    const { host, textOf } = this.#ports;
    const { events, last } = host.after(this.#lastId, EVENTS_AT_ONCE);
    const texts: string[] = [];
    let characters = 0;
    this.#lastId = last;
    for (const event of events) {
      const text = textOf(event, this.id);
      if (text === null) continue;
      const asked = askedBy(event.fields);
      if (asked !== null) this.#asking.shows(asked.id, this.#ports.clock.nowMs(), UNREAD);
      if (characters > 0 && characters + text.length > CHARACTERS_AT_ONCE) {
        this.#lastId = event.id - 1;
        break;
      }
      characters += text.length;
      texts.push(text);
    }
    if (texts.length > 0) this.#socket.send(`{"type":"events","events":[${texts.join(",")}]}`);
  }

  /** Tells it something of which only the last counts. @param message An object with that `type`. */
  tell(message: { readonly type: string }): void {
    if (this.#step !== "in") return;
    const text = JSON.stringify(message);
    this.#untold.delete(message.type);
    if (this.#keepsUp) this.#socket.send(text);
    else this.#untold.set(message.type, text);
  }

  get #keepsUp(): boolean {
    return this.#socket.waitingBytes < EVENTS_WAITING_BYTES_MAX;
  }

  /** Closes it with a reason. @param status Null: it may go on. */
  refuse({ code, text, ref }: Refusal, status: number | null): void {
    const why = { type: "refused", code, text, ...(ref === undefined ? {} : { ref }) };
    const message = JSON.stringify(why);
    if (status === null) this.#socket.send(message);
    else this.#socket.close(status, text, message);
  }

  close(): void {
    this.#socket.close(CLOSED.away, "The program has ended");
  }

  #drained(): void {
    for (const text of this.#untold.values()) this.#socket.send(text);
    this.#untold.clear();
    this.pump();
  }

  #message(text: string): void {
    const message = messageIn(text);
    const status = this.#step === "in" ? null : CLOSED.refused;
    if (!this.#rate.take(this.#ports.clock.nowMs())) {
      const ref = "ref" in message ? { ref: message.ref } : {};
      const text = "Too much at once: it wasn't done";
      return this.refuse({ code: "too-fast", text, ...ref }, status);
    }
    if ("code" in message) this.refuse(message, status);
    else this.#heed(message);
  }

  #heed(message: WindowMessage): void {
    const isInTurn = message.type === "hello"
      ? this.#step === "hello"
      : message.type === "login"
      ? this.#step === "login"
      : this.#step === "in";
    if (!isInTurn) {
      const refusal = { code: "protocol", text: `Out of turn: ${message.type}` } as const;
      return this.refuse(refusal, CLOSED.refused);
    }
    switch (message.type) {
      case "hello":
        return this.#challenge(message.nonce);
      case "login":
        return this.#logIn(message);
      case "run":
        return this.#ports.run(message.command, `${this.id} ${message.ref}`, this.#begun);
      case "begins": {
        const isSeen = ({ id }: { readonly id: string }) => id === message.question;
        this.#begun = this.#asking.begins(this.#ports.clock.nowMs(), isSeen);
        return;
      }
      case "shown": {
        // Nobody is shown what the window wasn't sent.
        const id = this.#ports.host.askedBy(message.question);
        if (id === null || id > this.#lastId) return;
        return this.#asking.shows(message.question, this.#ports.clock.nowMs());
      }
      case "names":
        return this.tell({
          type: "names",
          ...{ names: this.#ports.host.names().slice(0, NAMES_MAX) },
        });
      case "ping":
        return this.tell({ type: "pong" });
    }
  }

  #challenge(nonce: string): void {
    this.#proved = { ...this.#proved, page: nonce, program: this.#ports.secret() };
    this.#step = "login";
    const proof = programProof(this.#ports.token, this.#proved);
    this.#socket.send(
      JSON.stringify({ type: "challenge", nonce: this.#proved.program, proof }),
    );
  }

  #logIn(message: Extract<WindowMessage, { type: "login" }>): void {
    const { host, runId, token } = this.#ports;
    if (!isWindowProof(token, this.#proved, message.proof)) {
      const text = "This isn't the page's present address: open the one that p2pchat printed";
      return this.refuse({ code: "bad-credentials", text }, CLOSED.refused);
    }
    this.id = message.window;
    const refusal = this.#ports.admit(this);
    if (refusal !== null) return this.refuse(refusal, CLOSED.later);
    this.#step = "in";
    const resumed = message.run === runId && message.after <= host.lastId;
    const after = resumed ? message.after : 0;
    const missed = host.wholeFrom > after + 1;
    this.#wholeFrom = host.wholeFrom;
    this.#lastId = after;
    this.#welcome(resumed, missed);
    this.pump();
  }

  /** The last event that this window is shown of those that there are: others' answers come after it. */
  #lastShown(): number {
    const { host, textOf } = this.#ports;
    for (let id = host.lastId; id > this.#lastId; id--) {
      const [event] = host.after(id - 1, 1).events;
      if (event !== undefined && textOf(event, this.id) !== null) return event.id;
    }
    return this.#lastId;
  }

  #welcome(resumed: boolean, missed: boolean): void {
    const { host, progress, runId: run, welcome } = this.#ports;
    this.#socket.send(JSON.stringify({
      type: "welcome",
      protocol: PAGE_PROTOCOL,
      run,
      ...welcome,
      ...{ resumed, missed, last: this.#lastShown(), ticket: this.ticket },
      prompt: host.prompt(),
      paused: host.pausedBecause,
      progress: progress(),
      names: host.names().slice(0, NAMES_MAX),
    }));
  }
}
