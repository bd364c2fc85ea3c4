/**
 * How long the others wait (G5, G6): everything works, then one fault happens, and messages must be shown within a
 * bound.
 */

import type { Epoch } from "../../../lib/protocols/group/schema/epoch.ts";
import type { DiskConfig } from "../disk.ts";
import type { Random } from "../random.ts";
import { label, type Said } from "./canonical_history.ts";
import type { MemberProcess } from "./member_process.ts";
import { fallsSilentInTurn, latestEpoch, PARTINGS_MIN } from "./partings.ts";
import { isUnited, unite } from "./settling.ts";
import { Violation } from "./violation.ts";
import type { MemberParty, World } from "./world.ts";

const PROBES = [
  "nothing",
  "coordinatorGone",
  "coordinatorGone",
  "coordinatorReturns",
  "memberGone",
  "memberGone",
  "pairCut",
] as const;
type Probe = typeof PROBES[number];

/** The bound of G5. */
const COORDINATOR_DOWN_MS_MAX = 3_000;
/** The longest time until silence between peers is noticed. */
const PEER_SILENT_MS_MAX = 2_700;
/**
 * How long all works before the fault. A link may be dead without being noticed. And whoever has just found the
 * coordinator or others late, as where one stood still, gives them more time, which the bounds don't count in: that is
 * forgotten after 10 s (`Slowness`) and a heartbeat.
 */
const CALM_MS = 11_000;
/** For how long messages are typed after the fault. */
const TALK_MS = 4_000;

/** The most additional time that slow networks and disks take for what takes a second on good ones. */
function slackMs({ options: { delayMs, jitterMs, lateChance, disk } }: World): number {
  const late = lateChance > 0 ? 2_500 : 0;
  return 1_000 + 20 * (delayMs + 3 * jitterMs) + late + syncMsMax(disk);
}

/** The most time that a few syncs take. */
function syncMsMax({ syncMs, slowChance }: DiskConfig): number {
  return slowChance > 0 ? syncMs * 500 : syncMs * 20;
}

/** Lets one fault happen in a healed group. @throws {Violation} If a message is shown too late. */
export function probe(world: World, random: Random): void {
  unite(world);
  if (world.history.forksMax > 0) return; // numbers may mean other entries
  world.time.runUntil(world.time.nowMs + CALM_MS);
  if (!isUnited(world)) return;
  const present = world.running();
  // Members that are leaving, or being removed, may go at any moment.
  const isGoing = ({ party: { isWanted, isKicked } }: MemberProcess) => !isWanted || isKicked;
  if (present.length === 0 || present.some(isGoing)) return;
  const kind = random.pick(PROBES);
  const { disk } = world.options;
  world.note("", `probe: ${kind}`);
  switch (kind) {
    case "nothing":
      // Members that are out because of a slow disk, or of another member's fault before, return only after pauses.
      if (present.length >= PARTINGS_MIN && disk.slowChance === 0 && random.chance(0.5)) {
        return fallsSilentInTurn(world, random, Infinity);
      }
      return watch(world, random, kind, { boundMs: 0, isSpared: () => false });
    case "coordinatorGone": {
      if (random.chance(0.5)) change(world, random);
      coordinatorGoes(world, random);
      return watch(world, random, kind, {
        boundMs: COORDINATOR_DOWN_MS_MAX,
        isSpared: () => false,
      });
    }
    case "coordinatorReturns":
      return coordinatorReturns(world, random);
    case "memberGone": {
      const victim = random.pick(present);
      memberGoes(world, random, victim);
      return watch(world, random, kind, {
        boundMs: world.options.failAfterMs + PEER_SILENT_MS_MAX,
        isSpared: (party) => party === victim.party,
      });
    }
    case "pairCut": {
      if (present.length < 2) return;
      const [a, b] = random.shuffled(present) as [MemberProcess, MemberProcess];
      const oneWay = random.chance(0.3);
      world.channels.setCuts((from, to) =>
        (from === a.host && to === b.host) || (!oneWay && from === b.host && to === a.host)
      );
      return watch(world, random, kind, {
        boundMs: world.options.failAfterMs + PEER_SILENT_MS_MAX,
        isSpared: (party) => party === a.party || party === b.party,
      });
    }
  }
}

