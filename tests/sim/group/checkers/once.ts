/** G4: a text becomes at most one entry; and it does become one if its author's process lives on, or has stored it. */

import type { Entry } from "../../../../lib/protocols/group/schema/history.ts";
import { label, type Said } from "../canonical_history.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import type { MemberParty, World } from "../world.ts";

export class Once implements Checker {
  placed({ seq }: Entry, said: Said): void {
    // A restored disk doesn't know that the text was sent.
    if (said.seq === null || said.by.isDamaged || said.by.hasLied) return;
    // What only its author had was given up, with its log, for a history in which the text had been given up before.
    if (said.excused && said.by.hasLostLog) return;
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
