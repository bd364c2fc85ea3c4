/**
 * Two friends, one of whom writes to the other: all it can beside a stream of redis-server, one message at a time
 * beside a raw round trip and a sync, and beside programs that do nothing but pass it on; all in turn.
 */

import { baselinePath, denoCommand, LineProcess, pause, PROGRAM } from "./line_process.ts";
import { atLeast, atMost, type Baseline, LEAST_NAME, median, percentile, type Row } from "./row.ts";
import { startRedis } from "./redis.ts";
import { freePort } from "../e2e/ports.ts";
import { serverPath } from "./servers.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 7;
const MESSAGE_BYTES = 200;
const MESSAGES = 50_000;
const LIGHT_MESSAGES = 100;
const LIGHT_PAUSE_MS = 20;

/** Who takes part in one run: where the lines go in, and where they come out. */
interface Pair extends AsyncDisposable {
  readonly author: LineProcess;
  readonly reader: LineProcess;
  /** Whoever works besides, as a server does. */
  readonly server: LineProcess | null;
  saying(text: string): string;
  /** Lines that the author prints for each message. */
  readonly answers: number;
  /** What the reader's line of a message begins with. */
  readonly shown: string;
}

interface Flood {
  readonly perSecond: number;
  readonly processorUs: number;
}

interface Light {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly processorUs: number;
}

type RawLight = Pick<Light, "p50Ms" | "p99Ms">;

export async function measureFriends(): Promise<readonly Row[]> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  await using stack = new AsyncDisposableStack();
  const friends = stack.use(await openFriends(folder));
  const server = await serverPath("redis-server");
  const redis = server === null ? null : stack.use(await openRedis(server, folder));
  const raw = stack.use(await openRaw(folder));
  const least = stack.use(await openLeast(folder));
  const [floods, redisFloods]: [Flood[], Flood[]] = [[], []];
  const [lights, leasts, raws]: [Light[], Light[], RawLight[]] = [[], [], []];
  for (let round = -1; round < ROUNDS; round++) {
    const flood = await measureFlood(friends);
    const redisFlood = redis === null ? null : await measureFlood(redis);
    const light = await measureLight(friends);
    const rawLight = await raw.measure();
    const leastLight = await measureLight(least);
    if (round < 0) continue; // it warms all
    floods.push(flood);
    if (redisFlood !== null) redisFloods.push(redisFlood);
    lights.push(light);
    raws.push(rawLight);
    leasts.push(leastLight);
  }
  return [...floodRows(floods, redisFloods), ...lightRows(lights, raws, leasts)];
}

const GROUP = "friends, one pair";

function floodRows(ours: readonly Flood[], theirs: readonly Flood[]): readonly Row[] {
  const name = "redis stream, appendfsync always, one reader";
  const row = (what: string, unit: string, pick: (at: Flood) => number): Row => ({
    group: GROUP,
    what,
    unit,
    ours: ours.map(pick),
    baseline: theirs.length === 0
      ? { name, missing: "apt-get install redis-server" }
      : { name, samples: theirs.map(pick) },
    target: null,
  });
  return [
    {
      ...row("synced, delivered, acknowledged", "messages/s", (at) => at.perSecond),
      target: atLeast(0.5),
    },
    row("the same, processor of all", "us/message", (at) => at.processorUs),
  ];
}

function lightRows(
  ours: readonly Light[],
  raws: readonly RawLight[],
  leasts: readonly Light[],
): readonly Row[] {
  const row = (what: string, unit: string, key: keyof Light, baseline: Baseline): Row => ({
    group: GROUP,
    what,
    unit,
    ours: ours.map((at) => at[key]),
    baseline,
    target: null,
  });
  const raw = (key: keyof RawLight): Baseline => ({
    name: "raw round trip and a sync",
    samples: raws.map((at) => at[key]),
  });
  const least = (key: keyof Light): Baseline => ({
    name: LEAST_NAME,
    samples: leasts.map((at) => at[key]),
  });
  const typed = "one at a time, typed to shown";
  return [
    { ...row(`${typed}, p50`, "ms", "p50Ms", raw("p50Ms")), target: atMost(2) },
    row("the same beside the least there can be", "ms", "p50Ms", least("p50Ms")),
    row(`${typed}, p99`, "ms", "p99Ms", raw("p99Ms")),
    row("the same, processor of both", "us/message", "processorUs", least("processorUs")),
  ];
}

/** Ours, as users have it: both sides' files on the real disk. */
async function openFriends(folder: string): Promise<Pair> {
  const users = `${folder}/users.txt`;
  const rows = ["ann", "bob"].map((name) => `${name} 127.0.0.1 ${freePort()}\n`);
  await Deno.writeTextFile(users, rows.join(""));
  const start = async (name: string) => {
    const place = ["--users", users, "--data", `${folder}/${name}`, "--host", "127.0.0.1"];
    const friend = new LineProcess([PROGRAM, "peer", name, ...place, "--json"]);
    await friend.until("ready", (line) => line.startsWith('{"event":"ready"') || undefined);
    return friend;
  };
  const reader = await start("bob");
  const author = await start("ann");
  const saying = (text: string) => JSON.stringify({ command: "msg", name: "bob", text });
  const delivered = author.until("delivered", (line) => line.includes('"delivered"') || undefined);
  await author.type(saying("hello"));
  await delivered;
  return pairOf({ author, reader, server: null, saying, answers: 2, shown: '{"event":"message"' });
}

