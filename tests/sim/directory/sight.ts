/** What the user of one process sees, and does about it. Whatever can't be is a violation. */

import type { ClientEvent, UserView } from "../../../lib/protocols/directory/events.ts";
import type { ClientProcess } from "./client_process.ts";
import { Violation } from "./violation.ts";

/** One side of a call in which two talk. */
export interface Talk {
  readonly process: ClientProcess;
  /** As the directory and the other side know it. */
  readonly id: string;
  readonly peer: string;
  readonly sent: string[];
  readonly received: string[];
  /** Null while it goes on; empty: ended by its own user. */
  end: string | null;
}

const FINAL = new Set(["declined", "busy", "offline", "unreachable", "timeout", "ended"]);

export class ClientSight {
  state: "up" | "down" | "replaced" | null = null;
  name = "";
  readonly users = new Map<string, UserView["state"]>();
  /** The call as the user knows it, and whether it is connected. */
  call: { readonly id: string; isConnected: boolean } | null = null;
  /** In which the user talks now. */
  talk: Talk | null = null;
  /** When it wasn't in any more; of one that ended without a word, when it ended. */
  readonly #leftMs: number[] = [];
  /** Broadcasts that this process has shown. */
  readonly heard = new Set<string>();

  constructor(readonly process: ClientProcess) {}

  shown(event: ClientEvent, ref: string | undefined): void {
    const { person } = this.process;
    const { world } = person;
    switch (event.event) {
      case "session":
        this.state = event.state;
        if (event.state !== "up") this.left();
        if (event.state === "up") this.name = event.name;
        return;
      case "users":
        this.users.clear();
        for (const { name, state } of event.users) this.users.set(name, state);
        return;
      case "presence":
        if (event.state === "offline") this.users.delete(event.name);
        else this.users.set(event.name, event.state);
        return;
      case "incoming":
        if (this.call !== null) this.#fails("is called while in a call");
        this.call = { id: event.call, isConnected: false };
        return world.asked(this.process);
      case "call":
        return this.#called(event);
      case "message":
        return this.#line(event);
      case "broadcast":
        return world.ledger.heard(this.process, event);
      case "error":
        return this.#error(event, ref);
    }
  }

  left(): void {
    this.#leftMs.push(this.process.person.world.time.nowMs);
  }

  /** For how long it stayed in after that. */
  leftAfterMs(atMs: number): number {
    return (this.#leftMs.find((leftMs) => leftMs >= atMs) ?? Infinity) - atMs;
  }

  #fails(what: string): never {
    throw new Violation(`${this.process.person.name} ${what}`);
  }

  #called(event: Extract<ClientEvent, { readonly event: "call" }>): void {
    const { state, call: id } = event;
    if (state === "ringing") {
      if (this.call !== null) this.#fails("calls while in a call");
      this.call = { id, isConnected: false };
      return;
    }
    if (this.call?.id !== id) this.#fails(`is told of another call: ${JSON.stringify(event)}`);
    if (state === "connected") {
      if (this.call.isConnected) this.#fails("is connected twice");
      this.call.isConnected = true;
      this.talk = this.process.person.world.talks.take(this.process, id);
      return;
    }
    if (!FINAL.has(state)) this.#fails(`is told that a call is ${state}`);
    if (this.call.isConnected !== (event.durationMs !== undefined)) {
      this.#fails("isn't told how long it talked");
    }
    if (this.talk !== null) {
      this.talk.end = event.reason ?? "";
      this.process.person.world.talks.ended(this.talk);
    }
    this.call = null;
    this.talk = null;
  }

  #line({ text, self, from }: Extract<ClientEvent, { readonly event: "message" }>): void {
    const { talk } = this;
    if (talk === null) return this.#fails("sees a line outside of a call");
    if (!self && from !== talk.peer) this.#fails(`sees a line of ${from}, not of ${talk.peer}`);
    (self ? talk.sent : talk.received).push(text);
  }

  #error(
    { code, text }: Extract<ClientEvent, { readonly event: "error" }>,
    ref: string | undefined,
  ): void {
    const { process } = this;
    const { world } = process.person;
    if (ref !== undefined) world.ledger.failed(ref);
    if (code !== "key-changed") return;
    const name = text.split(" ")[0]!;
    if (world.random.chance(0.5)) process.command({ command: "trust", name });
  }
}
