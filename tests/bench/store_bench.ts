// deno-lint-ignore-file no-console -- a program of its own, and a part of `make bench`
/**
 * The append-only log beside redis-server with `appendfsync always`, and beside `JSON.parse` of each line
 * of a file: all measured in turn in one run. redis-server is found on PATH; where it isn't, that is said.
 * `--json` prints the same for machines.
 */

import process from "node:process";
import type { LogRecord } from "../../lib/base/schema/log_records.ts";
import { AppendLog } from "../../lib/store/log/append_log.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

/** One row: medians and ranges over the rounds. */
export interface StoreFigure {
  readonly row: string;
  readonly unit: "appends/s" | "ms";
  readonly ours: Spread;
  /** CPU time of this process for one append or one opening, us. */
  readonly oursCpuUs: Spread;
  /** `null` where the baseline isn't installed. */
  readonly baseline: Spread | null;
  readonly baselineName: string;
  /** Median of the rounds' ratios of ours to the baseline. */
  readonly ratio: number | null;
  readonly target: string;
  readonly reached: boolean | null;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const ROUNDS = 7;
/** Long enough for some thousand syncs. */
const ROUND_MS = 700;
const LOG_ENTRIES = 100_000;
const TEXT = "The quick brown fox jumps over the lazy dog. ".repeat(5).slice(0, 200);
const FORMAT = { format: "bench", version: 1 };

/** All rows of the stores. Makes and removes a folder in the one for temporary files. */
export async function measureStores(): Promise<readonly StoreFigure[]> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  return [
    await measureSyncedAppends(folder, 1),
    await measureSyncedAppends(folder, 100),
    await measureOpening(folder),
  ];
}

/** Appends of 200 bytes a second, each waited for, by `waiting` callers at once. */
export async function measureSyncedAppends(
  folder: string,
  waiting: number,
): Promise<StoreFigure> {
  const { log } = await AppendLog.open(
    new RealDisk(() => performance.now()),
    `${folder}/appends-${waiting}`,
    FORMAT,
  );
  const redis = await Redis.start(folder);
  const samples: Sample[] = [];
  try {
    const appendOurs = (number: number) =>
      log.append([{ kind: "message", fields: [`${number}`, "ann", TEXT] }]);
    await appendsPerSecond(appendOurs, waiting, ROUND_MS / 2);
    for (let round = 0; round < ROUNDS; round++) {
      const cpuBefore = process.cpuUsage();
      const ours = await appendsPerSecond(appendOurs, waiting, ROUND_MS);
      const { user, system } = process.cpuUsage(cpuBefore);
      const baseline = redis === null ? null : await appendsPerSecond(
        (number) => redis.append(number),
        waiting,
        ROUND_MS,
      );
      const cpuUs = (user + system) / (ours * ROUND_MS / 1_000);
      samples.push({ ours, cpuUs, baseline });
    }
  } finally {
    await log.close();
    await redis?.stop();
  }
  const row = `synced appends, ${waiting} waiting`;
  const baselineName = "redis-server, appendfsync always";
  return figureOf(
    { row, unit: "appends/s", baselineName, target: ">= 1.0" },
    samples,
    (ratio) => ratio >= 1,
  );
}

/** Opening a log of 100,000 entries, beside reading them as JSON lines and parsing each. */
export async function measureOpening(folder: string): Promise<StoreFigure> {
  const disk = new RealDisk();
  const [logPath, jsonPath] = [`${folder}/opened`, `${folder}/opened.json`];
  const { log } = await AppendLog.open(disk, logPath, FORMAT);
  const entries: LogRecord[] = Array.from({ length: LOG_ENTRIES }, (_, i) => ({
    kind: "message",
    fields: [`${i}`, `member-${i % 10}`, `${TEXT}${i}`],
  }));
  for (let i = 0; i < entries.length; i += 100) {
    await log.append(entries.slice(i, i + 100), { sync: false });
  }
  await log.close();
  await Deno.writeTextFile(jsonPath, entries.map((entry) => JSON.stringify(entry)).join("\n"));

  const samples: Sample[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const cpuBefore = process.cpuUsage();
    const ours = await elapsedMs(async () => {
      const opened = await AppendLog.open(disk, logPath, FORMAT);
      checkCount(opened.records.length);
      await opened.log.close();
    });
    const { user, system } = process.cpuUsage(cpuBefore);
    const baseline = await elapsedMs(async () => {
      const lines = (await Deno.readTextFile(jsonPath)).split("\n");
      checkCount(lines.map((line) => JSON.parse(line)).length);
    });
    if (round >= 0) samples.push({ ours, cpuUs: user + system, baseline });
  }
  const row = `open a log of ${LOG_ENTRIES} entries`;
  const baselineName = "reading it and JSON.parse of each line";
  return figureOf(
    { row, unit: "ms", baselineName, target: "<= 3" },
    samples,
    (ratio) => ratio <= 3,
  );
}

interface Sample {
  readonly ours: number;
  readonly cpuUs: number;
  readonly baseline: number | null;
}

