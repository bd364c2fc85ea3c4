/**
 * A directory of three instances over three nodes of etcd, each on a host of its own, and 300 clients at one of them, in
 * ten processes on hosts of their own, as one address may not dial so often. The instance is killed while people talk and
 * broadcast: how long until all are back, and whether all is as it is promised to be.
 */

import { fileURLToPath } from "node:url";
import { nodeSigner } from "../../lib/base/crypto/crypto.ts";
import { canMakeHosts, Hosts } from "../e2e/hosts.ts";
import { ENGINE_HOSTS, TorturedEngine } from "../torture/engine.ts";
import { bounded, LineProcess, pause, PROGRAM } from "./line_process.ts";
import { atMost, percentile, type Row } from "./row.ts";
import { makeAccounts } from "./running_directory.ts";

const ROUNDS = 3;
const PROCESSES = 10;
const EACH = 30;
/** At another instance from the start: these tell all. */
const ELSEWHERE = ["q0", "q1", "q2"] as const;
/** Calls between clients of two processes each. */
const CALLS = 20;
const SAYS_MS = 300;
/** A sender may tell all once a second. */
const TELLS_MS = 1_000;
const BEFORE_MS = 3_000;
const AFTER_MS = 3_000;
const PORT = 4_400;
const DIRECTORIES = ["Dir1", "Dir2", "Dir3"] as const;
const CROWD = Array.from({ length: PROCESSES }, (_, at) => `People${at}`);
const OTHERS = "Others";
const CLIENTS = PROCESSES * EACH;
const GROUP = `engine: 3 nodes of etcd, 3 directories, ${CLIENTS} clients at one, which is killed`;

export async function measureEngineCrowd(): Promise<readonly Row[]> {
  if (!canMakeHosts()) return []; // hosts of their own are root's to make
  const [median, p99, slowest]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const times = await returns();
    median.push(percentile(times, 0.5));
    p99.push(percentile(times, 0.99));
    slowest.push(Math.max(...times));
  }
  const row = (what: string, ours: readonly number[]) => ({
    ...{ group: GROUP, what, unit: "ms", ours, baseline: null },
  });
  return [
    { ...row("back at the others, p50", median), target: null },
    { ...row("back at the others, p99", p99), target: atMost(5_000, "value") },
    { ...row("back at the others, the slowest", slowest), target: null },
  ];
}

/** How a call ends that wasn't connected. */
const FAILED: ReadonlySet<string> = new Set(["unreachable", "offline", "missed", "busy"]);

function namesOf(process: number): readonly string[] {
  return Array.from({ length: EACH }, (_, who) => `p${process}-${who}`);
}

type Account = ReturnType<typeof newAccount>;

function newAccount(name: string) {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  return { name, seed, signer: nodeSigner(seed) };
}

/** A client, and all that it was shown. */
class Seen {
  isUp = false;
  /** The instance at which it is. */
  instance = "";
  ups = 0;
  /** When it was last let in, ms. */
  upAtMs = 0;
  readonly calls: string[] = [];
  readonly said: string[] = [];
  readonly told: string[] = [];
  readonly troubles: string[] = [];
  #callee: Seen | null = null;

  constructor(readonly name: string, readonly process: LineProcess, readonly who: number) {}

  do(command: object): void {
    void this.process.type(JSON.stringify({ who: this.who, command }));
  }

  /** Calls, and again where that isn't connected: some come in late. */
  calling(other: Seen): void {
    this.#callee = other;
    this.do({ command: "call", name: other.name });
  }

