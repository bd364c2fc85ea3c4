/** One short meeting, run again and again with one fault, each time one effect later than before. */

import { type Person, World } from "./world.ts";

/** The faults of a process. */
export const FAULTS = ["kill", "powerLoss", "break", "fullDisk"] as const;
export type Fault = typeof FAULTS[number];

/** The process at which the fault happens: the caller's, the callee's or the directory's. */
export const VICTIMS = ["caller", "callee", "directory"] as const;
export type Victim = typeof VICTIMS[number];

const ARRIVAL_MS = 1_000;
const STEP_MS = 300;
/** Long enough for a user who was kicked to be admitted again. */
const SETTLE_MS = 80_000;

/** The scenes: two users call, talk and broadcast, directly or through the directory; or change accounts meanwhile. */
export const SCENES = ["meeting", "relayed meeting", "accounts"] as const;
export type Scene = typeof SCENES[number];

/**
 * Runs the scene with `fault` at `victim`, right after its process has performed `effects` effects.
 * @returns Whether the fault happened: false if the scene was over before.
 * @throws {Violation} If a promise is broken.
 */
export function runFault(
  fault: Fault,
  victim: Victim,
  effects: number,
  scene: Scene,
): boolean {
  const world = new World({
    seed: 1,
    people: 3,
    delayMs: 1,
    bytesPerMs: Infinity,
    datagrams: { loss: 0, repeat: 0, delayMs: 1 },
    hiddenChance: scene === "relayed meeting" ? 1 : 0,
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
  if (scene === "accounts") changeAccounts(world);
  else meet(world);
  for (const { disk, process } of world.people) {
    disk.refuses = false;
    process?.fault.spare();
  }
  world.directory?.fault.spare();
  world.disk.refuses = false;
  run(world, SETTLE_MS);
  world.checkQuiet();
  return happened;
}

/** Two users broadcast, call, talk and hang up. */
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

/** A user changes her password, is called, and removes her account; the caller is kicked. */
function changeAccounts(world: World): void {
  const [ann, bob, cem] = world.people as [Person, Person, Person];
  const old = world.accounts.passwordOf(ann.name) ?? "";
  const password = "another password";
  ann.process?.command({ command: "passwd", old, new: password });
  run(world, 2 * STEP_MS);
  bob.process?.command({ command: "call", name: ann.name });
  run(world, 15 * STEP_MS);
  if (cem.process !== null) world.ledger.tell(cem.process, "");
  ann.process?.command({ command: "forget-me", password });
  run(world, 10 * STEP_MS);
  world.directory?.command({ command: "kick", name: bob.name });
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
    return world.directory!.fault.after(effects, () => {
      struck();
      if (fault === "fullDisk") world.disk.refuses = true;
      else if (fault !== "break") world.endDirectory(fault === "powerLoss");
      else for (const end of [...world.directory!.links.values()]) end.sever();
    });
  }
  const person = victim === "caller" ? ann : bob;
  const process = person.process!;
  process.fault.after(effects, () => {
    struck();
    if (fault === "fullDisk") person.disk.refuses = true;
    else if (fault !== "break") world.end(process, fault === "powerLoss");
    else for (const end of [...process.links.values()]) end.sever();
  });
}

/** Lets time pass; killed processes are started again. */
function run(world: World, ms: number): void {
  for (const untilMs = world.time.nowMs + ms; world.time.nowMs < untilMs;) {
    world.time.runUntil(world.time.nowMs + STEP_MS);
    world.startDirectory();
    world.sendAwayWhoIsOut();
    for (const person of world.people) world.start(person, world.ownEntry(person));
  }
}