function figureOf(
  head: Pick<StoreFigure, "row" | "unit" | "baselineName" | "target">,
  samples: readonly Sample[],
  isReached: (ratio: number) => boolean,
): StoreFigure {
  const baselines = samples.flatMap(({ baseline }) => baseline ?? []);
  const ratios = samples.flatMap(({ ours, baseline }) => baseline === null ? [] : ours / baseline);
  const ratio = ratios.length === 0 ? null : spreadOf(ratios).median;
  return {
    ...head,
    ours: spreadOf(samples.map(({ ours }) => ours)),
    oursCpuUs: spreadOf(samples.map(({ cpuUs }) => cpuUs)),
    baseline: baselines.length === 0 ? null : spreadOf(baselines),
    ratio,
    reached: ratio === null ? null : isReached(ratio),
  };
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: sorted[sorted.length >> 1]!,
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

function checkCount(count: number): void {
  if (count !== LOG_ENTRIES) {
    throw new Error(`${count} entries were read, not ${LOG_ENTRIES}`);
  }
}

async function elapsedMs(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** How often `append` is done a second when each of `waiting` callers waits for it and calls again. */
async function appendsPerSecond(
  append: (number: number) => Promise<void>,
  waiting: number,
  durationMs: number,
): Promise<number> {
  let done = 0;
  const startMs = performance.now();
  const call = async () => {
    while (performance.now() - startMs < durationMs) {
      await append(done);
      done++;
    }
  };
  await Promise.all(Array.from({ length: waiting }, call));
  return done / (performance.now() - startMs) * 1_000;
}

/** A redis-server on a socket file, with nothing on but the synced append-only file, and a client. */
class Redis {
  readonly #waiting: (() => void)[] = [];
  #outgoing = "";
  #reader: Promise<void> | null = null;

  private constructor(
    readonly server: Deno.ChildProcess,
    readonly connection: Deno.UnixConn,
  ) {}

  /** `null` where there is no redis-server. */
  static async start(parent: string): Promise<Redis | null> {
    const folder = await Deno.makeTempDir({ dir: parent });
    const path = `${folder}/socket`;
    const options = `--port 0 --unixsocket ${path} --dir ${folder} --save '' --appendonly yes ` +
      `--appendfsync always --auto-aof-rewrite-percentage 0`;
    const args = options.split(" ").map((arg) => arg === "''" ? "" : arg);
    let server: Deno.ChildProcess;
    try {
      server = new Deno.Command("redis-server", {
        args,
        stdout: "null",
        stderr: "null",
      }).spawn();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
    const deadlineMs = performance.now() + 10_000;
    while (true) {
      try {
        const connection = await Deno.connect({ transport: "unix", path });
        const redis = new Redis(server, connection);
        redis.#reader = redis.#read();
        return redis;
      } catch (error) {
        if (performance.now() > deadlineMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** XADD of an entry like ours. Calls of one turn go out in one write. */
  append(number: number): Promise<void> {
    if (this.#outgoing === "") queueMicrotask(() => void this.#flush());
    const args = [
      "XADD",
      "bench",
      "*",
      "n",
      `${number}`,
      "from",
      "ann",
      "text",
      TEXT,
    ];
    this.#outgoing += `*${args.length}\r\n` +
      args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("");
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    this.connection.close();
    await this.#reader;
    this.server.kill("SIGTERM");
    await this.server.status;
  }

  async #flush(): Promise<void> {
    let bytes = new TextEncoder().encode(this.#outgoing);
    this.#outgoing = "";
    while (bytes.length > 0) {
      bytes = bytes.subarray(await this.connection.write(bytes));
    }
  }

  /** Each reply is `$LENGTH CRLF ID CRLF`: two line feeds. */
  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    let lineFeeds = 0;
    while (true) {
      const count = await this.connection.read(buffer).catch(() => null);
      if (count === null) return;
      for (let at = 0; at < count; at++) {
        if (buffer[at] === 0x2d && lineFeeds === 0 && at === 0) {
          throw new Error("redis refused");
        }
        if (buffer[at] === 0x0a && ++lineFeeds === 2) {
          lineFeeds = 0;
          this.#waiting.shift()?.();
        }
      }
    }
  }
}

function textOf(figure: StoreFigure): string {
  const spread = ({ median, min, max }: Spread) =>
    `${median.toFixed(0)} (${min.toFixed(0)} to ${max.toFixed(0)})`;
  const baseline = figure.baseline === null
    ? "is missing: install redis-server"
    : `${spread(figure.baseline)}, ratio ${figure.ratio?.toFixed(2)}, target ${figure.target}: ` +
      (figure.reached === true ? "reached" : "not reached");
  return `${figure.row}: ${spread(figure.ours)} ${figure.unit}, ` +
    `CPU ${figure.oursCpuUs.median.toFixed(1)} us each; ${figure.baselineName}: ${baseline}`;
}

if (import.meta.main) {
  const figures = await measureStores();
  if (Deno.args.includes("--json")) console.log(JSON.stringify(figures));
  else for (const figure of figures) console.log(textOf(figure));
}
