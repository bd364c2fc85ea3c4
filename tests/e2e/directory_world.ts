/** A directory on loopback and its clients, each with its own profile; a test starts, stops and kills them. */

import { accountRow, ACCOUNTS_HEADER } from "../../lib/store/accounts/accounts_csv.ts";
import { Node, type NodeOptions, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { freePort, type OpenPort, openPort } from "./ports.ts";
import { openTerminal, type Terminal } from "./pty.ts";

/** The password of every account, unless a test sets another one. */
export const PASSWORD = "correct horse";

/**
 * Its hash with today's parameters: a weaker one is filled up to their work at each check, and made anew at a log-in,
 * which takes twice as long.
 */
const HASH =
  "$scrypt$ln=17,r=8,p=1$YSBzYWx0IGZvciB0ZXN0cw$gKxAo98DALsgPblGSThkjX+9XM/E1Vc/hRzvmjcWzZ0";

export interface ClientOptions extends NodeOptions {
  readonly password?: string;
  /** The directory's address for this client, for example a proxy's; by default the real one. */
  readonly registry?: string;
  /** The name of a device: the client uses the data folder of that name, as if on another machine. */
  readonly device?: string;
  /** The address at which it takes calls. */
  readonly host?: string;
  /** False: it sends no password to a directory whose key isn't known. */
  readonly trustFirst?: boolean;
}

/** Writes accounts with these names, all with `PASSWORD`, to the directory's data folder. */
export function writeAccounts(data: string, ...names: readonly string[]): void {
  const rows = names.map((name) => accountRow({ name, hash: HASH, createdMs: 0, keys: [] }).text);
  Deno.mkdirSync(`${data}/regserver`, { recursive: true, mode: 0o700 });
  const text = [ACCOUNTS_HEADER, ...rows, ""].join("\n");
  Deno.writeTextFileSync(`${data}/regserver/accounts.csv`, text, { mode: 0o600 });
}

export class DirectoryWorld implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-dir-" }));
  /** The directory's port, the same after a restart. */
  readonly port: number = freePort();
  readonly nodes = new Nodes();
  readonly #ports = new Map<string, number>();

  /** Starts a directory with these accounts, and waits until it is ready. */
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

  /** Writes the accounts file: accounts with these names, all with `PASSWORD`. */
  addAccounts(...names: readonly string[]): void {
    if (names.length > 0) writeAccounts(this.directoryData, ...names);
  }

  /** The names in the accounts file. */
  accounts(): readonly string[] {
    const [, ...rows] = Deno.readTextFileSync(this.accountsFile).trimEnd().split("\n");
    return rows.map((row) => row.split(",")[0]!);
  }

  /** Starts the directory without waiting until it is ready. */
  launchDirectory(...args: readonly string[]): Node {
    const words = ["regserver", "--host", "127.0.0.1", "--port", String(this.port)];
    return this.nodes.add(Node.start(words, { data: this.directoryData, args }));
  }

  /** Starts or restarts the directory, and waits until it is ready. */
  async serve(...args: readonly string[]): Promise<Node> {
    const node = this.launchDirectory(...args);
    await node.until(is("ready"));
    return node;
  }

  /** The data folder of a device, the same each time. */
  data(device: string): string {
    return `${this.folder}/data-${device}`;
  }

  /** The port at which a device takes calls, the same each time. */
  callPort(device: string): number {
    let port = this.#ports.get(device);
    if (port === undefined) this.#ports.set(device, port = freePort());
    return port;
  }

  /** The command-line arguments of a client. */
  words(
    name: string,
    { device = name, registry, host = "127.0.0.1", trustFirst = true }: ClientOptions = {},
  ) {
    const port = String(this.callPort(device));
    const flags = [...(trustFirst ? ["--trust-first"] : []), "--host", host, "--port", port];
    return ["peer", name, "--registry", registry ?? this.registry, ...flags];
  }

  /** Starts a client without waiting; `how`: `--login`, `--signup` or `--guest`. */
  launch(how: string, name: string, options: ClientOptions = {}): Node {
    const { device = name, password = PASSWORD, args = [] } = options;
    return this.nodes.add(Node.start(this.words(name, options), {
      data: options.data ?? this.data(device),
      args: [how, ...args],
      env: { P2PCHAT_PASSWORD: password, ...options.env },
    }));
  }

  /** Starts a client, and waits until it has logged in and has the list of users. */
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

  /** Starts guests with these names, and waits until each sees all of them. */
  async guests(...names: readonly string[]): Promise<Node[]> {
    const nodes = await Promise.all(names.map((name) => this.guest(name)));
    await Promise.all(nodes.map((node) => seesAll(node, ...names)));
    return nodes;
  }

  /** Starts two guests, and waits until the first has called the second and they are connected. */
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

  /** Opens a client at a terminal. Without a name or way in, it asks for them. */
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

  /** Opens a guest at a terminal, and waits for the prompt of the lobby. */
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

// Events that tests wait for.

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

/** An event of the directory about a call. */
export const directoryCall = (from: string, to: string, state: string): Match => (event) =>
  event.event === "call" && event.from === from && event.to === to && event.state === state;

export const logout = (name: string): Match => (event) =>
  event.event === "logout" && event.name === name;

export const login = (name: string): Match => (event) =>
  event.event === "login" && event.name === name;

/** The list of users now, in its order, as `bob busy`. */
export async function listed(node: Node, part?: string): Promise<readonly string[]> {
  const { users } = await node.ask("list", part === undefined ? {} : { part });
  return users.map((user: ShownEvent) => `${user.name} ${user.state}`);
}

/** Waits until all these users are in the list. */
export async function seesAll(node: Node, ...names: readonly string[]): Promise<void> {
  for (;;) {
    const from = node.events.length;
    const seen = (await listed(node)).map((user) => user.split(" ")[0]!);
    if (names.every((name) => seen.includes(name))) return;
    await node.until(({ event }) => event === "presence" || event === "users", undefined, from);
  }
}

/** Waits until the list has exactly these users. */
export async function untilListed(node: Node, ...users: readonly string[]): Promise<void> {
  for (const untilMs = performance.now() + 60_000;;) {
    const seen = await listed(node);
    if (seen.join() === users.join()) return;
    if (performance.now() > untilMs) throw new Error(`${seen.join()}, not ${users.join()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `caller` calls `name`, and `callee` accepts; waits until both are connected. */
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

/** The states of its calls that a client was told, as `ringing` or `ended hung-up`. */
export function callStates(node: Node): readonly string[] {
  return node.events.filter(is("call")).map(({ state, reason }) =>
    reason === "" ? state : `${state} ${reason}`
  );
}

/** Sends a broadcast. @returns How many have received it, once the directory reports that. */
export async function tell(node: Node, text: string): Promise<number> {
  const { event, reached } = await node.ask("broadcast", { text });
  if (event !== "broadcast-sent") throw new Error(`it was told to nobody: ${event}`);
  return reached;
}

/** The broadcasts of others that were shown, in order. */
export function heard(node: Node): readonly string[] {
  return node.events.filter(is("broadcast")).map(({ from, text }) => `${from}: ${text}`);
}

/** As `heard`, once `count` broadcasts are shown; they are acknowledged a moment before that. */
export async function hears(node: Node, count: number): Promise<readonly string[]> {
  await node.untilCount(is("broadcast"), count);
  return heard(node);
}

/** How a program ended: exit status, last event, and its code or reason; waits for the end. */
export async function endOf(node: Node): Promise<readonly [number, string, string]> {
  await node.until(({ event }) => event === "fatal" || event === "bye");
  const { code, last } = await node.ended();
  return [code, last?.event ?? "", last?.code ?? last?.reason ?? ""];
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A proxy between one client and the directory: it can drop and replay datagrams, and change its address. */
export class DirectoryProxy implements AsyncDisposable {
  readonly #own: OpenPort = openPort();
  readonly #open = new Set<Deno.TcpConn>();
  #far = anyDatagramPort();
  readonly #running: Promise<unknown>;
  #client: Deno.Addr | null = null;
  #isOver = false;
  losesDatagrams = false;
  /** The number of datagrams from the directory, including dropped ones. */
  datagrams = 0;
  /** The datagrams that were forwarded. */
  readonly toDirectory: Uint8Array[] = [];
  readonly toClient: Uint8Array[] = [];

  constructor(readonly target: number) {
    this.#running = Promise.all([this.#accept(), this.#readClient(), this.#readDirectory()]);
  }

  get registry(): string {
    return `127.0.0.1:${this.#own.port}`;
  }

  /** Sends datagrams from another port from now on, as a router that has lost its mapping; connections stay. */
  changePort(): void {
    this.#far.close();
    this.#far = anyDatagramPort();
  }

  /** Sends all forwarded datagrams again, in reverse order. */
  async replay(): Promise<void> {
    for (const bytes of this.toDirectory.toReversed()) await this.#sendToDirectory(bytes);
    for (const bytes of this.toClient.toReversed()) {
      await this.#own.datagrams.send(bytes, this.#client!);
    }
  }

  async #accept(): Promise<void> {
    for await (const near of this.#own.listener) {
      this.#open.add(near);
      try {
        const far = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
        this.#open.add(far);
        void this.#pass(near, far);
        void this.#pass(far, near);
      } catch {
        close(near); // the directory isn't running
      }
    }
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const bytes = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(bytes);
        if (count === null) break;
        for (let at = 0; at < count;) at += await to.write(bytes.subarray(at, count));
      }
    } catch {
      // One end has closed or reset the connection: the other end is closed, too.
    }
    close(from);
    close(to);
  }

  async #readClient(): Promise<void> {
    for await (const [bytes, from] of this.#own.datagrams) {
      this.#client = from;
      if (this.losesDatagrams) continue;
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
        if (this.losesDatagrams || this.#client === null) continue;
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
    for (const connection of this.#open) close(connection);
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
