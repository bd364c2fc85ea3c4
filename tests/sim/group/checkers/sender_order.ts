/**
 * G3: the texts of each sender are entries in the order in which they were typed, in one process or several, and
 * each follows every entry that its author had been shown.
 */

import type { Entry } from "../../../../lib/protocols/group/schema/history.ts";
import { label, type Said } from "../canonical_history.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import type { MemberParty } from "../world.ts";

export class SenderOrder implements Checker {
  readonly #last = new Map<MemberParty, Said>();

  placed({ seq }: Entry, said: Said): void {
    const last = this.#last.get(said.by);
    if (said.excused || said.by.isDamaged || said.by.hasLied) return;
    if (last !== undefined && last.number > said.number) {
      throw new Violation(`G3: "${label(said.text)}" comes after "${label(last.text)}"`);
    }
    this.#last.set(said.by, said);
    // Where a history was given up, members that don't know that yet count entries differently.
    if (seq > said.after || said.process.world.history.forksMax > 0) return;
    throw new Violation(
      `G3: "${label(said.text)}" is entry ${seq}, and its author had seen entry ${said.after}`,
    );
  }
}
