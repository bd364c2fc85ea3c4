/**
 * What a seed decides before a run: the size of the room, the quality of the network, and the kinds of trouble. Each
 * run has only some of them, so that two kinds that hide each other's effects rarely meet.
 */

import type { DiskConfig } from "../disk.ts";
import type { QueueLimits } from "../link.ts";
import { Random } from "../random.ts";
import type { Attack } from "./attacks.ts";

/** Kinds of trouble, and the weight of each in a run that has it; talking has a weight of about 60. */
export const TROUBLES = {
  /** A process is killed, at once or after some further effects: between sync and send, or send and show. */
  kill: 4,
  /** A host loses power: unsynced records are lost, and nobody is told. */
  powerLoss: 2,
  killWithNeighbours: 0.5,
  quit: 2,
  /** The room is cut into two or three parts; with `oneWayCut`, one direction between members is cut. */
  cut: 2,
  oneWayCut: 2,
  /** One member never hears one other, for good or until the heal. */
  deaf: 0.5,
  /** The room is cut until the parts take each other for lost, perhaps with restarts of all members meanwhile. */
  split: 0.7,
  /** Two halves of the room are connected only by one member, which then dies. */
  deadMiddle: 0.4,
  /** The room is cut into a half that says little, and one that says more than is kept. */
  quietHalf: 0.02,
  sever: 4,
  stall: 3,
  /** A process is stopped, or its host suspended, for up to an hour. */
  sleep: 0.2,
  /** A running process gets another address, perhaps that of another member. */
  roam: 1,
  /** A wall clock jumps by seconds, hours or years. */
  clockJump: 2,
  slowReader: 1,
  fullDisk: 1,
  /** A process is restarted at another address; somebody else may answer at the old one. */
  move: 2,
  /** A profile is restored to an earlier state. */
  oldImage: 1,
  /** A second process runs with a copy of the profile. */
  copy: 0.7,
  /** The log is compacted. */
  compact: 1,
  nameClash: 1,
  rename: 1,
  storm: 0.5,
  /** Links reach their maximum age. */
  age: 1,
  /** A process is killed while it joins, or shortly after, while others talk to it. */
  killComer: 2,
  /** Somebody is removed or allowed again, or is made a deputy or no longer one. */
  rule: 4,
  /** Each member has another one's address from now on, all at once; in some seeds alone, see `scenarioOf`. */
  permute: 2,
} as const;

export type Trouble = keyof typeof TROUBLES;

export interface Scenario {
  readonly seed: number;
  /** Members that join by themselves; copies and name clashes are additional. */
  readonly nodes: number;
  /** The number of actions, by users or trouble, one after the other. */
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
  /** The largest error of wall clocks, ms. */
  readonly wallErrorMs: number;
  readonly nattedChance: number;
  readonly passiveChance: number;
  /** The probability that a member equivocates. */
  readonly liarChance: number;
  /** The attacks of additional, malicious members, one each. */
  readonly attacks: readonly Attack[];
  /** Whether joining needs an invite, which members rotate now and then. */
  readonly isPrivate: boolean;
  readonly historyShown: number;
  readonly longTextChance: number;
  /** Everything must be right again within this time after the heal. */
  readonly settleMsMax: number;
  /** A message in a quiet room must reach everybody within this time, even if a link breaks meanwhile. */
  readonly loneWordMsMax: number;
}

const HOUR_MS = 3_600_000;
/**
 * The share of seeds in which most members can't be dialled, and the chances of a router and of `--passive` in
 * these.
 */
const UNREACHABLE_SEEDS = 0.06;
const PERMUTED_SEEDS = 0.15;
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
    // The last draw, so that a new kind of trouble changes nothing else of a seed.
    troubles: new Set(
      all.filter((name) => name === "permute" ? permutes(seed) : random.chance(share)),
    ),
  };
  const changed = { ...scenario, ...unreachableOf(seed) };
  // A member whose clock is days behind can't tell a liar's time from that of an honest clock: see docs/security.md.
  if (scenario.liarChance === 0) return changed;
  return { ...changed, wallErrorMs: Math.min(scenario.wallErrorMs, HOUR_MS) };
}

/** As `unreachableOf`: the other seeds stay what they were. */
function permutes(seed: number): boolean {
  return new Random(seed * 2 + 11).chance(PERMUTED_SEEDS);
}

/** Uses a generator of its own, so that it doesn't affect, and isn't affected by, other draws of a seed. */
function unreachableOf(seed: number): Partial<Pick<Scenario, "nattedChance" | "passiveChance">> {
  const random = new Random(seed * 2 + 9);
  if (!random.chance(UNREACHABLE_SEEDS)) return {};
  const [nattedChance, passiveChance] = random.pick(UNREACHABLE);
  return { nattedChance, passiveChance };
}

/** The default size of a seed's room: most rooms are small, for speed, and some have 50 members. */
export function nodesOf(seed: number): number {
  const random = new Random(seed * 2 + 3);
  return random.chance(0.7) ? 5 + random.below(8) : 13 + random.below(38);
}

/** Possible jumps of a wall clock. By years only without liars: members recognize a liar's time by their own clocks. */
export function clockJumpsMs({ liarChance, attacks }: Scenario): readonly number[] {
  const some = [5_000, 2 * HOUR_MS];
  return liarChance > 0 || attacks.length > 0 ? some : [...some, 10 * 365 * 24 * HOUR_MS];
}
