/**
 * One run: users of a seed enter, call, broadcast and leave during faults; then it is quiet, and every promise must
 * hold.
 */

import type { CallPhase } from "../../../lib/protocols/directory/client_calls/client_call.ts";
import { Random } from "../random.ts";
import { act, call } from "./actions.ts";
import type { ClientProcess } from "./client_process.ts";
import { Violation } from "./violation.ts";
import { type Mutation, World } from "./world.ts";

export interface DirectoryRun {
  readonly seed: number;
  readonly steps: number;
  readonly people?: number;
  readonly print?: (line: string) => void;
  readonly mutation?: Mutation;
}

/** Users who were kicked, or have guessed passwords, are admitted again after a minute. */
const SETTLE_MS = 80_000;
const TALK_MS = 30_000;
/** The time after which everybody is back at a restarted directory. */
const RETURN_MS = 45_000;
/** A user's action is known to the other side of a call within this time, however slow the links. */
const KNOWN_MS = 3_000;
/** The phases of a call before it is answered; undefined: the call is still on its way. */
const BEFORE_ANSWER: ReadonlySet<CallPhase | undefined> = new Set([undefined, "ringing", "asked"]);
/** The callee has answered within this time. */
const ANSWER_MS = 10_000;
/** A client that was refused by a full directory has tried again within this time. */
const FULL_MS = 60_000;

/** What users say of being away. */
const AWAY = ["", "lunch", null, null];

/** Runs one seed. @throws {Violation} If a promise is broken. */
export function runDirectory({ seed, steps, people, print, mutation }: DirectoryRun): World {
  const random = new Random(seed * 2 + 1);
  const users = new Random(seed * 2 + 2);
  const delayMs = random.pick([0.2, 5, 60]);
  const isOpen = random.chance(0.9);
  const hostiles = random.pick([0, 0, 0, 1, 2]);
  const world = new World({
    seed,
    people: people ?? 3 + random.below(6),
    delayMs,
    bytesPerMs: random.pick([Infinity, 500, 50]),
    datagrams: { loss: random.pick([0, 0.05, 0.3, 1]), repeat: 0.05, delayMs },
    hiddenChance: random.pick([0, 0.5, 1]),
    guestChance: isOpen ? random.pick([0, 0, 0.3]) : 0,
    relays: random.chance(0.9),
    guests: isOpen,
    broadcast: random.chance(0.9) ? "all" : random.pick(["accounts", "operator"]),
    clientsMax: hostiles > 0 || random.chance(0.8) ? 1_000 : 2 + random.below(4),
    hostiles,
    lies: false,
    oldDisks: random.chance(0.5),
    ttlMs: random.pick([30 * 60_000, 30 * 60_000, 20_000]),
    print: print ?? null,
    mutation: mutation ?? null,
  });
  world.startDirectory();
  for (const person of world.people) world.start(person, world.ownEntry(person));
  for (const hostile of world.hostiles) hostile.start();
  for (let step = 0; step < steps; step++) {
    world.time.runUntil(world.time.nowMs + random.exponential(400));
    act(world, random);
    if (users.chance(0.1)) {
      const change = { away: users.pick(AWAY) };
      const { processes } = world;
      if (processes.length > 0) users.pick(processes).command({ command: "presence", change });
    }
  }
  settle(world);
  world.checkQuiet();
  talk(world, random);
  world.checkQuiet();
  hangUp(world);
  ring(world, random);
  tellAll(world, random);
  meetInTheMiddle(world, random);
  makeRoom(world, random);
  comeBack(world, random);
  hangUp(world);
  withdraw(world, random);
  return world;
}

/** Everybody hangs up. */
function hangUp(world: World): void {
  world.note("", "all hang up");
  for (const process of world.processes) {
    if (process.sight.call !== null) process.command({ command: "hang-up" });
  }
  wait(world, TALK_MS);
  world.checkQuiet();
}

/** Ends all faults; everybody enters as themselves. */
export function settle(world: World): void {
  world.note("", "settle");
  for (const hostile of world.hostiles) hostile.stop();
  world.network.setCuts(() => false);
  world.disk.refuses = world.accounts.refuses = false;
  world.directory?.fault.spare();
  for (const person of world.people) {
    person.disk.refuses = false;
    if (person.original !== null) {
      if (person.process !== null) world.end(person.process, false);
      person.losesDevice();
    }
    const { process } = person;
    // Somebody else may have created an account with a guest's name.
    if (person.isGuest && world.accounts.has(person.name)) {
      world.accounts.remove(person.name);
      world.accountGone(person.name, true);
    }
    if (process === null) continue;
    const { how, name } = process.entry;
    const isItself = name === person.name && (how === "guest") === person.isGuest;
    if (!isItself) process.command({ command: "quit" });
  }
  wait(world, SETTLE_MS);
}

function wait(world: World, ms: number): void {
  for (const untilMs = world.time.nowMs + ms; world.time.nowMs < untilMs;) {
    world.startDirectory();
    world.sendAwayWhoIsOut();
    for (const person of world.people) world.start(person, world.ownEntry(person));
    world.time.runUntil(world.time.nowMs + 1_000);
  }
}

