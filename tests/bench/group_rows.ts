/**
 * A group of real processes beside a stream of redis-server that syncs each entry: all it can, one entry at a time,
 * with more and more members; what the death of a member costs the others, and how fast a newcomer has the log.
 */

import { LineProcess, pause, PROGRAM } from "./line_process.ts";
import { startRedis } from "./redis.ts";
import { atLeast, atMost, type Baseline, median, percentile, type Row } from "./row.ts";
import { freePort } from "../e2e/ports.ts";
import { serverPath } from "./servers.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 5;
const SIZES = [2, 3, 4, 8, 16] as const;
const MEMBERS = 3;
const ENTRY_BYTES = 200;
const FLOOD_ENTRIES = 15_000;
const LIGHT_ENTRIES = 100;
const LIGHT_PAUSE_MS = 20;
/** After a flood, until nobody is busy with what it has left. */
const SETTLE_MS = 1_000;
/** A newcomer's log has so many. */
const CATCH_UP_ENTRIES = 100_000;
const DEATHS = 3;
const FAIL_AFTER_MS = 3_000;
/** How often somebody says something while a member dies. */
const DEATH_PAUSE_MS = 20;

/** Who takes part: where lines go in, and where entries come out. */
interface Crowd {
  readonly authors: readonly LineProcess[];
  readonly readers: readonly LineProcess[];
  /** Everybody else who works for it. */
  readonly servers: readonly LineProcess[];
  saying(text: string): string;
  /** What a reader's line of an entry begins with. */
  readonly shown: string;
}

interface Flood {
  readonly perSecond: number;
  readonly processorUs: number;
}

interface Light {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Every figure of one crowd, one for each round. */
interface Figures {
  readonly floods: Flood[];
  readonly lights: Light[];
}

/** Where the programs of a group run: on hosts of their own, by the prefixes of commands there. */
export interface Places {
  /** The coordinator's address. */
  readonly host: string;
  readonly port: number;
  readonly coordinator: readonly string[];
  /** One for each member. */
  readonly members: readonly (readonly string[])[];
}

function onLoopback(): Places {
  return { host: "127.0.0.1", port: freePort(), coordinator: [], members: [] };
}

/** Our group, and what may be done to it. */
export class Group implements AsyncDisposable {
  readonly members: LineProcess[] = [];
  readonly coordinator: LineProcess;
  readonly #folder: string;
  readonly #places: Places;
  #names = 0;

  /** @param args For the coordinator. */
  constructor(folder: string, places: Places, args: readonly string[]) {
    this.#folder = folder;
    this.#places = places;
    const place = ["--host", places.host, "--port", String(places.port)];
    const command = [...places.coordinator, PROGRAM, "serve", ...place];
    const data = ["--data", `${folder}/coordinator`];
    this.coordinator = new LineProcess([...command, ...data, ...args, "--json"]);
  }

  static open(parent: string, size: number, ...args: readonly string[]): Promise<Group> {
    return Group.#open(parent, size, onLoopback(), args);
  }

  static openAt(places: Places, parent: string): Promise<Group> {
    return Group.#open(parent, places.members.length, places, []);
  }

