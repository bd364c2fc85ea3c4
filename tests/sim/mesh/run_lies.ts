/** A seed's room with one or two liars: everything promised to the other members must hold. */

import { Random } from "../random.ts";
import { type Attack, COMMON_ATTACKS } from "./attacks.ts";
import type { RunOptions } from "./run.ts";
import { scenarioOf } from "./scenario.ts";

/** Enough honest members for a room whose overlay isn't a full mesh. */
const NODES_MIN = 4;
const NODES_SPREAD = 6;
const HOUR_MS = 3_600_000;

export function liesNodesOf(seed: number): number {
  return NODES_MIN + new Random(seed * 2 + 5).below(NODES_SPREAD);
}

/** The options of a seed's run. @param attacks Replace the attacks that the seed decides. */
export function liesRun(
  seed: number,
  nodes: number,
  steps: number,
  attacks: readonly Attack[] | null = null,
): RunOptions {
  const random = new Random(seed * 2 + 7);
  const scenario = {
    attacks: attacks ?? random.shuffled(COMMON_ATTACKS).slice(0, random.pick([1, 1, 2])),
    liarChance: 0,
    // Drawn last, so that the attacks of a seed stay.
    isPrivate: attacks === null && random.chance(0.25),
    // A member whose only links are to liars learns only what they let it learn.
    nattedChance: 0,
    passiveChance: 0,
    // A member whose clock is days behind can't tell a liar's time from that of an honest clock: see
    // docs/security.md.
    wallErrorMs: Math.min(scenarioOf(seed, nodes, steps).wallErrorMs, HOUR_MS),
  };
  const mode = attacks === null ? "mesh-lies" : `mesh-lies ATTACKS=${attacks.join(",")}`;
  return { seed, nodes, steps, mode, scenario };
}
