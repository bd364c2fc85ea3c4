/**
 * All programs of a room are slow at once, while links break and somebody comes in. Nobody is shown as lost for that;
 * whoever is killed meanwhile is, in the time that is promised.
 */

import { CHANNEL_DEFAULTS } from "../../../lib/protocols/noise/config.ts";
import { meshCheckers } from "../checkers/all.ts";
import { NobodyLost } from "../checkers/nobody_lost.ts";
import type { Random } from "../random.ts";
import { slowDown } from "../turns.ts";
import { Violation } from "./checker.ts";
import { EvenWorld } from "./even_world.ts";
import type { Member, MemberProcess } from "./member.ts";

const GATHER_MS = 15_000;
/** More than twice the time from which on slowness counts, and in which links that break have effects. */
const SLOW_MS = 30_000;
const TALK_MS = 300;
/** How often a link breaks where somebody talks: one in a second. */
const BREAK_CHANCE = 0.3;
/** A killed member is shown as lost within this time, as `docs/mesh.md` promises of any. */
const LOST_MS_MAX = 35_000;
/** Everything must be right again within this time. */
const SETTLE_MS_MAX = 60_000;
const ANSWER_MS = 1_000;

/** A room of so many, whose links have pings, and one who isn't there yet. */
export function slowRoom(seed: number, members: number): EvenWorld {
  const world = new EvenWorld(members + 1, [...meshCheckers(), new NobodyLost()], {
    seed,
    delayMs: 1,
    jitterMs: 0.5,
  });
  world.network.pinged = () => CHANNEL_DEFAULTS;
  world.gather(Array.from({ length: members }, (_, at) => world.add(`m${at}`)), GATHER_MS);
  return world;
}

/** All are slow for a while, talk, and somebody comes in. @throws {Violation} If a promise is broken. */
export function areSlow(world: EvenWorld, random: Random, turnMs: number): void {
  const untilMs = slow(world, random, SLOW_MS, turnMs);
  const newcomer = world.add("newcomer");
  const process = world.join(newcomer, random.pick(world.members.slice(0, -1)));
  slowDown([process], untilMs, turnsOf(world, random, turnMs));
  talk(world, random, untilMs);
  settle(world);
}

/** The same, and one of them loses power. @throws {Violation} If that one stays, or a promise is broken. */
export function oneDies(world: EvenWorld, random: Random, turnMs: number): void {
  const untilMs = slow(world, random, LOST_MS_MAX, turnMs);
  const victim: Member = random.pick(world.members);
  world.end(victim.process!, true, 0);
  victim.over = true;
  talk(world, random, untilMs);
  const unaware = world.present().filter(({ probe }) => probe?.lists(victim.key));
  if (unaware.length > 0) {
    const labels = unaware.map(({ label }) => label).join();
    throw new Violation("lost", `${labels}: ${victim.label} isn't lost after ${LOST_MS_MAX} ms`);
  }
  settle(world);
}

function turnsOf(world: EvenWorld, random: Random, turnMs: number) {
  const { time } = world;
  const standStill = (process: MemberProcess, ms: number) => world.stall(process, ms);
  return { time, random, turnMs, standStill };
}

function slow(world: EvenWorld, random: Random, forMs: number, turnMs: number): number {
  const untilMs = world.time.nowMs + forMs;
  slowDown(world.present(), untilMs, turnsOf(world, random, turnMs));
  return untilMs;
}

function talk(world: EvenWorld, random: Random, untilMs: number): void {
  while (world.time.nowMs < untilMs) {
    if (random.chance(BREAK_CHANCE)) random.pick([...world.network.ends]).sever();
    const process = random.pick(world.present());
    if (process.pausedBecause === null) world.say(process, "x".repeat(random.below(200)), null);
    world.pass(random.exponential(TALK_MS));
  }
}

/** Waits until everything holds that must in the end: all are here, and have the same. */
function settle(world: EvenWorld): void {
  const untilMs = world.time.nowMs + SETTLE_MS_MAX;
  for (;;) {
    world.pass(ANSWER_MS);
    try {
      for (const { label, present, over } of world.members) {
        if (present === null && !over) throw new Violation("return", `${label} isn't in the room`);
      }
      for (const checker of world.checkers) checker.atQuiet?.(world);
      for (const process of world.present()) {
        process.peers = process.history = null;
        process.command({ command: "peers" });
        process.command({ command: "history", count: 10_000 });
      }
      world.pass(ANSWER_MS);
      for (const checker of world.checkers) checker.atAnswers?.(world);
      return;
    } catch (error) {
      if (!(error instanceof Violation) || world.time.nowMs >= untilMs) throw error;
    }
  }
}
