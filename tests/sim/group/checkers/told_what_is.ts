/**
 * What users and the operator are told of the group is so: nothing is new to a member before it is in a view, and
 * nothing that is said since is old; in the end each has been told the last view and that the coordinator is up, and
 * the operator of the newest state that all share.
 */

import type { CoordinatorEvent, MemberEvent } from "../../../../lib/protocols/group/events.ts";
import type { Checker, MessageEvent } from "../checker.ts";
import { withoutLie } from "../liar.ts";
import type { MemberProcess } from "../member_process.ts";
import { Violation } from "../violation.ts";
import type { MemberParty, World } from "../world.ts";

interface Told {
  /** When its user was told of a view for the first time. */
  inSinceMs: number;
  /** Names, in the last one that it was told of. */
  view: readonly string[];
  coordinator: "up" | "down" | null;
}

export class ToldWhatIs implements Checker {
  readonly #told = new WeakMap<MemberProcess, Told>();
  /** Number of the last entry that all share, as the operator was told. */
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
    // Where a log was set aside for another one, what that has is old, too.
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
    // Of a history that was given up nobody knows how much the operator was told.
    if (members.length > 0 && history.forksMax === 0 && this.#consistent !== length) {
      throw new Violation(`the operator is told that ${this.#consistent} of ${length} are shared`);
    }
  }
}
