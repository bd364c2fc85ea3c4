/** One run of a directory of several instances, and what must hold in it. */

import type { PeerKey } from "../../../lib/base/ids.ts";
import { EngineAccounts } from "../../../lib/engine/engine_accounts.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { onlineIn } from "../../../lib/engine/directory/online_entries.ts";
import type { Entry } from "../../../lib/engine/shared_store.ts";
import type { OnlineSession } from "../../../lib/protocols/directory/schema/registrar_io.ts";
import { hashNumber, keyNumber } from "../../contracts/accounts_contract.ts";
import { type EngineMutation, SimStore } from "../engine.ts";
import { Violation } from "../directory/violation.ts";
import { PREFIX, SILENT_MS, type SimPerson, World } from "./world.ts";

export interface InstancesRun {
  readonly seed: number;
  readonly steps: number;
  readonly mutation?: EngineMutation;
}

/** After the faults end, all is as it should be within this time. */
const SETTLED_MS = 30_000;
/** Calls ring for 30 s, connect within 10, are talked in for 20, and end within 10; and 30 s the engine has a word of it. */
const CALLS_OVER_MS = 105_000;
/** Within this time the other is rung, where nothing fails. */
const RUNG_MS = 1_000;
/** Who call each other, beside the usual ten. */
const CALLERS = 60;
/** How long a fault lasts at most. */
const FAULT_MS_MAX = 15_000;

export function runInstances({ seed, steps, mutation }: InstancesRun): World {
  const world = new World(seed, mutation);
  const { random } = world;
  const claims = watchClaims(world);
  world.run(1_000);
  for (let step = 0; step < steps; step++) {
    act(world);
    world.run(random.between(20, 700));
    look(world, claims);
  }
  heal(world);
  for (let passed = 0; passed < SETTLED_MS; passed += 500) {
    for (const person of world.people) person.comesIn();
    world.run(500);
    look(world, claims);
  }
  checkSettled(world);
  checkBroadcasts(world);
  endCalls(world, claims);
  return world;
}

/** So many calls at random, and across, between people at all instances, of which one is killed meanwhile. */
export function runCalls(seed: number, calls: number): World {
  const world = new World(seed, {}, CALLERS);
  const { random, instances, time, people } = world;
  const claims = watchClaims(world);
  world.run(1_000);
  const all = () => people.forEach((person) => person.comesIn());
  all();
  world.run(1_000);
  let isKilled = false;
  while (world.calls < calls) {
    call(world);
    world.run(random.between(5, 100));
    look(world, claims);
    if (isKilled || world.calls < calls / 2) {
      if (random.chance(0.05)) all();
      continue;
    }
    isKilled = true;
    const [instance] = instances;
    instance!.kill();
    time.after(random.between(500, 5_000), () => instance!.start());
  }
  world.engine.isHeldUp = () => false;
  for (let passed = 0; passed < SETTLED_MS; passed += 500) {
    all();
    world.run(500);
    look(world, claims);
  }
  checkSettled(world);
  endCalls(world, claims);
  return world;
}

/** How long an instance stands still, longer than its lease, and how soon after that all is as it was. */
const STOOD_STILL_MS = 12_000;
const WOKEN_MS = 3_000;
/** Until people that were cut off from one instance are at another one. */
const MOVED_MS = 5_000;

/**
 * An instance stands still for longer than its lease, and wakes.
 * @throws {Violation} Where its people aren't elsewhere meanwhile, or there is anything of them there afterwards.
 */
