/** One short meeting, run again and again: each time one thing goes wrong, an effect later than the time before. */

import { type Person, World } from "./world.ts";

/** What goes wrong with whoever it is. */
export const FAULTS = ["kill", "powerLoss", "break", "fullDisk"] as const;
export type Fault = typeof FAULTS[number];

/** With whom: the one who calls, the one who is called, or the directory. */
export const VICTIMS = ["caller", "callee", "directory"] as const;
export type Victim = typeof VICTIMS[number];

const ARRIVAL_MS = 1_000;
const STEP_MS = 300;
const SETTLE_MS = 60_000;

/**
 * Runs the meeting with `fault` at `victim`, right after its process has carried out `effects` effects.
 * @param isRelayed Whether neither can dial the other.
 * @returns Whether it came to that: false when the meeting is over before.
 * @throws {Violation} If a promise is broken.
 */
export function runFault(
  fault: Fault,
  victim: Victim,
  effects: number,
  isRelayed: boolean,
): boolean {
  const world = new World({
    seed: 1,
    people: 3,
    delayMs: 1,
    bytesPerMs: Infinity,
    datagrams: { loss: 0, repeat: 0, delayMs: 1 },
    hiddenChance: isRelayed ? 1 : 0,
    guestChance: 0,
    guests: true,
    broadcast: "all",
    clientsMax: 1_000,
    hostiles: 0,
    lies: false,
    oldDisks: false,
    relays: true,
    ttlMs: 30 * 60_000,
    print: null,
    mutation: null,
  });
  world.answers = "always";
  world.startDirectory();
  for (const person of world.people) world.start(person, world.ownEntry(person));
  run(world, ARRIVAL_MS);
  let happened = false;
  strike(world, fault, victim, effects, () => happened = true);
  meet(world);
  for (const { disk, process } of world.people) {
    disk.refuses = false;
    process?.spare();
  }
  world.directory?.spare();
  world.disk.refuses = false;
  run(world, SETTLE_MS);
  world.checkQuiet();
  return happened;
}

/** They tell all, call, talk and hang up. */
function meet(world: World): void {
  const [ann, bob] = world.people as [Person, Person];
  for (const { process } of [ann, bob]) if (process !== null) world.ledger.tell(process, "");
  ann.process?.command({ command: "call", name: bob.name });
  run(world, 15 * STEP_MS);
  for (let n = 0; n < 3; n++) {
    for (const { process } of [ann, bob]) if (process !== null) world.say(process, "");
    run(world, 2 * STEP_MS);
  }
  run(world, 20 * STEP_MS);
  if (ann.process !== null) world.ledger.tell(ann.process, "");
  ann.process?.command({ command: "hang-up" });
  run(world, 10 * STEP_MS);
}

function strike(
  world: World,
  fault: Fault,
  victim: Victim,
  effects: number,
  struck: () => void,
): void {
  const [ann, bob] = world.people as [Person, Person];
  if (victim === "directory") {
    return world.directory!.after(effects, () => {
      struck();
      if (fault === "fullDisk") world.disk.refuses = true;
      else if (fault !== "break") world.endDirectory(fault === "powerLoss");
      else for (const end of [...world.directory!.links.values()]) end.sever();
    });
  }
  const person = victim === "caller" ? ann : bob;
  const process = person.process!;
  process.after(effects, () => {
    struck();
    if (fault === "fullDisk") person.disk.refuses = true;
    else if (fault !== "break") world.end(process, fault === "powerLoss");
    else for (const end of [...process.links.values()]) end.sever();
  });
}

/** Lets time go on; whoever was killed is started again. */
function run(world: World, ms: number): void {
  for (const untilMs = world.time.nowMs + ms; world.time.nowMs < untilMs;) {
    world.time.runUntil(world.time.nowMs + STEP_MS);
    world.startDirectory();
    for (const person of world.people) world.start(person, world.ownEntry(person));
  }
}