async function openRedis(path: string, parent: string): Promise<Pair> {
  const { server, client } = await startRedis(path, parent);
  const [reader, author] = [await client("read"), await client("add")];
  return pairOf({ author, reader, server, saying: (text) => text, answers: 1, shown: "" });
}

/** What two programs under the same Deno can't save: each reads, syncs and passes on. */
async function openLeast(folder: string): Promise<Pair> {
  const start = (...args: string[]) =>
    new LineProcess(denoCommand(baselinePath("sync_and_pass_on.ts"), ...args));
  const reader = start(`${folder}/least-reader`);
  const port = await reader.until("port", (line) => line);
  const author = start(`${folder}/least-author`, port);
  await author.until("ready", (line) => line === "ready" || undefined);
  return pairOf({ author, reader, server: null, saying: (text) => text, answers: 0, shown: "" });
}

function pairOf(pair: Omit<Pair, typeof Symbol.asyncDispose>): Pair {
  const dispose = async () => {
    for (const process of [pair.author, pair.reader, pair.server]) {
      await process?.[Symbol.asyncDispose]();
    }
  };
  return { ...pair, [Symbol.asyncDispose]: dispose };
}

async function processorMs({ author, reader, server }: Pair): Promise<number> {
  const processes = [author, reader, ...(server === null ? [] : [server])];
  const each = await Promise.all(processes.map((process) => process.processorMs()));
  return each.reduce((sum, ms) => sum + ms, 0);
}

/** The author writes all it can, until it has been told of each message, and the reader has printed all. */
async function measureFlood(pair: Pair): Promise<Flood> {
  const { author, reader, saying, answers } = pair;
  const line = saying("x".repeat(MESSAGE_BYTES));
  const bytes = new TextEncoder().encode(`${line}\n`.repeat(MESSAGES));
  const processorFromMs = await processorMs(pair);
  const fromMs = performance.now();
  const all = Promise.all([author.countLines(answers * MESSAGES), reader.countLines(MESSAGES)]);
  await Promise.all([author.write(bytes), all]);
  const tookMs = performance.now() - fromMs;
  const tookProcessorMs = await processorMs(pair) - processorFromMs;
  return {
    perSecond: MESSAGES / tookMs * 1_000,
    processorUs: tookProcessorMs * 1_000 / MESSAGES,
  };
}

async function measureLight(pair: Pair): Promise<Light> {
  const { author, reader, saying, shown } = pair;
  const text = "x".repeat(MESSAGE_BYTES);
  const times: number[] = [];
  const processorFromMs = await processorMs(pair);
  for (let at = 0; at < LIGHT_MESSAGES; at++) {
    await pause(LIGHT_PAUSE_MS);
    const isShown = reader.until("message", (line) => line.startsWith(shown) || undefined);
    const fromMs = performance.now();
    await Promise.all([author.type(saying(text)), isShown]);
    times.push(performance.now() - fromMs);
  }
  await pause(LIGHT_PAUSE_MS); // the last one's delivery is printed
  const tookProcessorMs = await processorMs(pair) - processorFromMs;
  return {
    p50Ms: median(times),
    p99Ms: percentile(times, 0.99),
    processorUs: tookProcessorMs * 1_000 / LIGHT_MESSAGES,
  };
}

/** A message's bytes to another process and back, then appended to a file and synced, after the same pauses. */
async function openRaw(
  folder: string,
): Promise<{ measure(): Promise<RawLight> } & AsyncDisposable> {
  const echo = new LineProcess(denoCommand(baselinePath("echo.ts")));
  const port = Number(await echo.until("port", (line) => line));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const file = await Deno.open(`${folder}/raw`, { create: true, append: true });
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const trip = async () => {
    await connection.write(bytes);
    for (let count = 0; count < bytes.length;) {
      count += await connection.read(bytes) ?? bytes.length;
    }
  };
  const measure = async () => {
    const times: number[] = [];
    for (let at = 0; at < LIGHT_MESSAGES; at++) {
      await pause(LIGHT_PAUSE_MS);
      const fromMs = performance.now();
      await trip();
      file.writeSync(bytes);
      await file.syncData();
      times.push(performance.now() - fromMs);
    }
    return { p50Ms: median(times), p99Ms: percentile(times, 0.99) };
  };
  const dispose = async () => {
    connection.close();
    file.close();
    await echo[Symbol.asyncDispose]();
  };
  return { measure, [Symbol.asyncDispose]: dispose };
}
