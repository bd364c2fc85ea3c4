/** A directory on loopback and its clients with a profile each, started, killed and stopped as a test likes. */

import { scryptSync } from "node:crypto";
import { formatScryptHash } from "../../lib/base/password_hash.ts";
import { accountRow, ACCOUNTS_HEADER } from "../../lib/store/accounts_csv.ts";
import { Node, type NodeOptions, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { freePort, type OpenPort, openPort } from "./ports.ts";
import { openTerminal, type Terminal } from "./pty.ts";

/** Of every account that a test doesn't give another one. */
export const PASSWORD = "correct horse";

/** What checks a password in a moment: for accounts of which the test isn't about the hash. */
const QUICK = { ln: 10, r: 8, p: 1 };

export interface ClientOptions extends NodeOptions {
  readonly password?: string;
  /** Where the directory is reached; else directly. */
  readonly registry?: string;
  /** The profile of somebody else, as it were on another machine. */
  readonly device?: string;
  /** Where it takes calls. */
  readonly host?: string;
}

/** Accounts of these names, all with `PASSWORD`, for the directory of that data folder. */
export function writeAccounts(data: string, ...names: readonly string[]): void {
  const rows = names.map((name) => {
    const salt = new TextEncoder().encode(name.padEnd(16, ".").slice(0, 16));
    const { ln, r, p } = QUICK;
    const hash = scryptSync(PASSWORD, salt, 32, { N: 2 ** ln, r, p });
    const text = formatScryptHash({ ...QUICK, salt, hash: new Uint8Array(hash) });
    return accountRow({ name, hash: text, createdMs: 0, keys: [] }).text;
  });
  Deno.mkdirSync(`${data}/regserver`, { recursive: true, mode: 0o700 });
  const text = [ACCOUNTS_HEADER, ...rows, ""].join("\n");
  Deno.writeTextFileSync(`${data}/regserver/accounts.csv`, text, { mode: 0o600 });
}

export class DirectoryWorld implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-dir-" }));
  /** Where the directory listens, also after another start. */
  readonly port: number = freePort();
  readonly nodes = new Nodes();
  readonly #ports = new Map<string, number>();

  /** A directory, ready, with accounts of these names. */
  static async open(accounts: readonly string[], ...args: readonly string[]) {
    const world = new DirectoryWorld();
    world.addAccounts(...accounts);
    return { world, directory: await world.serve(...args) };
  }

  get directoryData(): string {
    return `${this.folder}/directory`;
  }

  get accountsFile(): string {
    return `${this.directoryData}/regserver/accounts.csv`;
  }

  get registry(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Writes the file of accounts, all with `PASSWORD`. */
  addAccounts(...names: readonly string[]): void {
    if (names.length > 0) writeAccounts(this.directoryData, ...names);
  }

  /** The names in the file of accounts. */
  accounts(): readonly string[] {
    const [, ...rows] = Deno.readTextFileSync(this.accountsFile).trimEnd().split("\n");
    return rows.map((row) => row.split(",")[0]!);
  }

  /** The directory, whatever becomes of it. */
  launchDirectory(...args: readonly string[]): Node {
    const words = ["regserver", "--host", "127.0.0.1", "--port", String(this.port)];
    return this.nodes.add(Node.start(words, { data: this.directoryData, args }));
  }

  /** The directory, once it is ready; again after its end. */
  async serve(...args: readonly string[]): Promise<Node> {
    const node = this.launchDirectory(...args);
    await node.until(is("ready"));
    return node;
  }

  /** The data folder of somebody's device, the same each time. */
  data(device: string): string {
    return `${this.folder}/data-${device}`;
  }

  /** Where a device takes calls, the same each time. */
  callPort(device: string): number {
    let port = this.#ports.get(device);
    if (port === undefined) this.#ports.set(device, port = freePort());
    return port;
  }

  /** What a client is started with. */
  words(name: string, { device = name, registry, host = "127.0.0.1" }: ClientOptions = {}) {
    const port = String(this.callPort(device));
    return ["peer", name, "--registry", registry ?? this.registry, "--host", host, "--port", port];
  }

  /** A client's program, whatever becomes of it; `how`: `--login`, `--signup` or `--guest`. */
  launch(how: string, name: string, options: ClientOptions = {}): Node {
    const { device = name, password = PASSWORD, args = [] } = options;
    return this.nodes.add(Node.start(this.words(name, options), {
      data: options.data ?? this.data(device),
      args: [how, ...args],
      env: { P2PCHAT_PASSWORD: password, ...options.env },
    }));
  }

  /** The same, once it is in and knows who is there. */
  async start(how: string, name: string, options: ClientOptions = {}): Promise<Node> {
    const node = this.launch(how, name, options);
    await node.until(is("users"));
    return node;
  }

  logIn(name: string, options?: ClientOptions): Promise<Node> {
    return this.start("--login", name, options);
  }

  signUp(name: string, options?: ClientOptions): Promise<Node> {
    return this.start("--signup", name, options);
  }

  guest(name: string, options?: ClientOptions): Promise<Node> {
    return this.start("--guest", name, options);
  }

  /** All of them, in and knowing each other. */
  async guests(...names: readonly string[]): Promise<Node[]> {
    const nodes = await Promise.all(names.map((name) => this.guest(name)));
    await Promise.all(nodes.map((node) => seesAll(node, ...names)));
    return nodes;
  }

  /** Two who talk, the first of whom called. */
  async talking(
    caller: string,
    callee: string,
    options: ClientOptions = {},
  ): Promise<readonly [Node, Node]> {
    const both = [caller, callee];
    const nodes = await Promise.all(both.map((name) => this.guest(name, options)));
    const [calling, called] = nodes as [Node, Node];
    await Promise.all(nodes.map((node) => seesAll(node, ...both)));
    await connect(calling, called, callee);
    return [calling, called];
  }

  /** A client at a terminal: before it is in, it asks. */
  terminal(
    name: string | null,
    flags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Terminal> {
    const device = name ?? "nameless";
    const words = this.words(device).filter((word) => name !== null || word !== device);
    const command = [PROGRAM, ...words, "--data", this.data(device), "--no-color", ...flags];
    return openTerminal({ command, columns: 120, rows: 40, env });
  }

  /** A guest at a terminal, in the lobby. */
  async guestTerminal(name: string, ...flags: readonly string[]): Promise<Terminal> {
    const terminal = await this.terminal(name, ["--guest", ...flags]);
    await terminal.untilCursorLine(`${name} (lobby)> |`);
    return terminal;
  }

  write(name: string, text: string, mode = 0o600): string {
    const path = `${this.folder}/${name}`;
    Deno.writeTextFileSync(path, text);
    Deno.chmodSync(path, mode);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

// What a test waits for.

export type Match = (event: ShownEvent) => boolean;

export const is = (name: string): Match => ({ event }) => event === name;

export const session = (state: string): Match => (event) =>
  event.event === "session" && event.state === state;

export const call = (state: string, peer?: string): Match => (event) =>
  event.event === "call" && event.state === state && (peer === undefined || event.peer === peer);

export const incoming = (from: string): Match => (event) =>
  event.event === "incoming" && event.from === from;

export const presence = (name: string, state: string): Match => (event) =>
  event.event === "presence" && event.name === name && event.state === state;

export const message = (text: string, self = false): Match => (event) =>
  event.event === "message" && event.text === text && event.self === self;

export const broadcast = (text: string): Match => (event) =>
  event.event === "broadcast" && event.text === text;

export const failure = (code: string): Match => (event) =>
  event.event === "error" && event.code === code;

export const notice = (pattern: RegExp): Match => (event) =>
  event.event === "notice" && pattern.test(event.text);

/** What the directory tells of calls. */
export const directoryCall = (from: string, to: string, state: string): Match => (event) =>
  event.event === "call" && event.from === from && event.to === to && event.state === state;

export const logout = (name: string): Match => (event) =>
  event.event === "logout" && event.name === name;

export const login = (name: string): Match => (event) =>
  event.event === "login" && event.name === name;

/** Those in the list now, `bob busy`, in its order. */
export async function listed(node: Node, part?: string): Promise<readonly string[]> {
  const { users } = await node.ask("list", part === undefined ? {} : { part });
  return users.map((user: ShownEvent) => `${user.name} ${user.state}`);
}

/** Waits until all of these are in the list. */
export async function seesAll(node: Node, ...names: readonly string[]): Promise<void> {
  for (;;) {
    const from = node.events.length;
    const seen = (await listed(node)).map((user) => user.split(" ")[0]!);
    if (names.every((name) => seen.includes(name))) return;
    await node.until(({ event }) => event === "presence" || event === "users", undefined, from);
  }
}

/** Waits until the list is this one. */
export async function untilListed(node: Node, ...users: readonly string[]): Promise<void> {
  for (const untilMs = performance.now() + 20_000;;) {
    const seen = await listed(node);
    if (seen.join() === users.join()) return;
    if (performance.now() > untilMs) throw new Error(`${seen.join()}, not ${users.join()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `caller` calls `name`, who accepts at `callee`; both are connected then. */
export async function connect(caller: Node, callee: Node, name: string): Promise<void> {
  const [before, beforeThere] = [caller.events.length, callee.events.length];
  await caller.type(`/call ${name}`);
  await callee.until(is("incoming"), undefined, beforeThere);
  await callee.type("/accept");
  await Promise.all([
    caller.until(call("connected"), undefined, before),
    callee.until(call("connected"), undefined, beforeThere),
  ]);
}

/** `ringing`, `connected`: what a client was told of its calls. */
export function callStates(node: Node): readonly string[] {
  return node.events.filter(is("call")).map(({ state, reason }) =>
    reason === "" ? state : `${state} ${reason}`
  );
}

/** Tells all. @returns How many had it, once the directory says so. */
export async function tell(node: Node, text: string): Promise<number> {
  const { event, reached } = await node.ask("broadcast", { text });
  if (event !== "broadcast-sent") throw new Error(`it was told to nobody: ${event}`);
  return reached;
}

/** What others told all, in the order in which it was shown. */
export function heard(node: Node): readonly string[] {
  return node.events.filter(is("broadcast")).map(({ from, text }) => `${from}: ${text}`);
}

/** The same, once so many are shown: they are acknowledged a moment before. */
export async function hears(node: Node, count: number): Promise<readonly string[]> {
  await node.untilCount(is("broadcast"), count);
  return heard(node);
}

/** How a program ended: exit status, last word, its code; where it goes on, that is no end. */
export async function endOf(node: Node): Promise<readonly [number, string, string]> {
  await node.until(({ event }) => event === "fatal" || event === "bye");
  const { code, last } = await node.ended();
  return [code, last?.event ?? "", last?.code ?? last?.reason ?? ""];
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The way to a directory, for one client: it can be cut, lose datagrams, repeat them, and come from elsewhere. */
export class DirectoryProxy implements AsyncDisposable {
  readonly #own: OpenPort = openPort();
  readonly #open = new Set<Deno.TcpConn>();
  #far = anyDatagramPort();
  readonly #running: Promise<unknown>;
  #client: Deno.Addr | null = null;
  #isCut = false;
  #isOver = false;
  losesDatagrams = false;
  /** Datagrams that came from the directory, lost ones included. */
  datagrams = 0;
  /** Those that went through. */
  readonly toDirectory: Uint8Array[] = [];
  readonly toClient: Uint8Array[] = [];

  constructor(readonly target: number) {
    this.#running = Promise.all([this.#accept(), this.#readClient(), this.#readDirectory()]);
  }

  get registry(): string {
    return `127.0.0.1:${this.#own.port}`;
  }

  /** Nothing goes through any more, and nobody is told so. */
  cut(): void {
    this.#isCut = true;
  }

  /** New connections go through again. Those that were cut are gone. */
  mend(): void {
    this.#isCut = false;
    this.#closeAll();
  }

  /** Its datagrams come from another port from now on, as when a router has forgotten them; connections stay. */
  changePort(): void {
    this.#far.close();
    this.#far = anyDatagramPort();
  }

  /** All that went through goes through once more, the last first. */
  async replay(): Promise<void> {
    for (const bytes of this.toDirectory.toReversed()) await this.#sendToDirectory(bytes);
    for (const bytes of this.toClient.toReversed()) {
      await this.#own.datagrams.send(bytes, this.#client!);
    }
  }

  #closeAll(): void {
    for (const connection of this.#open) close(connection);
    this.#open.clear();
  }

  async #accept(): Promise<void> {
    for await (const near of this.#own.listener) {
      this.#open.add(near);
      if (this.#isCut) continue;
      try {
        const far = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
        this.#open.add(far);
        void this.#pass(near, far);
        void this.#pass(far, near);
      } catch {
        close(near); // the directory is down
      }
    }
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const bytes = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(bytes);
        if (this.#isCut) return;
        if (count === null) break;
        for (let at = 0; at < count;) at += await to.write(bytes.subarray(at, count));
      }
    } catch {
      // One end is gone: the other is told so.
    }
    close(from);
    close(to);
  }

  async #readClient(): Promise<void> {
    for await (const [bytes, from] of this.#own.datagrams) {
      this.#client = from;
      if (this.#isCut || this.losesDatagrams) continue;
      this.toDirectory.push(bytes.slice());
      await this.#sendToDirectory(bytes);
    }
  }

  async #sendToDirectory(bytes: Uint8Array): Promise<void> {
    const to = { transport: "udp", hostname: "127.0.0.1", port: this.target } as const;
    await this.#far.send(bytes, to);
  }

  async #readDirectory(): Promise<void> {
    while (!this.#isOver) {
      for await (const [bytes] of this.#far) {
        this.datagrams++;
        if (this.#isCut || this.losesDatagrams || this.#client === null) continue;
        this.toClient.push(bytes.slice());
        await this.#own.datagrams.send(bytes, this.#client);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#own.listener.close();
    this.#own.datagrams.close();
    this.#far.close();
    this.#closeAll();
    await this.#running;
  }
}

function anyDatagramPort(): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It was closed before.
  }
}
