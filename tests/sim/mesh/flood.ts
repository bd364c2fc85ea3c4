/**
 * A room in which one member sends more than others can read, while these talk on: how late do they get each other's
 * messages?
 */

import { fakeSigner } from "../fake_crypto.ts";
import type { Attack } from "./attacks.ts";
import type { MeshChecker } from "./checker.ts";
import { EvenWorld } from "./even_world.ts";
import type { Said } from "./ledger.ts";
import type { Member } from "./member.ts";
import type { WorldConfig } from "./world.ts";

export interface Flood {
  readonly members: number;
  /** The lines that the first member's user types; none while its input is paused. */
  readonly linesPerSecond: number;
  readonly lineBytes: number;
  readonly forMs: number;
  /** An attack by the first member. */
  readonly attack?: Attack;
  readonly network?: Partial<Pick<WorldConfig, "bytesPerMs" | "bytesPerMsTo" | "delayMs">>;
}

export interface FloodOutcome {
  readonly world: EvenWorld;
  /** For each message of the others: the time until the last of them was shown it, ascending; Infinity for never. */
  readonly delaysMs: readonly number[];
  /** How long the first one's input was paused. */
  readonly pausedMs: number;
  /** Notices to members about messages that they missed. */
  readonly missed: readonly string[];
}

const STEP_MS = 2;
const SECOND_MS = 1_000;
/** The time for overlay and roster to settle, and then the rounds of messages for each author's tree. */
const SETTLE_MS = 20 * SECOND_MS;
const WARM_UP_ROUNDS = 5;

/** Every second each of the other members sends a message. @param afterMs The time for the last messages to arrive. */
export function runFlood(flood: Flood, afterMs: number): FloodOutcome {
  const { members: hosts, network, forMs } = flood;
  const shownAtMs = new Map<Said, Map<Member, number>>();
  const missed: string[] = [];
  const checker: MeshChecker = {
    name: "arrivals",
    message({ member }, said) {
      const times = shownAtMs.get(said) ?? new Map<Member, number>();
      shownAtMs.set(said, times);
      if (!times.has(member)) times.set(member, world.time.nowMs);
    },
    shown({ member }, event) {
      if (event.event === "notice" && event.text.startsWith("Missed")) {
        missed.push(`${member.name}: ${event.text}`);
      }
    },
  };
  const world: EvenWorld = new EvenWorld(hosts, [checker], { ...network });
  const [first, ...others] = gather(world, flood);
  const words: Said[] = [];
  const line = "x".repeat(flood.lineBytes);
  let due = 0;
  let pausedMs = 0;
  for (let ms = 0; ms < forMs; ms += STEP_MS) {
    due += flood.linesPerSecond * STEP_MS / SECOND_MS;
    if (first.process!.pausedBecause !== null) [due, pausedMs] = [0, pausedMs + STEP_MS];
    for (; due >= 1; due--) world.say(first.process!, line, null);
    for (const [at, { process }] of others.entries()) {
      const turn = STEP_MS * Math.floor(at * SECOND_MS / STEP_MS / others.length);
      if (ms % SECOND_MS === turn) words.push(world.say(process!, "", null));
    }
    world.pass(STEP_MS);
  }
  world.pass(afterMs);
  const delaysMs = words.map((said) => {
    const times = others.map((member) => shownAtMs.get(said)?.get(member) ?? Infinity);
    return Math.max(...times) - said.saidAtMs;
  }).sort((a, b) => a - b);
  return { world, delaysMs, pausedMs, missed };
}

/** Starts all members; if the first one doesn't attack, everybody sends some messages. */
function gather(world: EvenWorld, { members, attack }: Flood): readonly [Member, ...Member[]] {
  const all = Array.from({ length: members }, (_, at) => {
    const liar = at === 0 ? attack ?? null : null;
    return world.add(`u${at}`, { signer: fakeSigner(`${at}`), eager: true, liar });
  }) as [Member, ...Member[]];
  const [first, founder] = all as [Member, Member, ...Member[]];
  world.start(founder, { kind: "found" });
  world.pass(SECOND_MS);
  for (const member of [...all.slice(2), first]) {
    world.join(member, founder);
    world.pass(SECOND_MS);
  }
  if (attack !== undefined) return all;
  world.pass(SETTLE_MS);
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (const { process } of all) {
      world.say(process!, "", null);
      world.pass(SECOND_MS / 4);
    }
  }
  return all;
}
