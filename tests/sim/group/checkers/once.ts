/** G4: a text is an entry at most once; and once it is, if its author's process lives, or left it on its disk. */

import type { Entry } from "../../../../lib/protocols/group/history.ts";
import { label, type Said } from "../canonical_history.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import type { MemberParty, World } from "../world.ts";

export class Once implements Checker {
  placed({ seq }: Entry, said: Said): void {
    // An old state of the disk doesn't know that it was said.
    if (said.seq === null || said.by.isDamaged || said.by.hasLied) return;
    throw new Violation(`G4: "${label(said.text)}" is entry ${said.seq}, and entry ${seq}`);
  }

  settled({ history }: World, members: readonly MemberParty[]): void {
    for (const { seq, excused, text, by } of history.said) {
      if (seq === null && !excused && members.includes(by)) {
        throw new Violation(`G4: "${label(text)}" is no entry`);
      }
    }
  }
}
