/**
 * What is left of the throughput where a processor has much else to do: the same flood without, and beside eight busy
 * loops, of a group, a mesh room and a directory; beside it redis-server and nats-server under the same loops. The
 * processor time of an entry says whether work is done again; nobody who lives may be lost.
 */

import { dependency } from "./baselines/dependency.ts";
import { Crowd, strangers } from "./crowd.ts";
import { Group, isEvent } from "./group_rows.ts";
import { baselinePath, bounded, denoCommand, LineProcess, pause } from "./line_process.ts";
import { startRedis } from "./redis.ts";
import { openRoom, p2pchatKind } from "./rooms.ts";
import { atMost, type Baseline, median, type Row } from "./row.ts";
import { RunningDirectory } from "./running_directory.ts";
import { freePort } from "../e2e/ports.ts";
import { listens, serverPath } from "./servers.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 2;
const LOOPS = 8;
const ENTRY_BYTES = 200;
const GROUP = { members: 16, entries: 4_992 } as const;
const MESH = { members: 30, entries: 2_000 } as const;
const DIRECTORY = { clients: 200, entries: 60 } as const;
/** Broadcasts under way at once. */
const IN_FLIGHT = 10;
/** Until nobody is busy with what a flood has left. */
const SETTLE_MS = 2_000;
/** Processor time of an entry, beside the loops to without them. */
const WORK_MAX = 1.5;

/** Those who take part, however they talk. */
interface Talk extends AsyncDisposable {
  readonly processes: readonly LineProcess[];
  /** Resolves when everybody has printed all entries. */
  flood(): Promise<void>;
  readonly entries: number;
  /** How many of those who live were taken for lost until now. */
  readonly lost: number;
}

interface Flood {
  readonly perSecond: number;
  readonly processorUs: number;
  readonly lost: number;
}

interface Figures {
  readonly quiet: Flood[];
  readonly busy: Flood[];
}

interface Contest {
  readonly name: string;
  readonly unit: string;
  open(): Promise<Talk>;
  readonly baseline: { readonly name: string; readonly missing: string };
  openBaseline(): Promise<Talk | null>;
}

export async function measureOverload(): Promise<readonly Row[]> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  const rows: Row[] = [];
  for (const contest of [groupContest(folder), MESH_CONTEST, DIRECTORY_CONTEST]) {
    rows.push(...await measureContest(contest));
  }
  return rows;
}

async function measureContest(contest: Contest): Promise<readonly Row[]> {
  const ours = await measureTalk(await contest.open());
  const talk = await contest.openBaseline();
  const theirs = talk === null ? null : await measureTalk(talk);
  const { name, missing } = contest.baseline;
  const row = (what: string, unit: string, pick: (figures: Figures) => number[]): Row => {
    const baseline: Baseline = theirs === null
      ? { name, missing }
      : { name, samples: pick(theirs) };
    return { group: contest.name, what, unit, ours: pick(ours), baseline, target: null };
  };
  const rate = (floods: readonly Flood[]) => floods.map(({ perSecond }) => perSecond);
  const work = ({ quiet, busy }: Figures) => {
    const quietUs = median(quiet.map(({ processorUs }) => processorUs));
    return busy.map(({ processorUs }) => processorUs / quietUs);
  };
  return [
    row("without other work", contest.unit, ({ quiet }) => rate(quiet)),
    row(`beside ${LOOPS} busy loops`, contest.unit, ({ busy }) => rate(busy)),
    {
      ...row("processor for each, beside the loops to without", "x", work),
      target: atMost(WORK_MAX, "value"),
    },
    {
      ...row("taken for lost, and alive", "", ({ busy }) => busy.map(({ lost }) => lost)),
      baseline: null,
      target: atMost(0, "value"),
    },
  ];
}

async function measureTalk(talk: Talk): Promise<Figures> {
  await using used = talk;
  const figures: Figures = { quiet: [], busy: [] };
  await measureFlood(used); // it warms all
  for (let round = 0; round < ROUNDS; round++) {
    figures.quiet.push(await measureFlood(used));
    await using _loops = new BusyLoops();
    figures.busy.push(await measureFlood(used));
  }
  return figures;
}

