/**
 * Directories and coordinators over an engine: three nodes of etcd on loopback, two programs of ours. What is shown is
 * how long people wait when one of these is killed, and what the engine costs a log-in.
 */

import { PRESENCE_MS } from "../../lib/protocols/directory/schema/limits.ts";
import { EtcdNodes, HAS_ETCD } from "../engine/etcd_nodes.ts";
import { freePort } from "../e2e/ports.ts";
import { People } from "../e2e/people.ts";
import { Crowd, type CrowdMember, strangers } from "./crowd.ts";
import { LineProcess, pause, PROGRAM } from "./line_process.ts";
import { atLeast, atMost, type Baseline, median, percentile, type Row } from "./row.ts";
import { measureEngineCrowd } from "./engine_crowd_rows.ts";
import { makeAccounts, RunningDirectory } from "./running_directory.ts";

const ROUNDS = 3;
const NODES = 3;
const PUTS = 50;
const LOG_INS = 50;
const RETURNING = 10;
/** Members that come in by their keys, one after the other and then all at once. */
const BY_KEY = 200;
const MEMBERS = 3;
const EDITS = 30;
const SAYS_MS = 100;
/** Until a former round's names and leases are gone. */
const SETTLE_MS = 6_000;
const GROUP = "engine: 3 nodes of etcd, 2 directories";
const COORDINATORS = "engine: 3 nodes of etcd, 2 coordinators, 3 members";

export async function measureEngine(): Promise<readonly Row[]> {
  if (!HAS_ETCD) throw new Error("Cannot measure: apt-get install etcd-server");
  return [
    ...await measureLogIns(),
    ...await measureByKey(),
    await measureReturns(),
    ...await measureEngineCrowd(),
    await measureLeader(),
    ...await measureCoordinators(),
  ];
}

/** Programs of ours over one engine: each has a folder and a port of its own, and all one key. */
class Instances implements AsyncDisposable {
  readonly processes: LineProcess[] = [];
  readonly ports: number[] = [];

  private constructor(
    readonly command: readonly [string, ...string[]],
    readonly engine: string,
    readonly folder: string,
  ) {}

  static async open(
    nodes: EtcdNodes,
    count: number,
    command: readonly [string, ...string[]],
  ): Promise<Instances> {
    const hosts = nodes.urls.map((url) => url.replace("http://", ""));
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
    const prefix = `bench${crypto.randomUUID().slice(0, 8)}`;
    const instances = new Instances(command, `etcd://${hosts.join(",")}/${prefix}`, folder);
    for (let at = 0; at < count; at++) await instances.start();
    return instances;
  }

  async start(): Promise<void> {
    const { processes, ports, folder, engine, command: [name] } = this;
    const at = processes.length;
    const port = ports[at] = freePort();
    const data = `${folder}/${at}`;
    if (at > 0) {
      await Deno.mkdir(`${data}/${name}`, { recursive: true, mode: 0o700 });
      await Deno.copyFile(`${folder}/0/${name}/identity`, `${data}/${name}/identity`);
    }
    const place = ["--host", "127.0.0.1", "--port", String(port), "--data", data];
    const process = new LineProcess(
      [PROGRAM, ...this.command, "--engine", engine, ...place, "--json"],
    );
    processes.push(process);
    await process.until("ready", (line) => line.includes('"ready"') || undefined);
  }

  /** As `kill -9` does; it isn't started again. */
  async kill(at: number): Promise<void> {
    await this.processes[at]![Symbol.asyncDispose]();
  }

