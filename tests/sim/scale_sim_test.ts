// The runs of `make scale` in a room that is small for them, but large enough for one shared tree.

import { assert, assertEquals } from "@std/assert";
import {
  gather,
  measureFailure,
  measureStorm,
  measureTalk,
  measureViews,
  newMesh,
  WIDE,
} from "../bench/scale_runs.ts";
import type { Row } from "../bench/row.ts";
import { diameterMs, farthestMs, partsOf } from "./scale/graph.ts";
import { slow } from "../given.ts";

const MEMBERS = 50;

const room = gather({ ...WIDE, seed: 1, create: newMesh, membersMax: MEMBERS }, MEMBERS, 5_000);

/** The only figure in the row called `what`. */
function figure(rows: readonly Row[], what: string): number {
  const row = rows.find((one) => one.what === what);
  assert(row !== undefined && row.ours.length === 1, `one figure in the row "${what}"`);
  return row.ours[0]!;
}

slow.test("a room of 50 comes together within seconds, and talk reaches all by short ways", () => {
  const storm = measureStorm(room, MEMBERS, 5_000);
  room.run(20_000);
  const views = measureViews(room);
  const [author] = room.present();
  const talk = measureTalk(room, "one sender", [author!], {
    warmUp: 20,
    measured: 10,
    everyMs: 500,
  }, null);

  assert(figure(storm, "until everybody knows everybody") < 30);
  assertEquals(figure(storm, "members that had to try again later"), 0);
  assertEquals(figure(views, "parts of the overlay"), 1);
  assertEquals([figure(talk, "missed"), room.bans], [0, []]);
  assert(figure(talk, "reached by the broadcast alone") > 99);
  assert(figure(talk, "redundancy (RMR)") < 0.5, `${figure(talk, "redundancy (RMR)")}`);
  assert(figure(talk, "the largest of them") <= 12);
});

slow.test("half of that room of 50 vanishes, and the rest is one room with all messages in 30 s", () => {
  const rows = measureFailure(room, 0.5);

  assert(figure(rows, "and all have all messages") <= 30);
  assertEquals(figure(rows, "missed"), 0);
  assertEquals(figure(rows, "in the largest part at last"), 100);
});

Deno.test("partsOf(), farthestMs() and diameterMs() of a small graph", () => {
  const graph = new Map([
    [0, [{ to: 1, ms: 10 }, { to: 2, ms: 50 }]],
    [1, [{ to: 0, ms: 10 }, { to: 2, ms: 10 }]],
    [2, [{ to: 0, ms: 50 }, { to: 1, ms: 10 }]],
    [3, []],
  ]);

  assertEquals(partsOf(graph), [3, 1]);
  assertEquals(farthestMs(graph, 1), 10);
  assertEquals([farthestMs(graph, 0), diameterMs(graph)], [20, 20]);
});
