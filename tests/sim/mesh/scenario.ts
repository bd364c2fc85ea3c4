/**
 * What a seed decides before a run begins: how large and how bad the network is, and which kinds of trouble
 * there will be. Each run has some of them only: two troubles that hide each other meet in few runs.
 */

import type { DiskConfig } from "../disk.ts";
import type { QueueLimits } from "../link.ts";
import { Random } from "../random.ts";
import type { Attack } from "./attacks.ts";

/** Kinds of trouble, and how often each comes where a run has it, beside 60 of talking. */
export const TROUBLES = {
  /** Killed at once, or just before some effect soon: between sync and send, between send and show. */
  kill: 4,
  /** Only what was synced is left, and nobody is told. */
  powerLoss: 2,
  killWithNeighbours: 0.5,
  quit: 2,
  /** The room in two or three parts, or one direction between two members. */
  cut: 2,
  oneWayCut: 2,
  /** Of two members one can't be heard by the other for good, whatever else heals. */
  deaf: 0.5,
  /** The room in two or three parts for as long as it takes to be lost; its members started anew meanwhile, perhaps. */
  split: 0.7,
  /** Two halves that a member joins, who dies. */
  deadMiddle: 0.4,
  /** A half that says little, and one that says as much as is kept. */
  quietHalf: 0.02,
  sever: 4,
  stall: 3,
  /** Stopped, or suspended with its machine, for up to an hour. */
  sleep: 0.2,
  /** Another address for a process that runs on, perhaps one that was somebody else's. */
  roam: 1,
  /** By seconds, hours, or years. */
  clockJump: 2,
  slowReader: 1,
  fullDisk: 1,
  /** A restart at another address; the old one may be somebody else's by then. */
  move: 2,
  /** The profile as it was some time ago. */
  oldImage: 1,
  /** The profile as it was, in a second process. */
  copy: 0.7,
  /** The log is rewritten without what it needn't hold. */
  compact: 1,
  nameClash: 1,
  rename: 1,
  storm: 0.5,
  /** Links are a day old. */
  age: 1,
  /** Killed on its way in, or in its first moments, while others speak to it. */
  killComer: 2,
} as const;

export type Trouble = keyof typeof TROUBLES;

export interface Scenario {
  readonly seed: number;
  /** Members that come in by themselves; copies and name clashes come on top. */
  readonly nodes: number;
  /** What users and trouble do, one after the other. */
  readonly steps: number;
  readonly troubles: ReadonlySet<Trouble>;
  /** Mean time between two steps, ms. */
  readonly gapMs: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerMs: number;
  readonly limits: QueueLimits;
  readonly disk: DiskConfig;
  readonly codec: boolean;
  readonly clockDrift: number;
  /** Wall clocks are wrong by this much, at most. */
  readonly wallErrorMs: number;
  readonly nattedChance: number;
  readonly passiveChance: number;
  /** Of each member, to be one who signs two things for one. */
  readonly liarChance: number;
  /** Members that come in beside the others, one for each of these, and do this. */
  readonly attacks: readonly Attack[];
  /** An invite is needed to come in, and members rotate it now and then. */
  readonly isPrivate: boolean;
  readonly historyShown: number;
  readonly longTextChance: number;
  /** Everything must be right again so long after everything has healed. */
  readonly settleMsMax: number;
  /** A word in a quiet room has reached everybody after this, whatever link broke meanwhile. */
  readonly loneWordMsMax: number;
}

const HOUR_MS = 3_600_000;
/** How often most members can't be dialled, and how many then: by a router, by `--passive`, or by either. */
const UNREACHABLE_SEEDS = 0.06;
const UNREACHABLE = [[0.8, 0], [0, 0.8], [0.55, 0.55]] as const;

export function scenarioOf(seed: number, nodes: number, steps: number): Scenario {
  const random = new Random(seed * 2 + 1);
  const [delayMs, jitterMs] = random.pick([[0.2, 0.05], [2, 1], [40, 10], [120, 60]] as const);
  const narrow = random.chance(0.15);
  const kib = 1_024;
  const all = Object.keys(TROUBLES) as Trouble[];
  const share = random.pick([0.15, 0.4, 0.7]);
  const scenario = {
    seed,
    nodes,
    steps,
    gapMs: random.pick([5, 50, 300, 1_500]),
    delayMs,
    jitterMs,
    bytesPerMs: narrow ? random.between(20, 200) : Infinity,
    limits: {
      controlBytes: 64 * kib,
      dataBytes: narrow ? random.pick([64, 256]) * kib : 1_024 * kib,
      windowBytes: narrow ? 32 * kib : 256 * kib,
    },
    disk: {
      syncMs: random.pick([0, 0.2, 4]),
      slowChance: random.pick([0, 0.01]),
    },
    codec: random.chance(0.2),
    clockDrift: random.pick([0, 2e-4]),
    wallErrorMs: random.pick([0, 2_000, 2_000, HOUR_MS, 24 * 400 * HOUR_MS]),
    nattedChance: random.chance(0.2) ? 0.25 : 0,
    passiveChance: random.chance(0.15) ? 0.2 : 0,
    liarChance: random.chance(0.15) ? 0.25 : 0,
    attacks: [],
    historyShown: random.pick([0, 3, 20, 100]),
    longTextChance: random.pick([0, 0.02, 0.1]),
    settleMsMax: 300_000,
    loneWordMsMax: 15_000,
    isPrivate: random.chance(0.25),
    // Last, so that a further kind of trouble changes nothing else of a seed.
    troubles: new Set(all.filter(() => random.chance(share))),
  };
  const changed = { ...scenario, ...unreachableOf(seed) };
  // Who is days behind can't tell a liar's time from that of an honest clock: docs/security.md says what is lost.
  if (scenario.liarChance === 0) return changed;
  return { ...changed, wallErrorMs: Math.min(scenario.wallErrorMs, HOUR_MS) };
}

/** Drawn by itself, so that it changes nothing else of a seed, and no further kind of trouble changes it. */
function unreachableOf(seed: number): Partial<Pick<Scenario, "nattedChance" | "passiveChance">> {
  const random = new Random(seed * 2 + 9);
  if (!random.chance(UNREACHABLE_SEEDS)) return {};
  const [nattedChance, passiveChance] = random.pick(UNREACHABLE);
  return { nattedChance, passiveChance };
}

/** How large a seed's room is where nobody says: most are small, for speed, and some have 50. */
export function nodesOf(seed: number): number {
  const random = new Random(seed * 2 + 3);
  return random.chance(0.7) ? 5 + random.below(8) : 13 + random.below(38);
}

/** By how much a wall clock jumps. By years only where nobody lies: a liar's time is told by an honest one's. */
export function clockJumpsMs({ liarChance, attacks }: Scenario): readonly number[] {
  const some = [5_000, 2 * HOUR_MS];
  return liarChance > 0 || attacks.length > 0 ? some : [...some, 10 * 365 * 24 * HOUR_MS];
}
