/** Edits in a group of three, committed on all disks, beside puts of an etcd-server with one member. */

import { Group } from "./group_rows.ts";
import { baselinePath, denoCommand, LineProcess } from "./line_process.ts";
import { atLeast, atMost, median, type Row } from "./row.ts";
import { freePort, listens, serverPath } from "./servers.ts";

const ROUNDS = 5;
const MEMBERS = 3;
const ENTRIES = 32;
const TEXT_BYTES = 200;
const ONE_BY_ONE = 200;
const AT_ONCE = 2_000;

interface Figures {
  readonly p50Ms: number[];
  readonly perSecond: number[];
}

export async function measureEdits(): Promise<readonly Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
  try {
    return await measure(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure(folder: string): Promise<readonly Row[]> {
  await using group = await Group.open(folder, MEMBERS, "--edits", "auto");
  const editors = await Promise.all(group.members.map((member) => Editor.of(member)));
  await fill(group.members[0]!);
  const path = await serverPath("etcd");
  await using etcd = path === null ? null : await Etcd.start(path, folder);
  const ours: Figures = { p50Ms: [], perSecond: [] };
  const theirs: Figures = { p50Ms: [], perSecond: [] };
  for (let round = -1; round < ROUNDS; round++) {
    const one = median(await editors[0]!.edit(ONE_BY_ONE, [1]));
    const perSecond = await editAtOnce(editors);
    const put = await etcd?.put(ONE_BY_ONE, 1);
    const puts = await etcd?.put(AT_ONCE, ENTRIES);
    if (round < 0) continue; // it warms all
    ours.p50Ms.push(one);
    ours.perSecond.push(perSecond);
    if (put !== undefined) theirs.p50Ms.push(put.p50Ms);
    if (puts !== undefined) theirs.perSecond.push(puts.perSecond);
  }
  const row = (what: string, unit: string, name: string, pick: (from: Figures) => number[]) => ({
    group: "group edit, 3 members, --edits auto",
    what,
    unit,
    ours: pick(ours),
    baseline: etcd === null
      ? { name, missing: "apt-get install etcd-server" }
      : { name, samples: pick(theirs) },
  });
  const one = "one after another, typed to committed, p50";
  const many = `${ENTRIES} of different entries at once`;
  return [
    { ...row(one, "ms", "etcd put", ({ p50Ms }) => p50Ms), target: atMost(3) },
    {
      ...row(many, "edits/s", `etcd, ${ENTRIES} in flight`, ({ perSecond }) => perSecond),
      target: atLeast(1),
    },
  ];
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

  private constructor(readonly member: LineProcess) {}

  static async of(member: LineProcess): Promise<Editor> {
    const editor = new Editor(member);
    member.onLine((line) => {
      if (!line.startsWith('{"event":"edit"')) return;
      const { ref, outcome } = JSON.parse(line);
      if (outcome !== "committed") throw new Error(`An edit ends otherwise: ${line}`);
      editor.#waiting.get(ref)?.();
    });
    return await Promise.resolve(editor);
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
    await this.member.type(JSON.stringify({ command: "edit", text, n, ref }));
    await promise;
    this.#waiting.delete(ref);
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
