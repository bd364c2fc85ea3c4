// deno-lint-ignore-file no-console -- a program of its own
/**
 * `make soak MINUTES=30`: all modes side by side, in which people talk without end; a table of what each process uses
 * more by the minute. `MODE=mesh,group` for some of them, `RATE=20` lines a second in each, `JSON=1` for machines.
 * Exits with 1 where something grows, or where a line wasn't shown.
 */

import { pause } from "../bench/line_process.ts";
import { openDescriptors } from "../e2e/proc.ts";
import { chosenModes, setting } from "../settings.ts";
import { type Chat, CHATS, showsText } from "./chats.ts";
import { lastShare, type Sample, slopeOf } from "./trend.ts";

const SAMPLE_MS = 10_000;
/** Of the time, from its end: before, what is kept grows to its bound of 10,000 messages. */
const SHARE = 2 / 3;
/** Until the last lines are shown. */
const END_MS = 10_000;
/**
 * By which memory may have grown in the time looked at. What lives stays the same, but what V8 and the allocator hold
 * spreads for an hour or two: by 17 % in the last 20 of 30 minutes, at 14 MB of live objects.
 */
const MEMORY_GROWTH_MAX = 0.2;
const PROCESSOR_GROWTH_MAX = 0.25;
/** A link that is opened anew stands beside the old one for a moment. */
const DESCRIPTORS_MORE_MAX = 2;
const MIB = 1_048_576;

const modes = chosenModes(Object.keys(CHATS));
const minutes = Number(setting("MINUTES", "30"));
const rate = Number(setting("RATE", "20"));

interface Watched {
  readonly memory: Sample[];
  readonly descriptors: Sample[];
  /** Time used since the start, in ms. */
  readonly processor: Sample[];
}

const reports = (await Promise.all(modes.map((mode) => soak(mode)))).flat();
if (setting("JSON", "") === "1") {
  for (const report of reports) console.log(JSON.stringify(report));
} else console.table(reports);
if (reports.some(({ flat }) => !flat)) Deno.exit(1);

async function soak(mode: string): Promise<readonly ReturnType<typeof reportOf>[]> {
  await using chat = await CHATS[mode]!();
  let shown = 0;
  for (const reader of chat.readers) reader.onLine((line) => shown += showsText(line) ? 1 : 0);
  const watched = chat.processes.map((): Watched => ({
    memory: [],
    descriptors: [],
    processor: [],
  }));
  const startMs = performance.now();
  const timer = setInterval(() => void look(chat, watched, startMs), SAMPLE_MS);
  const said = await talk(chat, startMs + minutes * 60_000);
  clearInterval(timer);
  await pause(END_MS);
  const missed = said * chat.shownBy - shown + (chat.owed?.(said) ?? 0);
  return chat.processes.map(({ role }, at) => reportOf({ mode, role, said, missed }, watched[at]!));
}

/** As many lines a second as asked for; who is late makes up for it. */
async function talk(chat: Chat, untilMs: number): Promise<number> {
  const startMs = performance.now();
  let said = 0;
  for (; performance.now() < untilMs; said++) {
    await chat.say(said);
    await pause(Math.max(0, startMs + (said + 1) * 1_000 / rate - performance.now()));
  }
  return said;
}

async function look(chat: Chat, watched: readonly Watched[], startMs: number): Promise<void> {
  for (const [at, { process }] of chat.processes.entries()) {
    const minutes = (performance.now() - startMs) / 60_000;
    const { memory, descriptors, processor } = watched[at]!;
    memory.push({ minutes, value: await process.residentBytes() / MIB });
    descriptors.push({ minutes, value: await openDescriptors(process.pid) });
    processor.push({ minutes, value: await process.processorMs() });
  }
}

function reportOf(
  what: {
    readonly mode: string;
    readonly role: string;
    readonly said: number;
    readonly missed: number;
  },
  { memory, descriptors, processor }: Watched,
) {
  const late = lastShare(memory, SHARE);
  const slope = slopeOf(late);
  const [firstHalf, secondHalf] = halves(late).map((half) => slopeOf(half) * 1_024);
  const memoryGrowth = slope * (late.at(-1)!.minutes - late[0]!.minutes) / late[0]!.value;
  const [before, after] = halves(lastShare(descriptors, SHARE)).map((half) =>
    Math.max(...half.map(({ value }) => value))
  ) as [number, number];
  const [early, lately] = halves(lastShare(processor, SHARE)).map(
    // ms in a minute are 60,000 of one core
    (half) => slopeOf(half) / 600,
  ) as [number, number];
  return {
    ...what,
    "MiB": rounded(late.at(-1)!.value),
    "KiB/min": rounded(secondHalf!),
    "KiB/min before": rounded(firstHalf!),
    descriptors: after,
    "more": after - before,
    "% of a core": rounded(lately),
    "before": rounded(early),
    flat: what.missed === 0 && memoryGrowth <= MEMORY_GROWTH_MAX &&
      after - before <= DESCRIPTORS_MORE_MAX && lately <= early * (1 + PROCESSOR_GROWTH_MAX),
  };
}

function halves(samples: readonly Sample[]): readonly [readonly Sample[], readonly Sample[]] {
  const middle = Math.floor(samples.length / 2);
  return [samples.slice(0, middle), samples.slice(middle)];
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