export function runWoken({ seed, mutation }: Pick<InstancesRun, "seed" | "mutation">): World {
  const world = new World(seed, mutation);
  const pass = passing(world);
  pass(5_000);
  const stopped = world.random.pick(world.instances);
  stopped.stops(STOOD_STILL_MS);
  pass(SILENT_MS + MOVED_MS);
  for (const { isIn, device, session } of world.people) {
    if (isIn && session!.program === stopped.program) {
      throw new Violation(`${device} is still at an instance that stands still`);
    }
  }
  const names = world.people.filter(({ isIn }) => isIn).map(({ name }) => name).sort();
  pass(STOOD_STILL_MS - SILENT_MS - MOVED_MS + WOKEN_MS);
  const online = [...world.online.values()].flatMap((session) => session ?? []);
  const there = online.map(({ name }) => name).sort();
  if (there.join() !== names.join()) {
    throw new Violation(`in were ${names.join()}, the engine has ${there.join()}`);
  }
  const ghost = online.find(({ instance }) => instance === stopped.id);
  if (ghost !== undefined) throw new Violation(`${ghost.name} is said to be where it left`);
  return world;
}

/** Lets so much time pass, in which all come in who aren't. */
function passing(world: World): (ms: number) => void {
  const claims = watchClaims(world);
  return (ms) => {
    for (const untilMs = world.time.nowMs + ms; world.time.nowMs < untilMs;) {
      for (const person of world.people) person.comesIn();
      world.run(100);
      look(world, claims);
    }
  };
}

/** In each of a run's races for a name. */
const RACED_MS = 5_000;
const RACES = 20;

/**
 * Names that a guest takes at one instance, and somebody who signs up at another, at once.
 * @throws {Violation} Where both get one.
 */
export function runSignUps({ seed, mutation }: Pick<InstancesRun, "seed" | "mutation">): World {
  const world = new World(seed, mutation);
  const { random, time, instances: [here, there] } = world;
  const store = new SimStore(world.engine, there!.program);
  const nowMs = () => time.nowMs;
  const accounts = new EngineAccounts({ store, prefix: PREFIX, writer: "there", nowMs });
  world.run(1_000);
  for (let race = 0; race < RACES; race++) {
    const name = `new-${race}`;
    const session: OnlineSession = {
      ...{ id: name, instance: here!.id, name, isGuest: true, process: name, rank: 1 },
      ...{ host: "10.0.0.2", port: 5_000, isBusy: false, sinceMs: 0, isHeld: false, away: null },
      key: "ab".repeat(32) as PeerKey,
    };
    const claim = { ask: "claim", session, over: null, account: null, seen: 0, number: 1 } as const;
    const account = { name, hash: hashNumber(1), createdMs: 0, keys: [keyNumber(1)] };
    const got: string[] = [];
    time.after(
      random.between(0, 5),
      () => here!.registrar!.ask(claim, ({ outcome }) => outcome === "done" && got.push("guest")),
    );
    time.after(
      random.between(0, 5),
      () => void accounts.signUp(account, keyNumber(1)).then(() => got.push("account"), () => {}),
    );
    world.run(RACED_MS);
    if (got.length > 1) throw new Violation(`${name} is that of a guest, and of an account`);
  }
  return world;
}

/** Until all are told how many have their broadcasts, also those that come to an instance that has begun since. */
const REPORTED_MS = 16_000;

/**
 * An instance is killed as all broadcast, and some do while its people come in elsewhere.
 * @throws {Violation} Where somebody isn't told how many have what was taken, or misses one; also a guest.
 */
export function runKilled({ seed, mutation }: Pick<InstancesRun, "seed" | "mutation">): World {
  const world = new World(seed, mutation);
  const { random, time } = world;
  const pass = passing(world);
  pass(5_000);
  for (const person of world.people) person.tells();
  world.run(random.between(0, 200));
  const killed = random.pick(world.instances);
  killed.kill();
  time.after(random.between(500, 5_000), () => killed.start());
  for (let n = 0; n < 20; n++) {
    pass(200);
    random.pick(world.people).tells();
  }
  pass(REPORTED_MS);
  checkBroadcasts(world, ({ name, isOver }) => name !== "ida" && !isOver);
  for (const [text, { by, device, number }] of world.said) {
    const isThere = number !== null && by.isIn && by.device === device;
    if (isThere && !world.reported.has(number)) {
      throw new Violation(`${by.name} isn't told how many have ${text}`);
    }
  }
  return world;
}

