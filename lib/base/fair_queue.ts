/**
 * A bounded queue whose places are shared fairly among those who wait: each in turn, however many one of them has
 * waiting (round robin; Nagle, On Packet Switches With Infinite Storage, RFC 970). When all places are taken, a
 * newcomer gets one from whoever has the most (longest queue drop), so that nobody can keep others out by waiting
 * often.
 */

/** What a full queue doesn't keep. */
export interface Refused<Item> {
  readonly item: Item;
  /** `too-fast`: who waits has more places than others; `full`: there are too many. */
  readonly code: "too-fast" | "full";
}

export class FairQueue<Item> {
  /** By who waits, the next in turn first; none is empty. */
  readonly #waiting = new Map<string, Item[]>();
  #length = 0;

  /** @param lengthMax Items that may wait, at least 1. */
  constructor(readonly lengthMax: number) {}

  get length(): number {
    return this.#length;
  }

  /**
   * Adds an item behind the others of the same `from`.
   * @returns What has to be refused for it: an item that waited, this one itself, or nothing.
   */
  add(from: string, item: Item): Refused<Item> | null {
    let refused: Refused<Item> | null = null;
    if (this.#length >= this.lengthMax) {
      const own = this.#waiting.get(from)?.length ?? 0;
      const longest = this.#longest();
      if (longest.length <= own + 1) return { item, code: own > 0 ? "too-fast" : "full" };
      refused = { item: longest.pop()!, code: "too-fast" };
      this.#length--;
    }
    const own = this.#waiting.get(from);
    if (own === undefined) this.#waiting.set(from, [item]);
    else own.push(item);
    this.#length++;
    return refused;
  }

  /** Takes the item whose turn it is; null where none waits. */
  next(): Item | null {
    for (const [from, items] of this.#waiting) {
      this.#waiting.delete(from);
      const item = items.shift()!;
      if (items.length > 0) this.#waiting.set(from, items);
      this.#length--;
      return item;
    }
    return null;
  }

  #longest(): Item[] {
    let longest: Item[] = [];
    for (const items of this.#waiting.values()) if (items.length > longest.length) longest = items;
    return longest;
  }
}
