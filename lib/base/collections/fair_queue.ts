/**
 * A bounded queue that serves its users in turn, however many items one of them has waiting (round robin; Nagle, On
 * Packet Switches With Infinite Storage, RFC 970). When it is full, a new item takes the place of one of the user
 * with the most items (longest queue drop), so that nobody can keep others out by adding many.
 */

/** An item that a full queue refuses. */
export interface Refused<Item> {
  readonly item: Item;
  /** `too-fast`: its user has more items waiting than others; `full`: there are too many users. */
  readonly code: "too-fast" | "full";
}

export class FairQueue<Item> {
  /** Waiting items by user, the next user in turn first; no list is empty. */
  readonly #waiting = new Map<string, Item[]>();
  #length = 0;

  /** @param lengthMax Items that may wait, at least 1. */
  constructor(readonly lengthMax: number) {}

  get length(): number {
    return this.#length;
  }

  /**
   * Adds an item behind the others of the user `from`.
   * @returns The item to be refused because of it, another or this one; null where none is.
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

  /** Removes and returns the next item in turn; null where none waits. */
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