  static async #open(
    parent: string,
    size: number,
    places: Places,
    args: readonly string[],
  ): Promise<Group> {
    const group = new Group(await Deno.makeTempDir({ dir: parent }), places, args);
    try {
      await group.coordinator.until("ready", isEvent("ready"));
      while (group.members.length < size) await group.join();
      return group;
    } catch (error) {
      await group[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @param seen Gets each line of it from the first on. */
  async join(seen: (line: string) => void = () => {}): Promise<LineProcess> {
    const { host, port, members } = this.#places;
    const within = members[this.#names] ?? [];
    const name = `m${++this.#names}`;
    const place = ["--server", `${host}:${port}`, "--data", `${this.#folder}/${name}`];
    const member = new LineProcess([...within, PROGRAM, "peer", name, ...place, "--json"]);
    member.onLine(seen);
    this.members.push(member);
    await member.until("ready", isEvent("ready"));
    return member;
  }

  /** Kills the member as a crash does. */
  async kill(member: LineProcess): Promise<void> {
    this.members.splice(this.members.indexOf(member), 1);
    await member[Symbol.asyncDispose]();
  }

  get crowd(): Crowd {
    const { members, coordinator } = this;
    return {
      authors: members,
      readers: members,
      servers: [coordinator],
      saying: (text) => text,
      shown: ENTRY_LINE,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [...this.members, this.coordinator]) await process[Symbol.asyncDispose]();
  }
}

const ENTRY_LINE = '{"event":"message"';

export function isEvent(name: string): (line: string) => true | undefined {
  return (line) => line.startsWith(`{"event":"${name}"`) || undefined;
}

export async function measureGroup(): Promise<readonly Row[]> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  const beside = await measureBesideRedis(folder);
  const sizes = await measureSizes(folder);
  return [...beside, ...sizes, ...await measureDeaths(folder), ...await measureCatchUp(folder)];
}

const NAME = "group chat, 3 members";

async function measureBesideRedis(folder: string): Promise<readonly Row[]> {
  await using group = await Group.open(folder, MEMBERS);
  const path = await serverPath("redis-server");
  const redis = path === null ? null : await openRedis(path, folder);
  const [ours, theirs]: [Figures, Figures] = [
    { floods: [], lights: [] },
    { floods: [], lights: [] },
  ];
  try {
    for (let round = -1; round < ROUNDS; round++) {
      const crowds = [[group.crowd, ours], ...(redis === null ? [] : [[redis, theirs]])] as const;
      for (const [crowd, figures] of crowds as readonly (readonly [Crowd, Figures])[]) {
        const flood = await measureFlood(crowd);
        const light = await measureLight(crowd);
        if (round < 0) continue; // it warms all
        figures.floods.push(flood);
        figures.lights.push(light);
      }
    }
  } finally {
    if (redis !== null) await disposeAll(redis);
  }
  const name = "redis stream, appendfsync always, 3 readers";
  const row = (what: string, unit: string, pick: (figures: Figures) => number[]): Row => ({
    group: NAME,
    what,
    unit,
    ours: pick(ours),
    baseline: redis === null
      ? { name, missing: "apt-get install redis-server" }
      : { name, samples: pick(theirs) },
    target: null,
  });
  const typed = "one at a time, sent to shown at all";
  return [
    {
      ...row("all send, durable at all", "entries/s", (at) => at.floods.map((f) => f.perSecond)),
      target: atLeast(0.2),
    },
    row("the same, processor of all", "us/entry", (at) => at.floods.map((f) => f.processorUs)),
    {
      ...row(`${typed}, p50`, "ms", (at) => at.lights.map(({ p50Ms }) => p50Ms)),
      target: atMost(3),
    },
    {
      ...row(`${typed}, p99`, "ms", (at) => at.lights.map(({ p99Ms }) => p99Ms)),
      target: atMost(3),
    },
  ];
}

async function openRedis(path: string, parent: string): Promise<Crowd> {
  const { server, client } = await startRedis(path, parent);
  const readers = [await client("watch"), await client("watch"), await client("watch")];
  return {
    authors: [await client("add")],
    readers,
    servers: [server],
    saying: (text) => text,
    shown: "x",
  };
}

async function disposeAll({ authors, readers, servers }: Crowd): Promise<void> {
  for (const process of new Set([...authors, ...readers, ...servers])) {
    await process[Symbol.asyncDispose]();
  }
}

/** Throughput and latency by the number of members. */
async function measureSizes(folder: string): Promise<readonly Row[]> {
  const bySize = new Map<number, Figures>();
  for (const size of SIZES) {
    const figures: Figures = { floods: [], lights: [] };
    bySize.set(size, figures);
    await using group = await Group.open(folder, size);
    for (let round = -1; round < ROUNDS; round++) {
      const flood = await measureFlood(group.crowd);
      const light = await measureLight(group.crowd);
      if (round < 0) continue;
      figures.floods.push(flood);
      figures.lights.push(light);
    }
  }
  const work = (size: number) => bySize.get(size)!.floods.map((at) => at.perSecond * size);
  const few = { name: "3 members", samples: work(MEMBERS) };
  return SIZES.flatMap((size): Row[] => {
    const { floods, lights } = bySize.get(size)!;
    const row = (what: string, unit: string, ours: readonly number[]): Row => ({
      group: `group chat, ${size} members, by size`,
      what,
      unit,
      ours,
      baseline: null,
      target: null,
    });
    return [
      row("all send, durable at all", "entries/s", floods.map((at) => at.perSecond)),
      {
        ...row("entries/s times members", "entries/s", work(size)),
        baseline: few,
        target: size > MEMBERS ? atLeast(0.7) : null,
      },
      row("one at a time, sent to shown at all, p50", "ms", lights.map(({ p50Ms }) => p50Ms)),
      row("the same, p99", "ms", lights.map(({ p99Ms }) => p99Ms)),
    ];
  });
}

/** What the others wait when a member is killed: the sequencer, and another one. */
async function measureDeaths(folder: string): Promise<readonly Row[]> {
  const measure = async (pick: (members: readonly LineProcess[]) => LineProcess) => {
    const stalls: number[] = [];
    for (let death = 0; death < DEATHS; death++) {
      await using group = await Group.open(folder, MEMBERS + 1);
      stalls.push(await measureStall(group, pick(group.members)));
    }
    return stalls;
  };
  const row = (what: string, ours: readonly number[]): Row => ({
    group: NAME,
    what,
    unit: "ms",
    ours,
    baseline: null,
    target: atMost(FAIL_AFTER_MS + 500, "value"),
  });
  return [
    row("stall of the others when the sequencer is killed", await measure(([first]) => first!)),
    row("stall of the others when another is killed", await measure((all) => all.at(-1)!)),
  ];
}

/** The longest time between two entries at a survivor, another one saying something all the time. */
async function measureStall(group: Group, victim: LineProcess): Promise<number> {
  const [author, reader] = group.members.filter((member) => member !== victim);
  let lastMs = performance.now();
  let stallMs = 0;
  const stop = reader!.onLine((line) => {
    if (!line.startsWith(ENTRY_LINE)) return;
    const nowMs = performance.now();
    stallMs = Math.max(stallMs, nowMs - lastMs);
    lastMs = nowMs;
  });
  const talk = async (forMs: number) => {
    const untilMs = performance.now() + forMs;
    while (performance.now() < untilMs) {
      await author!.type("still here");
      await pause(DEATH_PAUSE_MS);
    }
  };
  await talk(500);
  const killed = group.kill(victim);
  await talk(FAIL_AFTER_MS + 2_000);
  await killed;
  stop();
  return Math.max(stallMs, performance.now() - lastMs);
}

/** How fast a newcomer has a long log, beside how fast it came about. */
async function measureCatchUp(folder: string): Promise<readonly Row[]> {
  await using group = await Group.open(folder, MEMBERS);
  const live: number[] = [];
  for (let entries = 0; entries < CATCH_UP_ENTRIES; entries += FLOOD_ENTRIES) {
    live.push((await measureFlood(group.crowd)).perSecond);
  }
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let entries = 0;
    let firstMs = 0;
    let lastMs = 0;
    const newcomer = await group.join((line) => {
      if (!line.startsWith(ENTRY_LINE)) return;
      lastMs = performance.now();
      if (entries++ === 0) firstMs = lastMs;
    });
    rates.push(entries / (lastMs - firstMs) * 1_000);
    await newcomer.type("/exit");
    await newcomer.until("bye", isEvent("bye"));
    await group.kill(newcomer);
  }
  const baseline: Baseline = { name: "live ordering", samples: live };
  return [{
    group: NAME,
    what: `catching up ${CATCH_UP_ENTRIES.toLocaleString("en-US")} entries`,
    unit: "entries/s",
    ours: rates,
    baseline,
    target: atLeast(5),
  }];
}

async function processorMs(crowd: Crowd): Promise<number> {
  const all = new Set([...crowd.authors, ...crowd.readers, ...crowd.servers]);
  const each = await Promise.all(Array.from(all, (process) => process.processorMs()));
  return each.reduce((sum, ms) => sum + ms, 0);
}

/** All authors write all they can, until everybody has printed all entries. */
export async function measureFlood(crowd: Crowd, flood: number = FLOOD_ENTRIES): Promise<Flood> {
  const { authors, readers, saying } = crowd;
  const each = Math.floor(flood / authors.length);
  const line = saying("x".repeat(ENTRY_BYTES));
  const bytes = new TextEncoder().encode(`${line}\n`.repeat(each));
  const processorFromMs = await processorMs(crowd);
  const fromMs = performance.now();
  const all = readers.map((reader) => reader.countLines(each * authors.length));
  await Promise.all([...authors.map((author) => author.write(bytes)), ...all]);
  const tookMs = performance.now() - fromMs;
  const tookProcessorMs = await processorMs(crowd) - processorFromMs;
  const entries = each * authors.length;
  return {
    perSecond: entries / tookMs * 1_000,
    processorUs: tookProcessorMs * 1_000 / entries,
  };
}

/** One entry after the other, by each author in turn. */
export async function measureLight(crowd: Crowd): Promise<Light> {
  const { authors, readers, saying, shown } = crowd;
  const text = "x".repeat(ENTRY_BYTES);
  const times: number[] = [];
  await pause(SETTLE_MS);
  for (let at = 0; at < LIGHT_ENTRIES; at++) {
    await pause(LIGHT_PAUSE_MS);
    const isShown = readers.map((reader) =>
      reader.until("entry", (line) => line.startsWith(shown) || undefined)
    );
    const fromMs = performance.now();
    await Promise.all([authors[at % authors.length]!.type(saying(text)), ...isShown]);
    times.push(performance.now() - fromMs);
  }
  return { p50Ms: median(times), p99Ms: percentile(times, 0.99) };
}
