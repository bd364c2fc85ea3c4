/** The search for a bug put into the mesh: it must fail some seed that the mesh without it passes. */

import { hunt } from "../hunt.ts";
import type { MeshChecker } from "./checker.ts";
import { meshSubject } from "./mesh_subject.ts";
import type { Mutation } from "./mutations.ts";
import { runMesh } from "./run.ts";
import type { Scenario, Trouble } from "./scenario.ts";

export interface MeshHunt {
  readonly mutation: Mutation;
  /** The checker that must find the bug. */
  readonly finder: string;
  /** The violation that it must report, if it checks many things. */
  readonly finding?: RegExp;
  readonly checkers: () => MeshChecker[];
  /** The first seed to try, if the bug is found only after many seeds; by default 1. */
  readonly from?: number;
  readonly seedsMax: number;
  /** The size of the room; by default 3. */
  readonly nodes?: number;
  /** By default 20. */
  readonly steps?: number;
  /** A mutation that is harmless without the bug, to compare with; by default the unchanged mesh. */
  readonly without?: Mutation;
  /** The kinds of trouble in each seed, instead of those that the seed decides. */
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

/** Registers the test of one hunt. */
export function meshHunt({ mutation, finder, checkers, ...more }: MeshHunt): void {
  const { troubles, scenario, without, finding = /^/, nodes = 3, steps = 20, ...seeds } = more;
  hunt({
    title: `${finder} finds a mesh that ${mutation.name}`,
    ...seeds,
    finds(seed) {
      const options = {
        seed,
        nodes,
        steps,
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
      if (failure === null || !failure.message.startsWith(finder)) return false;
      if (!finding.test(failure.message)) return false;
      // The seed counts only if it passes without the mutation.
      return runMesh(meshSubject(without?.wrap ?? null), options).failure === null;
    },
  });
}
