/** One run: a seed, a room, the result, and the command that repeats it. */

import { meshCheckers } from "../checkers/all.ts";
import type { MeshChecker } from "./checker.ts";
import { Driver } from "./driver.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import type { Subject } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
  /** The `MODE` of `make sim`, unless it is the default, with further arguments. */
  readonly mode?: string;
  /** Gets every line of the trace; null prints none. */
  readonly print?: (line: string) => void;
  /** Overrides what the seed decides, for tests that need a certain kind of trouble. */
  readonly scenario?: Partial<Scenario>;
  readonly checkers?: () => MeshChecker[];
}

export interface RunResult {
  /** The broken promise or other error; null where all promises held. */
  readonly failure: Error | null;
  /** A hash of the whole trace, equal for two runs of one seed. */
  readonly hash: string;
  readonly tail: readonly string[];
  readonly virtualMs: number;
  readonly steps: number;
  readonly messages: number;
  readonly said: number;
  /** The time from the heal until the room was quiet, ms; null where it never was. */
  readonly settledMs: number | null;
}

const TAIL_LINES = 40;

export function runMesh(subject: Subject, options: RunOptions): RunResult {
  const { seed, steps } = options;
  const nodes = Math.min(options.nodes, subject.membersMax);
  const scenario = { ...scenarioOf(seed, nodes, steps), ...options.scenario };
  const checkers = (options.checkers ?? meshCheckers)();
  const driver = new Driver(scenario, subject, checkers, options.print ?? null);
  const { world } = driver;
  let failure: Error | null = null;
  try {
    driver.run();
  } catch (error) {
    failure = error as Error;
  }
  return {
    failure,
    hash: world.trace.hash(),
    tail: failure === null ? [] : world.trace.tail(TAIL_LINES),
    virtualMs: world.time.nowMs,
    steps: world.steps,
    messages: world.messages,
    said: world.ledger.said.length,
    settledMs: driver.settledMs,
  };
}

/** The command that repeats a run. */
export function repeatCommand({ seed, nodes, steps, mode }: RunOptions): string {
  const words = mode === undefined ? "" : ` MODE=${mode}`;
  return `make sim${words} SEED=${seed} NODES=${nodes} STEPS=${steps}`;
}
