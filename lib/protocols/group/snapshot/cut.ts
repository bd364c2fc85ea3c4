/**
 * A global state of a group: what each process was when a snapshot passed through it, and what was under way on each
 * channel. Members say theirs in the message `recorded`; the coordinator puts them together.
 *
 * Processes are the members of an epoch and the coordinator. Channels are each ordered pair of members (what one tells
 * the other), and each member's link to the coordinator, in both directions. What counts as a message of a channel:
 * - between members: texts, and decisions on edits that the sequencer passes on. Orders and acknowledgements aren't
 *   kept one by one: what they say is in the positions that each process knows of itself and of the others.
 * - from a member to the coordinator: the entries that it tells of.
 * - from the coordinator to a member: decisions on edits.
 */

import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  fixedBytes,
  hexId,
  type Infer,
  list,
  nullable,
  record,
  uint,
} from "../../../base/schema.ts";
import type { Ballot } from "../ballot.ts";
import { historyPointSchema } from "../history.ts";
import { INCARNATION_BYTES, LOCKS_MAX, MEMBERS_MAX, SNAPSHOT_RUNS_MAX } from "../limits.ts";
import type { EntryPoint } from "../states/state.ts";

const counter = uint(Number.MAX_SAFE_INTEGER);
const incarnation = fixedBytes(INCARNATION_BYTES);

/** One try to take a snapshot: each has markers of its own. */
export const attemptSchema = record({
  /** Drawn by each process of the coordinator. */
  run: incarnation,
  /** Counts from 1 in it. */
  number: counter,
});
export type Attempt = Infer<typeof attemptSchema>;

/** Texts of an author, or decisions of the coordinator: all from the first to the last counter. Exported for its table. */
export const runSchema = record({
  author: hexId<PeerKey>(),
  incarnation,
  first: counter,
  through: counter,
});
export type Run = Infer<typeof runSchema>;

/** Up to where the coordinator's decisions are known. Exported for its table. */
export const decidedSchema = record({ incarnation, through: counter });
export type Decided = Infer<typeof decidedSchema>;

/** A member as it was when it recorded itself, and what came on its channels until their markers did. */
export const memberStateSchema = record({
  /** Number of the log's last entry. */
  seq: counter,
  log: historyPointSchema,
  /** All that is in order here, on disk or on its way there. */
  placed: historyPointSchema,
  /** All that is on disk and acknowledged. */
  acked: historyPointSchema,
  /** Texts that this process has sent in the epoch, or that are in the history: its counter. */
  sent: counter,
  /** Of those, the ones that are entries. */
  logged: counter,
  /** The coordinator's decisions that are in order, or wait for it; null where none ever was. */
  decided: nullable(decidedSchema),
  /** Messages that told the coordinator of entries, on the present link. */
  tellings: counter,
  /** Numbers of the entries that wait for an edit to be decided. */
  locks: list(counter, LOCKS_MAX),
  /** By place in the epoch: up to where its texts have come, and up to where it has acknowledged. */
  peers: list(record({ texts: counter, acked: counter }), MEMBERS_MAX),
  /** By place in the epoch, one's own empty: what was under way from there. */
  channels: list(list(runSchema, SNAPSHOT_RUNS_MAX), MEMBERS_MAX),
  /** What was under way from the coordinator. */
  fromCoordinator: list(runSchema, SNAPSHOT_RUNS_MAX),
});
export type MemberState = Infer<typeof memberStateSchema>;

/** Entries told to the coordinator in one message. */
export interface Telling {
  readonly after: number;
  readonly through: number;
  /** Number of the first; ids in their order. */
  readonly seq: number;
  readonly ids: readonly string[];
}

/** The coordinator has no log while somebody is in the group: its state is what it knows of the others'. */
export interface CoordinatorState {
  /** The newest that all members have, as far as they have said. */
  readonly consistent: EntryPoint;
  /** Its own decisions; null where there is none. */
  readonly decided: Decided | null;
  readonly locks: readonly number[];
  /** By place in the epoch: how many messages of each have told it of entries, on its present link. */
  readonly tellings: readonly number[];
}

export interface CutMember {
  readonly key: PeerKey;
  readonly name: string;
  /** Of its process. */
  readonly incarnation: Uint8Array;
  readonly state: MemberState;
  /** What was under way from it to the coordinator. */
  readonly tellings: readonly Telling[];
}

export interface Cut {
  /** Of the snapshot: no other has it. */
  readonly id: string;
  readonly group: Hash;
  readonly ballot: Ballot;
  /** By the coordinator's clock, ms since 1970: when it recorded itself, and when it had all. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly coordinatorKey: PeerKey;
  readonly coordinator: CoordinatorState;
  /** In the order of the epoch: the first is the sequencer. */
  readonly members: readonly CutMember[];
}

/** Runs with one more; what follows one of its kind is one with it, and what is said again isn't two. */
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

/** How many texts or decisions. */
export function runsLength(runs: readonly Run[]): number {
  return runs.reduce((sum, { first, through }) => sum + through - first + 1, 0);
}
