/** What befalls disks: the coordinator's is lost, or an old copy takes its place; a member's log is spoilt. */

import type { Hash } from "../../../lib/base/ids.ts";
import type { Random } from "../random.ts";
import type { MemberParty, World } from "./world.ts";

const FOREIGN = "f".repeat(64) as Hash;

/** The coordinator keeps its key alone. */
export function loseDisk(world: World): void {
  const { coordinator } = world;
  // Before that its operator begins another group.
  if (!isGroupKnown(world)) return;
  if (coordinator.process !== null) world.end(coordinator.process, false);
  coordinator.hasLostDisk = true;
  coordinator.outdatedView = null;
  coordinator.disk.wipe();
  world.startCoordinator();
}

/** Whether any member's disk knows a view. */
export function isGroupKnown({ members }: World): boolean {
  return members.some(({ disk }) => disk.records.some(({ kind }) => kind === "begun"));
}

/** The operator begins another group: `serve --new`, once. */
export function foundAnew(world: World): void {
  const { coordinator } = world;
  if (coordinator.process !== null) world.end(coordinator.process, false);
  coordinator.hasForked = true;
  coordinator.hasLostDisk = false;
  world.startCoordinator();
  coordinator.hasLostDisk = true;
}

/** Keeps an image of the coordinator's disk, or puts back the one that was kept. */
export function putBackDisk(world: World): void {
  const { coordinator } = world;
  const { disk, image } = coordinator;
  if (image === null) {
    if (disk.records.some(({ kind }) => kind === "group")) coordinator.image = [...disk.records];
    return;
  }
  if (coordinator.process !== null) world.end(coordinator.process, false);
  coordinator.image = null;
  coordinator.wasPutBack = true;
  disk.restoreImage(image);
  coordinator.outdatedView = viewOn(image);
  for (const party of world.members) party.begunAtOutdated = begunOn(party);
  world.startCoordinator();
}

/** The same of a member's. */
export function putBackMember(world: World, party: MemberParty): void {
  if (party.image === null) {
    party.image = [...party.disk.records];
    return;
  }
  if (party.process !== null) world.end(party.process, false);
  party.isDamaged = true;
  world.history.forksMax++;
  party.disk.restoreImage(party.image);
  party.image = null;
  world.excuseLost(party);
  world.start(party);
}

/** The last view on the coordinator's disk: of a number alone it can't tell what became of it. */
function viewOn(records: NonNullable<World["coordinator"]["image"]>): number {
  let view = 0;
  for (const record of records) {
    if (record.kind === "decided" || record.kind === "recounted") {
      view = Math.max(view, record.signed.epoch.value.view);
    } else if (record.kind === "given-up") view = Math.max(view, record.ballot.number);
  }
  return view;
}

/** The last view that has begun there: who has lost its log knows that, and doesn't say so. */
function begunOn({ disk }: MemberParty): number {
  let view = 0;
  for (const record of disk.records) {
    if (record.kind === "begun") view = record.signed.epoch.value.view;
  }
  return view;
}

/** It is killed, and at its next start finds less, or something else. */
export function spoilLog(world: World, party: MemberParty, random: Random): void {
  const { disk, process } = party;
  const log = disk.log;
  if (log === null) return;
  if (process !== null) world.end(process, false);
  party.hasLostLog = true;
  const kind = random.pick(["gone", "cut", "foreign"] as const);
  world.note(party.name, `its log is ${kind}`);
  const left = kind === "cut" ? random.below(log.batches.length + 1) : null;
  disk.spoilLog(left, kind === "foreign" ? FOREIGN : null);
  if (party.isWanted) world.start(party);
}

export function recover(world: World, party: MemberParty): void {
  const { process } = world.coordinator;
  if (process === null) return;
  party.hasLostLog = true;
  process.command({ command: "recover", name: party.name });
}
