// The mesh with malicious members, each kind by itself, with all checkers: what is promised to the others must hold.
// `make sim MODE=mesh-lies` runs any number of seeds, some with two liars.

import { assertEquals } from "@std/assert";
import { amount, LONG, slow } from "../given.ts";
import { ALL_ATTACKS, COMMON_ATTACKS } from "./mesh/attacks.ts";
import { meshSubject } from "./mesh/mesh_subject.ts";
import { runMesh } from "./mesh/run.ts";
import { liesNodesOf, liesRun } from "./mesh/run_lies.ts";
import { type Scenario, scenarioOf } from "./mesh/scenario.ts";

const STEPS = amount(30, 60);
/** The most honest members. */
const NODES_MAX = amount(5, 10);

/** Some lies cost the more the longer they last: in the short form steps follow soon, and nobody sleeps for an hour. */
function brief(scenario: Scenario): Partial<Scenario> {
  const troubles = new Set(scenario.troubles);
  troubles.delete("sleep");
  return { gapMs: Math.min(scenario.gapMs, 50), troubles };
}

for (const [at, attack] of ALL_ATTACKS.entries()) {
  // Each in a room of its own: all together they see many.
  const seed = 1 + at;
  slow.test(`the mesh keeps its promises to the others with a member that ${words(attack)}, in seed ${seed}`, () => {
    const run = liesRun(seed, Math.min(liesNodesOf(seed), NODES_MAX), STEPS);
    const { failure } = runMesh(meshSubject(), {
      ...run,
      scenario: {
        ...run.scenario,
        ...LONG ? {} : brief(scenarioOf(seed, run.nodes, STEPS)),
        attacks: [attack],
        isPrivate: !COMMON_ATTACKS.includes(attack),
      },
    });
    assertEquals(failure?.message.slice(0, 500) ?? null, null);
  });
}

slow.test("the mesh waits for who is behind where the only way to the other half says that it keeps nothing", () => {
  const seed = 861_020; // it moves to another address just after the cut has healed
  const { failure } = runMesh(
    meshSubject(),
    liesRun(seed, liesNodesOf(seed), 60, ["saysNotKept", "floods"]),
  );
  assertEquals(failure?.message ?? null, null);
});

slow.test("who was shown what its full disk refused may miss it for good, once alone with who says that it keeps nothing", () => {
  const { failure } = runMesh(meshSubject(), liesRun(860_002, 9, 400, ["saysNotKept"]));
  assertEquals(failure?.message ?? null, null);
});

slow.test("who was alone with one that says that it keeps nothing may be shown late what the missed messages had answered", () => {
  // The liar was cut off from the others: the member that returned through it knew of nobody else, and believed it at
  // once. What it withheld had answered a third author's message, which came from another neighbour after the answer.
  const { failure } = runMesh(meshSubject(), liesRun(1_810_158, 4, 400));
  assertEquals(failure?.message ?? null, null);
});

/** Splits a name: `saysNotKept` becomes "says not kept". */
function words(attack: string): string {
  return attack.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
