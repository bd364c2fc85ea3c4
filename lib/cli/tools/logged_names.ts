/** Who had which name in a group's log, and when, according to the views that are recorded in it. */

import { fingerprintOf, startApart } from "../../base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { LookAlikes } from "../../base/text/look_alikes.ts";
import { foldName, markImitation, shownName } from "../../base/text/names.ts";
import { inWords } from "../../base/text/words.ts";
import type { NamedKey } from "../../protocols/group/schema/edit.ts";
import type { SignedBatch } from "../../protocols/group/schema/history.ts";

/** A name, and a key that had it. */
export interface LoggedName {
  readonly name: string;
  readonly key: PeerKey;
  /** The number of the first entry that could be said under it. */
  readonly from: number;
  /** A name before it that this one looks like; null: a word that the program uses itself. Absent: it looks like none. */
  readonly looksLike?: string | null;
}

/** Names that are written alike count as one. */
export class LoggedNames {
  readonly #byName = new Map<FoldedName, LoggedName[]>();
  readonly #all: LoggedName[] = [];
  readonly #looks = new LookAlikes();

  /** In the order in which they came. */
  get all(): readonly LoggedName[] {
    return this.#all;
  }

  /** @param from The number of the entry that comes next. */
  seen({ batch: { value }, view }: SignedBatch, from: number): void {
    for (const { key, name } of view?.recorded.value.members ?? []) this.#add(name, key, from);
    for (const { signed, agreed } of value.edits) {
      const { requester, name } = signed.request.value;
      this.#add(name, requester, from);
      for (const { key, name } of agreed) this.#add(name, key, from);
    }
  }

  #add(name: string, key: PeerKey, from: number): void {
    const folded = foldName(name);
    const known = this.#byName.get(folded) ?? [];
    if (known.some((one) => one.key === key)) return;
    const looksLike = this.#looks.imitatedBy(name);
    const isImitation = this.#looks.note(name).length > 0 || looksLike !== null;
    const added = isImitation ? { name, key, from, looksLike } : { name, key, from };
    this.#byName.set(folded, [...known, added]);
    this.#all.push(added);
  }

  /** From now on the names that look like another are shown with the mark. */
  markImitations(): void {
    for (const { name, looksLike } of this.#all) if (looksLike !== undefined) markImitation(name);
  }

  /** The name of somebody, with the start of the key where another key had that name, too. */
  readonly shown = ({ name, key }: NamedKey): string => {
    const namesakes = new Set(this.#byName.get(foldName(name))?.map((one) => one.key));
    namesakes.delete(key);
    if (namesakes.size === 0) return name;
    return `${name}~${startApart(fingerprintOf(key), namesakes, fingerprintOf)}`;
  };
}

/** A warning for each name that several keys had, with who had it since when, and for each that looks like another. */
export function namesText(names: readonly LoggedName[]): string {
  return `${sharedText(names)}${alikeText(names)}`;
}

function alikeText(names: readonly LoggedName[]): string {
  const byName = new Map(names.toReversed().map((one) => [foldName(one.name), one]));
  return names.map(({ name, key, from, looksLike }) => {
    if (looksLike === undefined) return "";
    const other = looksLike === null ? undefined : byName.get(foldName(looksLike));
    const what = other === undefined
      ? "a word that the program uses itself"
      : `${shownName(other.name)} (${fingerprintOf(other.key)}); they may be different people`;
    const who = `${shownName(name)} (${fingerprintOf(key)}, from entry ${from} on)`;
    return `warning: ${who} looks like ${what}\n`;
  }).join("");
}

function sharedText(names: readonly LoggedName[]): string {
  const byName = Map.groupBy(names, ({ name }) => foldName(name));
  const shared = [...byName.values()].filter((all) => all.length > 1);
  return shared.map((all) => {
    const keys = all.map(({ key, from }) => `${fingerprintOf(key)} (from entry ${from} on)`);
    return `warning: ${keys.length} keys had the name ${shownName(all[0]!.name)}: ${
      inWords(keys)
    }; they may be different people\n`;
  }).join("");
}
