/** A door over a real socket, with a program behind it that only notes what it is asked. */

import { CommandTable } from "../../../lib/cli/commands/commands.ts";
import { OpenQuestions } from "../../../lib/cli/commands/open_questions.ts";
import type { DoorCommand, DoorEvent } from "../../../lib/cli/doors/door.ts";
import { IrcDoor } from "../../../lib/cli/irc/irc_door.ts";
import type { IrcPlace } from "../../../lib/cli/args/options.ts";
import { openIrcListener } from "../../../lib/cli/irc/irc_listener.ts";
import type { IrcShown } from "../../../lib/cli/irc/rooms/irc_shown.ts";
import { KEY } from "./irc_bench.ts";

export const PASSWORD = "open sesame";

export class ServedIrc {
  readonly #events: DoorEvent[] = [];
  readonly ran: { readonly command: DoorCommand; readonly ref: string }[] = [];
  /** What holds the next lines back; null: nothing. */
  held: Promise<void> | null = null;
  #heard: () => void = () => {};

  private constructor(
    readonly door: IrcDoor,
    readonly at: { readonly host: string; readonly port: number } | { readonly path: string },
    take: (served: ServedIrc) => void,
  ) {
    take(this);
  }

  /** @param begin What the program shows before any client comes. */
  static async open(
    place: IrcPlace = { type: "port", port: 0 },
    begin: (served: ServedIrc) => void = (served) => served.room(),
    wallMs: () => number = Date.now,
    shown: IrcShown | null = null,
  ): Promise<ServedIrc> {
    const { listener, at } = await openIrcListener(place);
    let served: ServedIrc | null = null;
    const host = {
      get events() {
        return served === null ? [] : served.#events;
      },
      wholeFrom: 1,
      ready: () => served?.held ?? null,
      questions: new OpenQuestions(),
      run: (command: DoorCommand, ref: string) => served!.#take(command, ref),
      commands: new CommandTable<never>({
        commands: [],
        bareLine: () => ({ command: "", texts: {} }),
      }),
    };
    const password = { path: "", is: (text: string) => text === PASSWORD };
    const parts = { host, listener, password, shown, warn: () => {}, wallMs };
    const door = new IrcDoor({ ...parts, nowMs: () => performance.now() });
    new ServedIrc(door, at, (made) => served = made);
    begin(served!);
    return served!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.door.close();
  }

  get port(): number {
    return "port" in this.at ? this.at.port : 0;
  }

  show(fields: Readonly<Record<string, unknown>>): void {
    const at = new Date().toISOString();
    const event = {
      id: this.#events.length + 1,
      fields: { at, ...fields },
      lines: [[String(fields["text"])]],
    };
    this.#events.push(event);
    this.door.shown(event);
  }

  /** A room with Alice, whose program it is, and Bob. */
  room(): void {
    this.show({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r" });
    this.show({ event: "joined", name: "Bob", key: KEY.bob, verified: true });
  }

  /** Two rooms, with Bob in both. */
  rooms(): void {
    for (const room of ["r", "r2"]) {
      this.show({ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room });
      this.show({ event: "joined", name: "Bob", key: KEY.bob, verified: true, room });
    }
  }

  /** A directory, with Bob in it. */
  directory(): void {
    const registry = "dir.example";
    this.show({ event: "ready", command: "peer", name: "Alice", key: KEY.alice, registry });
    this.show({ event: "session", state: "up", name: "Alice", guest: false });
    const user = (name: string, key: string) => ({ name, key, state: "free", guest: false });
    this.show({ event: "users", users: [user("Alice", KEY.alice), user("Bob", KEY.bob)] });
  }

  said(from: "Alice" | "Bob", text: string, more: Readonly<Record<string, unknown>> = {}): void {
    const key = from === "Alice" ? KEY.alice : KEY.bob;
    const common = {
      event: "message",
      id: `m${this.#events.length}`,
      from,
      shown: from,
      key,
      text,
    };
    this.show({ ...common, self: from === "Alice", private: false, history: false, ...more });
  }

  /** Resolves with what the program was asked next. */
  async asked(): Promise<DoorCommand> {
    const { length } = this.ran;
    while (this.ran.length === length) {
      await new Promise<void>((resolve) => this.#heard = resolve);
    }
    return this.ran.at(-1)!.command;
  }

  #take(command: DoorCommand, ref: string): void {
    if (typeof command === "object" && command["command"] === "rooms") {
      const rooms = [{ room: "r", title: "Club" }, { room: "r2", title: "Two" }];
      return this.show({ event: "rooms", rooms, ref });
    }
    this.ran.push({ command, ref });
    if (typeof command === "object" && command["command"] === "msg") {
      const to = command["name"];
      const privately = to === undefined ? {} : { private: true, to };
      const where = command["room"] === undefined ? {} : { room: command["room"] };
      this.said("Alice", String(command["text"]), { ref, ...privately, ...where });
    }
    if (typeof command === "object" && command["command"] === "broadcast") {
      const said = { id: `b${this.#events.length}`, from: "Alice", key: KEY.alice, self: true };
      this.show({ event: "broadcast", ...said, text: command["text"], ref });
    }
    this.#heard();
  }
}
