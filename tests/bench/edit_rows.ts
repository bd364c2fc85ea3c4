/**
 * Edits in a group of three, committed on all disks, beside puts of an etcd-server with one member, and beside programs
 * that do nothing but sync and pass on as an edit goes.
 */

import { Group } from "./group_rows.ts";
import { baselinePath, denoCommand, LineProcess } from "./line_process.ts";
import { atLeast, atMost, LEAST_NAME, median, type Row } from "./row.ts";
import { freePort } from "../e2e/ports.ts";
import { listens, serverPath } from "./servers.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 5;
const MEMBERS = 3;
const ENTRIES = 32;
const TEXT_BYTES = 200;
const ONE_BY_ONE = 200;
const AT_ONCE = 2_000;

interface Figures {
  readonly p50Ms: number[];
  readonly perSecond: number[];
  /** Of all processes for one edit, with many at once. */
  readonly processorUs: number[];
}

/** Where edits are asked for, and who works for them. */
interface Crowd {
  readonly editors: readonly Editor[];
  readonly processes: readonly LineProcess[];
}

/** How an edit is asked for, and told to be committed. */
interface Form {
  line(ref: string, n: number, text: string): string;
  /** Of which edit the line says that it is committed; null of none. */
  committed(line: string): string | null;
}

export async function measureEdits(): Promise<readonly Row[]> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  return await measure(folder);
}

async function measure(folder: string): Promise<readonly Row[]> {
  await using group = await Group.open(folder, MEMBERS, "--edits", "auto");
  const ours = crowdOf(group.coordinator, group.members, OURS);
  await fill(group.members[0]!);
  await using chain = await Chain.start(folder);
  const path = await serverPath("etcd");
  await using etcd = path === null ? null : await Etcd.start(path, folder);
  const [own, least, theirs] = [noFigures(), noFigures(), noFigures()];
  for (let round = -1; round < ROUNDS; round++) {
    const isWarm = round >= 0;
    await measureCrowd(ours, isWarm ? own : noFigures());
    await measureCrowd(chain.crowd, isWarm ? least : noFigures());
    const put = await etcd?.put(ONE_BY_ONE, 1);
    const puts = await etcd?.put(AT_ONCE, ENTRIES);
    if (!isWarm) continue;
    if (put !== undefined) theirs.p50Ms.push(put.p50Ms);
    if (puts !== undefined) theirs.perSecond.push(puts.perSecond);
  }
  const baseline = (name: string, samples: number[]) =>
    etcd === null ? { name, missing: "apt-get install etcd-server" } : { name, samples };
  const name = LEAST_NAME;
  const row = (what: string, unit: string, pick: (from: Figures) => number[]) => ({
    group: "group edit, 3 members, --edits auto",
    what,
    unit,
    ours: pick(own),
    baseline: { name, samples: pick(least) },
    target: null,
  });
  const one = row("one after another, typed to committed, p50", "ms", ({ p50Ms }) => p50Ms);
  const many = row(
    `${ENTRIES} of different entries at once`,
    "edits/s",
    ({ perSecond }) => perSecond,
  );
  return [
    { ...one, baseline: baseline("etcd put", theirs.p50Ms), target: atMost(3) },
    one,
    {
      ...many,
      baseline: baseline(`etcd, ${ENTRIES} in flight`, theirs.perSecond),
      target: atLeast(1),
    },
    many,
    row("the same, processor of all", "us/edit", ({ processorUs }) => processorUs),
  ];
}

function noFigures(): Figures {
  return { p50Ms: [], perSecond: [], processorUs: [] };
}

function crowdOf(server: LineProcess, members: readonly LineProcess[], form: Form): Crowd {
  const editors = members.map((member) => new Editor(member, form));
  return { editors, processes: [server, ...members] };
}

async function measureCrowd(crowd: Crowd, figures: Figures): Promise<void> {
  figures.p50Ms.push(median(await crowd.editors[0]!.edit(ONE_BY_ONE, [1])));
  const fromMs = await processorMs(crowd);
  figures.perSecond.push(await editAtOnce(crowd.editors));
  figures.processorUs.push((await processorMs(crowd) - fromMs) / AT_ONCE * 1_000);
}

async function processorMs({ processes }: Crowd): Promise<number> {
  const each = await Promise.all(processes.map((process) => process.processorMs()));
  return each.reduce((sum, ms) => sum + ms, 0);
}

/** Says as many entries as are edited at once. */
async function fill(member: LineProcess): Promise<void> {
  const last = member.until(
    "the last entry",
    (line) => line.includes(`"seq":${ENTRIES},`) || undefined,
  );
  for (let entry = 1; entry <= ENTRIES; entry++) await member.type(`entry ${entry}`);
  await last;
}

