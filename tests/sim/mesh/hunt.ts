/** The search for a bug that was put in: some seed must show it in which the mesh itself does right. */

import type { MeshChecker } from "./checker.ts";
import { meshSubject } from "./mesh_subject.ts";
import type { Mutation } from "./mutations.ts";
import { runMesh } from "./run.ts";
import type { Scenario, Trouble } from "./scenario.ts";

export interface Hunt {
  readonly mutation: Mutation;
  /** Who must find it, by itself. */
  readonly finder: string;
  /** What it complains of, where it looks at much. */
  readonly finding?: RegExp;
  readonly checkers: () => MeshChecker[];
  /** Where it takes more seeds: the first one that is tried. */
  readonly from?: number;
  readonly seedsMax: number;
  /** How large the room is; 6 where it isn't said. */
  readonly nodes?: number;
  /** What does no harm without the bug; null for the mesh as it is. */
  readonly without?: Mutation;
  /** What the seeds need to have, beside what they decide. */
  readonly troubles?: readonly Trouble[];
  readonly scenario?: Partial<Scenario>;
}

function installed<T>({ install }: Mutation, run: () => T): T {
  const undo = install?.() ?? (() => {});
  try {
    return run();
  } finally {
    undo();
  }
}

/** A test of one hunt. */
export function hunt({ mutation, finder, checkers, from = 1, seedsMax, ...more }: Hunt): void {
  const { troubles, scenario, without, finding = /^/, nodes = 6 } = more;
  Deno.test(`${finder} finds a mesh that ${mutation.name}, within ${seedsMax} seeds`, () => {
    for (let seed = from; seed < from + seedsMax; seed++) {
      const options = {
        seed,
        nodes,
        steps: 80,
        checkers,
        scenario: {
          settleMsMax: 90_000,
          isPrivate: false,
          ...scenario,
          ...(troubles === undefined ? {} : { troubles: new Set(troubles) }),
        },
      };
      const { failure } = installed(mutation, () => {
        return runMesh(meshSubject(mutation.wrap ?? null), options);
      });
      if (failure === null || !failure.message.startsWith(finder)) continue;
      if (!finding.test(failure.message)) continue;
      // Found, if it is the mutation that the seed fails by.
      if (runMesh(meshSubject(without?.wrap ?? null), options).failure === null) return;
    }
    throw new Error(`No seed of ${seedsMax} found it`);
  });
}
