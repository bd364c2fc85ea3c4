// deno-lint-ignore-file no-console -- a program of its own
/**
 * `make scale`: the mesh with a thousand members in the simulator. `MEMBERS=200` for another number, `SEED=2` for
 * another room, `RUNS=talk,failure` for a part, `SHARES=0.5` for one that vanishes, `JSON=1` for machines, a row a line.
 *
 * `talk` and `failure` are of the whole mesh; `tree` is of overlay and broadcast alone, the only one for more
 * members than a room can have.
 */

import { ROSTER_MAX } from "../../lib/protocols/mesh/schema/limits.ts";
import type { ScaleRoom } from "../sim/scale/room.ts";
import type { CreateMachine } from "../sim/scale/scale_machine.ts";
import { judge, type Row, tableOf } from "./row.ts";
import {
  fillUp,
  gather,
  measureChurn,
  measureFailure,
  measureQuiet,
  measureSmall,
  measureStorm,
  measureTalk,
  measureViews,
  newMesh,
  newTree,
  warmUp,
  WIDE,
} from "./scale_runs.ts";

const number = (name: string, otherwise: number) => Number(Deno.env.get(name) ?? otherwise);
const members = number("MEMBERS", 1_000);
const seed = number("SEED", 1);
const STORM_MS = 10 * Math.max(1_000, members);
const SETTLING_MS = 30_000;
const CHURN_MINUTES = 1;
const sharesKilled = (Deno.env.get("SHARES") ?? "0.1,0.3,0.5,0.7,0.9").split(",").map(Number);

const RUNS = {
  small: () => report(measureSmall(seed)),
  talk: () => measureOneRoom(newMesh, "the whole mesh"),
  failure: () => measureMeshFailures("the whole mesh"),
  tree: () => {
    measureOneRoom(newTree, "overlay and broadcast alone");
    measureTreeFailures("overlay and broadcast alone");
  },
};

const all = members > ROSTER_MAX ? ["tree"] : Object.keys(RUNS);
const asked = (Deno.env.get("RUNS") ?? all.join()).split(",");
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  const these = `${unknown.join(", ")} of ${members} members`;
  console.error(`error: no such run: ${these}; there are ${all.join(", ")}`);
  Deno.exit(2);
}
for (const [name, run] of Object.entries(RUNS)) if (asked.includes(name)) run();

/** @param refilled What comes in besides, as a share of the members. */
function newRoom(create: CreateMachine, refilled = 0.06 * CHURN_MINUTES): ScaleRoom {
  const membersMax = Math.ceil(members * (1 + refilled)) + 1;
  return gather({ ...WIDE, seed, create, membersMax }, members, STORM_MS);
}

function measureOneRoom(create: CreateMachine, what: string): void {
  const room = newRoom(create);
  report(measureStorm(room, members, STORM_MS), what);
  room.run(SETTLING_MS);
  report(measureQuiet(room, SETTLING_MS), what);
  report(measureViews(room), what);
  const present = room.random.shuffled(room.present());
  const few = { warmUp: 60, measured: 50, everyMs: 500 };
  const one = measureTalk(room, "one sender", present.slice(0, 1), few, {
    redundancy: 0.1,
    lastHop: 12,
  });
  report(one, what);
  report(measureTalk(room, "ten senders", present.slice(0, 10), few, null), what);
  const many = { warmUp: 100, measured: 60, everyMs: 500 };
  report(measureTalk(room, "all senders", present, many, { redundancy: 1, lastHop: 18 }), what);
  report(measureChurn(room, 0.05, CHURN_MINUTES, 500), what);
}

/** Each in a room of its own. */
function measureTreeFailures(what: string): void {
  for (const share of sharesKilled) {
    const room = newRoom(newTree);
    measureStorm(room, members, STORM_MS);
    room.run(SETTLING_MS);
    report(measureFailure(room, share), what);
  }
}

/** One after the other in one room, which takes minutes to gather: others come in for those who vanished. */
function measureMeshFailures(what: string): void {
  const room = newRoom(newMesh, sharesKilled.reduce((sum, share) => sum + share, 0));
  report(measureStorm(room, members, STORM_MS), what);
  for (const [at, share] of sharesKilled.entries()) {
    if (at > 0) fillUp(room, members, STORM_MS);
    warmUp(room, 60, SETTLING_MS / 60);
    report(measureFailure(room, share), what);
  }
}

function report(rows: readonly Row[], what = "the whole mesh"): void {
  const judged = rows.map((row) => judge({ ...row, group: `${row.group} (${what})` }));
  if (Deno.env.get("JSON") === "1") {
    for (const row of judged) console.log(JSON.stringify(row));
  } else console.log(`${tableOf(judged)}\n`);
}
