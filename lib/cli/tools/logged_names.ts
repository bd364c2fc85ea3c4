/** Who had which name in a group's log, and when, according to the views that are recorded in it. */

import { fingerprintOf, startApart } from "../../base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import { inWords } from "../../base/text/words.ts";
import type { NamedKey } from "../../protocols/group/schema/edit.ts";
import type { SignedBatch } from "../../protocols/group/schema/history.ts";

/** A name, and a key that had it. */
export interface LoggedName {
  readonly name: string;
  readonly key: PeerKey;
  /** The number of the first entry that could be said under it. */
  readonly from: number;
}

/** Names that are written alike count as one. */
export class LoggedNames {
  readonly #byName = new Map<FoldedName, LoggedName[]>();
  readonly #all: LoggedName[] = [];

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
    const added = { name, key, from };
    this.#byName.set(folded, [...known, added]);
    this.#all.push(added);
  }

  /** The name of somebody, with the start of the key where another key had that name, too. */
  readonly shown = ({ name, key }: NamedKey): string => {
    const namesakes = new Set(this.#byName.get(foldName(name))?.map((one) => one.key));
    namesakes.delete(key);
    if (namesakes.size === 0) return name;
    return `${name}~${startApart(fingerprintOf(key), namesakes, fingerprintOf)}`;
  };
}

/** Who had which name since when, and a warning for each name that several keys had. */
export function namesText(names: readonly LoggedName[]): string {
  const byName = Map.groupBy(names, ({ name }) => foldName(name));
  const shared = [...byName.values()].filter((all) => all.length > 1);
  return shared.map((all) => {
    const keys = all.map(({ key, from }) => `${fingerprintOf(key)} (from entry ${from} on)`);
    return `warning: ${keys.length} keys had the name ${shownName(all[0]!.name)}: ${
      inWords(keys)
    }; they may be different people\n`;
  }).join("");
}
