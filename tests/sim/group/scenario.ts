/** What a seed decides before a run: the size of the group, the quality of its network, and the kinds of trouble. */

import { EDIT_POLICIES, type EditPolicy } from "../../../lib/protocols/group/schema/edit.ts";
import type { DiskConfig } from "../disk.ts";
import type { RouterKind } from "./routers.ts";
import { Random } from "../random.ts";

/** Kinds of trouble, and the weight of each in a run that has it; talking has a weight of 60. */
export const TROUBLES = {
  kill: 4,
  /** A process is killed after some further effects: between sync and send, or send and show. */
  killSoon: 5,
  powerLoss: 3,
  killAll: 1,
  powerLossOfAll: 1,
  coordinatorKill: 3,
  coordinatorKillSoon: 4,
  coordinatorPowerLoss: 2,
  quit: 2,
  cutTcp: 2,
  cutUdp: 2,
  cutBoth: 2,
  sever: 3,
  freeze: 3,
  coordinatorFreeze: 2,
  clockJump: 2,
  slowReader: 1,
  fullDisk: 1,
  coordinatorFullDisk: 0.5,
  remove: 1,
  compact: 2,
  coordinatorCompact: 1,
  move: 1,
  image: 0.5,
  /** The coordinator's disk is lost, or restored to an earlier state. */
  coordinatorLoss: 1,
  coordinatorImage: 1,
  /** At its next start, a member's log is gone, shorter, or another group's. */
  spoilLog: 1,
  /** The operator makes a member fetch its log again. */
  recover: 1,
  /** After the heal one fault happens: how long do the others wait? */
  probe: 2,
} as const;

export type Trouble = keyof typeof TROUBLES;

/** How users answer questions about edits. */
export interface Voters {
  readonly goes: number;
  readonly aborts: number;
  /** The probability that an answer is given twice, and of another answer about an edit that doesn't exist. */
  readonly strays: number;
  readonly delayMs: number;
}

export interface Scenario {
  readonly seed: number;
  readonly members: number;
  /** The number of members that join at the start; the others join later. */
  readonly founders: number;
  readonly steps: number;
  readonly troubles: ReadonlySet<Trouble>;
  /** The mean time between two steps, ms. */
  readonly gapMs: number;
  readonly failAfterMs: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerMs: number;
  readonly lateChance: number;
  readonly disk: DiskConfig;
  /** The weight of requesting an edit; talking has 60. */
  readonly editing: number;
  readonly edits: EditPolicy;
  /** Whether the operator sets other rules now and then. */
  readonly changesRules: boolean;
  readonly voteTimeoutMs: number;
  readonly voters: Voters;
  /** The interval of the coordinator's snapshots; null: it takes none. */
  readonly snapshotEveryMs: number | null;
  readonly codec: boolean;
  readonly longTextChance: number;
  readonly datagramLoss: number | null;
  /** Whether newcomers need an invite: then invites are made anew, and others try to come in by void ones. */
  readonly private: boolean;
  /** What stands before each member; absent: nothing, and the coordinator takes no datagrams. */
  readonly routers?: readonly RouterKind[];
}

const VOTERS: readonly Voters[] = [
  { goes: 1, aborts: 0, strays: 0, delayMs: 0 },
  { goes: 0.9, aborts: 0.05, strays: 0.1, delayMs: 50 },
  { goes: 0.5, aborts: 0.3, strays: 0.3, delayMs: 2_000 },
];

export function scenarioOf(
  seed: number,
  steps: number,
  given: { readonly members?: number; readonly loss?: number; readonly private?: boolean } = {},
): Scenario {
  const random = new Random(seed * 2 + 1);
  const [delayMs, jitterMs] = random.pick([[0.2, 0.05], [0.2, 2], [5, 3], [50, 10]] as const);
  const drawn = random.chance(0.8) ? 1 + random.below(5) : 6 + random.below(11);
  const members = given.members ?? (given.loss === undefined ? drawn : Math.min(drawn, 4));
  const bytesPerMs = random.chance(0.15) ? random.between(50, 500) : Infinity;
  const share = random.pick([0.15, 0.4, 0.7, 1]);
  const all = Object.keys(TROUBLES) as Trouble[];
  const troubles = new Set(all.filter(() => random.chance(share)));
  // These kinds of trouble excuse many violations, so they are rarer.
  if (!random.chance(0.2)) troubles.delete("image");
  if (!random.chance(0.3)) troubles.delete("coordinatorImage");
  if (!random.chance(0.5)) troubles.delete("coordinatorLoss");
  if (given.private === true) troubles.add("remove");
  return {
    seed,
    members,
    founders: 1 + random.below(members),
    steps,
    troubles,
    gapMs: random.pick([5, 50, 300, 1_500]),
    failAfterMs: random.pick([1_000, 3_000, 3_000, 5_000]),
    delayMs,
    jitterMs,
    bytesPerMs,
    lateChance: random.pick([0, 0.02, 0.2]),
    disk: { syncMs: random.pick([0, 0.2, 4]), slowChance: random.pick([0, 0.01]) },
    editing: random.pick([0, 4, 20]),
    edits: random.pick(EDIT_POLICIES),
    voteTimeoutMs: random.pick([1_000, 5_000, 30_000]),
    voters: random.pick(VOTERS),
    codec: random.chance(0.2),
    // A long log couldn't pass a narrow link before the run is over.
    longTextChance: bytesPerMs === Infinity ? random.pick([0, 0.02, 0.1]) : 0,
    datagramLoss: given.loss ?? null,
    snapshotEveryMs: random.pick([null, null, 100, 2_000]),
    changesRules: random.chance(0.3),
    private: given.private === true,
  };
}