function act(world: World): void {
  const { random, people, instances, engine, time } = world;
  const person = random.pick(people);
  const instance = random.pick(instances);
  const { program } = instance;
  const lasts = () => random.between(200, FAULT_MS_MAX);
  for (let calls = random.below(3); calls > 0; calls--) call(world);
  switch (random.below(26)) {
    case 0:
      if (!program.isDead) instance.kill();
      return void time.after(random.between(500, 5_000), () => {
        if (instance.program.isDead) instance.start();
      });
    case 1:
      program.isCut = true;
      return void time.after(lasts(), () => program.isCut = false);
    case 2:
      return instance.stops(lasts());
    case 3:
      if (!engine.hasQuorum) return;
      engine.loseQuorum();
      return void time.after(lasts(), () => engine.electLeader());
    case 4:
    case 5:
      return person.switches();
    case 6:
    case 7:
      return person.leaves(random.chance(0.5));
    case 24:
    case 25:
      return engine.compact();
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
      return person.tells();
    default:
      for (const each of people) if (random.chance(0.4)) each.comesIn();
  }
}

/** Somebody calls somebody; some call each other at once. */
function call({ random, people }: World): void {
  const [one, other] = random.shuffled(people);
  one!.caller.rings(other!.name);
  if (random.chance(0.3)) other!.caller.rings(one!.name);
}

function heal(world: World): void {
  const { engine, instances, time } = world;
  if (!engine.hasQuorum) engine.electLeader();
  engine.isHeldUp = () => false;
  for (const instance of instances) {
    instance.program.isCut = false;
    instance.program.stoppedUntilMs = Math.min(instance.program.stoppedUntilMs, time.nowMs);
    if (instance.program.isDead) instance.start();
  }
}

/** The sessions that the engine ever had. @throws {Violation} Where one is displaced that has a right to its name. */
function watchClaims(world: World): ReadonlySet<string> {
  const claims = new Set<string>();
  const before = new Map<string, Entry>();
  const below = `${PREFIX}online/`;
  world.engine.memory.followers.add((changes) => {
    for (const { key, entry } of changes) {
      if (!key.startsWith(below)) continue;
      const folded = key.slice(below.length);
      const last = before.get(key) ?? null;
      if (entry === null) before.delete(key);
      else before.set(key, entry);
      const was = last === null ? null : onlineIn(last, folded);
      const is = entry === null ? null : onlineIn(entry, folded);
      if (is !== null) claims.add(`${is.instance} ${is.name} ${is.process}`);
      if (was === null) continue;
      const isOthers = is !== null && is.key !== was.key && is.instance !== was.instance;
      if (isOthers && is.isGuest && was.isGuest) {
        throw new Violation(`a guest displaces another one from ${was.name}`);
      }
      // A lease that ends takes what is there.
      const isAlive = last!.lease !== null && world.engine.memory.isAlive(last!.lease);
      if (is === null && isAlive && isStillIn(world, was)) {
        throw new Violation(`${was.process} is in, and its name is free`);
      }
    }
  });
  return claims;
}

function isStillIn(world: World, { process, instance }: OnlineSession): boolean {
  return world.people.some(({ session, isIn }) =>
    isIn && session!.somebody.process === process &&
    session!.somebody.exchange.machine.config.instance === instance
  );
}

/** What must hold at any time. */
function look(world: World, claims: ReadonlySet<string>): void {
  for (const person of world.people) {
    person.looks();
    const somebody = person.session?.somebody;
    if (somebody === undefined || somebody.entered === null) continue;
    const { instance } = somebody.exchange.machine.config;
    if (!claims.has(`${instance} ${somebody.name} ${somebody.process}`)) {
      throw new Violation(`${person.device} is let in, and no other instance can know`);
    }
  }
}