  // deno-lint-ignore no-explicit-any -- an event of a client
  shown(event: any): void {
    switch (event.event) {
      case "session":
        this.isUp = event.state === "up";
        if (!this.isUp) return;
        this.ups++;
        this.instance = event.instance;
        this.upAtMs = performance.now();
        return;
      case "incoming":
        return this.do({ command: "accept" });
      case "call":
        this.calls.push(event.state);
        if (FAILED.has(event.state)) {
          setTimeout(() => this.#callee && this.calling(this.#callee), 500);
        }
        return;
      case "message":
        return void (event.self || this.said.push(event.text));
      case "broadcast":
        return void this.told.push(event.text);
      case "error":
      case "over":
        return void this.troubles.push(JSON.stringify(event));
    }
  }
}

/** One round. @returns After how long each was back, ms. @throws Where something isn't as promised. */
async function returns(): Promise<readonly number[]> {
  await using stack = new AsyncDisposableStack();
  const scene = await Scene.open(stack);
  const accounts = [...CROWD.flatMap((_, at) => namesOf(at)), ...ELSEWHERE].map(newAccount);
  await scene.import(accounts);
  const crowd = CROWD.map((host, at) => scene.start(host, accounts, namesOf(at), 0));
  const others = scene.start(OTHERS, accounts, ELSEWHERE, 1);
  const all = [...crowd.flat(), ...others];
  await until(() => all.every(({ isUp }) => isUp), "all are in");

  const pairs = pairsOf(crowd);
  for (const [one, other] of pairs) one.calling(other);
  const talks = ({ calls }: Seen) => calls.at(-1) === "connected";
  await until(() => pairs.flat().every(talks), "all calls are connected");
  const talk = stack.use(new Talk(pairs, [...others, crowd[0]!.at(-1)!, crowd[1]!.at(-1)!]));
  await pause(BEFORE_MS);
  // Where the machine has much to do some are elsewhere already: their instance had the engine's answers too late.
  const moving = all.filter(({ instance }) => instance === scene.registry[0]);
  const before = new Map(moving.map((one) => [one, one.ups]));
  const fromMs = performance.now();
  await scene.directories[0]![Symbol.asyncDispose]();
  const isBack = ({ isUp, upAtMs }: Seen) => isUp && upAtMs > fromMs;
  await until(() => moving.every(isBack), "all are back");
  await pause(AFTER_MS);
  await talk.end(all);
  const again = moving.filter((one) => one.ups !== before.get(one)! + 1);
  if (again.length > 0) {
    throw new Error(`These came in more than once: ${again.map(({ name }) => name).join()}`);
  }
  const troubles = all.flatMap(({ troubles }) => troubles).filter((text) => !isOutage(text));
  if (troubles.length > 0) throw new Error(`Troubles: ${troubles.slice(0, 5).join("\n")}`);
  return moving.map(({ upAtMs }) => upAtMs - fromMs);
}

/** What a client may say while it moves. */
function isOutage(text: string): boolean {
  return text.includes('"unreachable"') || text.includes('"disk"');
}

/** Each calls its like in the next process. */
function pairsOf(crowd: readonly (readonly Seen[])[]): readonly (readonly [Seen, Seen])[] {
  return Array.from({ length: CALLS }, (_, at) => {
    const here = 2 * (at % (PROCESSES / 2));
    const who = Math.floor(2 * at / PROCESSES);
    return [crowd[here]![who]!, crowd[here + 1]![who]!] as const;
  });
}

/** The hosts, the engine and the directories. */
class Scene {
  readonly directories: LineProcess[] = [];
  readonly registry: readonly string[] = DIRECTORIES.map((host) =>
    `${this.hosts.address(host)}:${PORT}`
  );

  private constructor(
    readonly stack: AsyncDisposableStack,
    readonly hosts: Hosts,
    readonly engine: TorturedEngine,
    readonly folder: string,
  ) {}

  /** @param stack Ends all of it. */
  static async open(stack: AsyncDisposableStack): Promise<Scene> {
    const hosts = stack.use(await Hosts.open(...ENGINE_HOSTS, ...DIRECTORIES, ...CROWD, OTHERS));
    const engine = stack.use(await TorturedEngine.open(hosts));
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const scene = new Scene(stack, hosts, engine, folder);
    for (const at of DIRECTORIES.keys()) await scene.#serve(at);
    return scene;
  }

