/**
 * One short life of a group, run again and again with one fault, each time one effect later than before. A second
 * member joins, both talk, the second edits an entry of the first, which agrees, and the first leaves.
 */

import { allCheckers } from "./checkers/all.ts";
import type { Mutation } from "./mutations.ts";
import { scenarioOf } from "./scenario.ts";
import { bringBack, checkSettled, unite } from "./settling.ts";
import { Violation } from "./violation.ts";
import { World } from "./world.ts";

/** The faults; with `Both`, the coordinator ends at the same time. */
export const FAULTS = ["kill", "powerLoss", "killBoth", "powerLossBoth", "fullDisk"] as const;
export type Fault = typeof FAULTS[number];

/** The coordinator, the first member, and the one that joins. */
export const VICTIMS = ["C", "m1", "m2"] as const;
export type Victim = typeof VICTIMS[number];

const TALK_MS = 200;
/** The time of an edit: four syncs, one after the other. */
const EDIT_MS = 50;
/** The time for which members go on without a coordinator. */
const ALONE_MS = 9_000;

/**
 * Runs the life of the group with `fault` at `victim`.
 * @param effects How many effects the victim performs before the fault.
 * @returns Whether the fault happened.
 * @throws {Violation} If a promise is broken.
 */
export function runFault(
  fault: Fault,
  victim: Victim,
  effects: number,
  seed: number,
  mutation: Mutation | null = null,
): boolean {
  const scenario = scenarioOf(seed, 0, { members: 2 });
  const path = { delayMs: 0.2, jitterMs: 0, bytesPerMs: Infinity, lateChance: 0, codec: false };
  const disk = { syncMs: 4, slowChance: 0 };
  const edits = { edits: "own" as const, voteTimeoutMs: 5_000 };
  const options = { ...scenario, ...path, ...edits, disk, print: null, mutation };
  const world = new World(options, allCheckers());
  world.voteWanted = (process, { edit, new: text }) => world.vote(process, edit, text, true);
  const [m1, m2] = world.members;
  const party = { C: world.coordinator, m1: m1!, m2: m2! }[victim];
  let happened = false;
  const happens = () => {
    happened = true;
    if (fault === "fullDisk") {
      party.disk.refuses = true;
      if (party !== world.coordinator) m1!.diskRefused = m2!.diskRefused = true;
      return;
    }
    const isPowerLost = fault.startsWith("powerLoss");
    if (party.process !== null) world.end(party.process, isPowerLost);
    const { process } = world.coordinator;
    if (fault.endsWith("Both") && process !== null) world.end(process, isPowerLost);
  };
  const wait = (ms: number) => world.time.runUntil(world.time.nowMs + ms);
  world.startCoordinator();
  if (victim === "C") world.coordinator.process!.fault.after(effects, happens);
  for (const member of [m1!, m2!]) {
    world.start(member);
    if (member === party) member.process!.fault.after(effects, happens);
    world.say(member.process!, "first");
    wait(TALK_MS);
  }
  for (const { process } of world.members) if (process !== null) world.say(process, "second");
  if (m2!.process !== null) world.edit(m2!.process, 1);
  wait(EDIT_MS);
  m1!.process?.command({ command: "quit" });
  m1!.isWanted = false;
  wait(TALK_MS);
  if (happened) {
    world.start(m1!);
    world.start(m2!);
    wait(10);
    for (const process of world.running()) world.say(process, "alone");
    wait(ALONE_MS);
  }
  bringBack(world);
  unite(world);
  for (const process of world.running()) world.say(process, "the end");
  unite(world);
  checkSettled(world);
  const isEdited = world.edits.asked.length > 0 && world.edits.asked.every((one) => one.isPlaced);
  if (!happened && !isEdited) throw new Violation("Nothing went wrong, and nothing was edited");
  return happened;
}
