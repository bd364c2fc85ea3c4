/**
 * `make sim`: long runs of the simulator, and single runs to examine.
 *
 *     make sim SEEDS=2000 NODES=12 STEPS=400        2,000 seeds from 1
 *     make sim SEED=7 NODES=12 STEPS=400            one seed, twice, with the end of its trace where it fails
 *     make sim SEED=7 TRACE=1                       the same with every event, in words
 *
 *     make sim MODE=mesh-lies SEEDS=2000             a room with members that lie
 *     make sim MODE=mesh-lies ATTACKS=boasts,forges  the same, with these two in each room
 *     make sim MODE=friends SEEDS=2000 STEPS=200     friends from a table instead of a room
 *     make sim MODE=group SEEDS=2000 NODES=4         a coordinator and a group; every third seed's is private
 *     make sim MODE=group SEEDS=50 LOSS=20           over the real datagram layer, losing 20 % of the datagrams
 *     make sim MODE=group-routers SEEDS=200          the same, with members behind routers and firewalls
 *     make sim MODE=directory SEEDS=2000 NODES=6     a directory and its clients
 *     make sim MODE=lies SEEDS=2000                  a directory that lies to its clients
 *     make sim MODE=instances SEEDS=2000             a directory of three instances over an engine
 *     make sim MODE=group-instances SEEDS=2000       a group whose coordinator has three, one of which leads
 *     make sim MODE=transfer SEEDS=2000              files that are offered and fetched, among liars
 *
 * Settings come from the environment or as NAME=VALUE arguments. SEED is the first seed, SEEDS their number (1 with
 * SEED, otherwise 100). NODES and STEPS describe each run; without NODES a seed has 5 to 50 members. JOBS shares
 * the seeds among processes. SLOWEST=20 lists the rooms that took longest after the heal to become quiet. There are
 * 2 to 5 friends, 1 to 16 members of a group, 3 to 8 clients. The exit status is 1 if a run fails.
 */

import { type DirectoryRun, runDirectory } from "./directory/run.ts";
import { runLies } from "./directory/run_lies.ts";
import { Violation as DirectoryViolation } from "./directory/violation.ts";
import { runInstances } from "./directory_instances/run.ts";
import { simulated } from "./engine.ts";
import { runFriends } from "./friends/run.ts";
import { Violation } from "./friends/process.ts";
import { type GroupRun, runGroup } from "./group/run.ts";
import { runBehindRouters } from "./group/router_runs.ts";
import { runEngineGroup } from "./group/run_engine.ts";
import { Violation as GroupViolation } from "./group/violation.ts";
import { ALL_ATTACKS, type Attack } from "./mesh/attacks.ts";
import { meshSubject } from "./mesh/mesh_subject.ts";
import { repeatCommand, runMesh, type RunOptions, type RunResult } from "./mesh/run.ts";
import { liesNodesOf, liesRun } from "./mesh/run_lies.ts";
import { nodesOf } from "./mesh/scenario.ts";
import { runTransfer } from "./transfer/run.ts";
import { Violation as TransferViolation } from "./transfer/world.ts";

const NAMES = ["SEED", "SEEDS", "NODES", "STEPS", "JOBS", "TRACE", "LOSS", "SLOWEST"] as const;
type Name = typeof NAMES[number];

const PROGRESS_MS = 10_000;
const FAILURES_SHOWN_MAX = 10;

