/**
 * At most one deadline for each of many keys, in a binary heap. Each entry knows its place in the heap, so that
 * setting, moving and removing a deadline takes logarithmic time.
 */

interface Entry<Key> {
  readonly key: Key;
  atMs: number;
  /** Breaks ties between equal deadlines, so that a run can be repeated. */
  order: number;
  place: number;
}

/** Yields keys in the order of their deadlines; with equal deadlines, in the order in which they were first set. */
export class DeadlineQueue<Key> {
  readonly #heap: Entry<Key>[] = [];
  readonly #entries = new Map<Key, Entry<Key>>();
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Whether `key` has a deadline. */
  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Sets the deadline of `key` to `atMs`, replacing an earlier one; `null` removes it. */
  set(key: Key, atMs: number | null): void {
    const entry = this.#entries.get(key);
    if (atMs === null) {
      if (entry !== undefined) this.#remove(entry);
    } else if (entry === undefined) {
      const added = { key, atMs, order: this.#order++, place: this.#heap.length };
      this.#entries.set(key, added);
      this.#heap.push(added);
      this.#rise(added);
    } else if (entry.atMs !== atMs) {
      entry.atMs = atMs;
      this.#rise(entry);
      this.#sink(entry);
    }
  }

  nextMs(): number | null {
    return this.#heap[0]?.atMs ?? null;
  }

  /**
   * Removes and yields, one at a time, each key whose deadline is at or before `nowMs`, including deadlines set
   * while iterating.
   */
  *takeDue(nowMs: number): Generator<Key, void, undefined> {
    for (
      let first = this.#heap[0];
      first !== undefined && first.atMs <= nowMs;
      first = this.#heap[0]
    ) {
      this.#remove(first);
      yield first.key;
    }
  }

  #remove(entry: Entry<Key>): void {
    this.#entries.delete(entry.key);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    last.place = entry.place;
    this.#heap[last.place] = last;
    this.#rise(last);
    this.#sink(last);
  }

  #rise(entry: Entry<Key>): void {
    const heap = this.#heap;
    let { place } = entry;
    while (place > 0) {
      const parent = heap[(place - 1) >> 1]!;
      if (!isBefore(entry, parent)) break;
      heap[place] = parent;
      const up = parent.place;
      parent.place = place;
      place = up;
    }
    heap[place] = entry;
    entry.place = place;
  }

  #sink(entry: Entry<Key>): void {
    const heap = this.#heap;
    let { place } = entry;
    for (;;) {
      const left = heap[2 * place + 1];
      if (left === undefined) break;
      const right = heap[2 * place + 2];
      const least = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(least, entry)) break;
      heap[place] = least;
      const down = least.place;
      least.place = place;
      place = down;
    }
    heap[place] = entry;
    entry.place = place;
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
