/** A gateway with a mode that only notes what it is asked, and clients whose lines are read back. */

import type { DoorEvent } from "../../../lib/cli/doors/door.ts";
import { IrcGateway, type IrcInput } from "../../../lib/cli/irc/irc_gateway.ts";
import { RECEIPT_AFTER_MS } from "../../../lib/cli/irc/irc_receipts.ts";

export const PASSWORD = "open sesame";
export const KEY = { alice: "alicekey", bob: "bobkey", carol: "carolkey" } as const;

type Fields = Readonly<Record<string, unknown>>;

export interface Ran {
  readonly command: string | Fields;
  readonly ref: string;
  readonly questions: readonly string[];
}

export class IrcBench {
  nowMs = Date.UTC(2026, 0, 31, 12, 0, 0);
  /** How much the clock of the machine was set. */
  wallSetMs = 0;
  readonly events: DoorEvent[] = [];
  /** From which event on all are kept. */
  wholeFrom = 1;
  /** How often all that is kept was read. */
  reads = 0;
  readonly runs: Ran[] = [];
  /** The questions that clients were shown, and whether all of them. */
  readonly asked: (readonly [string, boolean])[] = [];
  readonly closed: number[] = [];
  /** What clients were shown, as it is kept for the next start. */
  readonly kept: string[] = [];
  /** What was kept by earlier ones. */
  readonly known = new Set<string>();
  /** Those that were closed without a word. */
  readonly cut: number[] = [];
  /** Clients of which lines wait to be taken. */
  readonly behind = new Set<number>();
  /** What the user was told. */
  readonly warned: string[] = [];
  readonly #sent = new Map<number, string[]>();
  #count = 0;
  readonly gateway: IrcGateway;

  /** @param commands Names of those that the mode has. */
  constructor(commands: readonly string[] = ["name", "msg"]) {
    this.gateway = new IrcGateway({
      version: "1.0",
      isPassword: (text) => text === PASSWORD,
      isBehind: (client) => this.behind.has(client),
      events: () => {
        this.reads++;
        return this.events;
      },
      wholeFrom: () => this.wholeFrom,
      wasShown: (identity) => this.known.has(identity),
      commands: { find: (name) => commands.includes(name) ? { form: "", args: {} } : undefined },
      wallMs: () => this.wallMs,
    });
  }

  step(input: IrcInput): void {
    for (const effect of this.gateway.step(input, this.nowMs)) {
      if (effect.type === "run") this.runs.push(effect);
      else if (effect.type === "asked") this.asked.push([effect.question, effect.isWhole]);
      else if (effect.type === "close") this.closed.push(effect.client);
      else if (effect.type === "cut") this.cut.push(effect.client);
      else if (effect.type === "warn") this.warned.push(effect.text);
      else if (effect.type === "keep") this.kept.push(...effect.shown);
      else this.#sent.set(effect.client, [...this.sentSoFar(effect.client), ...effect.lines]);
    }
  }

  get wallMs(): number {
    return this.nowMs + this.wallSetMs;
  }

  sentSoFar(client: number): readonly string[] {
    return this.#sent.get(client) ?? [];
  }

  /** What was sent since the last call. */
  taken(client = 1): readonly string[] {
    const lines = this.sentSoFar(client);
    this.#sent.set(client, []);
    return lines;
  }

  /** As `taken`, without tags. */
  bare(client = 1): readonly string[] {
    return this.taken(client).map((line) => line.replace(/^@\S+ /, ""));
  }

  /** An event a second after the last one. */
  event(fields: Fields): void {
    this.nowMs += 1_000;
    const at = new Date(this.wallMs).toISOString();
    const event = { id: ++this.#count, fields: { at, ...fields }, lines: linesOf(fields) };
    this.events.push(event);
    this.step({ type: "event", event });
  }

  line(text: string, client = 1): void {
    for (const line of text.split("\n")) this.step({ type: "line", client, line });
  }

  /** The program was started again: what it kept is known, and what it knew. */
  again(): IrcBench {
    const next = new IrcBench();
    for (const identity of [...this.known, ...this.kept]) next.known.add(identity);
    return next;
  }

  /** Time passes, and the client answers for all that it was sent. */
  answerPing(client = 1): void {
    this.nowMs += RECEIPT_AFTER_MS;
    this.step({ type: "tick" });
    const [, token] = / PING (\S+)$/.exec(this.taken(client).at(-1) ?? "") ?? [];
    this.line(`PONG ${token}`, client);
  }

  /** The last that was asked of the mode. */
  get ran(): Ran {
    return this.runs.at(-1)!;
  }

  /** A client comes in. @param caps Separated by blanks. */
  join(caps = "", client = 1): readonly string[] {
    this.step({ type: "connected", client });
    if (caps !== "") this.line(`CAP LS 302\nCAP REQ :${caps}`, client);
    this.line(`PASS :${PASSWORD}\nNICK someone\nUSER u 0 * :Real`, client);
    if (caps !== "") this.line("CAP END", client);
    return this.bare(client);
  }

  /** A mesh's room with Alice, whose program this is, and Bob. */
  room(title: string | null = null): void {
    this.event({
      ...{ event: "ready", command: "mesh", name: "Alice", key: KEY.alice, room: "r1" },
      ...{ host: "10.0.0.1", port: 1 },
    });
    this.answer({ event: "rooms", rooms: [{ room: "r1", title }] });
    this.joined("Bob", KEY.bob);
  }

  joined(name: string, key: string, more: Fields = {}): void {
    this.event({ event: "joined", name, key, verified: false, ...more });
  }

  said(from: string, text: string, more: Fields = {}): void {
    const key = KEY[from.toLowerCase() as keyof typeof KEY] ?? "";
    const self = from === "Alice";
    this.event({
      ...{ event: "message", id: `m${this.#count + 1}`, from, shown: from, key, text, self },
      ...{ private: false, history: false, sentAt: "2026-01-31T11:00:00.000Z", ...more },
    });
  }

  /** Answers what was asked last. */
  answer(fields: Fields): void {
    this.event({ ...fields, ref: this.ran.ref });
  }

  /** A group with Alice and Bob. */
  group(): void {
    this.event({
      ...{ event: "ready", command: "peer", name: "Alice", key: KEY.alice, server: "chat.example" },
      ...{ members: ["Alice", "Bob"], entries: 0, last: null },
    });
    this.view(["Alice", "Bob"]);
  }

  view(members: readonly string[], left: readonly Fields[] = []): void {
    const keys = members.map((name) => KEY[name.toLowerCase() as keyof typeof KEY]);
    this.event({ event: "view", view: 1, members, keys, verified: [], joined: [], left });
  }

  /** A directory with alice and bob. */
  directory(): void {
    this.event({
      ...{ event: "ready", command: "peer", name: "Alice", key: KEY.alice },
      registry: "dir.example",
    });
    this.event({ event: "session", state: "up", name: "Alice", guest: false });
    const user = (name: string, key: string) => ({ name, key, state: "free", guest: false });
    this.event({
      event: "users",
      users: [user("Alice", KEY.alice), user("Bob", KEY.bob), user("Carol", KEY.carol)],
    });
  }
}

function linesOf(fields: Fields): DoorEvent["lines"] {
  const line = `<${fields["event"]}> ${fields["text"] ?? fields["state"] ?? ""}`;
  const shown = fields["lines"] as readonly (string | DoorEvent["lines"][number])[] | undefined ??
    [line];
  return shown.map((each) => typeof each === "string" ? [each] : each);
}
