// The mesh under seeded trouble, with all checkers: a fixed set of seeds in every `make test-all`. `make sim` runs any
// number of seeds; a failure here prints the command that repeats it there.

import { assertEquals } from "@std/assert";
import { amount, slow } from "../given.ts";
import { meshSubject } from "./mesh/mesh_subject.ts";
import { repeatCommand, runMesh } from "./mesh/run.ts";
import type { Trouble } from "./mesh/scenario.ts";

interface Batch {
  readonly about: string;
  readonly nodes: number;
  readonly steps: number;
  /** The first seed; `seeds` is their number. */
  readonly from: number;
  readonly seeds: number;
}

const BATCHES: readonly Batch[] = [
  { about: "a full mesh", nodes: 5, steps: 80, from: 1, seeds: amount(2, 12) },
  { about: "a small room", nodes: 8, steps: 120, from: 1_001, seeds: amount(1, 6) },
  {
    about: "a room in which not all know each other",
    nodes: 16,
    steps: 150,
    from: 2_001,
    seeds: amount(1, 2),
  },
  { about: "a large room", nodes: 50, steps: amount(80, 200), from: 3_001, seeds: 1 },
];

for (const { about, nodes, steps, from, seeds } of BATCHES) {
  Deno.test(`the mesh keeps its promises in ${about} of ${nodes}, in ${seeds} seeds`, () => {
    const failures: string[] = [];
    for (let seed = from; seed < from + seeds; seed++) {
      const options = { seed, nodes, steps };
      const { failure } = runMesh(meshSubject(), options);
      if (failure === null) continue;
      const words = failure.name === "Violation" ? failure.message : failure.stack;
      failures.push(`${repeatCommand(options)}: ${words?.slice(0, 500)}`);
    }
    assertEquals(failures, []);
  });
}

slow.test("who was let in by an earlier secret just as it became known who stays isn't kept without the present one", () => {
  const troubles = new Set<Trouble>(["rule", "cut", "quit", "kill", "split"]);
  const scenario = { isPrivate: true, troubles };
  const { failure } = runMesh(meshSubject(), { seed: 334, nodes: 6, steps: 80, scenario });
  assertEquals(failure?.message ?? null, null);
});

slow.test("a second link of who hasn't stayed ends with the first: it doesn't take that one's place", () => {
  const { failure } = runMesh(meshSubject(), { seed: 300_982, nodes: 7, steps: 100 });
  assertEquals(failure?.message ?? null, null);
});

Deno.test("who hasn't stayed is sent nothing more in the very step that ends its link", () => {
  const { failure } = runMesh(meshSubject(), { seed: 1_923, nodes: 5, steps: 60 });
  assertEquals(failure?.message ?? null, null);
});

Deno.test("who quits before it is ready is owed nothing of what was said then, also once its log is compacted", () => {
  const { failure } = runMesh(meshSubject(), { seed: 227, nodes: 5, steps: 60 });
  assertEquals(failure?.message ?? null, null);
});

slow.test("runMesh() repeats a seed of the mesh event for event", () => {
  for (const seed of [1, 2, 3].slice(0, amount(1, 3))) {
    const options = { seed, nodes: 6, steps: 60 };
    const once = runMesh(meshSubject(), options);
    assertEquals(runMesh(meshSubject(), options).hash, once.hash);
  }
});
