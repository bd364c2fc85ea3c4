/**
 * M2: late members catch up. When the room is quiet, the history of every member, however late it joined, has every
 * message that any running member was ever shown and could store, except those that only liars could have passed on
 * (`withheld.ts`).
 */

import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { Said } from "../mesh/ledger.ts";
import type { World } from "../mesh/world.ts";

/**
 * With more messages, the room's order decides which are the last 10,000: M4 checks that these are the same
 * everywhere.
 */
const SURELY_KEPT = 9_000;

export class LateOnesCatchUp implements MeshChecker {
  readonly name = "M2";

  atAnswers(world: World): void {
    const { said: all } = world.ledger;
    if (all.length > SURELY_KEPT) return;
    const alive = new Set<Said>();
    for (const { member } of world.judged()) {
      for (const said of member.shown.held()) {
        alive.add(said);
      }
    }
    for (const { member, history } of world.judged()) {
      if (history === null) throw new Violation(this.name, `${member.label} showed no history`);
      // What liars make up may fill it: members that no invite keeps out can push others' messages out.
      if (history.length > SURELY_KEPT) continue;
      const kept = new Set(history.map(({ text }) => text));
      for (const said of alive) {
        if (kept.has(said.text) || member.withheld.has(said)) continue;
        throw new Violation(
          this.name,
          `the history of ${member.label} (${history.length} messages) lacks "${said.text}"`,
        );
      }
    }
  }
}
