/**
 * All programs are slow at once, as where a processor has much else to do: each runs for a moment, and then waits for
 * its turn. Nobody is removed for that; whoever is killed meanwhile is, if later than otherwise.
 */

import type { Random } from "../random.ts";
import { Violation } from "./violation.ts";
import type { AnyProcess } from "./process.ts";
import type { World } from "./world.ts";

/** How long a program runs until others have their turn. */
const RUNS_MS = [1, 20] as const;
/** From one turn to the next, the least of the longest. */
const WAITS_LEAST = 0.3;
const TALK_MS = 200;
/** A killed member is removed at the latest so long after `--fail-after`. */
const REMOVED_LATE_MS = 30_000;

/** All are slow for so long, and talk. @throws {Violation} If somebody is removed. */
export function areSlow(world: World, random: Random, forMs: number, turnMs: number): void {
  const before = world.left.length;
  const untilMs = slowDown(world, random, forMs, turnMs);
  talk(world, random, untilMs);
  const left = world.left.slice(before).map(({ name, reason }) => `${name} (${reason})`);
  if (left.length > 0) throw new Violation(`${left.join(", ")}: removed as all are slow`);
}

/** The same, and one of them is killed. @throws {Violation} If that one stays, or another is removed. */
export function oneDies(world: World, random: Random, turnMs: number): void {
  const before = world.left.length;
  const forMs = world.options.failAfterMs + REMOVED_LATE_MS;
  const untilMs = slowDown(world, random, forMs, turnMs);
  talk(world, random, world.time.nowMs + forMs / 10);
  const victim = random.pick(world.running());
  world.end(victim, true);
  talk(world, random, untilMs);
  const left = world.left.slice(before).map(({ name }) => name);
  if (left.join() !== victim.name) {
    throw new Violation(`${victim.name} was killed, and removed: ${left.join(", ") || "nobody"}`);
  }
}

function slowDown(world: World, random: Random, forMs: number, turnMs: number): number {
  const untilMs = world.time.nowMs + forMs;
  const all: readonly (AnyProcess | null)[] = [world.coordinator.process, ...world.running()];
  for (const process of all) {
    if (process !== null) waits(world, process, random, untilMs, turnMs);
  }
  return untilMs;
}

/** It waits for its turn, again and again. */
function waits(
  world: World,
  process: AnyProcess,
  random: Random,
  untilMs: number,
  turnMs: number,
): void {
  if (process.gone || world.time.nowMs >= untilMs) return;
  const waitsMs = random.between(WAITS_LEAST, 1) * turnMs;
  world.freeze(process, waitsMs);
  const runsMs = random.between(...RUNS_MS);
  world.time.after(waitsMs + runsMs, () => waits(world, process, random, untilMs, turnMs));
}

function talk(world: World, random: Random, untilMs: number): void {
  while (world.time.nowMs < untilMs) {
    const process = random.pick(world.running());
    if (process.takesInput) world.say(process, "x".repeat(random.below(200)));
    world.time.runUntil(world.time.nowMs + random.exponential(TALK_MS));
  }
}
