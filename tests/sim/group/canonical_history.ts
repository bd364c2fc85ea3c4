/** The typed texts, and the canonical history: the longest there ever was, of which every log must be a prefix. */

import type { EditPolicy } from "../../../lib/protocols/group/schema/edit.ts";
import type { Hash } from "../../../lib/base/ids.ts";
import type {
  Entry,
  Placed,
  PlacedEdit,
  PlacedRules,
} from "../../../lib/protocols/group/schema/history.ts";
import { withoutLie } from "./liar.ts";
import type { MemberProcess } from "./member_process.ts";
import { Violation } from "./violation.ts";
import type { MemberParty } from "./world.ts";

/** A text that was typed; it is unique. */
export interface Said {
  /** Counts the author's texts over all its processes. */
  readonly number: number;
  readonly text: string;
  readonly by: MemberParty;
  readonly process: MemberProcess;
  /** The number of the last entry that its author had been shown. */
  readonly after: number;
  readonly atMs: number;
  /** The number of its entry; null before it has one. */
  seq: number | null;
  /** Whether it may be lost: it wasn't on disk when its author's process ended, or a disk was damaged. */
  excused: boolean;
}

/** An item of the history: an entry, an edit, or rules. */
type Item = { readonly said: Said; readonly seq: number } | PlacedEdit | PlacedRules;

/** An item's place where it was first seen; `before` is the digest before it. */
interface Place {
  readonly before: Hash;
  readonly position: number;
  readonly item: Item;
}

/** The new items of a batch. */
export interface Taken {
  readonly entries: readonly { readonly entry: Entry; readonly said: Said }[];
  readonly edits: readonly PlacedEdit[];
}

export class CanonicalHistory {
  readonly digests: Hash[] = [];
  readonly #items: Item[] = [];
  readonly entries: Said[] = [];
  readonly said: Said[] = [];
  readonly #byText = new Map<string, Said>();
  /** The places of all items, in all branches. */
  readonly #placed = new Map<Hash, Place>();
  /** How often histories may fork: disks were damaged, or the operator gave up what only some members had. */
  forksMax = 0;

  say(said: Said): void {
    this.said.push(said);
    this.#byText.set(said.text, said);
  }

  find(text: string): Said | undefined {
    return this.#byText.get(text);
  }

  /** A party has these items in its log. @param before The digest before them. @returns The items that are new. */
  take(who: string, before: Hash, { entries, edits, rules }: Placed): Taken {
    const taken = { entries: [] as { entry: Entry; said: Said }[], edits: [] as PlacedEdit[] };
    let last = before;
    for (const entry of entries) {
      const said = this.#byText.get(withoutLie(entry.text));
      if (said === undefined) throw new Violation(`${who} has what nobody typed`);
      if (this.#place(who, last, entry, { said, seq: entry.seq })) {
        this.entries.push(said);
        taken.entries.push({ entry, said });
      }
      last = entry.digest;
    }
    for (const edit of edits) {
      if (this.#place(who, last, edit, edit)) taken.edits.push(edit);
      last = edit.digest;
    }
    if (rules !== null) this.#place(who, last, rules, rules);
    return taken;
  }

  /** Who is asked about an edit at this position, by the last rules before it; null: as the group was founded. */
  policyAt(position: number): EditPolicy | null {
    const last = this.#items.slice(0, position - 1).findLast((item) => "rules" in item);
    return last !== undefined && "rules" in last ? last.rules.edits : null;
  }

  /** Adds an item. @returns Whether it is new. */
  #place(who: string, before: Hash, at: Pick<Entry, "position" | "digest">, item: Item): boolean {
    const { position, digest } = at;
    // A party left on an abandoned branch may write its items again.
    if (this.#placed.has(digest)) return false;
    const isNext = position === this.digests.length + 1 &&
      (position === 1 || this.digests.at(-1) === before);
    if (!isNext) this.#fork(who, before, position, item);
    this.#placed.set(digest, { before, position, item });
    this.digests.push(digest);
    this.#items.push(item);
    return true;
  }

  /** The canonical history switches to another branch. */
  #fork(who: string, before: Hash, position: number, item: Item): void {
    if (this.forksMax === 0) {
      const other = this.#items[position - 1];
      throw new Violation(
        other === undefined
          ? `G1: ${who} has position ${position} with a history that nobody had`
          : `G1: at ${position} ${who} has ${itemText(item)}, elsewhere it is ${itemText(other)}`,
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
    for (const item of this.#items.splice(shared)) if ("said" in item) item.said.seq = null;
    for (const said of this.said) said.excused = true;
    this.digests.length = shared;
    for (const digest of branch.toReversed()) {
      const { item } = this.#placed.get(digest)!;
      if ("said" in item) item.said.seq = item.seq;
      this.digests.push(digest);
      this.#items.push(item);
    }
    const entries = this.#items.flatMap((item) => "said" in item ? [item.said] : []);
    this.entries.splice(0, Infinity, ...entries);
  }
}

function itemText(item: Item): string {
  if ("rules" in item) return `rules ${item.rules.edits}`;
  return "said" in item ? `"${label(item.said.text)}"` : `edit ${item.edit.edit}`;
}

/** The short form of a text in violation messages. */
export function label(text: string): string {
  return text.split(" ")[0]!;
}
