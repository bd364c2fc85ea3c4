/**
 * A directory and all its clients are slow at once, and talk. Nobody who lives leaves the list for that, no call that
 * goes on ends; whoever is killed meanwhile leaves it.
 */

import { CALL_DEAD_MS, DIRECTORY_CHANNEL } from "../../../lib/protocols/directory/schema/limits.ts";
import { CHANNEL_DEFAULTS, type ChannelConfig } from "../../../lib/protocols/noise/config.ts";
import type { Random } from "../random.ts";
import { slowDown } from "../turns.ts";
import { call } from "./actions.ts";
import type { ClientProcess } from "./client_process.ts";
import type { DirectoryProcess } from "./directory_process.ts";
import { Violation } from "./violation.ts";
import { World } from "./world.ts";

const DIRECTORY_LINK: ChannelConfig = { ...CHANNEL_DEFAULTS, ...DIRECTORY_CHANNEL };
/** As `CALL_CHANNEL` has it. */
const CALL_LINK: ChannelConfig = {
  ...CHANNEL_DEFAULTS,
  pingAfterMs: 2_000,
  deadAfterMs: CALL_DEAD_MS,
};
const ARRIVE_MS = 15_000;
/** Longer than whatever may be silent before it counts as dead, and its grace. */
const SLOW_MS = 60_000;
/**
 * Before that all are only somewhat slow, as where work piles up: who stands still for five seconds from one moment to
 * the next can't be told from the dead.
 */
const BEGIN_MS = 10_000;
const BEGIN_TURN_MS = 1_200;
const TALK_MS = 1_000;
/** Time for all that has been said, and for the calls that ring. */
const SETTLE_MS = 60_000;
/** A killed client leaves the list within this time: 15 s, and what it gains where all are slow. */
const GONE_MS_MAX = 35_000;

/** A directory with so many clients, a quarter of whom are in calls, direct and relayed ones. */
export function slowDirectory(seed: number, people: number, random: Random): World {
  const world = new World({
    ...{ seed, people, delayMs: 1, bytesPerMs: Infinity },
    datagrams: { loss: 0, repeat: 0, delayMs: 1 },
    ...{ hiddenChance: 0.5, guestChance: 0.5, relays: true, guests: true, broadcast: "all" },
    ...{ clientsMax: 1_000, hostiles: 0, lies: false, oldDisks: false, ttlMs: 30 * 60_000 },
    ...{ print: null, mutation: null },
  });
  world.network.pinged = (from, to) => from === 0 || to === 0 ? DIRECTORY_LINK : CALL_LINK;
  world.answers = "always";
  world.startDirectory();
  for (const person of world.people) world.start(person, world.ownEntry(person));
  pass(world, ARRIVE_MS);
  for (let count = people / 8; count > 0; count--) {
    call(world, random, random.pick(world.processes));
  }
  pass(world, ARRIVE_MS);
  world.checkQuiet();
  return world;
}

/** All are slow for a while, and talk. @throws {Violation} If a promise is broken. */
export function areSlow(world: World, random: Random, turnMs: number): void {
  const stays = staysOf(world, world.processes);
  talk(world, random, slow(world, random, BEGIN_MS, Math.min(turnMs, BEGIN_TURN_MS)));
  talk(world, random, slow(world, random, SLOW_MS, turnMs));
  stays.check();
  settle(world);
  stays.check();
}

/** The same, and a client loses power. @throws {Violation} If it stays, or a promise is broken. */
export function oneDies(world: World, random: Random, turnMs: number): void {
  const free = world.processes.filter(({ sight }) => sight.call === null);
  const victim = random.pick(free);
  const stays = staysOf(world, world.processes.filter((process) => process !== victim));
  const untilMs = slow(world, random, GONE_MS_MAX, turnMs);
  victim.person.isAway = true;
  world.end(victim, true);
  talk(world, random, untilMs);
  stays.check();
  const unaware = world.processes.filter(({ sight }) => sight.users.has(victim.sight.name));
  if (unaware.length > 0) {
    throw new Violation(`${victim.label} is dead, and in the list of ${unaware.length}`);
  }
  settle(world);
}

/** Those who are in, and in calls. */
function staysOf(world: World, processes: readonly ClientProcess[]): { check(): void } {
  const fromMs = world.time.nowMs;
  const { all } = world.roster;
  const ours = all.filter(({ visitor }) => processes.some(({ key }) => key === visitor.key));
  const talks = processes.flatMap(({ sight: { talk } }) => talk === null ? [] : [talk]);
  return {
    check() {
      const gone = ours.filter((stay) => !world.roster.all.includes(stay));
      if (gone.length > 0) {
        throw new Violation(`${gone.map(({ visitor }) => visitor.label)}: gone as all are slow`);
      }
      const left = processes.filter(({ sight }) => sight.leftAfterMs(fromMs) < Infinity);
      if (left.length > 0) {
        throw new Violation(
          `${left.map(({ label }) => label)}: without a directory as all are slow`,
        );
      }
      const ended = talks.filter(({ end }) => end !== null);
      if (ended.length > 0) {
        const texts = ended.map(({ process, end }) => `${process.label} (${end})`);
        throw new Violation(`${texts}: a call has ended as all are slow`);
      }
    },
  };
}

function slow(world: World, random: Random, forMs: number, turnMs: number): number {
  const { time, network } = world;
  const untilMs = time.nowMs + forMs;
  world.areSlow = true; // they are until all is over: it says that datagrams wait
  const standStill = (process: ClientProcess | DirectoryProcess, ms: number) => {
    process.sim.stall(ms);
    for (const end of process.links.values()) end.refresh();
  };
  slowDown([world.directory!, ...world.processes], untilMs, {
    ...{ time, random, turnMs, standStill },
  });
  network.refresh();
  return untilMs;
}

function talk(world: World, random: Random, untilMs: number): void {
  while (world.time.nowMs < untilMs) {
    const process = random.pick(world.processes);
    if (process.sight.talk !== null) world.say(process, "x".repeat(random.below(200)));
    else world.ledger.tell(process, "");
    pass(world, random.exponential(TALK_MS));
  }
}

function settle(world: World): void {
  pass(world, SETTLE_MS);
  world.checkQuiet();
}

function pass(world: World, ms: number): void {
  world.time.runUntil(world.time.nowMs + ms);
}
