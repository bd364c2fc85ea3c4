/**
 * A room of real members beside a gossipsub topic of as many, and at light load beside programs that only sync and
 * pass on, too; all in turn.
 */

import { LineProcess, pause } from "./line_process.ts";
import {
  contactsFor,
  gossipsubKind,
  type Kind,
  leastKind,
  openRoom,
  p2pchatKind,
  type Room,
} from "./rooms.ts";
import { atLeast, atMost, LEAST_NAME, median, percentile, type Row } from "./row.ts";

const ROUNDS = 5;
const MESSAGE_BYTES = 200;
/** Long enough for a second or two each, after what the first one took. */
const FLOOD_MS = 2_000;
const FIRST_FLOOD_MESSAGES = 500;
const FLOOD_MESSAGES_MAX = 50_000;
const LIGHT_MS = 4_000;
/** A newcomer hears the next of these. */
const JOIN_INTERVAL_MS = 10;
const MIB = 1_048_576;

/** What one round at light load found of one kind; latencies until the last member has shown a message. */
interface Light {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly joinMs: number;
  readonly residentMib: number;
}

/** What one round of all that one sender can say found. */
interface Flood {
  readonly deliveriesPerSecond: number;
  readonly processorUs: number;
  readonly residentMib: number;
}

/** The rows of a room of `size`. */
export async function measureMesh(size: number): Promise<readonly Row[]> {
  await using ours = await openRoom(p2pchatKind(), size);
  await using baseline = await openBaseline(gossipsubKind(), size);
  await using least = await openRoom(leastKind(), size);
  const light = await inTurn([ours, baseline.room, least], measureLight);
  // After the light rounds: what is said stays as history, which newcomers fetch and members keep.
  const sizes = new Map<Room, number>();
  const flood = await inTurn([ours, baseline.room, null], async (room) => {
    const figures = await measureFlood(room, sizes.get(room) ?? FIRST_FLOOD_MESSAGES);
    sizes.set(room, floodFor(figures, size));
    return figures;
  });
  return [...floodRows(size, flood), ...lightRows(size, light)];
}

/** What the rounds found of each room. */
interface Rounds<Figures> {
  readonly ours: readonly Figures[];
  /** `null` where it isn't installed. */
  readonly theirs: readonly Figures[] | null;
  /** Of programs that only sync and pass on; `null` where they have no part. */
  readonly least: readonly Figures[] | null;
}

/** All in turn; the first round, which isn't counted, warms them. */
async function inTurn<Figures>(
  [ours, baseline, least]: readonly [Room, Room | null, Room | null],
  measure: (room: Room) => Promise<Figures>,
): Promise<Rounds<Figures>> {
  const [mine, theirs, leasts]: [Figures[], Figures[], Figures[]] = [[], [], []];
  for (let round = -1; round < ROUNDS; round++) {
    for (const [room, found] of [[ours, mine], [baseline, theirs], [least, leasts]] as const) {
      if (room === null) continue;
      const figures = await measure(room);
      if (round >= 0) found.push(figures);
    }
  }
  return {
    ours: mine,
    theirs: baseline === null ? null : theirs,
    least: least === null ? null : leasts,
  };
}

async function openBaseline(
  kind: Kind,
  size: number,
): Promise<{ readonly room: Room | null } & AsyncDisposable> {
  const isInstalled = await Deno.stat(
    new URL(
      "../../build/bench-deps/node_modules/@libp2p/gossipsub",
      import.meta.url,
    ),
  ).then(() => true, () => false);
  const room = isInstalled ? await openRoom(kind, size) : null;
  return {
    room,
    [Symbol.asyncDispose]: async () => await room?.[Symbol.asyncDispose](),
  };
}

function floodFor({ deliveriesPerSecond }: Flood, size: number): number {
  const messages = deliveriesPerSecond / (size - 1) * FLOOD_MS / 1_000;
  return Math.round(Math.min(FLOOD_MESSAGES_MAX, Math.max(FIRST_FLOOD_MESSAGES, messages)));
}

function floodRows(size: number, rounds: Rounds<Flood>): readonly Row[] {
  const row = rowsOf(size, rounds);
  return [
    row("one sender, saturating", "deliveries/s", (at) => at.deliveriesPerSecond, atLeast(10)),
    row("the same, processor", "us/delivery", (at) => at.processorUs, atMost(0.1)),
    row("after it, resident memory a member", "MiB", (at) => at.residentMib, atMost(0.7)),
  ];
}

function lightRows(size: number, rounds: Rounds<Light>): readonly Row[] {
  const row = rowsOf(size, rounds);
  const least = leastRowsOf(row, rounds);
  const light = `${lightPerSecond(size)}/s, typed to shown at all`;
  const p50 = (at: Light) => at.p50Ms;
  const p99 = (at: Light) => at.p99Ms;
  const join = (at: Light) => at.joinMs;
  return [
    row(`${light}, p50`, "ms", p50, atMost(0.5)),
    ...least(p50),
    row(`${light}, p99`, "ms", p99, atMost(0.5)),
    ...least(p99),
    row("at this load, resident memory a member", "MiB", (at) => at.residentMib, atMost(0.7)),
    row("start until the first message heard", "ms", join, atMost(0.25)),
    ...least(join),
  ];
}

type MakeRow<Figures> = (
  what: string,
  unit: string,
  pick: (figures: Figures) => number,
  target: Row["target"],
) => Row;

