/** What the user of one process is shown, and does about it. Contradictory events are violations. */

import type { ClientEvent } from "../../../lib/protocols/directory/schema/events.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { ClientProcess } from "./client_process.ts";
import { Violation } from "./violation.ts";

/** One side of a connected call. */
export interface Talk {
  readonly process: ClientProcess;
  /** The id of the call for the directory and the other side. */
  readonly id: string;
  readonly peer: string;
  /** The key of the other side; null in a call with oneself. */
  readonly key: PeerKey | null;
  readonly sent: string[];
  readonly received: string[];
  /** Why it has ended; null while it goes on, empty if its own user ended it. */
  end: string | null;
  /** How many of the last lines may be lost, as the user was told; null: the process was killed before that. */
  doubted: number | null;
}

/** A call as its user knows it. */
interface KnownCall {
  readonly id: string;
  readonly sinceMs: number;
  /** The fingerprint that was shown with it; null: none. */
  readonly key: string | null;
  isConnected: boolean;
  isRelayed: boolean;
}

const DOUBTS = /^(\S+) may not have got your last (?:(\d+) lines|line)$/;

const FINAL = new Set(["declined", "busy", "offline", "unreachable", "timeout", "ended"]);

/** As lists show it. */
export function stateText(
  { state, away }: { readonly state: string; readonly away?: string | undefined },
): string {
  return away === undefined ? state : `${state} away ${away}`;
}

export class ClientSight {
  state: "up" | "down" | "replaced" | null = null;
  name = "";
  isGuest = false;
  /** Each one's state, and that it is away. */
  readonly users = new Map<string, string>();
  /** Why this user is away, as it was told last. */
  away: string | undefined;
  /** The call as the user knows it. */
  call: KnownCall | null = null;
  /** How the last call ended. */
  outcome: Extract<ClientEvent, { readonly event: "call" }>["state"] | null = null;
  /** The connected call, in which the user can talk. */
  talk: Talk | null = null;
  /** The call that has just ended, until the next event. */
  #ended: Talk | null = null;
  /** Calls that the user has ended, and for which no loss was reported since. */
  #parted: Talk[] = [];
  /** When it left the directory, or when its process ended. */
  readonly #leftMs: number[] = [];
  /** The broadcasts that this process has shown, and how often. */
  readonly heard = new Map<string, number>();

  constructor(readonly process: ClientProcess) {}

  shown(event: ClientEvent, ref: string | undefined): void {
    const { person } = this.process;
    const { world } = person;
    const ended = this.#ended;
    this.#ended = null;
    switch (event.event) {
      case "notice":
        return this.#notice(event.text, ended);
      case "session":
        return this.#session(event);
      case "users":
        this.users.clear();
        for (const user of event.users) this.users.set(user.name, stateText(user));
        return;
      case "presence":
        if (event.state === "offline") this.users.delete(event.name);
        else this.users.set(event.name, stateText(event));
        if (event.self) this.away = event.away;
        return;
      case "incoming":
        if (this.call !== null) this.#fails("is called while in a call");
        this.#begins(event.call, event.key);
        return world.asked(this.process);
      case "call":
        return this.#called(event);
      case "message":
        return this.#line(event);
      case "broadcast":
        return world.ledger.heard(this.process, event);
      case "broadcast-sent":
        return world.ledger.reached(ref, event.reached);
      case "error":
        return this.#error(event, ref);
    }
  }

