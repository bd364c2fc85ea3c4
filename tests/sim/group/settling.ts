/** Ends all faults, and waits until everybody who runs is in one group again. */

import { isSameBallot } from "../../../lib/protocols/group/schema/epoch.ts";
import { foundAnew, isGroupKnown, isKeptOut, isViewKnown } from "./disasters.ts";
import { Violation } from "./violation.ts";
import type { MemberParty, World } from "./world.ts";

/** Two pauses of 30 s, and what they wait for. */
const UNITE_MS_MAX = 100_000;
/** For a text, where one datagram in ten is lost and each goes through the coordinator: five a second pass. */
const TEXT_MS_MAX = 200;
const LOOK_EVERY_MS = 500;
const FROZEN_MS_MAX = 10_000;
/**
 * From this time on everybody is brought back: a member that left without a goodbye may have the history that is
 * awaited.
 */
const RETURN_AFTER_MS = 20_000;
/** After this time the operator gives up what damaged disks had, which would be awaited for ever. */
const GIVE_UP_AFTER_MS = 45_000;
/** A member that may still be in the view is awaited until it is silent for long; nobody is allowed in before that. */
const GIVEN_UP_MS = 20_000;

/** Ends all cuts, slow reading, refusing disks and long freezes; restarts everybody who wants to be in. */
export function heal(world: World): void {
  world.note("", "all is well");
  world.network.setCuts(() => false);
  world.channels.setCuts(() => false);
  for (const { process } of [world.coordinator, ...world.members]) {
    // A process that is frozen for very long is killed.
    const isLong = process !== null && process.stalledUntilMs > world.time.nowMs + FROZEN_MS_MAX;
    if (isLong) world.end(process, false);
  }
  const { process: coordinator, disk } = world.coordinator;
  disk.refuses = false;
  coordinator?.fault.spare();
  if (coordinator !== null) coordinator.readIntervalMs = 0;
  for (const { process, disk } of world.members) {
    disk.refuses = false;
    process?.fault.spare();
    if (process !== null) process.readIntervalMs = 0;
  }
  restart(world);
}

export function restart(world: World): void {
  world.startCoordinator();
  for (const process of world.running()) {
    if (process.isUninvited && !process.party.isKicked) world.end(process, false);
  }
  for (const party of world.members) if (party.isWanted) world.start(party);
}

/**
 * Everybody who was ever in the group wants to be in again. Who is told that it is kept out tells the operator, who may
 * have allowed it in before.
 */
export function bringBack(world: World): void {
  for (const party of world.members) {
    if (party.isKicked || (isKeptOut(world, party) && !isFound(world, party))) {
      world.coordinator.process?.command({ command: "allow", name: party.name });
      party.isKicked = false;
    }
    if (party.wasStarted && !isFound(world, party)) party.isWanted = true;
  }
}

/** Whether the coordinator has removed it for lying. */
export function isFound({ left }: World, { name, hasLied }: MemberParty): boolean {
  return hasLied && left.some((one) => one.name === name && one.reason === "removed");
}

/** The operator removes all members: what only some had, who can't be awaited, is lost. */
function giveUp(world: World): void {
  for (const party of world.members) {
    if (!party.wasStarted) continue;
    party.isKicked = party.wasRemoved = true;
    world.coordinator.process?.command({ command: "remove", name: party.name });
  }
  world.time.runUntil(world.time.nowMs + GIVEN_UP_MS);
}

/**
 * The most time that votes take, one after the other: what a user asks of one entry while the coordinator is away is
 * asked of the others one edit at a time, and each of these may be left unanswered until its time is over.
 */
function votesMsMax(world: World): number {
  let longest = 0;
  for (const { member } of world.running()) {
    const edits = new Map<number, number>();
    for (const { seq } of member.editing.views) edits.set(seq, (edits.get(seq) ?? 0) + 1);
    longest = Math.max(longest, ...edits.values());
  }
  return longest * world.options.voteTimeoutMs;
}

/** The most time that it takes to send all that was said, or to bring it to who comes back: long runs have 1,600 texts. */
function textsMsMax({ history }: World): number {
  return history.said.length * TEXT_MS_MAX;
}

/** Heals, and waits for one group. @throws {Violation} If the running members don't become one group. */
export function unite(world: World): void {
  heal(world);
  const { time } = world;
  const fromMs = time.nowMs;
  const untilMs = fromMs + UNITE_MS_MAX + votesMsMax(world) + textsMsMax(world);
  let mayGiveUp = world.members.some(({ isDamaged, hasLostLog }) => isDamaged || hasLostLog);
  while (time.nowMs < untilMs) {
    time.runUntil(time.nowMs + LOOK_EVERY_MS);
    if (mayGiveUp && time.nowMs > fromMs + GIVE_UP_AFTER_MS) {
      mayGiveUp = false;
      const isKnown = isGroupKnown(world) || isViewKnown(world);
      if (world.coordinator.hasLostDisk && !isKnown) foundAnew(world);
      else giveUp(world);
      continue;
    }
    if (time.nowMs > fromMs + RETURN_AFTER_MS) bringBack(world);
    restart(world);
    if (isUnited(world)) return;
  }
  checkSettled(world);
  throw new Violation("Not all is as it should be after a long time");
}

export function checkSettled(world: World): void {
  const members = world.members.filter(({ isWanted }) => isWanted);
  for (const checker of world.checkers) checker.settled?.(world, members);
  if (world.network.dropped > 0) throw new Violation("A full queue has dropped messages");
}

/** Whether everything is as it must be in the end. */
export function isUnited(world: World): boolean {
  try {
    checkSettled(world);
  } catch (error) {
    if (error instanceof Violation) return false;
    throw error;
  }
  const running = world.running();
  const ballot = running[0]?.member.epoch?.epoch.value.ballot;
  return ballot === undefined || running.every(({ member }) => {
    const other = member.epoch?.epoch.value.ballot;
    return member.session.isUp && other !== undefined && isSameBallot(other, ballot);
  });
}