/** Each entry is edited again as soon as it was. @returns Edits per second. */
async function editAtOnce(editors: readonly Editor[]): Promise<number> {
  const fromMs = performance.now();
  await Promise.all(editors.map((editor, index) => {
    const entries = Array.from({ length: ENTRIES }, (_, at) => at + 1)
      .filter((entry) => entry % editors.length === index);
    return editor.edit(Math.ceil(AT_ONCE / editors.length), entries);
  }));
  return AT_ONCE / ((performance.now() - fromMs) / 1_000);
}

/** A member whose user edits. */
class Editor {
  #number = 0;
  readonly #waiting = new Map<string, () => void>();

  constructor(readonly member: LineProcess, readonly form: Form) {
    member.onLine((line) => {
      const ref = form.committed(line);
      if (ref !== null) this.#waiting.get(ref)?.();
    });
  }

  /** @returns How long each took, ms. */
  async edit(count: number, entries: readonly number[]): Promise<readonly number[]> {
    const tookMs: number[] = [];
    let left = count;
    await Promise.all(entries.map(async (entry) => {
      while (left-- > 0) {
        const sentMs = performance.now();
        await this.#editOne(entry);
        tookMs.push(performance.now() - sentMs);
      }
    }));
    return tookMs;
  }

  async #editOne(n: number): Promise<void> {
    const ref = String(++this.#number);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(ref, resolve);
    const text = `${ref} `.padEnd(TEXT_BYTES, "x");
    await this.member.type(this.form.line(ref, n, text));
    await promise;
    this.#waiting.delete(ref);
  }
}

const OURS: Form = {
  line: (ref, n, text) => JSON.stringify({ command: "edit", text, n, ref }),
  committed(line) {
    if (!line.startsWith('{"event":"edit"')) return null;
    const { ref, outcome } = JSON.parse(line);
    if (outcome !== "committed") throw new Error(`An edit ends otherwise: ${line}`);
    return ref ?? null;
  },
};

/** As many programs as a group of three has. */
class Chain implements AsyncDisposable {
  /** Its members tell theirs apart. */
  static readonly #form = (name: string): Form => ({
    line: (ref, _n, text) => `${name}${ref} ${text.replaceAll(" ", "x")}`,
    committed: (line) => line.split(" ", 1)[0]!.slice(name.length),
  });

  private constructor(readonly crowd: Crowd) {}

  static async start(folder: string): Promise<Chain> {
    const start = (...args: string[]) =>
      new LineProcess(denoCommand(baselinePath("edit_chain.ts"), ...args));
    const coordinator = start("coordinator", `${folder}/chain`, String(MEMBERS));
    const port = await coordinator.until("port", (line) => line);
    const names = Array.from({ length: MEMBERS }, (_, index) => "abc"[index]!);
    const members = names.map((name) => start("member", `${folder}/chain-${name}`, port));
    await Promise.all(
      members.map((member) => member.until("ready", (line) => line === "ready" || undefined)),
    );
    const editors = members.map((member, index) => new Editor(member, Chain.#form(names[index]!)));
    return new Chain({ editors, processes: [coordinator, ...members] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.crowd.processes) await process[Symbol.asyncDispose]();
  }
}

/** One etcd-server, and a client of it. */
class Etcd implements AsyncDisposable {
  private constructor(readonly server: LineProcess, readonly client: LineProcess) {}

  static async start(path: string, parent: string): Promise<Etcd> {
    const folder = await Deno.makeTempDir({ dir: parent });
    const [port, peers] = [freePort(), freePort()].map((port) => `http://127.0.0.1:${port}`);
    const server = new LineProcess([
      path,
      ...["--data-dir", folder, "--listen-client-urls", port!, "--advertise-client-urls", port!],
      ...["--listen-peer-urls", peers!, "--initial-advertise-peer-urls", peers!],
      ...["--initial-cluster", `default=${peers}`, "--log-level", "error"],
    ]);
    const number = new URL(port!).port;
    await listens(Number(number));
    const client = new LineProcess(denoCommand(baselinePath("etcd_client.ts"), number));
    await client.until("ready", (line) => line === "ready" || undefined);
    return new Etcd(server, client);
  }

  async put(
    count: number,
    inFlight: number,
  ): Promise<{ readonly p50Ms: number; readonly perSecond: number }> {
    const answer = this.client.until("figures", (line) => line);
    await this.client.type(`${count} ${inFlight}`);
    const [p50Ms = NaN, perSecond = NaN] = (await answer).split(" ").map(Number);
    return { p50Ms, perSecond };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
