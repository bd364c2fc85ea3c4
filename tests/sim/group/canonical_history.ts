/** What was typed, and the one history that all logs must be beginnings of: the longest that there ever was. */

import type { Hash } from "../../../lib/base/ids.ts";
import type { Entry } from "../../../lib/protocols/group/history.ts";
import type { MemberProcess } from "./member_process.ts";
import { Violation } from "./violation.ts";
import type { MemberParty } from "./world.ts";

/** One text that was typed; it is like no other. */
export interface Said {
  /** Counts what its author typed, in all processes. */
  readonly number: number;
  readonly text: string;
  readonly by: MemberParty;
  readonly process: MemberProcess;
  /** Number of the last entry that its author had been shown. */
  readonly after: number;
  readonly atMs: number;
  /** Its entry's number; null while it is none. */
  seq: number | null;
  /** It may get lost: nothing of it was on disk when its author's process ended, or a disk was damaged. */
  excused: boolean;
}

export class CanonicalHistory {
  readonly digests: Hash[] = [];
  readonly entries: Said[] = [];
  readonly said: Said[] = [];
  readonly #byText = new Map<string, Said>();
  /** Of all branches: who was left with one that was given up may write it again. */
  readonly #everSeen = new Set<Hash>();
  /** How often histories may part: disks were damaged, or the operator gave up what was only on some. */
  forksMax = 0;

  say(said: Said): void {
    this.said.push(said);
    this.#byText.set(said.text, said);
  }

  find(text: string): Said | undefined {
    return this.#byText.get(text);
  }

  /** @returns What was said there, where the entry is new; null where it is known. */
  take(who: string, entry: Entry): Said | null {
    const at = entry.position - 1;
    const known = this.digests[at];
    if (known === entry.digest || this.#everSeen.has(entry.digest)) return null;
    this.#everSeen.add(entry.digest);
    if (known !== undefined) this.#fork(who, entry);
    if (entry.position !== this.digests.length + 1) {
      if (this.forksMax > 0) return this.#givenUp(entry);
      throw new Violation(`G1: ${who} has entry ${entry.position} with a history that nobody had`);
    }
    const said = this.#byText.get(entry.text);
    if (said === undefined) throw new Violation(`${who} has what nobody typed`);
    this.digests.push(entry.digest);
    this.entries.push(said);
    return said;
  }

  /** It is of the branch that was given up. */
  #givenUp({ text }: Entry): null {
    const said = this.#byText.get(text);
    if (said !== undefined) said.excused = true;
    return null;
  }

  #fork(who: string, { position, text }: Entry): void {
    const other = this.entries[position - 1]!;
    if (this.forksMax === 0) {
      throw new Violation(
        `G1: entry ${position} is "${label(text)}" at ${who}, elsewhere "${label(other.text)}"`,
      );
    }
    for (const said of this.entries.splice(position - 1)) said.seq = null;
    for (const said of this.said) said.excused = true;
    this.digests.length = position - 1;
  }
}

/** A text as messages name it. */
export function label(text: string): string {
  return text.split(" ")[0]!;
}
