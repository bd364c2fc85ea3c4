/** One run against a directory that lies, with a hostile client at its side; then an honest one takes its place. */

import { Random } from "../random.ts";
import { act } from "./actions.ts";
import { type DirectoryRun, settle, talk } from "./run.ts";
import { World } from "./world.ts";

/**
 * What holds whatever the directory says is checked at each step: no line is shown to, or comes from, another than
 * whose key the user was shown, keys that are known don't change without a word, a user is told of one call at a time.
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
