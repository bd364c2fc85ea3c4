/**
 * A global state of a group: the state of each process when a snapshot passed through it, and what was in transit on
 * each channel. Members report theirs in the message `recorded`; the coordinator puts them together.
 *
 * Processes are the members of an epoch and the coordinator. Channels are each ordered pair of members, and each
 * member's link to the coordinator, in both directions. These count as messages of a channel:
 * - between members: texts, and decisions on edits that the sequencer passes on. Orders and acknowledgements aren't
 *   kept one by one: the positions that each process knows of itself and of the others contain what they say.
 * - from a member to the coordinator: the entries that it reports.
 * - from the coordinator to a member: decisions on edits.
 */

import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  fixedBytes,
  hexId,
  type Infer,
  list,
  nullable,
  peerKey,
  record,
  uint,
} from "../../../base/schema/schema.ts";
import type { Ballot } from "./epoch.ts";
import { historyPointSchema } from "./history.ts";
import { INCARNATION_BYTES, LOCKS_MAX, MEMBERS_MAX, SNAPSHOT_RUNS_MAX } from "./limits.ts";

const counter = uint(Number.MAX_SAFE_INTEGER);

/** A history's end, with the number of its last entry: what a member reports of its log. */
export const entryPointSchema = record({
  seq: counter,
  position: counter,
  digest: hexId<Hash>(),
});
export type EntryPoint = Infer<typeof entryPointSchema>;

/** Entries that came at the same time. */
export const arrivalSchema = record({
  /** Number of the last of these entries. */
  through: counter,
  /** How long before the report they came, ms by the member's clock: no two clocks are compared. */
  agoMs: counter,
});
export type Arrival = Infer<typeof arrivalSchema>;

const incarnation = fixedBytes(INCARNATION_BYTES);

/** One attempt to take a snapshot: each has its own markers. */
export const attemptSchema = record({
  /** Drawn by each process of the coordinator when it starts. */
  run: incarnation,
  /** Counts the attempts of that process, from 1. */
  number: counter,
});
export type Attempt = Infer<typeof attemptSchema>;

/** Texts of an author, or decisions of the coordinator, from the first counter to the last. Exported for its table. */
export const runSchema = record({
  author: peerKey(),
  incarnation,
  first: counter,
  through: counter,
});
export type Run = Infer<typeof runSchema>;

/** Up to which counter the coordinator's decisions are known. Exported for its table. */
export const decidedSchema = record({ incarnation, through: counter });
export type Decided = Infer<typeof decidedSchema>;

/** A member as it was when it recorded itself, and what came on each channel after that, until the channel's marker. */
export const memberStateSchema = record({
  /** Number of the log's last entry. */
  seq: counter,
  log: historyPointSchema,
  /** The end of all that is in order here, on disk or on its way there. */
  placed: historyPointSchema,
  /** The end of all that is on disk and acknowledged. */
  acked: historyPointSchema,
  /** Counter of the last text of this process that was sent in the epoch, or is in the history. */
  sent: counter,
  /** How many of those texts are entries. */
  logged: counter,
  /** The coordinator's decisions that are in order here, or wait to be; null where there never was one. */
  decided: nullable(decidedSchema),
  /** How many messages reported entries to the coordinator, on the present link. */
  tellings: counter,
  /** Numbers of the entries that wait for an edit to be decided. */
  locks: list(counter, LOCKS_MAX),
  /** For each member, by place in the epoch: up to where its texts have come, and up to where it has acknowledged. */
  peers: list(record({ texts: counter, acked: counter }), MEMBERS_MAX),
  /** For each member, by place in the epoch: what was in transit from it; empty for the member itself. */
  channels: list(list(runSchema, SNAPSHOT_RUNS_MAX), MEMBERS_MAX),
  /** What was in transit from the coordinator. */
  fromCoordinator: list(runSchema, SNAPSHOT_RUNS_MAX),
});
export type MemberState = Infer<typeof memberStateSchema>;

/** Entries reported to the coordinator in one message. */
export interface Telling {
  readonly after: number;
  readonly through: number;
  /** Number of the first entry; the ids are in the entries' order. */
  readonly seq: number;
  readonly ids: readonly string[];
}

/** The coordinator's state. It has no log while anybody is in the group: this is what it knows of the members' logs. */
export interface CoordinatorState {
  /** The newest state that all members share, as far as they have reported. */
  readonly consistent: EntryPoint;
  /** Up to where the coordinator has decided on edits; null where it has decided nothing. */
  readonly decided: Decided | null;
  readonly locks: readonly number[];
  /** For each member, by place in the epoch: how many of its messages have reported entries, on its present link. */
  readonly tellings: readonly number[];
}

export interface CutMember {
  readonly key: PeerKey;
  readonly name: string;
  /** Incarnation of its process. */
  readonly incarnation: Uint8Array;
  readonly state: MemberState;
  /** What was in transit from it to the coordinator. */
  readonly tellings: readonly Telling[];
}

export interface Cut {
  /** Id of the snapshot, unique. */
  readonly id: string;
  readonly group: Hash;
  readonly ballot: Ballot;
  /** By the coordinator's clock, ms since 1970: when it recorded itself, and when it had everything. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly coordinatorKey: PeerKey;
  readonly coordinator: CoordinatorState;
  /** In the order of the epoch: the first is the sequencer. */
  readonly members: readonly CutMember[];
}

/** The runs, with one more: joins it to a run that it continues, and ignores it if it is part of one already. */
export function withRun(runs: readonly Run[], next: Run): readonly Run[] {
  if (runs.some((run) => isPartOf(run, next))) return runs;
  const at = runs.findIndex((run) => isNextOf(run, next));
  if (at === -1) return [...runs, next];
  return runs.map((run, index) => index === at ? { ...run, through: next.through } : run);
}

function isNextOf(run: Run, next: Run): boolean {
  return run.through + 1 === next.first && isSameAuthor(run, next);
}

function isPartOf(run: Run, next: Run): boolean {
  return run.first <= next.first && next.through <= run.through && isSameAuthor(run, next);
}

function isSameAuthor(a: Run, b: Run): boolean {
  return a.author === b.author && a.incarnation.toHex() === b.incarnation.toHex();
}

/** How many texts or decisions the runs have. */
export function runsLength(runs: readonly Run[]): number {
  return runs.reduce((sum, { first, through }) => sum + through - first + 1, 0);
}