function rowsOf<Figures>(size: number, { ours, theirs }: Rounds<Figures>): MakeRow<Figures> {
  return (what, unit, pick, target) => ({
    group: `mesh, ${size} members`,
    what,
    unit,
    ours: ours.map(pick),
    baseline: theirs === null
      ? { name: "gossipsub", missing: "make bench-deps" }
      : { name: "gossipsub", samples: theirs.map(pick) },
    target,
  });
}

/** The row before once more, beside what nobody can save. */
function leastRowsOf<Figures>(row: MakeRow<Figures>, { least }: Rounds<Figures>) {
  return (pick: (figures: Figures) => number): readonly Row[] =>
    least === null ? [] : [{
      ...row("the same beside the least there can be", "ms", pick, null),
      baseline: { name: LEAST_NAME, samples: least.map(pick) },
    }];
}

function lightPerSecond(size: number): number {
  return size > 5 ? 20 : 100;
}

async function measureLight(room: Room): Promise<Light> {
  const latencies = await measureLatencies(room);
  const residentMib = await residentMibOf(room);
  return {
    p50Ms: median(latencies),
    p99Ms: percentile(latencies, 0.99),
    residentMib,
    joinMs: await measureJoin(room),
  };
}

async function residentMibOf({ members }: Room): Promise<number> {
  return median(await Promise.all(members.map((member) => member.residentBytes()))) / MIB;
}

/** One sender types all it can; until the last member has printed all of it. */
async function measureFlood(room: Room, messages: number): Promise<Flood> {
  const { kind, members } = room;
  const lines = Array.from(
    { length: messages },
    (_, at) => kind.saying(textOf(`flood ${at}`)),
  );
  const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
  const [author, ...others] = members as [LineProcess, ...LineProcess[]];
  const processorMs = async () => {
    const each = await Promise.all(
      members.map((member) => member.processorMs()),
    );
    return each.reduce((sum, ms) => sum + ms, 0);
  };
  const processorFromMs = await processorMs();
  const fromMs = performance.now();
  const all = Promise.all([
    ...others.map((member) => member.countLines(messages)),
    ...(kind.showsOwn ? [author.countLines(messages)] : []),
  ]);
  await Promise.all([author.write(bytes), all]);
  const tookMs = performance.now() - fromMs;
  const deliveries = messages * others.length;
  return {
    deliveriesPerSecond: deliveries / tookMs * 1_000,
    processorUs: (await processorMs() - processorFromMs) * 1_000 / deliveries,
    residentMib: await residentMibOf(room),
  };
}

/** Messages at a steady pace: for each, ms from typed until the last member has shown it. */
async function measureLatencies({ kind, members }: Room): Promise<readonly number[]> {
  const perSecond = lightPerSecond(members.length);
  const count = perSecond * LIGHT_MS / 1_000;
  const [author, ...others] = members as [LineProcess, ...LineProcess[]];
  const shown = new Map<number, { members: number; lastMs: number }>();
  const all = Promise.withResolvers<void>();
  let complete = 0;
  const stops = others.map((member) =>
    member.onLine((line) => {
      const number = /^light (\d+) /.exec(kind.text(line) ?? "")?.[1];
      if (number === undefined) return;
      const at = shown.get(Number(number))!;
      at.members++;
      at.lastMs = performance.now();
      if (at.members === others.length && ++complete === count) all.resolve();
    })
  );
  const typedMs: number[] = [];
  const fromMs = performance.now();
  for (let at = 0; at < count; at++) {
    await pause(
      Math.max(0, fromMs + at * 1_000 / perSecond - performance.now()),
    );
    typedMs.push(performance.now());
    shown.set(at, { members: 0, lastMs: 0 });
    await author.type(kind.saying(textOf(`light ${at}`)));
  }
  await Promise.race([all.promise, pause(30_000)]);
  for (const stop of stops) stop();
  if (complete < count) {
    throw new Error(
      `${kind.name}: ${count - complete} of ${count} messages didn't reach all`,
    );
  }
  return typedMs.map((ms, at) => shown.get(at)!.lastMs - ms);
}

/** From a newcomer's start until it shows a message of a room that goes on talking. */
async function measureJoin(
  { kind, members, addresses }: Room,
): Promise<number> {
  const [author] = members as [LineProcess];
  let isHeard = false;
  const fromMs = performance.now();
  await using newcomer = kind.start(members.length, contactsFor(kind, addresses));
  const heard = newcomer.until(
    "first words",
    (line) => kind.text(line)?.startsWith("join ") || undefined,
  )
    .finally(() => isHeard = true);
  for (let at = 0; !isHeard; at++) {
    await author.type(kind.saying(textOf(`join ${at}`)));
    await Promise.race([heard, pause(JOIN_INTERVAL_MS)]);
  }
  await heard;
  const tookMs = performance.now() - fromMs;
  // The last of them may still be on their way to others, who must not count them as what comes next.
  await newcomer.end();
  await everybodyHears({ kind, members }, `after ${crypto.randomUUID()}`);
  return tookMs;
}

async function everybodyHears(
  { kind, members }: Pick<Room, "kind" | "members">,
  text: string,
): Promise<void> {
  const [author, ...others] = members as [LineProcess, ...LineProcess[]];
  const hearers = kind.showsOwn ? members : others;
  const heard = hearers.map((member) =>
    member.until(text, (line) => kind.text(line) === text || undefined)
  );
  await author.type(kind.saying(text));
  await Promise.all(heard);
}

function textOf(beginning: string): string {
  return `${beginning} `.padEnd(MESSAGE_BYTES, ".");
}
