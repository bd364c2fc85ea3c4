/**
 * What users and the operator are told about the group is right: a member shows no entry as new before it is in a
 * view, and none typed since then as old; in the end each member was told the last view and that the coordinator is
 * up, and the operator was told the latest state that all share.
 */

import type {
  CoordinatorEvent,
  MemberEvent,
} from "../../../../lib/protocols/group/schema/events.ts";
import type { Checker, MessageEvent } from "../checker.ts";
import { withoutLie } from "../liar.ts";
import type { MemberProcess } from "../member_process.ts";
import { Violation } from "../violation.ts";
import type { MemberParty, World } from "../world.ts";

interface Told {
  /** When its user was first told of a view. */
  inSinceMs: number;
  /** The names in the last view that its user was told. */
  view: readonly string[];
  coordinator: "up" | "down" | null;
}

export class ToldWhatIs implements Checker {
  readonly #told = new WeakMap<MemberProcess, Told>();
  /** The number of the last entry that all share, as the operator was told. */
  #consistent = 0;

  started(process: MemberProcess): void {
    this.#told.set(process, { inSinceMs: Infinity, view: [], coordinator: null });
  }

  shown(process: MemberProcess, { seq, text, history }: MessageEvent): void {
    const { world, name } = process;
    const { inSinceMs } = this.#told.get(process)!;
    if (!history && inSinceMs === Infinity) {
      throw new Violation(`${name} shows entry ${seq} as new before it is in a view`);
    }
    // Entries of a log that replaces one that was set aside are shown as old, too.
    const isOld = history && world.history.forksMax === 0;
    if (isOld && world.history.find(withoutLie(text))!.atMs > inSinceMs) {
      throw new Violation(`${name} shows entry ${seq}, said since it is in a view, as old`);
    }
  }

  told(process: MemberProcess, event: MemberEvent): void {
    const told = this.#told.get(process)!;
    if (event.event === "view") {
      told.view = event.members;
      told.inSinceMs = Math.min(told.inSinceMs, process.world.time.nowMs);
    }
    if (event.event === "coordinator") told.coordinator = event.state;
  }

  operatorTold(_world: World, event: CoordinatorEvent): void {
    if (event.event === "consistent") this.#consistent = event.seq;
  }

  settled({ history }: World, members: readonly MemberParty[]): void {
    const names = members.map(({ name }) => name).sort().join(", ");
    for (const { name, process } of members) {
      if (process === null) continue;
      const { view, coordinator } = this.#told.get(process)!;
      const told = view.toSorted().join(", ");
      if (told !== names) {
        throw new Violation(`${name} is told that [${told}] are in the view, not [${names}]`);
      }
      if (coordinator === "down") {
        throw new Violation(`${name} isn't told that the coordinator is up`);
      }
    }
    const { length } = history.entries;
    // After a history was given up, it is unknown how much of it the operator was told.
    if (members.length > 0 && history.forksMax === 0 && this.#consistent !== length) {
      throw new Violation(`the operator is told that ${this.#consistent} of ${length} are shared`);
    }
  }
}
