/**
 * M5: memory, connections and queues are bounded: everything that a machine keeps has a limit, and stays within it.
 */

import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

/** Counting all tables takes longer than a step. */
const STEPS_BETWEEN_LOOKS = 64;
/** Recovery dials 4 at a time; shuffles, joins and remembered members add more. */
const DIALS_MAX = 32;

export class Bounded implements MeshChecker {
  readonly name = "M5";

  stepped(process: MemberProcess): void {
    if (process.dialling > DIALS_MAX) {
      throw new Violation(this.name, `${process.label} has ${process.dialling} dials under way`);
    }
    if (process.sim.steps % STEPS_BETWEEN_LOOKS === 0) this.#look(process);
  }

  atQuiet(world: World): void {
    for (const process of world.judged()) this.#look(process);
  }

  #look(process: MemberProcess): void {
    for (const { what, size, max } of process.probe?.held() ?? []) {
      if (size > max) {
        throw new Violation(this.name, `${process.label} keeps ${size} ${what}, at most ${max}`);
      }
    }
  }
}