/** All instances show what the engine has, and that is who is in. */
function checkSettled(world: World): void {
  const there = world.people.filter(({ isIn }) => isIn);
  const names = there.map(({ name }) => name).sort();
  const online = [...world.online.values()].filter((session) => session?.isHeld === false)
    .map((session) => session!.name).sort();
  if (online.join() !== names.join()) {
    throw new Violation(`in are ${names.join()}, the engine has ${online.join()}`);
  }
  for (const person of there) {
    const { somebody } = person.session!;
    const list = [...somebody.list.keys()].sort();
    if (list.join() !== names.join()) {
      throw new Violation(`${person.device} sees ${list.join()}, in are ${names.join()}`);
    }
    const session = world.online.get(foldName(person.name));
    if (session?.process !== somebody.process) {
      throw new Violation(`${person.device} is in, and the engine has ${session?.process}`);
    }
  }
  const absent = world.people.filter((person) => !there.includes(person) && !isWithoutName(person));
  if (absent.length > 0) throw new Violation(`${absent[0]!.device} isn't let in`);
}

/** Whether another guest has its name, or its program is over. */
function isWithoutName(person: SimPerson): boolean {
  return person.name === "ida" || person.isOver;
}

/** All calls end in time, and then nothing is left of them: whoever is called is rung, or busy with such a call. */
function endCalls(world: World, claims: ReadonlySet<string>): void {
  for (let passed = 0; passed < CALLS_OVER_MS; passed += 500) {
    world.run(500);
    look(world, claims);
  }
  checkNoCalls(world);
  const there = world.random.shuffled(world.people.filter(({ isIn }) => isIn));
  for (let at = 0; at + 1 < there.length; at += 2) {
    const [one, other] = [there[at]!, there[at + 1]!];
    const { rung } = other.caller;
    one.caller.rings(other.name);
    world.run(RUNG_MS);
    if (other.caller.rung > rung) continue;
    throw new Violation(`${one.device} calls ${other.device}, who isn't rung`);
  }
  world.run(CALLS_OVER_MS);
  checkNoCalls(world);
}

function checkNoCalls(world: World): void {
  for (const { person: { device }, call } of world.callers) {
    if (call !== null) throw new Violation(`${device} is still ${call.phase} with ${call.peer}`);
  }
  for (const { exchange } of world.instances) {
    exchange!.command({ command: "status" });
    const { calls } = exchange!.event("status");
    if (calls > 0) throw new Violation(`an instance has ${calls} calls when all are over`);
  }
  for (const session of world.online.values()) {
    if (session?.isBusy) throw new Violation(`${session.name} is busy without a call`);
  }
  for (const { isIn, session, device } of world.people) {
    const busy = [...session?.somebody.list.values() ?? []].find(({ state }) => state === "busy");
    if (isIn && busy !== undefined) throw new Violation(`${device} sees ${busy.name} busy`);
  }
}

/** Each that was taken has come to all accounts, in one order, and to no device twice. @param hasAll Who has each. */
function checkBroadcasts(
  world: World,
  hasAll: (person: SimPerson) => boolean = ({ isGuest }) => !isGuest,
): void {
  const numbers = new Map<string, number>();
  for (const { key, value } of world.engine.memory.entries.values()) {
    if (!key.startsWith(`${PREFIX}tell/m/`)) continue;
    const { text, number } = JSON.parse(value);
    numbers.set(text, number);
  }
  for (const [text, { number }] of world.said) {
    if (number !== null && !numbers.has(text)) {
      throw new Violation(`${text} was taken, and is lost`);
    }
  }
  for (const person of world.people) {
    const heard = new Set<string>();
    for (const [device, texts] of person.shown) {
      if (new Set(texts).size < texts.length) throw new Violation(`${device} is shown one twice`);
      const order = texts.map((text) => numbers.get(text)!);
      if (order.some((number, at) => at > 0 && number <= order[at - 1]!)) {
        throw new Violation(`${device} is shown them in another order`);
      }
      for (const text of texts) heard.add(text);
    }
    if (!hasAll(person) || !person.isIn) continue;
    for (const [text, { by }] of world.said) {
      if (numbers.has(text) && by !== person && !heard.has(text)) {
        throw new Violation(`${person.name} was never shown ${text}`);
      }
    }
  }
}
