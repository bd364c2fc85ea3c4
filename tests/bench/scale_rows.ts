/** What a member of a larger room costs: links, processor, memory; and what reading back 10,000 messages takes. */

import { openConnections } from "../e2e/proc.ts";
import { bounded, LineProcess, pause, PROGRAM } from "./line_process.ts";
import { p2pchatKind } from "./rooms.ts";
import { atMost, type Row, type Target } from "./row.ts";

const SIZES = [10, 30, 100] as const;
/** Few enough that two cores carry a room of 100, so that no message waits for another. */
const MESSAGES_PER_SECOND = 5;
const MEASURED_MS = 30_000;
/** Until links have found their places. */
const SETTLE_MS = 60_000;
const FLOOD_MESSAGES = 100_000;
const HISTORY_MESSAGES = 10_000;
const READ_BACK_ROUNDS = 5;
const MIB = 1_048_576;

/** What one room was seen to cost. */
interface Figures {
  readonly allInMs: number;
  /** Of each member: its connections, to neighbours mostly. */
  readonly links: readonly number[];
  /** For each message and member. */
  readonly processorUs: number;
  /** Of a member while nobody speaks, % of a core. */
  readonly silentPercent: number;
  readonly residentMib: readonly number[];
}

export async function measureScale(): Promise<readonly Row[]> {
  const figures: Figures[] = [];
  let flooded: readonly number[] = [];
  for (const size of SIZES) {
    await using room = await enter(size);
    await eachSpeaks(room);
    figures.push(await measureRoom(room));
    if (size === SIZES.at(-1)) flooded = await measureFlooded(room);
  }
  return [
    ...SIZES.flatMap((_, at) => roomRows(figures, at)),
    floodedRow(flooded),
    ...await measureReadingBack(),
  ];
}

function roomRows(all: readonly Figures[], at: number): readonly Row[] {
  const figures = all[at]!;
  const row = (
    what: string,
    unit: string,
    pick: (figures: Figures) => readonly number[],
    target: Target | null = null,
  ): Row => ({
    group: `a room of ${SIZES[at]}`,
    what,
    unit,
    ours: pick(figures),
    baseline: at === 0 || target === null
      ? null
      : { name: `a room of ${SIZES[0]}`, samples: pick(all[0]!) },
    target: at === 0 ? null : target,
  });
  return [
    row("from the first start until all see all", "s", ({ allInMs }) => [allInMs / 1_000]),
    row("links of a member", "", ({ links }) => links, atMost(1.25)),
    row("processor, a message at a member", "us", ({ processorUs }) => [processorUs], atMost(1.25)),
    row("a silent member, processor", "% of a core", ({ silentPercent }) => [silentPercent]),
    row("resident memory of a member", "MiB", ({ residentMib }) => residentMib),
  ];
}

function floodedRow(residentMib: readonly number[]): Row {
  return {
    group: `a room of ${SIZES.at(-1)}`,
    what: `the same after ${FLOOD_MESSAGES.toLocaleString("en-US")} messages`,
    unit: "MiB",
    ours: residentMib,
    baseline: null,
    target: null,
  };
}

interface Scaled extends AsyncDisposable {
  readonly members: readonly LineProcess[];
  readonly allInMs: number;
}

