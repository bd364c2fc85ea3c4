/** One run: a seed's worth of users who come, call, tell and go, and of trouble; then quiet, and what holds then. */

import { Random } from "../random.ts";
import type { ClientProcess } from "./client_process.ts";
import { Violation } from "./violation.ts";
import { type Mutation, type Person, World } from "./world.ts";

export interface DirectoryRun {
  readonly seed: number;
  readonly steps: number;
  readonly people?: number;
  readonly print?: (line: string) => void;
  readonly mutation?: Mutation;
}

/** A directory that comes back has everybody again within 45 s; a guest's or a dead client's place is free in 15 s. */
const SETTLE_MS = 60_000;
const TALK_MS = 30_000;

const ACTIONS = [
  ["call", 22],
  ["callSelf", 1],
  ["glare", 4],
  ["say", 20],
  ["hangUp", 8],
  ["cancel", 3],
  ["broadcast", 14],
  ["burst", 3],
  ["kill", 4],
  ["powerLoss", 2],
  ["quit", 3],
  ["restart", 14],
  ["killDirectory", 3],
  ["directoryPowerLoss", 2],
  ["directoryDiesSoon", 4],
  ["quitDirectory", 1],
  ["startDirectory", 8],
  ["cut", 3],
  ["heal", 6],
  ["sever", 4],
  ["stall", 3],
  ["stallDirectory", 1],
  ["fullDisk", 2],
  ["fullDirectoryDisk", 1],
  ["hide", 3],
  ["slow", 2],
  ["image", 1],
  ["compact", 2],
  ["clockJump", 1],
] as const;
type Action = typeof ACTIONS[number][0];

/** @throws {Violation} If a promise is broken. */
export function runDirectory({ seed, steps, people, print, mutation }: DirectoryRun): World {
  const random = new Random(seed * 2 + 1);
  const delayMs = random.pick([0.2, 5, 60]);
  const world = new World({
    seed,
    people: people ?? 3 + random.below(6),
    delayMs,
    bytesPerMs: random.pick([Infinity, 500, 50]),
    datagrams: { loss: random.pick([0, 0.05, 0.3, 1]), repeat: 0.05, delayMs },
    hiddenChance: random.pick([0, 0.5, 1]),
    relays: random.chance(0.9),
    ttlMs: 30 * 60_000,
    print: print ?? null,
    mutation: mutation ?? null,
  });
  world.startDirectory();
  for (const person of world.people) world.start(person, world.ownEntry(person));
  const total = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);
  for (let step = 0; step < steps; step++) {
    world.time.runUntil(world.time.nowMs + random.exponential(400));
    let at = random.next() * total;
    const [action] = ACTIONS.find(([, weight]) => (at -= weight) < 0) ?? ACTIONS[0];
    world.note("", action);
    act(world, random, action);
  }
  settle(world);
  world.checkQuiet();
  talk(world, random);
  world.checkQuiet();
  world.note("", "all hang up");
  for (const process of world.processes) {
    if (process.sight.call !== null) process.command({ command: "hang-up" });
  }
  wait(world, TALK_MS);
  world.checkQuiet();
  meetInTheMiddle(world, random);
  return world;
}

/** Everything works again, and everybody is there as themselves. */
function settle(world: World): void {
  world.note("", "settle");
  world.network.setCuts(() => false);
  world.disk.refuses = false;
  world.directory?.spare();
  for (const person of world.people) {
    person.disk.refuses = false;
    const { process } = person;
    if (process === null) continue;
    if (process.entry.name !== person.name) process.command({ command: "quit" });
  }
  wait(world, SETTLE_MS);
}

function wait(world: World, ms: number): void {
  for (const untilMs = world.time.nowMs + ms; world.time.nowMs < untilMs;) {
    world.startDirectory();
    for (const person of world.people) {
      // Whoever was replaced is there as long as its call, which may be for ever.
      if (person.process?.sight.state === "replaced") person.process.command({ command: "quit" });
      world.start(person, world.ownEntry(person));
    }
    world.time.runUntil(world.time.nowMs + 1_000);
  }
}

/** Some call others, who answer, and all say something. */
function talk(world: World, random: Random): void {
  world.note("", "talk");
  world.answers = "always";
  for (const process of world.processes) {
    if (random.chance(0.6)) call(world, random, process);
    world.time.runUntil(world.time.nowMs + random.exponential(500));
  }
  wait(world, TALK_MS);
  for (const process of world.processes) {
    if (process.sight.talk !== null) world.say(process, "");
    if (random.chance(0.3)) world.ledger.tell(process, "");
  }
  wait(world, TALK_MS);
}

/** Two who call each other at once talk, if either can reach the other. */
function meetInTheMiddle(world: World, random: Random): void {
  const [one, other] = random.shuffled(world.processes.filter(({ sight }) => sight.call === null));
  if (one === undefined || other === undefined) return;
  const isReachable = !one.person.isHidden || !other.person.isHidden || world.options.relays;
  const knows = (process: ClientProcess, { person, sight }: ClientProcess) =>
    process.machine.keys.isExpected(sight.name, person.key);
  if (!knows(one, other) || !knows(other, one)) return;
  world.note("", "both call");
  one.command({ command: "call", name: other.sight.name });
  other.command({ command: "call", name: one.sight.name });
  wait(world, TALK_MS);
  world.checkQuiet();
  const isOne = one.sight.talk !== null && one.sight.talk.id === other.sight.talk?.id;
  if (isReachable && !isOne && !one.gone && !other.gone) {
    throw new Violation(`${one.person.name} and ${other.person.name} call each other in vain`);
  }
}

