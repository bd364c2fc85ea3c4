/** All programs of a group are slow at once. Nobody is removed for that; whoever is killed meanwhile is, if later than otherwise. */

import type { Random } from "../random.ts";
import { slowDown } from "../turns.ts";
import { Violation } from "./violation.ts";
import type { AnyProcess } from "./process.ts";
import type { World } from "./world.ts";

const TALK_MS = 200;
/** A killed member is removed at the latest so long after `--fail-after`. */
const REMOVED_LATE_MS = 30_000;

/** All are slow for so long, and talk. @throws {Violation} If somebody is removed. */
export function areSlow(world: World, random: Random, forMs: number, turnMs: number): void {
  const before = world.left.length;
  const untilMs = slow(world, random, forMs, turnMs);
  talk(world, random, untilMs);
  const left = world.left.slice(before).map(({ name, reason }) => `${name} (${reason})`);
  if (left.length > 0) throw new Violation(`${left.join(", ")}: removed as all are slow`);
}

/** The same, and one of them is killed. @throws {Violation} If that one stays, or another is removed. */
export function oneDies(world: World, random: Random, turnMs: number): void {
  const before = world.left.length;
  const forMs = world.options.failAfterMs + REMOVED_LATE_MS;
  const untilMs = slow(world, random, forMs, turnMs);
  talk(world, random, world.time.nowMs + forMs / 10);
  const victim = random.pick(world.running());
  world.end(victim, true);
  talk(world, random, untilMs);
  const left = world.left.slice(before).map(({ name }) => name);
  if (left.join() !== victim.name) {
    throw new Violation(`${victim.name} was killed, and removed: ${left.join(", ") || "nobody"}`);
  }
}

function slow(world: World, random: Random, forMs: number, turnMs: number): number {
  const { time } = world;
  const untilMs = time.nowMs + forMs;
  const all: readonly (AnyProcess | null)[] = [world.coordinator.process, ...world.running()];
  const standStill = (process: AnyProcess, ms: number) => world.freeze(process, ms);
  slowDown(all.filter((process) => process !== null), untilMs, {
    ...{ time, random, turnMs, standStill },
  });
  return untilMs;
}

function talk(world: World, random: Random, untilMs: number): void {
  while (world.time.nowMs < untilMs) {
    const process = random.pick(world.running());
    if (process.takesInput) world.say(process, "x".repeat(random.below(200)));
    world.time.runUntil(world.time.nowMs + random.exponential(TALK_MS));
  }
}
