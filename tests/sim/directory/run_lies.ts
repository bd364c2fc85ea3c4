/** One run against a lying directory, together with a hostile client; then an honest directory takes its place. */

import { Random } from "../random.ts";
import { act } from "./actions.ts";
import { type DirectoryRun, settle, talk } from "./run.ts";
import { World } from "./world.ts";

/**
 * Checked at each step, as it holds whatever the directory sends: lines are exchanged only with the owner of the key
 * that the user was shown; known keys don't change silently; a user is told of one call at a time.
 * @throws {Violation} If a promise is broken.
 */
export function runLies({ seed, steps, people, print, mutation }: DirectoryRun): World {
  const random = new Random(seed * 2 + 1);
  const delayMs = random.pick([0.2, 5, 60]);
  const world = new World({
    seed,
    people: people ?? 3 + random.below(4),
    delayMs,
    bytesPerMs: random.pick([Infinity, 500]),
    datagrams: { loss: random.pick([0, 0.3, 1]), repeat: 0.05, delayMs },
    hiddenChance: random.pick([0, 0.5, 1]),
    guestChance: 0.2,
    relays: true,
    guests: true,
    broadcast: "all",
    clientsMax: 1_000,
    hostiles: 1,
    lies: true,
    oldDisks: false,
    ttlMs: 30 * 60_000,
    print: print ?? null,
    mutation: mutation ?? null,
  });
  world.answers = "always";
  world.startDirectory();
  for (const person of world.people) world.start(person, world.ownEntry(person));
  for (const hostile of world.hostiles) hostile.start();
  for (let step = 0; step < steps; step++) {
    world.time.runUntil(world.time.nowMs + random.exponential(400));
    act(world, random);
  }
  world.endDirectory(false);
  world.isLying = false;
  settle(world);
  world.checkQuiet();
  talk(world, random);
  world.checkQuiet();
  return world;
}