  get addresses(): string {
    return this.ports.map((port) => `127.0.0.1:${port}`).join(",");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.processes) await process[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const DIRECTORY = ["regserver", "--max-clients", "2000"] as const;

// A log-in at one is shown at the other.

async function measureLogIns(): Promise<readonly Row[]> {
  await using nodes = await EtcdNodes.open(NODES);
  await using directories = await Instances.open(nodes, 2, DIRECTORY);
  const [one = 0, other = 0] = directories.ports;
  await using watching = new People(other);
  const watcher = await watching.guest("watcher");
  await using entering = new People(one);
  const [ours, puts]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++) {
    const times: number[] = [];
    for (let at = 0; at < LOG_INS; at++) {
      const name = `n${round + 1}-${at}`;
      const somebody = entering.somebody(name).connects();
      await entering.until(() => somebody.link !== null);
      await pause(2 * PRESENCE_MS); // otherwise most of it is the wait for the next news
      const fromMs = performance.now();
      somebody.enters({ how: "guest" });
      await watching.until(() => watcher.list.has(name));
      times.push(performance.now() - fromMs);
    }
    const put = await putToWatch(nodes);
    if (round < 0) continue; // it warms all
    ours.push(median(times));
    puts.push(put);
  }
  return [{
    group: GROUP,
    what: "a log-in at one, shown at the other, p50",
    unit: "ms",
    ours,
    baseline: { name: "etcd, a put shown by a watch at another node", samples: puts },
    target: atMost(3),
  }];
}

/** A value is put by one client, and told by a watch of another one. @returns The median, ms. */
async function putToWatch(nodes: EtcdNodes): Promise<number> {
  const [one, other] = [nodes.store(), nodes.store()];
  let seen = Promise.withResolvers<void>();
  const prefix = `put${crypto.randomUUID()}`;
  const begun = Promise.withResolvers<void>();
  const following = other.follow(prefix, {
    all: () => begun.resolve(),
    changed: () => seen.resolve(),
    refused: (error) => begun.reject(error),
  });
  await begun.promise;
  const times: number[] = [];
  for (let at = 0; at < PUTS; at++) {
    seen = Promise.withResolvers();
    const key = `${prefix}${at}`;
    const fromMs = performance.now();
    const value = "x".repeat(200);
    await one.commit({ when: [{ key, is: "absent" }], puts: [{ key, value }] });
    await seen.promise;
    times.push(performance.now() - fromMs);
  }
  following.close();
  return median(times);
}

// Log-ins by key, beside those at a directory with files.

async function measureByKey(): Promise<readonly Row[]> {
  const members = strangers(BY_KEY);
  await using nodes = await EtcdNodes.open(NODES);
  await using directories = await Instances.open(nodes, 2, DIRECTORY);
  await importAccounts(directories, members);
  await using files = await RunningDirectory.open(members);
  const [ours, theirs] = [{ p50: [], rate: [] }, { p50: [], rate: [] }] as [ByKey, ByKey];
  for (let round = 0; round < ROUNDS; round++) {
    await comeIn(directories.ports, members, ours);
    await comeIn([files.port], members, theirs);
    await pause(SETTLE_MS);
  }
  const row = (what: string, unit: string, pick: (from: ByKey) => number[]) => ({
    group: GROUP,
    what,
    unit,
    ours: pick(ours),
    baseline: { name: "one directory with files", samples: pick(theirs) },
  });
  return [
    { ...row("a log-in by key, p50", "ms", ({ p50 }) => p50), target: atMost(3) },
    {
      ...row(`${BY_KEY} log-ins by key, 50 at once`, "/s", ({ rate }) => rate),
      target: atLeast(0.3),
    },
  ];
}

interface ByKey {
  readonly p50: number[];
  readonly rate: number[];
}

async function comeIn(
  ports: readonly number[],
  members: readonly CrowdMember[],
  figures: ByKey,
): Promise<void> {
  {
    await using people = new People(ports[0]!);
    const times: number[] = [];
    for (const { name, signer } of members.slice(0, LOG_INS)) {
      const somebody = people.somebody(name, signer).connects();
      await people.until(() => somebody.link !== null);
      const fromMs = performance.now();
      somebody.enters({ how: "resume" });
      await people.until(() => somebody.entered !== null);
      times.push(performance.now() - fromMs);
    }
    figures.p50.push(median(times));
  }
  await using stack = new AsyncDisposableStack();
  const crowds = ports.map((port, at) => {
    const share = members.filter((_, index) => index % ports.length === at);
    return stack.use(new Crowd(port, share, { how: "resume" }));
  });
  const fromMs = performance.now();
  await Promise.all(crowds.map((crowd) => crowd.comeIn()));
  figures.rate.push(members.length / (performance.now() - fromMs) * 1_000);
}

async function importAccounts(
  { folder, engine }: Instances,
  members: readonly CrowdMember[],
): Promise<void> {
  const data = `${folder}/accounts`;
  await makeAccounts(data, members);
  const args = ["accounts", "import", `${data}/regserver/accounts.csv`, "--engine", engine];
  const { success, stderr } = await new Deno.Command(PROGRAM, { args, stdout: "null" }).output();
  if (!success) throw new Error(`Cannot measure: ${new TextDecoder().decode(stderr)}`);
}

// A directory is killed.

async function measureReturns(): Promise<Row> {
  const slowest: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await using nodes = await EtcdNodes.open(NODES);
    await using directories = await Instances.open(nodes, 2, DIRECTORY);
    await using stack = new AsyncDisposableStack();
    const up = (line: string) =>
      line.includes('"event":"session"') && line.includes('"state":"up"') || undefined;
    const clients: LineProcess[] = [];
    for (let at = 0; at < RETURNING; at++) {
      const where = ["--registry", directories.addresses, "--guest"];
      const place = ["--host", "127.0.0.1", "--port", "0", "--data", `${directories.folder}/c`];
      const client = stack.use(
        new LineProcess([PROGRAM, "peer", `c${at}`, ...where, ...place, "--json", "--stay"]),
      );
      await client.until("session", up);
      clients.push(client);
    }
    const back = clients.map((client) => client.until("session again", up));
    const fromMs = performance.now();
    const each = back.map(async (one) => {
      await one;
      return performance.now() - fromMs;
    });
    await directories.kill(0);
    slowest.push(Math.max(...await Promise.all(each)));
  }
  return {
    group: GROUP,
    what: `${RETURNING} clients of a killed directory back at the other, the slowest`,
    unit: "ms",
    ours: slowest,
    baseline: null,
    target: atMost(5_000, "value"),
  };
}

