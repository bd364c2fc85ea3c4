/** A file piped into one member, printed by ten others, beside the same over nats-server and its client. */

import { baselinePath, denoCommand, LineProcess } from "./line_process.ts";
import { openRoom, p2pchatKind } from "./rooms.ts";
import { atLeast, type Row } from "./row.ts";
import { freePort } from "../e2e/ports.ts";
import { listens, serverPath } from "./servers.ts";

const ROUNDS = 5;
const RECEIVERS = 10;
const LINES = 100_000;
const LINE_BYTES = 200;

interface Figures {
  readonly linesPerSecond: number;
  readonly processorUs: number;
}

/** Those who take part in one run: where the lines go in, and where all of them must come out. */
interface Job {
  readonly author: LineProcess;
  readonly receivers: readonly LineProcess[];
  /** Whoever works besides, as a server does. */
  readonly others: readonly LineProcess[];
  /** Whether the author prints its own lines too, all of which must come out as well. */
  readonly authorPrints: boolean;
}

export async function measurePipes(): Promise<readonly Row[]> {
  const server = await serverPath("nats-server");
  const hasClient = await Deno.stat(
    new URL(
      "../../build/bench-deps/node_modules/@nats-io/transport-node",
      import.meta.url,
    ),
  ).then(() => true, () => false);
  const [mine, theirs]: [Figures[], Figures[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    mine.push(await measureOurs());
    if (server !== null && hasClient) theirs.push(await measureNats(server));
  }
  const name = "nats-server and its client";
  const missing = server === null ? "apt-get install nats-server" : "make bench-deps";
  const row = (
    what: string,
    unit: string,
    pick: (figures: Figures) => number,
  ): Row => ({
    group: `1 sender, ${RECEIVERS} receivers, ${LINES.toLocaleString("en-US")} lines piped in`,
    what,
    unit,
    ours: mine.map(pick),
    baseline: theirs.length === 0 ? { name, missing } : { name, samples: theirs.map(pick) },
    target: null,
  });
  return [
    {
      ...row("until all are printed", "lines/s", (at) => at.linesPerSecond),
      target: atLeast(0.5),
    },
    row("the same, processor of all", "us/delivery", (at) => at.processorUs),
  ];
}

async function measureOurs(): Promise<Figures> {
  await using room = await openRoom(p2pchatKind("text"), RECEIVERS + 1);
  const [author, ...receivers] = room.members as [
    LineProcess,
    ...LineProcess[],
  ];
  return await run({ author, receivers, others: [], authorPrints: true });
}

async function measureNats(path: string): Promise<Figures> {
  await using stack = new AsyncDisposableStack();
  const port = freePort();
  // It needs no input, and prints where nobody counts.
  const server = stack.use(
    new LineProcess([path, "-a", "127.0.0.1", "-p", String(port), "-l", "/dev/null"]),
  );
  await listens(port);
  const client = async (role: string) => {
    const command = denoCommand(
      baselinePath("nats_client.ts"),
      String(port),
      role,
    );
    const process = stack.use(new LineProcess(command));
    await process.until("ready", (line) => line === "ready" || undefined);
    return process;
  };
  const receivers: LineProcess[] = [];
  while (receivers.length < RECEIVERS) {
    receivers.push(await client("subscribe"));
  }
  const author = await client("publish");
  return await run({
    author,
    receivers,
    others: [server],
    authorPrints: false,
  });
}

async function run(
  { author, receivers, others, authorPrints }: Job,
): Promise<Figures> {
  const line = "x".repeat(LINE_BYTES - 1);
  const bytes = new TextEncoder().encode(`${line}\n`.repeat(LINES));
  const processes = [author, ...receivers, ...others];
  const processorMs = async () => {
    const each = await Promise.all(
      processes.map((process) => process.processorMs()),
    );
    return each.reduce((sum, ms) => sum + ms, 0);
  };
  const processorFromMs = await processorMs();
  const fromMs = performance.now();
  const printing = authorPrints ? [author, ...receivers] : receivers;
  const printed = Promise.all(
    printing.map((process) => process.countLines(LINES)),
  );
  await Promise.all([author.write(bytes), printed]);
  const tookMs = performance.now() - fromMs;
  const deliveries = LINES * receivers.length;
  return {
    linesPerSecond: LINES / tookMs * 1_000,
    processorUs: (await processorMs() - processorFromMs) * 1_000 / deliveries,
  };
}