function call(world: World, random: Random, process: ClientProcess): void {
  if (process.sight.call !== null) return;
  const others = world.processes.filter((other) => other !== process);
  if (others.length === 0) return;
  const { name } = random.pick(others).sight;
  if (name !== "") process.command({ command: "call", name });
}

function act(world: World, random: Random, action: Action): void {
  const person = random.pick(world.people);
  const { process } = person;
  switch (action) {
    case "call":
      if (process !== null) call(world, random, process);
      return;
    case "callSelf":
      if (process?.sight.call === null && process.sight.state === "up") {
        process.command({ command: "call", name: process.sight.name });
      }
      return;
    case "glare":
      return glare(world, random);
    case "say": {
      const talking = world.processes.filter(({ sight }) => sight.call !== null);
      if (talking.length === 0) return;
      const speaker = random.pick(talking);
      for (let n = random.below(20); n >= 0; n--) {
        world.say(speaker, "x".repeat(random.chance(0.1) ? random.below(30_000) : 5));
      }
      return;
    }
    case "hangUp":
      if (process !== null && process.sight.call !== null) process.command({ command: "hang-up" });
      return;
    case "cancel":
      if (process !== null && process.sight.call !== null) process.command({ command: "cancel" });
      return;
    case "broadcast":
      return broadcast(world, random, person, 1);
    case "burst":
      return broadcast(world, random, person, 2 + random.below(20));
    case "kill":
      if (process !== null) world.end(process, false);
      return;
    case "powerLoss":
      if (process !== null) world.end(process, true);
      return;
    case "quit":
      process?.command({ command: "quit" });
      return;
    case "restart":
      for (const other of world.people) {
        if (other.process === null) world.start(other, world.anyEntry(other));
      }
      return;
    case "killDirectory":
      return world.endDirectory(false);
    case "directoryPowerLoss":
      // What wasn't synced of who has heard what is lost.
      world.ledger.forgetsWhoHeard();
      return world.endDirectory(true);
    case "directoryDiesSoon": {
      const { directory } = world;
      directory?.after(1 + random.below(30), () => {
        world.ledger.forgetsWhoHeard();
        world.endDirectory(random.chance(0.5));
      });
      return;
    }
    case "quitDirectory":
      return world.directory?.sim.deliver({
        type: "command",
        command: { command: "quit" },
        ref: undefined,
      });
    case "startDirectory":
      return world.startDirectory();
    case "cut": {
      const side = [random.chance(0.5), ...world.people.map(() => random.chance(0.5))];
      const oneWay = random.chance(0.3);
      return world.network.setCuts((from, to) =>
        oneWay ? side[from]! && !side[to]! : side[from] !== side[to]
      );
    }
    case "heal":
      return world.network.setCuts(() => false);
    case "sever": {
      const ends = [...process?.links.values() ?? []];
      if (ends.length > 0) random.pick(ends).sever();
      return;
    }
    case "stall":
      process?.sim.stall(random.between(500, 15_000));
      return world.network.refresh();
    case "stallDirectory":
      world.directory?.sim.stall(random.between(500, 15_000));
      return world.network.refresh();
    case "fullDisk":
      person.disk.refuses = !person.disk.refuses;
      return;
    case "fullDirectoryDisk":
      world.ledger.forgetsWhoHeard();
      world.disk.refuses = !world.disk.refuses;
      return;
    case "hide":
      person.isHidden = !person.isHidden;
      if (process === null) return;
      if (person.isHidden) world.network.unlisten(person.endpoint);
      else world.network.listen(person.endpoint, process);
      return;
    case "slow":
      person.isSlow = !person.isSlow;
      return;
    case "image":
      return putBack(world, person);
    case "compact":
      process?.sim.compactSoon();
      return;
    case "clockJump":
      person.wallOffsetMs += random.between(-1, 1) * 7_200_000;
      return;
  }
}

/** Two call each other at once, or nearly. */
function glare(world: World, random: Random): void {
  const free = world.processes.filter(({ sight }) => sight.call === null && sight.name !== "");
  const [one, other] = random.shuffled(free);
  if (one === undefined || other === undefined) return;
  one.command({ command: "call", name: other.sight.name });
  if (random.chance(0.5)) world.time.runUntil(world.time.nowMs + random.exponential(60));
  if (other.sight.call === null) other.command({ command: "call", name: one.sight.name });
}

function broadcast(world: World, random: Random, { process }: Person, count: number): void {
  if (process === null || process.sight.state === null || process.sight.name === "") return;
  for (let n = 0; n < count && !process.gone; n++) {
    const length = random.chance(0.1) ? random.below(20_000) : random.below(50);
    world.ledger.tell(process, "x".repeat(length));
  }
}

/** Keeps an image of the disk, or puts back the one that was kept. */
function putBack(world: World, person: Person): void {
  if (person.image === null) {
    person.image = [...person.disk.records];
    return;
  }
  if (person.process !== null) world.end(person.process, false);
  person.isExcused = true;
  person.disk.restore(person.image);
  person.image = null;
  world.start(person, world.ownEntry(person));
}
