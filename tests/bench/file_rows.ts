/**
 * A file of 1 GB from one member of a room to another, beside `scp` of the same file over the same loopback, in turn; and
 * what becomes meanwhile of the receiver's memory and of the room's chat.
 */

import { LineProcess, pause, PROGRAM } from "./line_process.ts";
import { atLeast, atMost, type Baseline, median, percentile, type Row } from "./row.ts";
import { freePort } from "../e2e/ports.ts";
import { listens, serverPath } from "./servers.ts";

const ROUNDS = 5;
const FILE_BYTES = 1_000_000_000;
const MB = 1_000_000;
const MIB = 1_048_576;
const GROUP = "files, 1 GB, member to member";
/** A line of chat is said this often, while nothing else happens for `QUIET_MS`, and while the file comes. */
const LINE_PAUSE_MS = 50;
const QUIET_MS = 10_000;
/** How often the receiver's memory is looked at. */
const MEMORY_PAUSE_MS = 100;

interface Figures {
  readonly mbPerS: number;
  /** By how much the receiver's memory grew, at most. */
  readonly grownMiB: number;
  /** From typed to shown. */
  readonly quietMs: readonly number[];
  readonly busyMs: readonly number[];
}

export async function measureFiles(): Promise<readonly Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
  try {
    await using stack = new AsyncDisposableStack();
    const file = `${folder}/file`;
    await writeRandom(file);
    const scp = await openScp(folder);
    if (scp !== null) stack.use(scp);
    const [ours, theirs]: [Figures[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await measureRoom(`${folder}/room-${round}`, file));
      if (scp !== null) theirs.push(await scp.mbPerS(file));
    }
    return rowsOf(ours, theirs);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function rowsOf(ours: readonly Figures[], theirs: readonly number[]): readonly Row[] {
  const scp: Baseline = theirs.length === 0
    ? { name: "scp", missing: "apt-get install openssh-server" }
    : { name: "scp", samples: theirs };
  const row = (what: string, unit: string, pick: (at: Figures) => number): Row => ({
    group: GROUP,
    what,
    unit,
    ours: ours.map(pick),
    baseline: null,
    target: null,
  });
  const chat = (what: string, of: (values: readonly number[]) => number): Row => ({
    ...row(`a line of chat meanwhile, typed to shown, ${what}`, "ms", (at) => of(at.busyMs)),
    baseline: { name: "without it", samples: ours.map((at) => of(at.quietMs)) },
  });
  return [
    { ...row("fetched", "MB/s", (at) => at.mbPerS), baseline: scp, target: atLeast(0.3) },
    {
      ...row("the receiver's memory grows by", "MiB", (at) => at.grownMiB),
      target: atMost(32 * MB / MIB, "value"),
    },
    chat("p50", median),
    { ...chat("p99", (values) => percentile(values, 0.99)), target: atMost(2) },
  ];
}

async function writeRandom(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let left = FILE_BYTES; left > 0;) {
    const part = crypto.getRandomValues(new Uint8Array(Math.min(left, 65_536)));
    file.writeSync(part);
    left -= part.length;
  }
}

/** Two members with profiles of their own: the one offers, the other fetches. */
async function measureRoom(folder: string, file: string): Promise<Figures> {
  await using stack = new AsyncDisposableStack();
  const start = async (name: string, ...args: readonly string[]) => {
    const place = ["--host", "127.0.0.1", "--port", "0", "--data", `${folder}/${name}`];
    const member = new LineProcess([PROGRAM, "mesh", name, ...args, ...place, "--json"]);
    stack.use(member);
    return [member, await member.until("ready", portIn)] as const;
  };
  const [sender, port] = await start("Ann");
  const [receiver] = await start("Bob", "127.0.0.1", String(port), "--save", `${folder}/saved`);
  await pause(1_000); // until both know each other
  const quietMs = await chatFor(sender, receiver, pause(QUIET_MS));

  const memoryBytes = await receiver.residentBytes();
  let mostBytes = memoryBytes;
  const offered = receiver.until(
    "offer",
    (line) => line.startsWith('{"event":"offer"') || undefined,
  );
  await sender.type(JSON.stringify({ command: "send", file }));
  await offered;
  const fromMs = performance.now();
  const done = receiver.until("file", doneIn).then(() => performance.now() - fromMs);
  const watching = watch(done, MEMORY_PAUSE_MS, async () => {
    mostBytes = Math.max(mostBytes, await receiver.residentBytes());
  });
  const busyMs = await chatFor(sender, receiver, done);
  await watching;
  const mbPerS = FILE_BYTES / MB / (await done / 1_000);
  await Deno.remove(`${folder}/saved`, { recursive: true });
  return { mbPerS, grownMiB: (mostBytes - memoryBytes) / MIB, quietMs, busyMs };
}