// etcd's leader is killed.

async function measureLeader(): Promise<Row> {
  const times: number[] = [];
  await using nodes = await EtcdNodes.open(NODES);
  await using directories = await Instances.open(nodes, 1, DIRECTORY);
  await using people = new People(directories.ports[0]!);
  await people.guest("first");
  for (let round = 0; round < ROUNDS; round++) {
    const leader = await nodes.leader();
    const fromMs = performance.now();
    await nodes.kill(leader);
    for (let tries = 0;; tries++) {
      const somebody = people.somebody(`n${round}-${tries}`).enters({ how: "guest" });
      const isAnswered = () =>
        somebody.entered !== null || somebody.said.some(({ type }) => type === "refused");
      await people.until(isAnswered);
      if (somebody.entered !== null) break;
      await pause(SAYS_MS);
    }
    times.push(performance.now() - fromMs);
    nodes.start(leader);
    await pause(SETTLE_MS);
  }
  return {
    group: GROUP,
    what: "etcd's leader killed, until a log-in succeeds",
    unit: "ms",
    ours: times,
    baseline: null,
    target: atMost(4_000, "value"),
  };
}

// The coordinator that leads is killed.

async function measureCoordinators(): Promise<readonly Row[]> {
  const [edits, pauses, puts]: [number[], number[], number[]] = [[], [], []];
  const edit: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await using nodes = await EtcdNodes.open(NODES);
    const command = ["serve", "--group", "bench", "--edits", "auto"] as const;
    await using coordinators = await Instances.open(nodes, 2, command);
    await using stack = new AsyncDisposableStack();
    const members: LineProcess[] = [];
    for (let at = 0; at < MEMBERS; at++) {
      const place = ["--server", coordinators.addresses, "--host", "127.0.0.1"];
      const data = ["--data", `${coordinators.folder}/m${at}`];
      const member = stack.use(
        new LineProcess([PROGRAM, "peer", `m${at}`, ...place, ...data, "--json", "--stay"]),
      );
      await member.until("ready", (line) => line.includes('"event":"ready"') || undefined);
      members.push(member);
    }
    const [author, reader] = [members[0]!, members[1]!];
    await said(author, reader, "the entry");
    const each: number[] = [];
    while (each.length < EDITS) each.push(await editMs(author));
    edit.push(median(each));
    puts.push(await putMs(nodes));

    const gaps = watchGaps(reader);
    const timer = setInterval(() => void author.type("a line"), SAYS_MS);
    await pause(1_000);
    const fromMs = performance.now();
    await coordinators.kill(0);
    await editMs(author);
    edits.push(performance.now() - fromMs);
    clearInterval(timer);
    pauses.push(gaps());
  }
  const engine: Baseline = { name: "a put of the same etcd", samples: puts };
  const row = (what: string, ours: number[]) => ({
    group: COORDINATORS,
    what,
    unit: "ms",
    ours,
    baseline: null,
  });
  return [
    { ...row("an edit, --edits auto, p50", edit), baseline: engine, target: null },
    {
      ...row("the leading coordinator killed, until an edit succeeds", edits),
      target: atMost(8_000, "value"),
    },
    {
      ...row("the longest pause of the chat meanwhile", pauses),
      target: atMost(3_500, "value"),
    },
  ];
}

async function said(author: LineProcess, reader: LineProcess, text: string): Promise<void> {
  const heard = reader.until("the line", (line) => line.includes(text) || undefined);
  await author.type(text);
  await heard;
}

/** The first entry is edited. */
async function editMs(author: LineProcess): Promise<number> {
  const ref = crypto.randomUUID();
  const committed = author.until(
    "the edit",
    (line) =>
      line.startsWith('{"event":"edit"') && line.includes(ref) && line.includes('"committed"') ||
      undefined,
  );
  const fromMs = performance.now();
  await author.type(JSON.stringify({ command: "edit", n: 1, text: ref, ref }));
  await committed;
  return performance.now() - fromMs;
}

async function putMs(nodes: EtcdNodes): Promise<number> {
  const store = nodes.store();
  const times: number[] = [];
  for (let at = 0; at < PUTS; at++) {
    const key = `put${crypto.randomUUID()}`;
    const fromMs = performance.now();
    await store.commit({ when: [{ key, is: "absent" }], puts: [{ key, value: key }] });
    times.push(performance.now() - fromMs);
  }
  return percentile(times, 0.5);
}

/** @returns Ends it, and gives the longest time between two entries, ms. */
function watchGaps(reader: LineProcess): () => number {
  let lastMs = performance.now();
  let longestMs = 0;
  const look = () => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  const stop = reader.onLine((line) => {
    if (line.startsWith('{"event":"message"')) look();
  });
  return () => {
    stop();
    look();
    return longestMs;
  };
}
