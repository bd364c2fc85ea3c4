/** The door of `--irc`: a gateway over a socket. One client at a time; the program goes on without one. */

import { ACCEPTED_AT_ONCE, TurnPace } from "../../transport/turn_pace.ts";
import { VERSION } from "../session/version.ts";
import type { QuestionsView } from "../commands/open_questions.ts";
import type { Door, DoorEvent, DoorHost } from "../doors/door.ts";
import { IrcConnection } from "./irc_connection.ts";
import { IrcGateway, type IrcInput } from "./irc_gateway.ts";
import type { IrcPassword } from "./irc_password.ts";
import type { IrcShown } from "./rooms/irc_shown.ts";

interface IrcDoorParts {
  readonly host: Pick<
    DoorHost,
    "events" | "wholeFrom" | "ready" | "run" | "commands" | "questions"
  >;
  readonly listener: Pick<Deno.Listener, "accept" | "close">;
  readonly password: IrcPassword;
  /** Null: nothing that clients are shown is to be kept. */
  readonly shown: IrcShown | null;
  /** Tells the user that something is wrong. */
  readonly warn: (text: string) => void;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly wallMs: () => number;
}

/** So long the last lines are written to clients when the door is closed. */
const CLOSE_MS_MAX = 1_000;
/** So many that were refused are told why, at once; of more the oldest are closed. */
const FAREWELLS_MAX = 16;
/** Until a connection is taken again after a fault of the system's. */
const ACCEPT_PAUSE_MS = 1_000;

export class IrcDoor implements Door {
  readonly #parts: IrcDoorParts;
  readonly #gateway: IrcGateway;
  readonly #connections = new Map<number, IrcConnection>();
  /** Those that end once they have been told why, the oldest first. */
  readonly #ending = new Set<IrcConnection>();
  /** What happens while something is being done, which may itself be what does it. */
  readonly #inputs: IrcInput[] = [];
  #isStepping = false;
  readonly #views = new Map<number, QuestionsView>();
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerMs: number | null = null;
  #isClosed = false;
  #allGone: () => void = () => {};
  /** A connection ends, or the door is closed: one more may have a place. */
  #hasLeft: () => void = () => {};

  constructor(parts: IrcDoorParts) {
    this.#parts = parts;
    const { host, password, shown, wallMs } = parts;
    this.#gateway = new IrcGateway({
      version: VERSION,
      isPassword: (text) => password.is(text),
      isBehind: (client) => this.#connections.get(client)?.isBehind === true,
      events: () => host.events,
      wholeFrom: () => host.wholeFrom,
      wasShown: (identity) => shown?.has(identity) === true,
      commands: host.commands,
      wallMs,
    });
    for (const event of host.events) this.shown(event);
    void this.#accept();
  }

  shown(event: DoorEvent): void {
    this.#step({ type: "event", event });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#step({ type: "closing" });
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#hasLeft();
    this.#parts.listener.close();
    await this.#farewells();
    await this.#parts.shown?.settled();
  }

  /** Resolves when clients have been told, or have had their time. */
  async #farewells(): Promise<void> {
    if (this.#connections.size === 0) return;
    const allGone = new Promise<void>((resolve) => this.#allGone = resolve);
    const timer = setTimeout(() => {
      for (const connection of this.#connections.values()) connection.close();
    }, CLOSE_MS_MAX);
    await allGone;
    clearTimeout(timer);
  }

  async #accept(): Promise<void> {
    const { listener } = this.#parts;
    const pace = new TurnPace(ACCEPTED_AT_ONCE);
    for (;;) {
      let stream: Deno.Conn;
      try {
        stream = await listener.accept();
      } catch (error) {
        if (this.#isClosed) return;
        // Out of file descriptors, say: those who are connected go on.
        if (error instanceof Deno.errors.BadResource) return;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      this.#connected(stream);
      pace.did(1);
      await pace.ready();
      for (let wait = this.#crowded(); wait !== null; wait = this.#crowded()) await wait;
    }
  }

  /** Null: another connection may be taken. Otherwise to be asked again once that resolves. */
  #crowded(): Promise<void> | null {
    const ms = this.#isClosed ? 0 : this.#gateway.crowdedMs(this.#parts.nowMs());
    if (ms === 0) return null;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hasLeft = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #connected(stream: Deno.Conn): void {
    const client = ++this.#count;
    const connection = new IrcConnection(stream, {
      ready: () => this.#parts.host.ready(),
      line: (line) => this.#step({ type: "line", client, line }),
      drained: () => this.#step({ type: "drained", client }),
      gone: () => {
        this.#connections.delete(client);
        this.#views.delete(client);
        this.#ending.delete(connection);
        this.#step({ type: "gone", client });
        this.#hasLeft();
        if (this.#connections.size === 0) this.#allGone();
      },
      nowMs: this.#parts.nowMs,
    });
    this.#connections.set(client, connection);
    this.#step({ type: "connected", client });
  }

  #step(input: IrcInput): void {
    if (this.#isClosed) return;
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.#take(next);
      }
    } finally {
      this.#isStepping = false;
    }
    this.#setTimer();
  }

  #take(input: IrcInput): void {
    for (const effect of this.#gateway.step(input, this.#parts.nowMs())) {
      switch (effect.type) {
        case "send":
          this.#connections.get(effect.client)?.send(effect.lines);
          break;
        case "close":
          this.#end(this.#connections.get(effect.client));
          this.#hasLeft();
          break;
        case "cut":
          this.#connections.get(effect.client)?.close();
          this.#hasLeft();
          break;
        case "run": {
          const isSeen = ({ id }: { readonly id: string }) => effect.questions.includes(id);
          const begun = this.#viewOf(effect.client).begins(this.#parts.nowMs(), isSeen);
          this.#parts.host.run(effect.command, effect.ref, begun);
          break;
        }
        case "asked": {
          const folds = new Set(effect.isWhole ? [] : [0]);
          this.#viewOf(effect.client).shows(effect.question, this.#parts.nowMs(), folds);
          break;
        }
        case "keep":
          this.#parts.shown?.add(effect.shown);
          break;
        case "warn":
          this.#parts.warn(effect.text);
      }
    }
  }

  /** What the client was shown of the questions. */
  #viewOf(client: number): QuestionsView {
    const rest = () => "not all of it was shown here; the program's own console has it";
    const view = this.#views.get(client) ??
      this.#parts.host.questions.view({ hasPrompt: false, rest });
    this.#views.set(client, view);
    return view;
  }

  #end(connection: IrcConnection | undefined): void {
    if (connection === undefined) return;
    this.#ending.add(connection);
    connection.end();
    const [oldest] = this.#ending;
    if (this.#ending.size > FAREWELLS_MAX) oldest!.close();
  }

  #setTimer(): void {
    const deadlineMs = this.#gateway.nextDeadlineMs();
    if (deadlineMs === this.#timerMs) return;
    this.#timerMs = deadlineMs;
    clearTimeout(this.#timer);
    if (deadlineMs === null) return;
    const waitMs = Math.max(0, deadlineMs - this.#parts.nowMs());
    this.#timer = setTimeout(() => {
      this.#timerMs = null;
      this.#step({ type: "tick" });
    }, waitMs);
  }
}
