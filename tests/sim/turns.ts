/**
 * Programs that are slow, as where a processor has much else to do: each runs for a moment, and then waits for its turn
 * again; meanwhile its timers and all that comes to it wait with it.
 */

import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** How long a program runs until others have their turn. */
const RUNS_MS = [1, 20] as const;
/** From one turn to the next, the least of the longest. */
const WAITS_LEAST = 0.3;
/** Longest times from one turn to the next: as on two processors with twenty programs, and with a hundred. */
const TURNS_MS = [300, 1_200] as const;

/** The same where memory is short, too, and much of a program has to be read from the disk again. */
const LONG_TURNS_MS = [1_000, 6_000] as const;

/** The longest time from one turn to the next in one world, ms. */
export function turnMs(random: Random): number {
  return random.between(...TURNS_MS);
}

export function longTurnMs(random: Random): number {
  return random.between(...LONG_TURNS_MS);
}

interface Turns<Process> {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly turnMs: number;
  /** Nothing runs of the process for so long. */
  readonly standStill: (process: Process, ms: number) => void;
}

/** These processes are slow until then. */
export function slowDown<Process extends { readonly gone: boolean }>(
  processes: Iterable<Process>,
  untilMs: number,
  turns: Turns<Process>,
): void {
  const { time, random, turnMs, standStill } = turns;
  const waits = (process: Process) => {
    if (process.gone || time.nowMs >= untilMs) return;
    const waitsMs = random.between(WAITS_LEAST, 1) * turnMs;
    standStill(process, waitsMs);
    time.after(waitsMs + random.between(...RUNS_MS), () => waits(process));
  };
  for (const process of processes) waits(process);
}
