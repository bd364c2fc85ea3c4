/** What members cost that have nothing to do. */

import { baselinePath, denoCommand, LineProcess, pause, PROGRAM } from "./line_process.ts";
import { openRoom, p2pchatKind } from "./rooms.ts";
import { atMost, type Row } from "./row.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 5;
const SILENT_ROOM = 10;
const SILENCE_MS = 60_000;
/** After the start, until what it left is collected. */
const SETTLE_MS = 2_000;
const MIB = 1_048_576;
const group = "idle";

export async function measureIdle(): Promise<readonly Row[]> {
  return [await measureMemory(), await measureSilence()];
}

async function measureMemory(): Promise<Row> {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const listen = ["--host", "127.0.0.1", "--port", "0", "--data", folder];
    ours.push(await settledMib([PROGRAM, "mesh", "Ann", "--json", ...listen]));
    theirs.push(await settledMib(denoCommand(baselinePath("listener.ts"))));
  }
  return {
    group,
    what: "one member alone, resident memory",
    unit: "MiB",
    ours,
    baseline: { name: "a script that listens", samples: theirs },
    target: atMost(1.6),
  };
}

async function settledMib(command: readonly string[]): Promise<number> {
  await using process = new LineProcess(command);
  await process.until("ready", (line) => line.includes("ready") || undefined);
  await pause(SETTLE_MS);
  return await process.residentBytes() / MIB;
}

/** Processor time of each member of a room in which nobody speaks. */
async function measureSilence(): Promise<Row> {
  await using room = await openRoom(p2pchatKind(), SILENT_ROOM);
  await pause(SETTLE_MS);
  const before = await Promise.all(room.members.map((member) => member.processorMs()));
  await pause(SILENCE_MS);
  const after = await Promise.all(room.members.map((member) => member.processorMs()));
  return {
    group,
    what: `each member of a silent room of ${SILENT_ROOM}, processor`,
    unit: "% of a core",
    ours: after.map((ms, index) => (ms - before[index]!) / SILENCE_MS * 100),
    baseline: null,
    target: atMost(0.3, "value"),
  };
}
