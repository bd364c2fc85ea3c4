/** Runs of a group whose members are behind routers, and what must hold of their paths in the end. */

import type { CoordinatorProcess } from "./coordinator_process.ts";
import { type GroupRun, runGroup } from "./run.ts";
import { Random } from "../random.ts";
import { passDirectly, type RouterKind, ROUTERS } from "./routers.ts";
import { TROUBLES } from "./scenario.ts";
import { unite } from "./settling.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** Two of the longest pauses between attempts at a direct path. */
export const PATHS_MS = 130_000;

const LOOK_EVERY_MS = 500;

/** Until all have noticed, and whoever was parted is back. */
const CUT_MS = 20_000;

export interface RouterRun extends Pick<GroupRun, "seed" | "steps" | "mutation" | "print"> {
  readonly routers?: readonly RouterKind[];
  readonly loss?: number;
  /** Whether things go wrong. */
  readonly trouble: boolean;
  /** Whether members then reach the coordinator alone for a while. */
  readonly isCut?: boolean;
}

/** @throws {Violation} If a promise is broken. */
export function runBehindRouters(run: RouterRun): World {
  // It is there until the paths were looked at.
  const undo = run.mutation?.install?.() ?? (() => {});
  try {
    return runTo(run);
  } finally {
    undo();
  }
}

function runTo({ seed, steps, print, trouble, ...run }: RouterRun): World {
  const random = new Random(seed * 2 + 11);
  const routers = run.routers ??
    Array.from({ length: 2 + random.below(3) }, () => random.pick(ROUTERS));
  // How long others wait, and for what, is another question where a relay comes and goes.
  const some = Object.keys(TROUBLES).filter((each) => each !== "probe");
  const troubles = new Set(trouble ? some : []) as Set<keyof typeof TROUBLES>;
  const loss = run.loss ?? random.pick([0, 0.02, 0.1]);
  const world = runGroup({
    seed,
    steps,
    loss,
    members: routers.length,
    scenario: {
      routers,
      troubles,
      failAfterMs: 3_000,
      ...(trouble ? {} : { founders: routers.length, gapMs: 300 }),
    },
    ...(print === undefined ? {} : { print }),
  });
  if (run.isCut === true) cutMembers(world);
  world.time.runUntil(world.time.nowMs + PATHS_MS);
  unite(world);
  checkPaths(world, routers, PATHS_MS);
  return world;
}

/** For as long as members can't send each other datagrams, they are one group through the coordinator. */
function cutMembers(world: World): void {
  world.channels.setCuts((from, to) => from !== 0 && to !== 0);
  world.time.runUntil(world.time.nowMs + CUT_MS);
  const running = world.running();
  const view = running[0]!.member.epoch?.epoch.value;
  if (view?.members.length !== running.length) throw new Violation("The cut has parted the group");
  checkPaths(world, running.map(() => "shut"), 0);
  for (const process of running) world.say(process, "through it");
  unite(world);
}

/**
 * Direct where the routers let datagrams pass, and relayed everywhere else.
 * @param withinMs A path has so long to become what it should be: where datagrams are lost, one may just have been
 * silent for 3 s, and goes through the relay until the next attempt.
 * @throws {Violation} If one hasn't.
 */
export function checkPaths(
  world: World,
  routers: readonly RouterKind[],
  withinMs: number,
): void {
  const { time } = world;
  const untilMs = time.nowMs + withinMs;
  const running = world.running();
  for (const one of running) {
    for (const other of running) {
      if (one === other) continue;
      const kinds = [routers[one.party.host - 1]!, routers[other.party.host - 1]!] as const;
      const expected = passDirectly(...kinds) ? "direct" : "relay";
      while (one.port.pathOf(other.key) !== expected && time.nowMs < untilMs) {
        time.runUntil(time.nowMs + LOOK_EVERY_MS);
      }
      const path = one.port.pathOf(other.key);
      if (path === expected) continue;
      throw new Violation(
        `${one.name} (${kinds[0]}) sends to ${other.name} (${
          kinds[1]
        }) by ${path}, not ${expected}`,
      );
    }
  }
}

/** The coordinator's datagrams, in both directions, while something happens. */
export function countsAtCoordinator(world: World): { bytes: number; datagrams: number } {
  const counts = { bytes: 0, datagrams: 0 };
  const process = world.coordinator.process as CoordinatorProcess;
  world.lossy!.carried = (from, to, bytes) => {
    if (from !== process && to !== process) return;
    counts.bytes += bytes;
    counts.datagrams += 1;
  };
  return counts;
}
