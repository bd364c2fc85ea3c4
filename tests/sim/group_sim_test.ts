import { assert } from "@std/assert";
import { amount, slow } from "../given.ts";
import { afterEffects } from "./after_effects.ts";
import { FAULTS, runFault, VICTIMS } from "./group/every_step.ts";
import { runGroup } from "./group/run.ts";

const SEEDS = amount(3, 15);
const STEPS = 60;
const LOSSY_SEEDS = amount(1, 2);
const LOSSY_STEPS = 30;

Deno.test(`group: ${SEEDS} seeds of talk and trouble break no promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      runGroup({ seed, steps: STEPS });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

Deno.test("group: over datagrams of which a fifth is lost no promise is broken", () => {
  for (let seed = 1; seed <= LOSSY_SEEDS; seed++) {
    try {
      runGroup({ seed, steps: LOSSY_STEPS, loss: 0.2 });
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

/** An upper bound of the effects of one program in that life of a group. */
const EFFECTS_MAX = 300;

for (const fault of FAULTS) {
  slow.test(`group: ${fault} after any effect, of the coordinator or a member, breaks no promise`, () => {
    for (const victim of VICTIMS) {
      const effects = afterEffects(
        FAULTS,
        fault,
        (effects) => effects < EFFECTS_MAX && runFault(fault, victim, effects, 1),
      );
      assert(effects > 30 && effects < EFFECTS_MAX, `${victim}: ${effects} effects were tried`);
    }
  });
}

slow.test("group: a member whose log was set aside while it agreed to an edit proves no author from it (seed 857)", () => {
  runGroup({ seed: 857, steps: 60, scenario: { members: 5 } });
});

slow.test("group: a member that stood still asks late about an edit that a restart of the coordinator has ended (seed 841113)", () => {
  runGroup({ seed: 841_113, steps: 200, members: 5, private: true });
});
