/** Names in order, searched page by page: keyset pagination, as each page begins after the last name of the one before. */

import type { FoldedName } from "../../../base/ids.ts";

interface NamePage {
  readonly names: readonly FoldedName[];
  /** Whether there are more behind these. */
  readonly hasMore: boolean;
  /** How many names were looked at: what the page has cost. */
  readonly visited: number;
}

export class NameIndex {
  /** By code units, each once. Adding one moves those behind it: 20 us where there are 100,000. */
  readonly #names: FoldedName[] = [];

  get size(): number {
    return this.#names.length;
  }

  set(name: FoldedName, isIn: boolean): void {
    const at = this.#placeOf(name);
    const wasIn = this.#names[at] === name;
    if (isIn && !wasIn) this.#names.splice(at, 0, name);
    if (!isIn && wasIn) this.#names.splice(at, 1);
  }

  /** The first `max` names behind `after` that contain `part`; the empty text comes before all, and is part of all. */
  page(part: FoldedName, after: FoldedName, max: number): NamePage {
    const names: FoldedName[] = [];
    let at = this.#placeOf(after);
    if (this.#names[at] === after) at += 1;
    const beganAt = at;
    for (; at < this.#names.length; at++) {
      const name = this.#names[at]!;
      if (!name.includes(part)) continue;
      if (names.length === max) return { names, hasMore: true, visited: at - beganAt };
      names.push(name);
    }
    return { names, hasMore: false, visited: at - beganAt };
  }

  /** Where the name stands, or would stand. */
  #placeOf(name: FoldedName): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#names[middle]! < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
