/**
 * One member is at fault while its link to the coordinator works: it stops sending to the others, one after the
 * other, or is frozen and wakes again and again. The others go on without it (G6), and aren't evicted for its fault.
 */

import { compareBallots, type Epoch } from "../../../lib/protocols/group/schema/epoch.ts";
import type { Random } from "../random.ts";
import type { MemberProcess } from "./member_process.ts";
import { Violation } from "./violation.ts";
import type { MemberParty, World } from "./world.ts";

/** The number of members in which the others can outvote one. */
export const PARTINGS_MIN = 4;
const LOOK_EVERY_MS = 100;
/** The mean time between two messages of the members that aren't at fault. */
const TALK_MS = 500;
/** Somewhat more than the longest pause before an evicted member returns, and the wait after it. */
const REUNITED_MS_MAX = 45_000;
/** With a shorter timeout, nobody can be frozen for long without eviction, and not all others have time to complain. */
const PATIENT_MS_MIN = 3_000;
const FLAPS = 20;

export function latestEpoch(world: World, isSpared: (party: MemberParty) => boolean): Epoch | null {
  let latest: Epoch | null = null;
  for (const { member, party } of world.running()) {
    const epoch = member.epoch?.epoch.value;
    if (epoch === undefined || isSpared(party)) continue;
    if (latest === null || compareBallots(epoch.ballot, latest.ballot) > 0) latest = epoch;
  }
  return latest;
}

/** The other members, and which of them are out of the view at the moment. */
class Others {
  readonly #others: readonly MemberProcess[];

  constructor(
    readonly world: World,
    readonly random: Random,
    readonly culprit: MemberProcess,
  ) {
    this.#others = world.running().filter((process) => process !== culprit);
  }

  get out(): readonly string[] {
    const { world, culprit } = this;
    const epoch = latestEpoch(world, (party) => party === culprit.party);
    const inView = new Set(epoch?.members.map(({ key }) => key));
    return this.#others.filter(({ key }) => !inView.has(key)).map(({ name }) => name);
  }

  /** Lets time pass while the others talk. @throws {Violation} If more than `outMax` of them are out at once. */
  watch(ms: number, outMax: number): void {
    const { world, random, world: { time } } = this;
    for (const untilMs = time.nowMs + ms; time.nowMs < untilMs;) {
      if (random.chance(LOOK_EVERY_MS / TALK_MS)) world.say(random.pick(this.#others), "");
      time.runUntil(time.nowMs + LOOK_EVERY_MS);
      const { out } = this;
      if (out.length <= outMax) continue;
      throw new Violation(`${out.join(", ")} are out, and ${this.culprit.name} is at fault`);
    }
  }

  reunited(): void {
    const { time } = this.world;
    for (const untilMs = time.nowMs + REUNITED_MS_MAX; time.nowMs < untilMs;) {
      if (this.out.length === 0) return;
      time.runUntil(time.nowMs + LOOK_EVERY_MS);
    }
    throw new Violation(`${this.out.join(", ")} stay out, as ${this.culprit.name} is at fault`);
  }
}

/**
 * A member stops sending to the others, one after the other.
 * @param outMax How many of the others may be out of the view at once.
 * @throws {Violation} If more are, or if they aren't one group in the end.
 */
export function fallsSilentInTurn(world: World, random: Random, outMax: number): void {
  const culprit = random.pick(world.running());
  const others = new Others(world, random, culprit);
  const hosts = random.shuffled(
    world.running().flatMap(({ host }) => host === culprit.host ? [] : [host]),
  );
  const isOneWay = random.chance(0.7);
  const cut = new Set<number>();
  for (const host of hosts) {
    cut.add(host);
    world.note("", `${culprit.name} falls silent towards host ${host}`);
    world.channels.setCuts((from, to) =>
      (from === culprit.host && cut.has(to)) ||
      (!isOneWay && to === culprit.host && cut.has(from))
    );
    others.watch(random.pick([50, 2_000, 5_000, 15_000]), outMax);
  }
  others.reunited();
}

/** A member stops sending to all others. @throws {Violation} If one of the others is ever out of the view. */
export function fallsSilentAtOnce(world: World, random: Random): void {
  const culprit = random.pick(world.running());
  const others = new Others(world, random, culprit);
  const isOneWay = random.chance(0.7);
  world.channels.setCuts((from, to) => from === culprit.host || (!isOneWay && to === culprit.host));
  others.watch(3 * world.options.failAfterMs, world.options.failAfterMs < PATIENT_MS_MIN ? 1 : 0);
  others.reunited();
}

/**
 * A member is frozen again and again. @throws {Violation} If one of the others is ever out of the view, or that one
 * never.
 */
export function standsStill(world: World, random: Random): void {
  const { failAfterMs } = world.options;
  const culprit = random.pick(world.running());
  const others = new Others(world, random, culprit);
  const leftBefore = world.left.length;
  const stillMs = random.between(0.55, 0.95) * failAfterMs;
  const goesOnMs = random.between(0.05, 0.8) * failAfterMs;
  for (let time = 0; time < FLAPS; time++) {
    world.freeze(culprit, stillMs);
    others.watch(stillMs + goesOnMs, 0);
  }
  const wasOut = world.left.slice(leftBefore).some(({ name }) => name === culprit.name);
  if (wasOut || failAfterMs < PATIENT_MS_MIN) return;
  throw new Violation(`${culprit.name} stands still again and again, and is never out`);
}
