/** One run: friends send each other messages during faults; then the faults end, and every promise must hold. */

import { Random } from "../random.ts";
import type { Mutation } from "./mutations.ts";
import { type Person, World } from "./world.ts";

export interface FriendsRun {
  readonly seed: number;
  readonly steps: number;
  readonly print?: (line: string) => void;
  readonly mutation?: Mutation;
}

const SETTLE_MS = 90_000;
const REFUSAL_MS_MAX = 3_000;

const ACTIONS = [
  ["say", 30],
  ["burst", 6],
  ["kill", 5],
  ["killSoon", 5],
  ["powerLoss", 3],
  ["restart", 12],
  ["cut", 3],
  ["heal", 6],
  ["sever", 4],
  ["stall", 3],
  ["fullDisk", 2],
  ["move", 2],
  ["image", 2],
  ["clockJump", 2],
  ["quit", 2],
  ["unsend", 4],
  ["unsendInVain", 3],
  ["forget", 2],
  ["compact", 2],
  ["compactThenKill", 8],
  ["attack", 4],
] as const;
type Action = typeof ACTIONS[number][0];

/** @throws {Violation} If a promise is broken. */
export function runFriends({ seed, steps, print, mutation }: FriendsRun): World {
  const random = new Random(seed * 2 + 1);
  const world = new World({
    seed,
    people: 2 + random.below(4),
    fingerprintChance: random.pick([0, 0.5, 1]),
    delayMs: random.pick([0.1, 5, 60]),
    bytesPerMs: random.pick([Infinity, 500, 50]),
    idleMs: random.pick([300, 2_000, 60_000]),
    print: print ?? null,
    mutation: mutation ?? null,
  });
  for (const person of world.people) world.start(person);
  const total = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);
  for (let step = 0; step < steps; step++) {
    world.time.runUntil(world.time.nowMs + random.exponential(150));
    let at = random.next() * total;
    const [action] = ACTIONS.find(([, weight]) => (at -= weight) < 0) ?? ACTIONS[0];
    world.note("", action);
    act(world, random, action);
  }
  world.network.setCuts(() => false);
  for (const person of world.people) {
    person.forgotten.clear();
    world.tellTable(person);
    person.process?.fault.spare();
  }
  // A process that was stalled when it was told to quit quits now, and a delayed fault may still make a disk
  // refuse writes.
  for (const untilMs = world.time.nowMs + SETTLE_MS; world.time.nowMs < untilMs;) {
    for (const person of world.people) {
      repair(person);
      if (person.process === null) world.start(person);
    }
    world.time.runUntil(world.time.nowMs + 1_000);
  }
  world.checkAllDelivered();
  return world;
}

function act(world: World, random: Random, action: Action): void {
  const person = random.pick(world.people);
  const { process } = person;
  switch (action) {
    case "say":
      return say(world, random, person, random.pick(world.people), 1);
    case "burst":
      return say(world, random, person, random.pick(world.people), 2 + random.below(80));
    case "kill":
      if (process !== null) world.end(process, false);
      return;
    case "killSoon":
      process?.fault.after(1 + random.below(20), () => world.end(process, false));
      return;
    case "powerLoss":
      if (process !== null) world.end(process, true);
      return;
    case "restart":
      for (const other of world.people) if (other.process === null) world.start(other);
      return;
    case "cut": {
      const side = world.people.map(() => random.chance(0.5)).concat(false);
      const oneWay = random.chance(0.5);
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
      if (process === null) return;
      process.sim.stall(random.between(500, 15_000));
      return world.network.refresh();
    case "fullDisk":
      return person.disk.refuses ? repair(person) : fill(world, random, person);
    case "move":
      return world.move(person);
    case "image":
      return putBack(world, person);
    case "clockJump":
      person.wallOffsetMs += random.between(-1, 1) * 7_200_000;
      return;
    case "quit":
      process?.command({ command: "quit" });
      return;
    case "unsend": {
      const waiting = world.said.filter(({ from, queued, delivered }) =>
        from === person && queued && !delivered
      );
      if (waiting.length > 0) world.unsend(random.pick(waiting));
      return;
    }
    case "unsendInVain":
      return unsendInVain(world, random, person);
    case "forget": {
      const other = random.pick(world.people);
      if (!person.forgotten.delete(other)) person.forgotten.add(other);
      return world.tellTable(person);
    }
    case "attack":
      return world.attack(person, random.pick(world.people));
    case "compact":
      return process?.sim.compactSoon();
    case "compactThenKill":
      return process?.sim.compactBefore(
        ({ type }) => type === "shown",
        () => process.fault.after(1, () => world.end(process, false)),
      );
  }
}

/** From now on the disk refuses writes, and reports each refusal at once or much later. */
function fill(world: World, random: Random, person: Person): void {
  person.disk.refuses = person.wasFull = true;
  person.disk.refusalMs = random.chance(0.5) ? 0 : random.between(0, REFUSAL_MS_MAX);
  person.fullAt = world.said.length;
}

function repair({ disk }: Person): void {
  disk.refuses = false;
  disk.refusalMs = 0;
}

/** Withdraws one of several messages while the friend returns and the disk refuses to record the withdrawal. */
function unsendInVain(world: World, random: Random, person: Person): void {
  const friend = random.pick(world.people);
  if (friend === person || person.process === null) return;
  if (friend.process !== null) world.end(friend.process, false);
  const from = world.said.length;
  say(world, random, person, friend, 3);
  const said = random.pick(world.said.slice(from));
  world.time.after(random.between(10, 500), () => {
    fill(world, random, person);
    world.unsend(said);
    world.network.setCuts(() => false);
    if (friend.process === null) world.start(friend);
    world.say(friend, person, "");
  });
}

function say(world: World, random: Random, from: Person, to: Person, count: number): void {
  if (from.process === null) return;
  for (let n = 0; n < count; n++) {
    world.say(from, to, "x".repeat(random.chance(0.1) ? random.below(30_000) : random.below(50)));
    if (from.process === null) return;
  }
}

/** Keeps an image of the disk, or restores the kept one: messages typed after that must still arrive. */
function putBack(world: World, person: Person): void {
  if (person.image === null) {
    person.image = { records: [...person.disk.records] };
    return;
  }
  if (person.process !== null) world.end(person.process, false);
  // Messages typed or received since the image was taken are lost with the disk.
  for (const said of world.said) {
    if (said.from === person && !said.delivered) said.failed = true;
    if (said.to === person) said.failed = true;
  }
  person.restored = true;
  person.restoredAt = world.said.length;
  person.disk.restore(person.image.records);
  person.image = null;
  world.start(person);
}