function portIn(line: string): number | undefined {
  return line.startsWith('{"event":"ready"') ? JSON.parse(line).port : undefined;
}

function doneIn(line: string): true | undefined {
  if (!line.startsWith('{"event":"transfer"')) return undefined;
  const { state, reason } = JSON.parse(line);
  if (state === "failed") throw new Error(`Cannot measure: the transfer failed: ${reason}`);
  return state === "done" || undefined;
}

/** Says one line after the other until `end`. @returns How long each took until the other one showed it. */
async function chatFor(
  author: LineProcess,
  reader: LineProcess,
  end: Promise<unknown>,
): Promise<readonly number[]> {
  const times: number[] = [];
  let said = 0;
  await watch(end, LINE_PAUSE_MS, async () => {
    const text = `line ${said++} ${"x".repeat(200)}`;
    const isShown = (line: string) => line.startsWith('{"event":"message"') && line.includes(text);
    const shown = reader.until("line", (line) => isShown(line) || undefined);
    const fromMs = performance.now();
    await Promise.all([author.type(JSON.stringify({ command: "msg", text })), shown]);
    times.push(performance.now() - fromMs);
  });
  return times;
}

/** Does it again and again until `end`, with a pause after each. */
async function watch(
  end: Promise<unknown>,
  pauseMs: number,
  look: () => Promise<void>,
): Promise<void> {
  let isOver = false;
  const over = end.finally(() => isOver = true);
  while (!isOver) {
    await look();
    await pause(pauseMs);
  }
  await over;
}

interface Scp extends AsyncDisposable {
  mbPerS(file: string): Promise<number>;
}

/** A server of its own for `scp`; null where there is none. */
async function openScp(folder: string): Promise<Scp | null> {
  const [sshd, scp, keygen] = await Promise.all(["sshd", "scp", "ssh-keygen"].map(serverPath));
  if (!sshd || !scp || !keygen) return null;
  for (const name of ["host", "user"]) {
    await run(keygen, "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`);
  }
  const port = freePort();
  const settings = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/user.pub`,
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    "Subsystem sftp internal-sftp",
  ];
  await Deno.writeTextFile(`${folder}/sshd`, settings.join("\n") + "\n");
  await Deno.mkdir("/run/sshd", { recursive: true }).catch(() => {}); // where Debian's wants one
  const args = ["-D", "-e", "-q", "-f", `${folder}/sshd`];
  const server = new Deno.Command(sshd, { args, stdout: "null", stderr: "null" }).spawn();
  await listens(port);
  const { username } = await import("node:os").then(({ userInfo }) => userInfo());
  const unasked = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
  const how = ["-q", "-P", String(port), "-i", `${folder}/user`, ...unasked];
  return {
    async mbPerS(file) {
      const fromMs = performance.now();
      await run(scp, ...how, file, `${username}@127.0.0.1:${folder}/copied`);
      const tookMs = performance.now() - fromMs;
      await Deno.remove(`${folder}/copied`);
      return FILE_BYTES / MB / (tookMs / 1_000);
    },
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.status;
    },
  };
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(`Cannot measure: ${program}: ${new TextDecoder().decode(stderr)}`);
}
