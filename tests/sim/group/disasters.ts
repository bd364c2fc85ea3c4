/** Damage to disks: the coordinator's is lost or replaced by an old copy; a member's log is damaged. */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { EDIT_POLICIES } from "../../../lib/protocols/group/schema/edit.ts";
import type { Random } from "../random.ts";
import type { MemberParty, World } from "./world.ts";
import { foundedBy } from "../../protocols/group/founded.ts";
import { fakeSigner } from "../fake_crypto.ts";

const FOREIGN = foundedBy(fakeSigner("somebody").key, 2);

/** The coordinator loses all its files except its key. */
export function loseDisk(world: World): void {
  const { coordinator } = world;
  // As long as no member knows a view, the operator would found another group instead.
  if (!isGroupKnown(world)) return;
  if (coordinator.process !== null) world.end(coordinator.process, false);
  coordinator.hasLostDisk = true;
  coordinator.outdatedView = null;
  coordinator.disk.wipe();
  world.startCoordinator();
}

/** Whether any member's disk contains a view. */
export function isGroupKnown({ members }: World): boolean {
  return members.some(({ disk }) => disk.records.some(({ kind }) => kind === "begun"));
}

/** Whether the coordinator's disk contains a view, if only as a member has proved it: then it names whom it awaits. */
export function isViewKnown({ coordinator: { disk } }: World): boolean {
  return disk.records.some((record) =>
    record.kind === "decided" || record.kind === "recounted" ||
    (record.kind === "lost" && record.told !== undefined)
  );
}

/** The operator founds another group, by starting once with `serve --new`, which sets aside the files of the former. */
export function foundAnew(world: World): void {
  const { coordinator } = world;
  if (coordinator.process !== null) world.end(coordinator.process, false);
  if (coordinator.disk.records.some(({ kind }) => kind === "group")) coordinator.disk.wipe();
  coordinator.hasForked = true;
  coordinator.hasLostDisk = false;
  coordinator.edits = world.options.edits;
  world.startCoordinator();
  coordinator.hasLostDisk = true;
}

/** The operator starts again with other `--edits`: from some place in the history on, others are asked. */
export function changeRules(world: World, random: Random): void {
  const { coordinator } = world;
  if (coordinator.hasLostDisk || !coordinator.disk.records.some(({ kind }) => kind === "group")) {
    return;
  }
  if (coordinator.process !== null) world.end(coordinator.process, false);
  coordinator.edits = random.pick(EDIT_POLICIES);
  world.startCoordinator();
}

/** Keeps an image of the coordinator's disk, or restores the kept one. */
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

/** Keeps an image of a member's disk, or restores the kept one. */
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

/**
 * Whether the coordinator's disk has it that the operator keeps the member out: an old copy, or one that lost power, may
 * lack that it was allowed in again.
 */
export function isKeptOut({ coordinator }: World, { signer }: MemberParty): boolean {
  const key = fingerprintOf(signer.key);
  let isOut = false;
  for (const record of coordinator.disk.stateRecords) {
    if (record.kind === "kicked" && record.key === key) isOut = true;
    else if (record.kind === "allowed" && record.key === key) isOut = false;
  }
  return isOut;
}

/** The last view on the coordinator's disk; a number without a view isn't counted, as its outcome is unknown. */
function viewOn(records: NonNullable<World["coordinator"]["image"]>): number {
  let view = 0;
  for (const record of records) {
    if (record.kind === "decided" || record.kind === "recounted") {
      view = Math.max(view, record.signed.epoch.value.view);
    } else if (record.kind === "given-up") view = Math.max(view, record.ballot.number);
  }
  return view;
}

/** The last view that has begun at the member; a member that has lost its log knows it, but doesn't report it. */
export function begunOn({ disk }: MemberParty): number {
  let view = 0;
  for (const record of disk.records) {
    if (record.kind === "begun") view = record.signed.epoch.value.view;
  }
  return view;
}

/** Kills the member and damages its log: at its next start the log is gone, shorter, or another group's. */
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
