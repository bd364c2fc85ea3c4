/** One run: programs exchange messages during faults; then the faults end, and everything sent must arrive. */

import type { Lane } from "../../../lib/protocols/reliable_datagram/packet.ts";
import { Random } from "../random.ts";
import { Violation } from "./exactly_once.ts";
import type { Person } from "./program.ts";
import { FINE, type Weather, World } from "./world.ts";

export interface DatagramRun {
  readonly seed: number;
  readonly steps: number;
  readonly print?: (line: string) => void;
}

/** Twice the longest pause between connection attempts, and more. */
const SETTLE_MS = 70_000;

/** One in this many seeds has an hour of keep-alive probes, which costs as much as the rest of the run. */
const HOURS_EVERY = 5;

const ACTIONS = [
  ["say", 40],
  ["burst", 8],
  ["long", 3],
  ["flood", 2],
  ["once", 10],
  ["kill", 3],
  ["restart", 8],
  ["move", 3],
  ["cut", 3],
  ["heal", 6],
  ["stall", 3],
  ["weather", 6],
  ["pause", 3],
  ["resume", 4],
  ["close", 1],
  ["hour", 1],
] as const;
type Action = typeof ACTIONS[number][0];

/** @throws {Violation} If a promise is broken. */
export function runDatagrams({ seed, steps, print }: DatagramRun): World {
  const random = new Random(seed * 2 + 1);
  const world = new World(seed, random, random.pick([2, 2, 3, 4]), print ?? null);
  world.weather = weatherOf(random);
  for (const person of world.people) world.start(person);
  const total = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);
  for (let step = 0; step < steps; step++) {
    world.time.runUntil(world.time.nowMs + random.exponential(random.chance(0.1) ? 2_000 : 60));
    let at = random.next() * total;
    const [action] = ACTIONS.find(([, weight]) => (at -= weight) < 0) ?? ACTIONS[0];
    act(world, random, action);
  }
  settle(world);
  return world;
}

function weatherOf(random: Random): Weather {
  return {
    loss: random.pick([0, 0.01, 0.1, 0.2, 0.4]),
    duplication: random.pick([0, 0.05, 0.3]),
    delayMs: random.pick([0.1, 2, 20, 100]),
    jitterMs: random.pick([0, 1, 30]),
    forgeries: random.pick([0, 0.1, 1]),
  };
}

function act(world: World, random: Random, action: Action): void {
  const person = random.pick(world.people);
  const { program } = person;
  const lane: Lane = random.chance(0.3) ? "control" : "data";
  switch (action) {
    case "say":
      return say(world, random, person, lane, 1, 300);
    case "burst":
      return say(world, random, person, lane, 5 + random.below(150), 400);
    case "long":
      return say(world, random, person, lane, 1, random.chance(0.1) ? 262_144 : 30_000);
    case "flood":
      return say(world, random, person, lane, 40, 16_000);
    case "once":
      for (const other of world.people) if (other !== person) program?.sayOnce(other);
      return;
    case "kill":
      return world.kill(person);
    case "restart":
      for (const other of world.people) if (other.program === null) world.start(other);
      return;
    case "move":
      person.endpoint = world.newEndpoint();
      return world.note(person.name, `moves to ${person.endpoint.port}`);
    case "cut": {
      const other = random.pick(world.people);
      world.cuts.add(`${person.name}>${other.name}`);
      if (random.chance(0.5)) world.cuts.add(`${other.name}>${person.name}`);
      return world.note(person.name, `is cut from ${other.name}`);
    }
    case "heal":
      world.note("", "cuts heal");
      return world.cuts.clear();
    case "stall":
      program?.stall(random.between(100, 8_000));
      return;
    case "weather":
      world.weather = weatherOf(random);
      return world.note("", JSON.stringify(world.weather));
    case "pause":
    case "resume":
      return read(person, action);
    case "close": {
      const other = random.pick(world.people);
      const peer = other.identity.key;
      if (program?.states.has(peer)) {
        world.note(program.name, `closes ${other.name}`);
        program.step({ type: "close", peer, reason: "for a while" });
      }
      return;
    }
    case "hour":
      if (world.seed % HOURS_EVERY !== 0 || world.time.nowMs > 3_600_000) return;
      // Keys are renewed within the hour, whatever the weather; but forgeries stop, as there would be too many of
      // them.
      world.weather = { ...world.weather, forgeries: 0 };
      world.note("", "an hour passes");
      return world.time.runUntil(world.time.nowMs + random.between(3_590_000, 3_700_000));
  }
}

/** Pauses or resumes reading from all peers. */
function read({ program }: Person, action: "pause" | "resume"): void {
  for (const peer of program?.states.keys() ?? []) {
    program?.step({ type: `${action}-reading`, peer });
  }
}

function say(
  world: World,
  random: Random,
  from: Person,
  lane: Lane,
  count: number,
  bytesMax: number,
): void {
  const to = random.pick(world.people.filter((person) => person !== from));
  for (let n = 0; n < count; n++) from.program?.say(to, lane, 1 + random.below(bytesMax));
}

/** Ends all faults and starts all programs, then checks that everything sent arrives. */
function settle(world: World): void {
  world.note("", "all is well");
  world.cuts.clear();
  world.weather = FINE;
  for (const person of world.people) {
    if (person.program === null) world.start(person);
    read(person, "resume");
  }
  world.time.runUntil(world.time.nowMs + SETTLE_MS);
  for (const person of world.people) {
    for (const other of world.people) {
      if (other === person) continue;
      const state = person.program!.states.get(other.identity.key);
      if (state !== "up") throw new Violation(`${person.name}: ${other.name} is ${state}`);
      person.program!.say(other, "data", 100);
    }
  }
  world.time.runUntil(world.time.nowMs + 10_000);
  for (const { program, name } of world.people) {
    for (const other of world.people) {
      if (other.name === name) continue;
      world.history.complete(program!.name, other.program!.name, other.name);
    }
  }
}