/** A room into which each comes through one of those before it, as soon as that one is in. */
async function enter(size: number): Promise<Scaled> {
  const kind = p2pchatKind();
  await using made = new AsyncDisposableStack();
  made.defer(() => kind.dispose());
  const fromMs = performance.now();
  const members: LineProcess[] = [];
  const addresses: string[] = [];
  const seen: Promise<void>[] = [];
  while (members.length < size) {
    const contact = addresses[Math.floor(Math.random() * addresses.length)];
    const member = made.use(kind.start(members.length, contact === undefined ? [] : [contact]));
    seen.push(untilSeen(member, size - 1));
    members.push(member);
    addresses.push(await member.until("address", (line) => kind.address(line)));
  }
  await bounded(Promise.all(seen), `what all of ${size} see`);
  const allInMs = performance.now() - fromMs;
  const owned = made.move();
  return { members, allInMs, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Resolves when it has seen so many come in; that takes as long as their starts. */
function untilSeen(member: LineProcess, others: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let joined = 0;
  const stop = member.onLine((line) => {
    if (!line.startsWith('{"event":"joined"') || ++joined < others) return;
    stop();
    resolve();
  });
  return promise;
}

/** @throws Where anybody lacks something, or has it twice. */
async function eachSpeaks({ members }: Scaled): Promise<void> {
  const heard = members.map(() => new Map<string, number>());
  const all = Promise.withResolvers<void>();
  let left = members.length ** 2;
  const stops = members.map((member, at) =>
    member.onLine((line) => {
      if (!line.startsWith('{"event":"message"')) return;
      const { text } = JSON.parse(line);
      heard[at]!.set(text, (heard[at]!.get(text) ?? 0) + 1);
      if (--left === 0) all.resolve();
    })
  );
  for (const [at, member] of members.entries()) await member.type(`it is ${at}`);
  await bounded(all.promise, `what each of ${members.length} said`);
  await pause(1_000); // what comes twice may come late
  for (const stop of stops) stop();
  const wrong = heard.filter((texts) =>
    texts.size !== members.length || [...texts.values()].some((count) => count !== 1)
  );
  if (wrong.length > 0) throw new Error(`${wrong.length} members lack something, or have it twice`);
}

async function measureRoom(room: Scaled): Promise<Figures> {
  const { members, allInMs } = room;
  await pause(SETTLE_MS);
  const silentMs = await processorWhile(members, () => pause(MEASURED_MS));
  const messages = MESSAGES_PER_SECOND * MEASURED_MS / 1_000;
  const busyMs = await processorWhile(members, async () => {
    const fromMs = performance.now();
    for (let at = 0; at < messages; at++) {
      await pause(Math.max(0, fromMs + at * 1_000 / MESSAGES_PER_SECOND - performance.now()));
      await members[at % members.length]!.type(`at its time ${at} `.padEnd(200, "."));
    }
    await pause(Math.max(0, fromMs + MEASURED_MS - performance.now()));
  });
  const links = await Promise.all(members.map(async ({ pid }) => await openConnections(pid)));
  return {
    allInMs,
    links,
    processorUs: (busyMs - silentMs) * 1_000 / messages / members.length,
    silentPercent: silentMs / MEASURED_MS / members.length * 100,
    residentMib: await residentMib(members),
  };
}

/** Of all members together. */
async function processorWhile(
  members: readonly LineProcess[],
  work: () => Promise<void>,
): Promise<number> {
  const total = async () => {
    const each = await Promise.all(members.map((member) => member.processorMs()));
    return each.reduce((sum, ms) => sum + ms, 0);
  };
  const before = await total();
  await work();
  return await total() - before;
}

async function residentMib(members: readonly LineProcess[]): Promise<readonly number[]> {
  return await Promise.all(members.map(async (member) => await member.residentBytes() / MIB));
}

/** Resident memory once all have printed far more than is kept; the author waits for none. */
async function measureFlooded({ members }: Scaled): Promise<readonly number[]> {
  const parts = 20;
  for (let part = 0; part < parts; part++) {
    const count = FLOOD_MESSAGES / parts;
    const author = members[part % members.length]!;
    const lines = Array.from({ length: count }, (_, at) => `flood ${part} ${at} `.padEnd(200, "."));
    const all = Promise.all(members.map((member) => member.countLines(count)));
    await Promise.all([author.write(new TextEncoder().encode(`${lines.join("\n")}\n`)), all]);
  }
  return await residentMib(members);
}

async function measureReadingBack(): Promise<readonly Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-bench-" });
  const start = () =>
    new LineProcess([
      ...[PROGRAM, "mesh", "Ann", "--json", "--host", "127.0.0.1"],
      ...["--port", "0", "--data", folder],
    ]);
  const ready = (process: LineProcess) =>
    process.until("ready", (line) => line.startsWith('{"event":"ready"') || undefined);
  try {
    const historyMs: number[] = [];
    {
      await using author = start();
      await ready(author);
      const lines = Array.from({ length: HISTORY_MESSAGES }, (_, at) => `${at} `.padEnd(200, "."));
      const said = author.countLines(HISTORY_MESSAGES);
      await author.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
      await said;
      for (let round = 0; round < READ_BACK_ROUNDS; round++) {
        const fromMs = performance.now();
        await author.type(`/history ${HISTORY_MESSAGES}`);
        await author.until("history", (line) => line.startsWith('{"event":"history"') || undefined);
        historyMs.push(performance.now() - fromMs);
      }
    }
    const startMs: number[] = [];
    for (let round = 0; round < READ_BACK_ROUNDS; round++) {
      const fromMs = performance.now();
      await using again = start();
      await ready(again);
      startMs.push(performance.now() - fromMs);
    }
    return [row("/history", historyMs), row("start until ready", startMs)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function row(what: string, ms: readonly number[]): Row {
  return {
    group: `${HISTORY_MESSAGES.toLocaleString("en-US")} messages kept`,
    what,
    unit: "ms",
    ours: ms,
    baseline: null,
    target: atMost(1_000, "value"),
  };
}