const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** Also for progress, as no other program reads the output. */
function printError(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${line}\n`));
}

function settings(): (name: Name) => number | null {
  const given = new Map<string, string>();
  for (const argument of Deno.args) {
    const [name, value] = argument.replace(/^--/, "").split("=");
    given.set(name!.toUpperCase(), value ?? "1");
  }
  for (const name of given.keys()) {
    if (name === "MODE" || name === "ATTACKS" || NAMES.some((known) => known === name)) continue;
    printError(`Cannot read the argument ${name}: expected one of ${NAMES.join(", ")}`);
    Deno.exit(2);
  }
  return (name) => {
    const text = given.get(name) ?? Deno.env.get(name);
    if (text === undefined || text === "") return null;
    const value = Number(text);
    if (Number.isInteger(value) && value >= 0) return value;
    printError(`Cannot read ${name}: expected a whole number, is "${text}"`);
    Deno.exit(2);
  };
}

interface Totals {
  runs: number;
  failures: number;
  virtualMs: number;
  steps: number;
  said: number;
  /** For each run of the mesh, the time from the heal until the room was quiet. */
  readonly settled: { readonly seed: number; readonly ms: number }[];
}

const NOTHING: Omit<Totals, "settled"> = {
  runs: 0,
  failures: 0,
  virtualMs: 0,
  steps: 0,
  said: 0,
};

function report(options: RunOptions, { failure, tail }: RunResult): void {
  print(`\nseed ${options.seed} failed: ${failure!.message}`);
  if (failure!.name !== "Violation") print(failure!.stack ?? "");
  print(tail.map((line) => `  ${line}`).join("\n"));
  print(`to see it again: ${repeatCommand(options)}`);
}

/** The modes that can be simulated. */
const MODES = [
  ...["mesh", "mesh-lies", "friends", "group", "directory", "lies"] as const,
  ...["instances", "group-instances", "group-routers", "transfer"] as const,
] as const;
type Mode = typeof MODES[number];

/** Reads the mode and removes it from the arguments and the environment. */
function modeOf(): Mode {
  const text = wordOf("MODE") ?? "mesh";
  const mode = MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  printError(`Cannot read MODE: expected one of ${MODES.join(", ")}, is "${text}"`);
  Deno.exit(2);
}

/** The attacks requested; null: each seed decides. */
function attacksOf(): readonly Attack[] | null {
  const names = wordOf("ATTACKS")?.split(",") ?? null;
  return names?.map((name) => {
    const attack = ALL_ATTACKS.find((known) => known === name);
    if (attack !== undefined) return attack;
    printError(`Cannot read ATTACKS: expected some of ${ALL_ATTACKS.join(", ")}, is "${name}"`);
    Deno.exit(2);
  }) ?? null;
}

function wordOf(name: "MODE" | "ATTACKS"): string | undefined {
  const words = new RegExp(`^(?:--)?${name}=(.*)$`, "i");
  const given = Deno.args.map((argument) => words.exec(argument)?.[1]);
  return given.find((value) => value !== undefined) ?? Deno.env.get(name);
}

function runFriendsSeed(seed: number, totals: Totals, setting: (name: Name) => number | null) {
  const steps = setting("STEPS") ?? 80;
  totals.runs++;
  try {
    const world = runFriends({ seed, steps, ...(setting("TRACE") ? { print } : {}) });
    totals.virtualMs += world.time.nowMs;
    totals.steps += steps;
    totals.said += world.said.length;
  } catch (error) {
    if (totals.failures++ >= FAILURES_SHOWN_MAX) return;
    print(`\nseed ${seed} failed: ${error instanceof Violation ? error.message : error}`);
    print(`to see it again: make sim MODE=friends SEED=${seed} STEPS=${steps} TRACE=1`);
  }
}

function runTransferSeed(seed: number, totals: Totals, setting: (name: Name) => number | null) {
  const steps = setting("STEPS") ?? 60;
  totals.runs++;
  try {
    const world = runTransfer({ seed, steps, ...(setting("TRACE") ? { print } : {}) });
    totals.virtualMs += world.time.nowMs;
    totals.steps += steps;
    totals.said += world.done;
  } catch (error) {
    if (totals.failures++ >= FAILURES_SHOWN_MAX) return;
    const isViolation = error instanceof TransferViolation;
    print(`\nseed ${seed} failed: ${isViolation ? error.message : (error as Error).stack}`);
    print(`to see it again: make sim MODE=transfer SEED=${seed} STEPS=${steps} TRACE=1`);
  }
}

function runGroupSeed(seed: number, totals: Totals, setting: (name: Name) => number | null) {
  const steps = setting("STEPS") ?? 80;
  const members = setting("NODES");
  const loss = setting("LOSS");
  const run: GroupRun = {
    seed,
    steps,
    private: seed % 3 === 0,
    ...(members === null ? {} : { members }),
    ...(loss === null ? {} : { loss: loss / 100 }),
    ...(setting("TRACE") ? { print } : {}),
  };
  totals.runs++;
  try {
    const world = runGroup(run);
    totals.virtualMs += world.time.nowMs;
    totals.steps += steps;
    totals.said += world.history.said.length;
  } catch (error) {
    if (totals.failures++ >= FAILURES_SHOWN_MAX) return;
    const isViolation = error instanceof GroupViolation;
    print(`\nseed ${seed} failed: ${isViolation ? error.message : (error as Error).stack}`);
    const given = [
      members === null ? "" : ` NODES=${members}`,
      loss === null ? "" : ` LOSS=${loss}`,
    ];
    print(
      `to see it again: make sim MODE=group SEED=${seed} STEPS=${steps}${given.join("")} TRACE=1`,
    );
  }
}

function runDirectorySeed(seed: number, totals: Totals, setting: (name: Name) => number | null) {
  const mode = modeOf();
  const steps = setting("STEPS") ?? 80;
  const people = setting("NODES");
  const run: DirectoryRun = {
    seed,
    steps,
    ...(people === null ? {} : { people }),
    ...(setting("TRACE") ? { print } : {}),
  };
  totals.runs++;
  try {
    const world = mode === "lies" ? runLies(run) : runDirectory(run);
    totals.virtualMs += world.time.nowMs;
    totals.steps += steps;
    totals.said += world.ledger.told.length;
  } catch (error) {
    if (totals.failures++ >= FAILURES_SHOWN_MAX) return;
    const isViolation = error instanceof DirectoryViolation;
    print(`\nseed ${seed} failed: ${isViolation ? error.message : (error as Error).stack}`);
    const given = people === null ? "" : ` NODES=${people}`;
    print(`to see it again: make sim MODE=${mode} SEED=${seed} STEPS=${steps}${given} TRACE=1`);
  }
}

function runMeshSeed(seed: number, totals: Totals, setting: (name: Name) => number | null) {
  const lies = modeOf() === "mesh-lies";
  const traced = setting("TRACE") ? { print } : {};
  const nodes = setting("NODES") ?? (lies ? liesNodesOf(seed) : nodesOf(seed));
  const steps = setting("STEPS") ?? (lies ? 80 : 400);
  const options: RunOptions = {
    ...(lies ? liesRun(seed, nodes, steps, attacksOf()) : { seed, nodes, steps }),
    ...traced,
  };
  const result = runMesh(meshSubject(), options);
  totals.runs++;
  totals.virtualMs += result.virtualMs;
  totals.steps += result.steps;
  totals.said += result.said;
  if (result.settledMs !== null) totals.settled.push({ seed, ms: result.settledMs });
  if (result.failure !== null && totals.failures++ < FAILURES_SHOWN_MAX) report(options, result);
}

async function runInstancesSeed(
  seed: number,
  totals: Totals,
  setting: (name: Name) => number | null,
): Promise<void> {
  const steps = setting("STEPS") ?? 120;
  totals.runs++;
  try {
    const world = await simulated(() => runInstances({ seed, steps }));
    totals.virtualMs += world.time.nowMs;
    totals.steps += steps;
    totals.said += world.said.size;
  } catch (error) {
    if (totals.failures++ >= FAILURES_SHOWN_MAX) return;
    const isViolation = error instanceof DirectoryViolation;
    print(`\nseed ${seed} failed: ${isViolation ? error.message : (error as Error).stack}`);
    print(`to see it again: make sim MODE=instances SEED=${seed} STEPS=${steps}`);
  }
}

async function runGroupInstancesSeed(
  seed: number,
  totals: Totals,
  setting: (name: Name) => number | null,
): Promise<void> {
  const steps = setting("STEPS") ?? 80;
  totals.runs++;
  try {
    const traced = setting("TRACE") ? { print } : {};
    const world = await simulated(() => runEngineGroup({ seed, steps, ...traced }));
    totals.virtualMs += world.time.nowMs;
    totals.steps += steps;
    totals.said += world.history.said.length;
  } catch (error) {
    if (totals.failures++ >= FAILURES_SHOWN_MAX) return;
    const isViolation = error instanceof GroupViolation;
    print(`\nseed ${seed} failed: ${isViolation ? error.message : (error as Error).stack}`);
    print(`to see it again: make sim MODE=group-instances SEED=${seed} STEPS=${steps} TRACE=1`);
  }
}

function runGroupRoutersSeed(
  seed: number,
  totals: Totals,
  setting: (name: Name) => number | null,
): Promise<void> {
  const steps = setting("STEPS") ?? 40;
  totals.runs++;
  try {
    const traced = setting("TRACE") ? { print } : {};
    const world = runBehindRouters({ seed, steps, trouble: true, ...traced });
    totals.virtualMs += world.time.nowMs;
    totals.steps += steps;
    totals.said += world.history.said.length;
  } catch (error) {
    if (totals.failures++ < FAILURES_SHOWN_MAX) {
      const isViolation = error instanceof GroupViolation;
      print(`\nseed ${seed} failed: ${isViolation ? error.message : (error as Error).stack}`);
      print(`to see it again: make sim MODE=group-routers SEED=${seed} STEPS=${steps} TRACE=1`);
    }
  }
  return Promise.resolve();
}

async function runAll(
  seeds: readonly number[],
  setting: (name: Name) => number | null,
): Promise<Totals> {
  const runSeed = {
    mesh: runMeshSeed,
    "mesh-lies": runMeshSeed,
    friends: runFriendsSeed,
    group: runGroupSeed,
    directory: runDirectorySeed,
    lies: runDirectorySeed,
    instances: runInstancesSeed,
    "group-instances": runGroupInstancesSeed,
    "group-routers": runGroupRoutersSeed,
    transfer: runTransferSeed,
  }[modeOf()];
  const totals: Totals = { ...NOTHING, settled: [] };
  let shownMs = performance.now();
  for (const seed of seeds) {
    await runSeed(seed, totals, setting);
    if (performance.now() - shownMs > PROGRESS_MS) {
      shownMs = performance.now();
      printError(`${totals.runs} of ${seeds.length} runs, ${totals.failures} failed`);
    }
  }
  return totals;
}

/** Shares the seeds among processes: of `jobs` workers, each takes every `jobs`th seed. */
async function runJobs(
  first: number,
  count: number,
  jobs: number,
  setting: (name: Name) => number | null,
): Promise<Totals> {
  const passed = (["NODES", "STEPS", "LOSS"] as const).flatMap((name) => {
    const value = setting(name);
    return value === null ? [] : [`${name}=${value}`];
  }).concat(`MODE=${modeOf()}`, attacksOf() === null ? [] : `ATTACKS=${attacksOf()!.join(",")}`);
  const children = Array.from({ length: jobs }, (_, job) => {
    const share = Math.ceil((count - job) / jobs);
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-env", import.meta.filename!, ...passed],
      env: { SEED: String(first + job), SEEDS: String(share), STRIDE: String(jobs), JOBS: "1" },
      stdout: "piped",
      stderr: "inherit",
    }).output();
  });
  const totals: Totals = { ...NOTHING, settled: [] };
  for (const { stdout } of await Promise.all(children)) {
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    const last = JSON.parse(lines.pop() ?? "null") as Totals;
    if (lines.length > 0) print(lines.join("\n"));
    for (const key of Object.keys(NOTHING) as (keyof typeof NOTHING)[]) totals[key] += last[key];
    totals.settled.push(...last.settled);
  }
  return totals;
}

async function main(): Promise<void> {
  const startMs = performance.now();
  const setting = settings();
  const first = setting("SEED") ?? 1;
  const count = setting("SEEDS") ?? (setting("SEED") === null ? 100 : 1);
  const jobs = Math.min(setting("JOBS") ?? 1, count);
  const stride = Number(Deno.env.get("STRIDE") ?? "1");
  const isWorker = Deno.env.has("STRIDE");
  const seeds = Array.from({ length: count }, (_, n) => first + n * stride);
  const totals = jobs > 1
    ? await runJobs(first, count, jobs, setting)
    : await runAll(seeds, setting);
  if (isWorker) {
    print(JSON.stringify(totals));
    return;
  }
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  const hours = (totals.virtualMs / 3_600_000).toFixed(1);
  print(
    `${totals.runs} runs, ${totals.failures} failed: ${hours} h of ${totals.said} messages ` +
      `in ${totals.steps} steps, simulated in ${seconds} s`,
  );
  const slowest = totals.settled.toSorted((a, b) => b.ms - a.ms).slice(0, setting("SLOWEST") ?? 0);
  for (const { seed, ms } of slowest) {
    print(`seed ${seed} was quiet ${ms / 1_000} s after the heal`);
  }
  if (totals.failures > 0) Deno.exit(1);
}

await main();