async function measureFlood(talk: Talk): Promise<Flood> {
  await pause(SETTLE_MS);
  const lostBefore = talk.lost;
  const processorFromMs = await processorMs(talk);
  const fromMs = performance.now();
  await bounded(talk.flood(), "a flood");
  const tookMs = performance.now() - fromMs;
  const tookProcessorMs = await processorMs(talk) - processorFromMs;
  return {
    perSecond: talk.entries / tookMs * 1_000,
    processorUs: tookProcessorMs * 1_000 / talk.entries,
    lost: talk.lost - lostBefore,
  };
}

async function processorMs({ processes }: Talk): Promise<number> {
  const each = await Promise.all(processes.map((process) => process.processorMs()));
  return each.reduce((sum, ms) => sum + ms, 0);
}

/** Programs that do nothing, and take all that they get of the processors. */
class BusyLoops implements AsyncDisposable {
  readonly #loops = Array.from(
    { length: LOOPS },
    () => new Deno.Command("sh", { args: ["-c", "while :; do :; done"], stdin: "null" }).spawn(),
  );

  async [Symbol.asyncDispose](): Promise<void> {
    for (const loop of this.#loops) loop.kill("SIGKILL");
    await Promise.all(this.#loops.map(({ status }) => status));
  }
}

interface Pipes {
  readonly authors: readonly LineProcess[];
  readonly readers: readonly LineProcess[];
  readonly others: readonly LineProcess[];
  readonly entries: number;
  /** What a reader's line of an entry begins with. */
  readonly shown: string;
  /** What a line begins with that says that somebody is lost, and has in it. */
  readonly lost: readonly [string, string] | null;
  dispose(): PromiseLike<void>;
}

/** Programs with lines in and out. */
function pipes({ authors, readers, others, entries, shown, lost, dispose }: Pipes): Talk {
  const all = [...new Set([...authors, ...readers, ...others])];
  let lostCount = 0;
  if (lost !== null) {
    for (const process of all) {
      process.onLine((line) => {
        if (line.startsWith(lost[0]) && line.includes(lost[1])) lostCount++;
      });
    }
  }
  const each = Math.floor(entries / authors.length);
  const bytes = new TextEncoder().encode(`${"x".repeat(ENTRY_BYTES)}\n`.repeat(each));
  const printed = (reader: LineProcess) => {
    let left = each * authors.length;
    return reader.until(
      "all entries",
      (line) => line.startsWith(shown) && --left === 0 || undefined,
    );
  };
  return {
    processes: all,
    entries: each * authors.length,
    get lost() {
      return lostCount;
    },
    async flood() {
      const done = readers.map(printed);
      await Promise.all([...authors.map((author) => author.write(bytes)), ...done]);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function disposeAll(processes: readonly LineProcess[]): Promise<void> {
  for (const process of processes) await process[Symbol.asyncDispose]();
}

function groupContest(folder: string): Contest {
  const { members, entries } = GROUP;
  return {
    name: `a busy machine: group chat, ${members} members, all send`,
    unit: "entries/s",
    async open() {
      const group = await Group.open(folder, members);
      return pipes({
        authors: group.members,
        readers: group.members,
        others: [group.coordinator],
        entries,
        shown: '{"event":"message"',
        lost: ['{"event":"left"', '"lost"'],
        dispose: () => group[Symbol.asyncDispose](),
      });
    },
    baseline: {
      name: `redis stream, appendfsync always, ${members} readers`,
      missing: "apt-get install redis-server",
    },
    async openBaseline() {
      const path = await serverPath("redis-server");
      if (path === null) return null;
      const { server, client } = await startRedis(path, folder);
      const readers: LineProcess[] = [];
      while (readers.length < members) readers.push(await client("watch"));
      const author = await client("add");
      return pipes({
        authors: [author],
        readers,
        others: [server],
        entries,
        shown: "x",
        lost: null,
        dispose: () => disposeAll([author, ...readers, server]),
      });
    },
  };
}

const NATS = {
  name: "nats-server and its client",
  missing: "apt-get install nats-server",
} as const;

async function startNats(): Promise<
  { readonly server: LineProcess; readonly port: number } | null
> {
  const path = await serverPath("nats-server");
  if (path === null) return null;
  const port = freePort();
  const place = ["-a", "127.0.0.1", "-p", String(port), "-l", "/dev/null"];
  const server = new LineProcess([path, ...place]);
  await listens(port);
  return { server, port };
}

const MESH_CONTEST: Contest = {
  name: `a busy machine: mesh, ${MESH.members} members, 1 sends`,
  unit: "entries/s",
  async open() {
    const room = await openRoom(p2pchatKind(), MESH.members);
    return pipes({
      authors: [room.members[0]!],
      readers: room.members,
      others: [],
      entries: MESH.entries,
      shown: '{"event":"message"',
      lost: ['{"event":"left"', '"lost"'],
      dispose: () => room[Symbol.asyncDispose](),
    });
  },
  baseline: NATS,
  async openBaseline() {
    const nats = await startNats();
    if (nats === null) return null;
    const client = async (role: string) => {
      const command = denoCommand(baselinePath("nats_client.ts"), String(nats.port), role);
      const process = new LineProcess(command);
      await process.until("ready", isReady);
      return process;
    };
    const readers: LineProcess[] = [];
    while (readers.length < MESH.members - 1) readers.push(await client("subscribe"));
    const author = await client("publish");
    return pipes({
      authors: [author],
      readers,
      others: [nats.server],
      entries: MESH.entries,
      shown: "x",
      lost: null,
      dispose: () => disposeAll([author, ...readers, nats.server]),
    });
  },
};

function isReady(line: string): true | undefined {
  return line === "ready" || isEvent("ready")(line);
}

const DIRECTORY_CONTEST: Contest = {
  name: `a busy machine: directory, ${DIRECTORY.clients} clients, broadcasts`,
  unit: "broadcasts/s",
  async open() {
    const directory = await RunningDirectory.open();
    const crowd = new Crowd(directory.port, strangers(DIRECTORY.clients + 1), { how: "guest" });
    await crowd.comeIn();
    let lost = 0;
    let turn = 0;
    crowd.listen((_, { type }) => {
      if (type === "down") lost++;
    });
    const tell = () => crowd.tells(crowd.all[turn++ % crowd.all.length]!, "x".repeat(ENTRY_BYTES));
    return {
      processes: [directory.process],
      entries: DIRECTORY.entries,
      get lost() {
        return lost;
      },
      flood: () => inTurns(tell),
      async [Symbol.asyncDispose]() {
        await crowd[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  },
  baseline: NATS,
  async openBaseline() {
    const nats = await startNats();
    if (nats === null) return null;
    const { connect } = await dependency("@nats-io/transport-node/lib/mod.js");
    const clients: { close(): Promise<void> }[] = [];
    const waiting = new Map<string, { left: number; done(): void }>();
    const heard = (_: unknown, message: { string(): string } | null) => {
      const one = waiting.get(message?.string() ?? "");
      if (one !== undefined && --one.left === 0) one.done();
    };
    for (let at = 0; at < DIRECTORY.clients; at++) {
      const client = await connect({ servers: `127.0.0.1:${nats.port}` });
      client.subscribe("all", { callback: heard });
      await client.flush();
      clients.push(client);
    }
    const publisher = await connect({ servers: `127.0.0.1:${nats.port}` });
    let count = 0;
    const tell = async () => {
      const text = String(++count).padEnd(ENTRY_BYTES, "x");
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(text, { left: clients.length, done: resolve });
      publisher.publish("all", text);
      await promise;
      waiting.delete(text);
    };
    return {
      processes: [nats.server],
      entries: DIRECTORY.entries,
      lost: 0,
      flood: () => inTurns(tell),
      async [Symbol.asyncDispose]() {
        await Promise.all([publisher, ...clients].map((client) => client.close()));
        await nats.server[Symbol.asyncDispose]();
      },
    };
  },
};

async function inTurns(tell: () => Promise<void>): Promise<void> {
  let left: number = DIRECTORY.entries;
  const inTurn = async () => {
    while (left-- > 0) await tell();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, inTurn));
}