/** Triggers a view change, for the fault to interrupt. */
function change(world: World, random: Random): void {
  const present = world.running();
  const process = random.pick(present);
  const absent = world.members.filter((party) => party.process === null && !party.isKicked);
  if (random.chance(0.4) && absent.length > 0) world.start(random.pick(absent));
  else if (random.chance(0.5)) {
    world.end(process, false);
    world.start(process.party);
  } else {
    process.party.isWanted = false;
    process.command({ command: "quit" });
  }
  world.time.runUntil(world.time.nowMs + random.exponential(10 * (world.options.delayMs + 1)));
}

function coordinatorGoes(world: World, random: Random): void {
  const { process } = world.coordinator;
  if (process === null) return;
  const how = random.below(3);
  if (how === 0) return world.end(process, false);
  if (how === 1) return world.end(process, true);
  world.freeze(process, 60_000);
}

function memberGoes(world: World, random: Random, victim: MemberProcess): void {
  switch (random.below(4)) {
    case 0:
      return world.end(victim, false);
    case 1:
      return world.end(victim, true);
    case 2:
      return world.freeze(victim, 60_000);
    case 3: {
      const isCut = (from: number, to: number) => from === victim.host || to === victim.host;
      world.network.setCuts(isCut);
      return world.channels.setCuts(isCut);
    }
  }
}

interface Watch {
  /** How long after the fault, or after being typed, a message may take, in addition to `slackMs`. */
  readonly boundMs: number;
  /** The party at which the fault happens. */
  readonly isSpared: (party: MemberParty) => boolean;
}

function watch(world: World, random: Random, kind: Probe, { boundMs, isSpared }: Watch): void {
  const { time } = world;
  const faultMs = time.nowMs;
  const words: Said[] = [];
  while (time.nowMs < faultMs + TALK_MS) {
    const speakers = world.running().filter(({ party }) => !isSpared(party) && party.isWanted);
    if (speakers.length > 0) {
      world.say(random.pick(speakers), "");
      words.push(world.history.said.at(-1)!);
    }
    time.runUntil(time.nowMs + random.exponential(600));
  }
  const latest = Math.max(faultMs + boundMs, time.nowMs) + slackMs(world);
  time.runUntil(latest);
  const epoch = latestEpoch(world, isSpared);
  if (epoch === null || (kind === "coordinatorGone" && isPaused(world, epoch))) return;
  const inView = new Set<string>(epoch.members.map(({ key }) => key));
  const watching = world.running().filter(({ party, key }) => !isSpared(party) && inView.has(key));
  for (const { by, process, text, seq } of words) {
    if (by.process !== process || !inView.has(process.key)) continue;
    for (const { name, shown, shownThrough } of watching) {
      // A member that has joined since finds the message in its log.
      if (shown.has(text) || (seq !== null && shownThrough >= seq)) continue;
      throw new Violation(`After ${kind} "${label(text)}" wasn't shown at ${name} in time`);
    }
  }
}

/**
 * Whether a member's user made it quit while the coordinator was away: nobody can decide a view without that member,
 * so the others wait until it or the coordinator returns.
 */
function isPaused(world: World, { members }: Epoch): boolean {
  return members.some(({ key }) => {
    const { isWanted, process } = world.memberOf(key);
    return !isWanted && process === null;
  });
}

/** The coordinator is frozen and wakes, or is restarted: nobody may be removed for that. */
function coordinatorReturns(world: World, random: Random): void {
  const { time } = world;
  const { process } = world.coordinator;
  // Members sync before they send: a slow disk may keep one silent for this long.
  if (process === null || syncMsMax(world.options.disk) > world.options.failAfterMs) return;
  const before = new Set(world.running());
  // A member that was frozen itself may be removed for that.
  if ([...before].some((one) => one.frozen || !one.member.session.isUp)) return;
  const leftBefore = world.left.length;
  const ms = random.between(100, 15_000);
  if (random.chance(0.5)) world.freeze(process, ms);
  else {
    world.end(process, random.chance(0.5));
    time.after(ms, () => world.startCoordinator());
  }
  const untilMs = time.nowMs + ms + 20_000;
  while (time.nowMs < untilMs) {
    const running = world.running();
    if (running.length > 0) world.say(random.pick(running), "");
    time.runUntil(time.nowMs + random.exponential(1_000));
  }
  for (const { name, reason } of world.left.slice(leftBefore)) {
    throw new Violation(`After the coordinator stood still ${name} was removed: ${reason}`);
  }
  for (const process of before) {
    const { epoch } = process.member;
    if (epoch === null || process.gone) {
      throw new Violation(`After the coordinator stood still ${process.name} is in no view`);
    }
    if (epoch.epoch.value.members.length !== before.size) {
      throw new Violation(`After the coordinator stood still not all are in one view`);
    }
  }
}
