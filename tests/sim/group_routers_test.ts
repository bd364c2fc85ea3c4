import { assert, assertThrows } from "@std/assert";
import { amount, slow } from "../given.ts";
import {
  checkPaths,
  countsAtCoordinator,
  PATHS_MS,
  runBehindRouters,
} from "./group/router_runs.ts";
import { ROUTERS } from "./group/routers.ts";
import { Violation } from "./group/violation.ts";

const SEEDS = amount(4, 25);
const STEPS = 40;

for (const one of ROUTERS) {
  for (const other of ROUTERS) {
    if (ROUTERS.indexOf(one) > ROUTERS.indexOf(other)) continue;
    Deno.test(`group: members behind ${one} and ${other} are one, directly where that can be`, () => {
      runBehindRouters({ seed: 1, steps: 10, loss: 0, routers: [one, other], trouble: false });
    });
  }
}

Deno.test("group: members that reach the coordinator alone for a while stay a group, and send directly again", () => {
  for (const routers of [["open", "open", "open"], ["cone", "firewall", "open"]] as const) {
    runBehindRouters({ seed: 3, steps: 10, loss: 0, routers, trouble: false, isCut: true });
  }
});

Deno.test("group: a path that was silent just before it is looked at has its time to be direct again", () => {
  const routers = ["open", "cone"] as const;
  const world = runBehindRouters({ seed: 3, steps: 10, loss: 0, routers, trouble: false });
  world.channels.setCuts((from, to) => from !== 0 && to !== 0);
  world.time.runUntil(world.time.nowMs + 5_000);
  world.channels.setCuts(() => false);
  assertThrows(() => checkPaths(world, routers, 0), Violation, "by relay, not direct");
  checkPaths(world, routers, PATHS_MS);
});

Deno.test(`group: ${SEEDS} seeds of trouble behind routers break no promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runBehindRouters({ seed, steps: STEPS, trouble: true });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

slow.test("group: whose log was put back may be blamed, as what others fetch from it is missing there (seed 881043)", () => {
  runBehindRouters({ seed: 881_043, steps: 400, trouble: true });
});

Deno.test("group: what passes directly costs the coordinator nothing but a word every 15 s", () => {
  const routers = ["cone", "cone", "open"] as const;
  const world = runBehindRouters({ seed: 2, steps: 10, loss: 0, routers, trouble: false });
  const counts = countsAtCoordinator(world);
  for (const process of world.running()) world.say(process, "x".repeat(10_000));
  world.time.runUntil(world.time.nowMs + 30_000);
  assert(counts.datagrams <= 2 * 3 * 3, `${counts.datagrams} datagrams`);
});