/** Some users call others, who accept, and all talk. */
export function talk(world: World, random: Random): void {
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

/** Two users who are present, not in a call, and have each other's right key; null where there are none. */
function pairOf(world: World, random: Random): readonly [ClientProcess, ClientProcess] | null {
  const free = world.processes.filter(({ sight }) => sight.state === "up" && sight.call === null);
  const [one, other] = random.shuffled(free);
  if (one === undefined || other === undefined) return null;
  const knows = (process: ClientProcess, { person, sight }: ClientProcess) =>
    process.machine.keys.isExpected(sight.name, person.key);
  return knows(one, other) && knows(other, one) ? [one, other] : null;
}

/** Waits until they are in a call, if either can reach the other. */
function awaitTalk(world: World, one: ClientProcess, other: ClientProcess, inVain: string): void {
  wait(world, TALK_MS);
  world.checkQuiet();
  const isReachable = !one.person.isHidden || !other.person.isHidden || world.options.relays;
  const isOne = one.sight.talk !== null && one.sight.talk.id === other.sight.talk?.id;
  if (isReachable && !isOne && !one.gone && !other.gone) throw new Violation(inVain);
}

/** A user calls another, who accepts, and hangs up. */
function ring(world: World, random: Random): void {
  const pair = pairOf(world, random);
  if (pair === null) return;
  const [one, other] = pair;
  world.note("", "one calls");
  one.command({ command: "call", name: other.sight.name });
  awaitTalk(world, one, other, `${one.person.name} calls ${other.person.name} in vain`);
  if (one.sight.call !== null) one.command({ command: "hang-up" });
  wait(world, TALK_MS);
  world.checkQuiet();
}

/** A broadcast while everybody stays reaches all of them, and its sender is told so. */
function tellAll(world: World, random: Random): void {
  const { broadcast } = world.options;
  const there = world.processes.filter(({ sight }) => sight.state === "up");
  const tellers = there.filter(({ sight }) =>
    broadcast === "all" || (broadcast === "accounts" && !sight.isGuest)
  );
  if (tellers.length === 0) return;
  const teller = random.pick(tellers);
  world.note("", "one tells all");
  world.ledger.tell(teller, "to all");
  wait(world, TALK_MS);
  world.checkQuiet();
  if (there.some(({ gone }) => gone)) return;
  const { reached } = world.ledger.told.at(-1)!;
  const others = there.length - 1;
  if (reached !== others) {
    throw new Violation(`${teller.person.name} is told that ${reached} of ${others} have it`);
  }
}

/** Two users call each other at the same time. */
function meetInTheMiddle(world: World, random: Random): void {
  const pair = pairOf(world, random);
  if (pair === null) return;
  const [one, other] = pair;
  world.note("", "both call");
  one.command({ command: "call", name: other.sight.name });
  other.command({ command: "call", name: one.sight.name });
  const names = `${one.person.name} and ${other.person.name}`;
  awaitTalk(world, one, other, `${names} call each other in vain`);
}

/**
 * Of two users who call each other, or are about to be connected, one withdraws: the other is told, and can be
 * called.
 */
function withdraw(world: World, random: Random): void {
  const pair = pairOf(world, random);
  if (pair === null) return;
  const [one, other] = pair;
  const { time } = world;
  const isCrossing = random.chance(0.5);
  const [who, whom] = isCrossing || random.chance(0.5) ? [other, one] : pair;
  world.note("", "one withdraws");
  one.command({ command: "call", name: other.sight.name });
  if (isCrossing) {
    other.command({ command: "call", name: one.sight.name });
    time.runUntil(time.nowMs + random.exponential(world.options.delayMs));
  } else {
    const untilMs = time.nowMs + ANSWER_MS;
    const isAnswered = () => !BEFORE_ANSWER.has(who.machine.calling.call?.phase);
    while (time.nowMs < untilMs && !isAnswered()) time.runUntil(time.nowMs + 1);
  }
  // A user who is still being called declines by that.
  const expected = who.machine.calling.call?.phase === "asked" ? "declined" : "ended";
  who.command({ command: "cancel" });
  time.runUntil(time.nowMs + KNOWN_MS);
  if (who.sight.call !== null) return; // they are in a call already
  const { call, outcome } = whom.sight;
  const known = call === null ? outcome : "going on";
  if (known !== expected) {
    throw new Violation(`${who.label} withdraws a call, which is ${known} for ${whom.label}`);
  }
  wait(world, TALK_MS);
  world.checkQuiet();
}

/** If somebody leaves a full directory, the next client gets in. */
function makeRoom(world: World, random: Random): void {
  if (world.roster.size < world.options.clientsMax) return;
  const stay = random.pick(world.roster.all);
  const leaver = world.people.find(({ key }) => key === stay.visitor.key);
  if (leaver === undefined) return;
  world.note("", "makes room");
  leaver.isAway = true;
  leaver.process?.command({ command: "quit" });
  wait(world, FULL_MS);
  world.checkQuiet();
  leaver.isAway = false;
}

/** The directory is away for a while. */
function comeBack(world: World, random: Random): void {
  if (random.chance(0.7)) return;
  world.note("", "the directory is away");
  world.endDirectory(random.chance(0.5));
  world.time.runUntil(world.time.nowMs + random.exponential(30_000));
  wait(world, RETURN_MS);
  world.checkQuiet();
}
