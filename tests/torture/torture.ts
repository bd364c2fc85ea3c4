/**
 * Real programs on hosts of their own, to which one trouble after the other happens, drawn from a seed. After each
 * round all heals, and what was promised is looked for in what they have shown.
 */

import { Random } from "../sim/random.ts";
import { after, type Trouble } from "./actors.ts";

/** So long things happen, then all must come right. */
const ROUND_MS = 45_000;
/** Between two things that happen, on average: some overlap, and programs have time to start. */
const PAUSE_MS = 350;

const LOOK_MS = 500;

export interface Tortured extends AsyncDisposable {
  readonly troubles: Readonly<Record<string, Trouble>>;
  /** Heals and starts everything; resolves when all have come right. @throws Where they don't. */
  settle(): Promise<void>;
  /** What is promised and doesn't hold, a sentence each. */
  broken(): Promise<readonly string[]>;
  /** What is tried when all has come right, and what is cleared away before the next round. @throws Where that fails. */
  peace?(): Promise<void>;
  /** How much was done and seen. */
  figures(): Readonly<Record<string, number>>;
}

export interface Report {
  readonly rounds: number;
  readonly happened: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, number>>;
  readonly broken: readonly string[];
}

/** Until `untilMs` (monotonic), or until something is broken. */
export async function torture(
  world: Tortured,
  { seed, untilMs, trace }: {
    readonly seed: number;
    readonly untilMs: number;
    readonly trace: (text: string) => void;
  },
): Promise<Report> {
  const random = new Random(seed);
  const happened: Record<string, number> = {};
  let rounds = 0;
  let broken: readonly string[] = [];
  do {
    const endMs = Math.min(performance.now() + ROUND_MS, untilMs);
    while (performance.now() < endMs) {
      const name = drawn(world.troubles, random);
      trace(name);
      await world.troubles[name]!.happen(random);
      happened[name] = (happened[name] ?? 0) + 1;
      await after(random.exponential(PAUSE_MS));
    }
    trace("settle");
    try {
      await world.settle();
      broken = await world.broken();
      if (broken.length === 0 && world.peace !== undefined) {
        await world.peace();
        broken = await world.broken();
      }
    } catch (error) {
      broken = [...await world.broken(), String(error)];
    }
    rounds++;
  } while (broken.length === 0 && performance.now() < untilMs);
  return { rounds, happened, figures: world.figures(), broken };
}

/** Looks until it is so. What can't be asked now, because a program ends, isn't so yet. @throws After `ms`. */
export async function eventually(
  what: string,
  ms: number,
  look: () => Promise<boolean> | boolean,
): Promise<void> {
  const untilMs = performance.now() + ms;
  for (let last: unknown = "it isn't so";; await after(LOOK_MS)) {
    try {
      if (await look()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > untilMs) throw new Error(`not within ${ms} ms: ${what}: ${last}`);
  }
}

function drawn(troubles: Tortured["troubles"], random: Random): string {
  const entries = Object.entries(troubles);
  let left = random.next() * entries.reduce((sum, [, { weight }]) => sum + weight, 0);
  return entries.find(([, { weight }]) => (left -= weight) < 0)![0];
}
