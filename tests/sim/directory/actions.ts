/** The random actions of a run, by users, operators, networks, disks and clocks. */

import type { Random } from "../random.ts";
import type { ClientProcess } from "./client_process.ts";
import type { Person, World } from "./world.ts";

const HOURS_MS = 3_600_000;

/** The actions and their weights. */
const ACTIONS = [
  ["call", 22],
  ["callSelf", 1],
  ["glare", 4],
  ["say", 20],
  ["hangUp", 8],
  ["cancel", 3],
  ["broadcast", 14],
  ["burst", 3],
  ["storm", 1],
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
  ["newDevice", 1],
  ["compact", 2],
  ["clockJump", 1],
  ["directoryClockJump", 1],
  ["directoryImage", 1],
  ["kick", 2],
  ["operatorTells", 3],
  ["operatorRemoves", 1],
  ["operatorSetsPassword", 1],
  ["passwd", 2],
  ["forgetMe", 1],
  ["ask", 2],
] as const;
type Action = typeof ACTIONS[number][0];

const TOTAL = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);

/** Performs one random action. */
export function act(world: World, random: Random): void {
  let at = random.next() * TOTAL;
  const [action] = ACTIONS.find(([, weight]) => (at -= weight) < 0) ?? ACTIONS[0];
  world.note("", action);
  actAs(world, random, action);
}

/** A user calls one of the others. */
export function call(world: World, random: Random, process: ClientProcess): void {
  if (process.sight.call !== null) return;
  const others = world.processes.filter((other) => other !== process);
  const names = [
    ...others.map(({ sight }) => sight.name),
    ...world.hostiles.filter(({ gone }) => !gone).map(({ label }) => label),
  ];
  const name = names.length === 0 ? "" : random.pick(names);
  if (name !== "") process.command({ command: "call", name });
}

function actAs(world: World, random: Random, action: Action): void {
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
    case "storm":
      return storm(world, random, person);
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
      return world.endDirectory(true);
    case "directoryDiesSoon": {
      const { directory } = world;
      directory?.fault.after(1 + random.below(30), () => world.endDirectory(random.chance(0.5)));
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
    case "stallDirectory": {
      const ms = random.between(500, 15_000);
      world.directory?.sim.stall(ms);
      world.accounts.stalled(ms);
      return world.network.refresh();
    }
    case "fullDisk":
      person.disk.refuses = !person.disk.refuses;
      return;
    case "fullDirectoryDisk":
      world.disk.refuses = world.accounts.refuses = !world.disk.refuses;
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
      return putBack(world, random, person);
    case "newDevice":
      if (process !== null) world.end(process, false);
      if (random.chance(0.5)) return person.losesDevice();
      return copyProfile(world, random, person);
    case "compact":
      if (random.chance(0.5)) process?.sim.compactSoon();
      else world.directory?.sim.compactSoon();
      return;
    case "clockJump":
      person.wallOffsetMs += random.between(-2, 2) * HOURS_MS;
      return;
    case "directoryClockJump":
      // Broadcast numbers follow the clock: an old store with an old clock would assign them twice.
      if (world.options.oldDisks) return;
      world.wallOffsetMs += random.between(-2, 2) * HOURS_MS;
      return;
    case "directoryImage":
      return world.options.oldDisks ? putDirectoryBack(world, random) : undefined;
    default:
      return actOnAccounts(world, random, action, person);
  }
}

/** Two users call each other at about the same time. */
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

/** A script sends more than the rate limits allow. */
function storm(world: World, random: Random, person: Person): void {
  broadcast(world, random, person, 90);
  for (let n = 0; n < 20; n++) {
    if (person.process === null || person.process.sight.call !== null) return;
    call(world, random, person.process);
    person.process.command({ command: "cancel" });
  }
}

/** Copies a profile, and starts the copy while the original may be running. */
function copyProfile(world: World, random: Random, person: Person): void {
  const original = random.pick(world.people);
  if (original.signer === person.signer) return;
  person.copies(original);
  world.start(person, world.ownEntry(original));
}

/** Keeps an image of the disk, or restores the kept one or an empty disk. */
function putBack(world: World, random: Random, person: Person): void {
  if (person.image === null) {
    person.image = [...person.disk.records];
    return;
  }
  if (person.process !== null) world.end(person.process, false);
  person.isExcused = true;
  person.disk.restore(random.chance(0.3) ? [] : person.image);
  person.image = null;
  world.start(person, world.ownEntry(person));
}

/** Keeps an image of the directory's files, or restores the kept one or empty files. */
function putDirectoryBack(world: World, random: Random): void {
  const { image, disk, accounts } = world;
  if (image === null) {
    world.image = { records: [...disk.records], accounts: accounts.image() };
    return;
  }
  world.endDirectory(false);
  world.ledger.forgetsAll();
  const isLost = random.chance(0.3);
  if (random.chance(0.7)) disk.restore(isLost ? [] : image.records);
  if (random.chance(0.7)) {
    for (const name of accounts.names) world.ledger.accountGone(name);
    accounts.restore(isLost ? new Map() : image.accounts);
  }
  world.image = null;
}

/** Actions of the operator, and users' requests about their accounts. */
function actOnAccounts(world: World, random: Random, action: Action, { process }: Person): void {
  const { accounts, directory, roster } = world;
  switch (action) {
    case "kick": {
      if (roster.size === 0) return;
      return directory?.command({ command: "kick", name: random.pick(roster.all).name });
    }
    case "operatorTells":
      return world.ledger.operatorTells("");
    case "operatorRemoves": {
      if (accounts.size === 0) return;
      const name = random.pick(accounts.names);
      accounts.remove(name);
      return world.accountGone(name, true);
    }
    case "operatorSetsPassword":
      if (accounts.size > 0) accounts.setPassword(random.pick(accounts.names), world.newPassword());
      return;
    case "passwd": {
      const old = passwordOf(world, random, process);
      return process?.command({ command: "passwd", old, new: world.newPassword() });
    }
    case "forgetMe":
      return process?.command({
        command: "forget-me",
        password: passwordOf(world, random, process),
      });
    case "ask": {
      process?.command({ command: "status" });
      process?.command({ command: "missed" });
      process?.command({ command: "list", part: undefined });
      return;
    }
  }
}

function passwordOf(world: World, random: Random, process: ClientProcess | null): string {
  const password = world.accounts.passwordOf(process?.sight.name ?? "");
  return password === null || random.chance(0.2) ? "not the password" : password;
}