  /** Its process was killed, before showing further events. */
  killed(): void {
    if (this.#ended !== null) this.#ended.doubted = null;
    for (const talk of this.#parted) talk.doubted = null;
  }

  left(): void {
    this.#leftMs.push(this.process.person.world.time.nowMs);
  }

  /** For how long it stayed logged in after that time. */
  leftAfterMs(atMs: number): number {
    return (this.#leftMs.find((leftMs) => leftMs >= atMs) ?? Infinity) - atMs;
  }

  #session(
    { state, name, guest }: Extract<ClientEvent, { readonly event: "session" }>,
  ): void {
    if (this.state === "replaced") this.#fails(`was replaced, and is ${state}`);
    this.state = state;
    if (state !== "up") return this.left();
    this.name = name;
    this.isGuest = guest;
    this.process.person.names.add(name);
  }

  #begins(id: string, key: string | null): void {
    const { nowMs: sinceMs } = this.process.person.world.time;
    this.call = { id, sinceMs, key, isConnected: false, isRelayed: false };
  }

  #connected(call: KnownCall, isRelayed: boolean): void {
    const { talks, options } = this.process.person.world;
    if (isRelayed && !options.relays) this.#fails("talks through a directory that relays nothing");
    call.isRelayed = isRelayed;
    this.talk = talks.take(this.process, call.id);
    talks.checkKey(this.talk, call.key);
  }

  /** Its process has ended by itself. */
  checkEnded(): void {
    if (this.call !== null) this.#fails("ends, and isn't told what becomes of its call");
  }

  #fails(what: string): never {
    throw new Violation(`${this.process.person.name} ${what}`);
  }

  #called(event: Extract<ClientEvent, { readonly event: "call" }>): void {
    const { state, call: id } = event;
    if (state === "ringing") {
      if (this.call !== null) this.#fails("calls while in a call");
      return this.#begins(id, null);
    }
    if (this.call?.id !== id) this.#fails(`is told of another call: ${JSON.stringify(event)}`);
    if (state === "connected") {
      if (this.call.isConnected) this.#fails("is connected twice");
      this.call.isConnected = true;
      return this.#connected(this.call, event.route === "relay");
    }
    if (!FINAL.has(state)) this.#fails(`is told that a call is ${state}`);
    if (this.call.isConnected !== (event.durationMs !== undefined)) {
      this.#fails("isn't told how long it talked");
    }
    if (event.reason === "directory-down" && this.call.isConnected && !this.call.isRelayed) {
      this.#fails("loses a call that needs no directory");
    }
    if (this.talk !== null) {
      const { id, key, sent, received } = this.talk;
      const isSelf = id !== "" && key === null;
      if (isSelf && sent.length !== received.length) this.#fails("doesn't hear itself");
      this.talk.end = event.reason ?? "";
      this.process.person.world.talks.ended(this.talk);
      if (this.talk.end === "") this.#parted.push(this.talk);
      else this.#ended = this.talk;
    }
    this.call = null;
    this.talk = null;
    this.outcome = state;
  }

  #notice(text: string, ended: Talk | null): void {
    const [, peer, lines = 1] = DOUBTS.exec(text) ?? [];
    if (peer === undefined) return;
    const talk = ended?.peer === peer ? ended : this.#takeParted(peer, Number(lines));
    if (talk === null) return this.#fails(`is told of what ${peer} may not have got`);
    talk.doubted = Number(lines);
    if (talk.doubted > talk.sent.length) this.#fails("is told that more is lost than it said");
  }

  /**
   * Among the calls with this peer, the one that has lost most, as the notice doesn't name the call. The peer of a
   * call that was connected and ended in one step is unknown here.
   */
  #takeParted(peer: string, lines: number): Talk | null {
    const { talks } = this.process.person.world;
    const meant = this.#parted
      .filter(({ id, peer: other, sent }) => sent.length >= lines && (other === peer || id === ""))
      .toSorted((a, b) => talks.lost(b) - talks.lost(a))[0] ?? null;
    this.#parted = this.#parted.filter((talk) => talk !== meant);
    return meant;
  }

  #line({ text, self, from }: Extract<ClientEvent, { readonly event: "message" }>): void {
    const { talk } = this;
    if (talk === null) return this.#fails("sees a line outside of a call");
    if (!self && from !== talk.peer) this.#fails(`sees a line of ${from}, not of ${talk.peer}`);
    const { talks } = this.process.person.world;
    if (self) talks.sent(talk, text);
    else talks.heard(talk, text);
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
