/**
 * A directory and four clients with accounts: broadcasts once each, calls that end, files in them, and a list that is right. With an
 * engine the directory runs as three instances, over three nodes that fail as well.
 */

import { TTL_MS_DEFAULT } from "../../lib/protocols/directory/schema/limits.ts";
import { PASSWORD, writeAccounts } from "../e2e/directory_world.ts";
import { Hosts } from "../e2e/hosts.ts";
import { PROGRAM, type ShownEvent } from "../e2e/node.ts";
import type { Random } from "../sim/random.ts";
import {
  Actor,
  type CommonTroubles,
  type Life,
  sendTcp,
  type Trouble,
  troublesOf,
} from "./actors.ts";
import { TorturedFiles } from "./files.ts";
import { firstShown, outOfOrder, shownTwice } from "./shown.ts";
import { ENGINE_HOSTS, shareIdentity, TorturedEngine } from "./engine.ts";
import { eventually, type Tortured } from "./torture.ts";

const DIRECTORIES = ["Direc", "Dire2", "Dire3"] as const;
const NAMES = ["ann", "ben", "cem", "dan"] as const;
const PORT = 25_111;
/** A client tries a directory that is away every 30 s at most. */
const SETTLE_MS = 120_000;
/** Broadcasts are kept for a time by the directory's clock: it may be wrong by a third of that, either way. */
const CLOCK_MS_MAX = TTL_MS_DEFAULT / 3;

export class TorturedDirectory implements Tortured {
  readonly troubles: Readonly<Record<string, Trouble>>;
  readonly #common: CommonTroubles;
  readonly #told: { readonly text: string; readonly by: Actor }[] = [];
  #lines = 0;

