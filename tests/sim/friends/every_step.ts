/** One short exchange, run again and again: each time one thing goes wrong, an effect later than the time before. */

import { type Person, World } from "./world.ts";

/** What goes wrong, and for whom: the one who begins, or the other. */
export const FAULTS = ["kill", "powerLoss", "break", "fullDisk"] as const;
export type Fault = typeof FAULTS[number];

/** Messages each way. */
const MESSAGES = 6;
const STEP_MS = 3;
const DOWN_MS = 40;
const SETTLE_MS = 30_000;

/**
 * Runs the exchange with `fault` at person `index`, right after its process has carried out `effects` effects.
 * @returns Whether it came to that: false when the exchange is over before.
 * @throws {Violation} If a promise is broken.
 */
export function runFault(fault: Fault, index: number, effects: number, seed: number): boolean {
  const world = new World({
    seed,
    people: 2,
    fingerprintChance: seed % 2,
    delayMs: 1,
    bytesPerMs: Infinity,
    idleMs: 20,
    print: null,
    mutation: null,
  });
  const [ann, bob] = world.people as [Person, Person];
  for (const person of world.people) world.start(person);
  const victim = world.people[index]!;
  let happened = false;
  victim.process!.fault.after(effects, () => {
    happened = true;
    switch (fault) {
      case "kill":
        return world.end(victim.process!, false);
      case "powerLoss":
        return world.end(victim.process!, true);
      case "break":
        return victim.process!.breakLinks();
      case "fullDisk":
        victim.disk.refuses = victim.wasFull = true;
        return;
    }
  });
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < MESSAGES; n++) {
      world.say(ann, bob, "");
      world.say(bob, ann, "");
      world.time.runUntil(world.time.nowMs + STEP_MS);
    }
    // The links idle out in between, and are made anew.
    world.time.runUntil(world.time.nowMs + DOWN_MS);
    repair(world);
  }
  for (const untilMs = world.time.nowMs + SETTLE_MS; world.time.nowMs < untilMs;) {
    world.time.runUntil(world.time.nowMs + 1_000);
    repair(world);
  }
  world.checkAllDelivered();
  return happened;
}

/** Disks take writes, and who was killed runs again. */
function repair(world: World): void {
  for (const person of world.people) {
    person.disk.refuses = false;
    if (person.process === null) world.start(person);
  }
}
