/** What a leading coordinator might do wrong over an engine; each must be found. */

import type { Change } from "../../../lib/engine/shared_store.ts";
import type { InstanceMutation } from "./engine_world.ts";
import {
  type EngineRun,
  runCompacted,
  runCutLeader,
  runEngineGroup,
  runTrustingLeader,
  runWokenLeader,
} from "./run_engine.ts";

function isAppend({ puts }: Change): boolean {
  return puts.some(({ key }) => key.includes("/log/"));
}

interface Broken {
  readonly mutation: InstanceMutation;
  /** The run that shows it, and how long that is. */
  readonly run: (run: EngineRun) => void;
  readonly steps: number;
}

export const ENGINE_MUTATIONS: Readonly<Record<string, Broken>> = {
  "it appends without a fence": {
    mutation: { change: (change) => isAppend(change) ? { ...change, when: [] } : change },
    run: runTrustingLeader,
    steps: 8,
  },
  "it takes what isn't known for done": {
    mutation: {
      outcome: (outcome) =>
        outcome.outcome === "unknown" ? { outcome: "done", revision: 0 } : outcome,
    },
    run: runTrustingLeader,
    steps: 20,
  },
  "it takes a refusal for done": {
    mutation: {
      outcome: (outcome) =>
        outcome.outcome === "conflict" ? { outcome: "done", revision: 0 } : outcome,
    },
    run: runTrustingLeader,
    steps: 20,
  },
  "it leads with what it had read before it led": {
    mutation: { readsBefore: true },
    run: runEngineGroup,
    steps: 40,
  },
  "it goes on without asking whether it leads": {
    mutation: { stepsUnasked: true },
    run: runWokenLeader,
    steps: 10,
  },
  "it goes by a wall clock, which is set back": {
    mutation: { wallClock: true },
    run: runCutLeader,
    steps: 0,
  },
  "it doesn't read anew what was compacted while it was cut off": {
    mutation: { skipsCompacted: true },
    run: runCompacted,
    steps: 0,
  },
};