  async #serve(at: number): Promise<void> {
    const { folder, hosts, engine } = this;
    if (at > 0) {
      await Deno.mkdir(`${folder}/${at}/regserver`, { recursive: true, mode: 0o700 });
      const [from, to] = [0, at].map((at) => `${folder}/${at}/regserver/identity`);
      await Deno.copyFile(from!, to!);
    }
    const host = DIRECTORIES[at]!;
    const place = ["--host", hosts.address(host), "--port", String(PORT)];
    const flags = ["--data", `${folder}/${at}`, "--max-clients", "2000", "--json"];
    const command = [PROGRAM, "regserver", ...engine.flags, ...place, ...flags];
    const directory = this.stack.use(new LineProcess([...hosts.within(host), ...command]));
    await directory.until("ready", (line) => line.includes('"ready"') || undefined);
    this.directories.push(directory);
  }

  async import(accounts: readonly Account[]): Promise<void> {
    const { folder, hosts, engine } = this;
    await makeAccounts(`${folder}/accounts`, accounts);
    const file = `${folder}/accounts/regserver/accounts.csv`;
    const importing = [PROGRAM, "accounts", "import", file, ...engine.flags];
    const [command = "", ...args] = [...hosts.within(DIRECTORIES[0]), ...importing];
    const { success, stderr } = await new Deno.Command(command, { args, stdout: "null" }).output();
    if (!success) throw new Error(`Cannot measure: ${new TextDecoder().decode(stderr)}`);
  }

  /** A process with these clients. @param first Which instance they try first. */
  start(
    host: string,
    accounts: readonly Account[],
    names: readonly string[],
    first: number,
  ): readonly Seen[] {
    const { hosts } = this;
    const registry = this.registry.slice(first);
    const script = fileURLToPath(new URL("hosted_clients.ts", import.meta.url));
    const command = [Deno.execPath(), "run", "--quiet", "-A", "--no-lock", script];
    const seeds = new Map(accounts.map(({ name, seed }) => [name, seed.toHex()]));
    const given = names.map((name) => `${name}:${seeds.get(name)}`);
    const args = [hosts.address(host), registry.join(), ...given];
    const process = this.stack.use(new LineProcess([...hosts.within(host), ...command, ...args]));
    const clients = names.map((name, who) => new Seen(name, process, who));
    process.onLine((line) => {
      const event = JSON.parse(line);
      clients[event.who]!.shown(event);
    });
    return clients;
  }
}

/** What is said in calls, and told to all, until it ends. */
class Talk implements Disposable {
  readonly #said = new Map<Seen, string[]>();
  readonly #told = new Map<Seen, string[]>();
  readonly #timers: readonly ReturnType<typeof setInterval>[];

  constructor(readonly pairs: readonly (readonly [Seen, Seen])[], tellers: readonly Seen[]) {
    const each = (ms: number, all: readonly Seen[], kept: Map<Seen, string[]>, command: string) => {
      for (const one of all) kept.set(one, []);
      return setInterval(() => {
        for (const one of all) {
          const texts = kept.get(one)!;
          const text = `${one.name} ${texts.length}`;
          texts.push(text);
          one.do({ command, text });
        }
      }, ms);
    };
    this.#timers = [
      each(SAYS_MS, pairs.flat(), this.#said, "say"),
      each(TELLS_MS, tellers, this.#told, "broadcast"),
    ];
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** All that was said is heard, once and in order; all that was told is shown to all, once and in its sender's order. */
  async end(all: readonly Seen[]): Promise<void> {
    this[Symbol.dispose]();
    const hears = ([one, other]: readonly [Seen, Seen]) =>
      same(other.said, this.#said.get(one)!) && same(one.said, this.#said.get(other)!);
    await until(() => this.pairs.every(hears), "all that was said in calls is heard");
    const cut = this.pairs.flat().filter(({ calls }) => calls.at(-1) !== "connected");
    if (cut.length > 0) throw new Error(`Calls were cut: ${cut.map(({ name }) => name).join()}`);
    const isTold = (seen: Seen) =>
      [...this.#told].every(([teller, texts]) =>
        teller === seen ||
        same(seen.told.filter((text) => text.startsWith(`${teller.name} `)), texts)
      );
    await until(() => all.every(isTold), "all broadcasts are shown to all, once and in order");
  }
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, at) => text === other[at]);
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const waiting = Promise.withResolvers<void>();
  const timer = setInterval(() => isSo() && waiting.resolve(), 20);
  await bounded(waiting.promise, what).finally(() => clearInterval(timer));
}
