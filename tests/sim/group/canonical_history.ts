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

/** An entry where somebody first had it. */
interface Place {
  readonly before: Hash;
  readonly position: number;
  readonly seq: number;
  readonly said: Said;
}

export class CanonicalHistory {
  readonly digests: Hash[] = [];
  readonly entries: Said[] = [];
  readonly said: Said[] = [];
  readonly #byText = new Map<string, Said>();
  /** Of all branches. */
  readonly #placed = new Map<Hash, Place>();
  /** How often histories may part: disks were damaged, or the operator gave up what was only on some. */
  forksMax = 0;

  say(said: Said): void {
    this.said.push(said);
    this.#byText.set(said.text, said);
  }

  find(text: string): Said | undefined {
    return this.#byText.get(text);
  }

  /**
   * @param before The digest before the entry.
   * @returns What was said there, where the entry is new; null where it is known.
   */
  take(who: string, before: Hash, entry: Entry): Said | null {
    const { position, digest, seq, text } = entry;
    // Who was left with a branch that was given up may write it again.
    if (this.#placed.has(digest)) return null;
    const said = this.#byText.get(text);
    if (said === undefined) throw new Violation(`${who} has what nobody typed`);
    const isNext = position === this.digests.length + 1 &&
      (position === 1 || this.digests.at(-1) === before);
    if (!isNext) this.#fork(who, before, entry);
    this.#placed.set(digest, { before, position, seq, said });
    this.digests.push(digest);
    this.entries.push(said);
    return said;
  }

  /** The history goes on in another branch. */
  #fork(who: string, before: Hash, { position, text }: Entry): void {
    if (this.forksMax === 0) {
      const other = this.entries[position - 1];
      throw new Violation(
        other === undefined
          ? `G1: ${who} has entry ${position} with a history that nobody had`
          : `G1: entry ${position} is "${label(text)}" at ${who}, elsewhere "${label(other.text)}"`,
      );
    }
    const branch: Hash[] = [];
    let digest = before;
    let place = this.#placed.get(digest);
    while (place !== undefined && this.digests[place.position - 1] !== digest) {
      branch.push(digest);
      digest = place.before;
      place = this.#placed.get(digest);
    }
    const shared = place?.position ?? 0;
    for (const said of this.entries.splice(shared)) said.seq = null;
    for (const said of this.said) said.excused = true;
    this.digests.length = shared;
    for (const digest of branch.toReversed()) {
      const { said, seq } = this.#placed.get(digest)!;
      said.seq = seq;
      this.digests.push(digest);
      this.entries.push(said);
    }
  }
}

/** A text as messages name it. */
export function label(text: string): string {
  return text.split(" ")[0]!;
}