  private constructor(
    readonly hosts: Hosts,
    readonly engine: TorturedEngine | null,
    /** One, or with an engine three. */
    readonly directories: readonly Actor[],
    readonly clients: readonly Actor[],
    readonly files: TorturedFiles,
  ) {
    const nodes = engine === null ? [] : ENGINE_HOSTS;
    this.#common = troublesOf(this.#actors, hosts, nodes);
    this.troubles = {
      ...this.#common.troubles,
      ...engine?.troubles,
      broadcast: { weight: 12, happen: (random) => this.#broadcast(random) },
      call: { weight: 10, happen: (random) => this.#call(random) },
      accept: { weight: 12, happen: (random) => this.#each(random, { command: "accept" }) },
      line: { weight: 12, happen: (random) => this.#line(random) },
      send: { weight: 4, happen: (random) => this.#send(random) },
      hangup: { weight: 4, happen: (random) => this.#one(random, { command: "hangup" }) },
      garbage: { weight: 2, happen: (random) => this.#garbage(random) },
    };
  }

  static async open(module?: string, isOverEngine = false): Promise<TorturedDirectory> {
    await using made = new AsyncDisposableStack();
    const names = isOverEngine ? DIRECTORIES : DIRECTORIES.slice(0, 1);
    const hosts = made.use(
      await Hosts.open(...names, ...NAMES, ...(isOverEngine ? ENGINE_HOSTS : [])),
    );
    const engine = isOverEngine ? made.use(await TorturedEngine.open(hosts)) : null;
    const make = async (name: string, clockMsMax: number, ...fixed: readonly string[]) => {
      const env = { P2PCHAT_PASSWORD: PASSWORD };
      const isClient = fixed[0] === "peer";
      const words = (self: Actor) => isClient ? [...fixed, ...TorturedFiles.words(self)] : fixed;
      const options = { name, hosts, words, env, module, clockMsMax };
      return made.use(await Actor.make(options));
    };
    const directories: Actor[] = [];
    const over = engine?.flags ?? [];
    for (const name of names) {
      const words = ["regserver", "--port", String(PORT), "--stay", ...over];
      directories.push(await make(name, CLOCK_MS_MAX, ...words));
    }
    const [first] = directories;
    writeAccounts(first!.data, ...NAMES);
    if (engine !== null) await importAccounts(first!, hosts.within(names[0]!), engine);
    const begin = async (actor: Actor) => {
      actor.start();
      await actor.node!.until(({ event }) => event === "ready");
    };
    await begin(first!);
    await shareIdentity("regserver", directories);
    for (const other of directories.slice(1)) await begin(other);
    const registry = `${names.map((name) => hosts.address(name)).join(",")}:${PORT}`;
    const clients: Actor[] = [];
    for (const name of NAMES) {
      const words = ["peer", name, "--registry", registry, "--login", "--trust-first", "--stay"];
      clients.push(await make(name, Infinity, ...words));
    }
    for (const client of clients) client.start();
    for (const { node } of clients) await node!.until(({ event }) => event === "users");
    const files = made.use(new TorturedFiles(clients));
    const world = new TorturedDirectory(hosts, engine, directories, clients, files);
    made.move();
    return world;
  }

  async settle(): Promise<void> {
    this.engine?.recover();
    await this.#common.recover();
    await eventually("all are in and in no call, and all lists show so", SETTLE_MS, async () => {
      for (const actor of this.#actors) actor.start();
      for (const client of this.clients) {
        if (!isIn(client.life)) return false;
        if (openCall(client.life!) !== null) await client.node!.command({ command: "hangup" });
      }
      const lists = await Promise.all(this.clients.map(({ node }) => node!.ask("list")));
      const areListed = lists.every(({ users = [] }) =>
        users.length === NAMES.length && users.every(({ state }: ShownEvent) => state === "free")
      );
      // Whoever rings or is rung is listed as free: a call that a stopped program was to make begins only now.
      return areListed && this.#callsWithoutEnd().length === 0;
    });
    await eventually(
      "all have what was told to all",
      SETTLE_MS,
      () => this.#notReached().length === 0,
    );
  }

  async broken(): Promise<readonly string[]> {
    const authorOf = (text: string) => text.startsWith("told by ") ? text.split(" ")[2]! : null;
    return [
      ...this.#actors.flatMap(({ faults }) => faults),
      ...this.clients.flatMap((client) => shownTwice(client)),
      ...this.clients.flatMap((client) => outOfOrder(client, authorOf)),
      ...this.#notReached(),
      ...this.#callsWithoutEnd(),
      // What a call has broken off goes on in the next one between the two, if there is one.
      ...await this.files.wronglyTold(),
    ];
  }

  async peace(): Promise<void> {
    await this.files.clear();
  }

  figures(): Readonly<Record<string, number>> {
    const events = this.clients.flatMap(({ events }) => events);
    const count = (match: (event: ShownEvent) => boolean) => events.filter(match).length;
    return {
      told: this.#told.length,
      acknowledged: count(({ event }) => event === "broadcast-sent"),
      lines: this.#lines,
      "lines shown": count(({ event, self }) => event === "message" && !self),
      connected: count(({ event, state }) => event === "call" && state === "connected"),
      ...this.files.figures,
      processes: this.#actors.reduce((sum, { lives }) => sum + lives.length, 0),
      ...(this.engine === null ? {} : { nodes: this.engine.starts }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const actor of this.#actors.toReversed()) await actor[Symbol.asyncDispose]();
    await this.engine?.[Symbol.asyncDispose]();
    await this.files[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
  }

  get #actors(): readonly Actor[] {
    return [...this.directories, ...this.clients];
  }

  #awake(): readonly Actor[] {
    return this.clients.filter(({ isAwake, life }) => isAwake && isIn(life));
  }

  async #one(random: Random, command: Readonly<Record<string, unknown>>): Promise<void> {
    const awake = this.#awake();
    if (awake.length === 0) return;
    await random.pick(awake).node?.command(command).catch(() => {}); // it may end at any time
  }

  async #each(random: Random, command: Readonly<Record<string, unknown>>): Promise<void> {
    for (const client of random.shuffled(this.#awake())) {
      await client.node?.command(command).catch(() => {});
    }
  }

  async #broadcast(random: Random): Promise<void> {
    const awake = this.#awake();
    if (awake.length === 0) return;
    const by = random.pick(awake);
    const text = `told by ${by.name} ${this.#told.length}`;
    this.#told.push({ text, by });
    await by.node?.command({ command: "broadcast", text, ref: text }).catch(() => {});
  }

  #call(random: Random): Promise<void> {
    return this.#one(random, { command: "call", name: random.pick(NAMES) });
  }

  /** To the other side of a call, where there is one. */
  async #send(random: Random): Promise<void> {
    const awake = this.#awake();
    if (awake.length > 0) await this.files.send(random, random.pick(awake), null);
  }

  #line(random: Random): Promise<void> {
    return this.#one(random, { command: "msg", text: `line ${this.#lines++}` });
  }

  async #garbage(random: Random): Promise<void> {
    const from = random.pick(this.clients);
    const bytes = random.bytes(1 + random.below(70_000));
    const { name } = random.pick(this.directories);
    await sendTcp(this.hosts.within(from.name), this.hosts.address(name), PORT, bytes);
  }

  #callsWithoutEnd(): readonly string[] {
    return this.clients.flatMap(({ name, life }) =>
      life === undefined || openCall(life) === null ? [] : [`${name}'s call has no end`]
    );
  }

  /** What was acknowledged, and isn't at everybody else. */
  #notReached(): readonly string[] {
    const acknowledged = new Set(
      this.clients.flatMap(({ events }) =>
        events.filter(({ event }) => event === "broadcast-sent").map(({ ref }) => ref as string)
      ),
    );
    return this.clients.flatMap((client) => {
      const shown = firstShown(client);
      return this.#told.filter(({ text, by }) =>
        by !== client && acknowledged.has(text) && !shown.has(text)
      ).map(({ text }) => `${client.name} was never shown: ${text}`);
    });
  }
}

/** Moves the accounts of the first instance's file into the engine, as an operator does. */
async function importAccounts(
  { data }: Actor,
  within: readonly string[],
  { flags }: TorturedEngine,
): Promise<void> {
  const file = `${data}/regserver/accounts.csv`;
  const [command = "", ...args] = [...within, PROGRAM, "accounts", "import", file, ...flags];
  const { success, stderr } = await new Deno.Command(command, { args, stdout: "null" }).output();
  if (!success) throw new Error(`Cannot import accounts: ${new TextDecoder().decode(stderr)}`);
}

function isIn(life: Life | undefined): boolean {
  const last = life?.events.findLast(({ event }) => event === "session");
  return last?.state === "up";
}

/** The call that this process is in, or that rings; null where each has ended. */
function openCall({ events }: Life): string | null {
  const last = events.findLast(({ event }) => event === "call" || event === "incoming");
  if (last === undefined) return null;
  return ["ringing", "connected", undefined].includes(last.state) ? last.call : null;
}
