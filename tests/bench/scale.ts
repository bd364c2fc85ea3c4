// deno-lint-ignore-file no-console -- a program of its own
/**
 * `make scale`: the mesh with a thousand members, the whole of it, in the simulator. `MEMBERS=200` for another
 * number, `SEED=2` for another room, `RUNS=talk,failure` for a part, `JSON=1` for machines, a row a line.
 */

import { judge, type Row, tableOf } from "./row.ts";
import {
  gather,
  measureChurn,
  measureFailure,
  measureQuiet,
  measureSmall,
  measureStorm,
  measureTalk,
  measureViews,
  newMesh,
  WIDE,
} from "./scale_runs.ts";

const number = (name: string, otherwise: number) => Number(Deno.env.get(name) ?? otherwise);
const members = number("MEMBERS", 1_000);
const seed = number("SEED", 1);
const STORM_MS = 10_000;
const SETTLING_MS = 60_000;
const CHURN_MINUTES = 3;
const SHARES_KILLED = [0.1, 0.3, 0.5, 0.7, 0.9];

/** Rooms are made anew for each of these. */
const RUNS = {
  small: () => report(measureSmall(seed)),
  talk: measureOneRoom,
  failure: () => {
    for (const share of SHARES_KILLED) {
      const room = settled();
      report(measureFailure(room, share));
    }
  },
};

const asked = (Deno.env.get("RUNS") ?? Object.keys(RUNS).join()).split(",");
for (const name of asked) {
  if (name in RUNS) continue;
  console.error(`error: no run is called ${name}; there are ${Object.keys(RUNS).join(", ")}`);
  Deno.exit(2);
}
for (const [name, run] of Object.entries(RUNS)) if (asked.includes(name)) run();

function newRoom() {
  const membersMax = Math.ceil(members * (1 + 0.06 * CHURN_MINUTES)) + 1;
  return gather({ ...WIDE, seed, create: newMesh, membersMax }, members, STORM_MS);
}

function settled() {
  const room = newRoom();
  measureStorm(room, members, STORM_MS);
  room.run(SETTLING_MS);
  return room;
}

function measureOneRoom(): void {
  const room = newRoom();
  report(measureStorm(room, members, STORM_MS));
  room.run(SETTLING_MS);
  report(measureQuiet(room, SETTLING_MS));
  report(measureViews(room));
  const present = room.random.shuffled(room.present());
  const few = { warmUp: 60, measured: 100, everyMs: 500 };
  report(
    measureTalk(room, "one sender", present.slice(0, 1), few, { redundancy: 0.1, lastHop: 12 }),
  );
  report(measureTalk(room, "ten senders", present.slice(0, 10), few, null));
  const many = { warmUp: 100, measured: 200, everyMs: 500 };
  report(measureTalk(room, "all senders", present, many, { redundancy: 1, lastHop: 18 }));
  report(measureChurn(room, 0.05, CHURN_MINUTES, 500));
}

function report(rows: readonly Row[]): void {
  const judged = rows.map(judge);
  if (Deno.env.get("JSON") === "1") {
    for (const row of judged) console.log(JSON.stringify(row));
  } else console.log(`${tableOf(judged)}\n`);
}
