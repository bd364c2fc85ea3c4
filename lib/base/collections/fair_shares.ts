/** Of one bound that several share: who has the most gives first, so that nobody pushes out what others have. */

/**
 * The most that each keeps, so that all together keep `sumMax`: who has less keeps all of it (max-min fairness).
 * Infinity where nobody has to give anything.
 */
export function fairShare(sizes: Iterable<number>, sumMax: number): number {
  const sorted = [...sizes].sort((a, b) => a - b);
  let left = sumMax;
  for (const [at, size] of sorted.entries()) {
    const share = left / (sorted.length - at);
    if (size > share) return share;
    left -= size;
  }
  return Infinity;
}

/** What each has of one bound that several share, while some of it goes. */
export class FairShares<Key> {
  readonly #sizes = new Map<Key, number>();
  /** The most that each keeps. */
  #share = Infinity;

  add(key: Key, size: number): void {
    this.#sizes.set(key, (this.#sizes.get(key) ?? 0) + size);
  }

  /** So much of it goes. */
  take(key: Key, size: number): void {
    this.add(key, -size);
  }

  get sum(): number {
    return this.#sizes.values().reduce((sum, size) => sum + size, 0);
  }

  /** From now on all together are to keep `sumMax`. */
  bound(sumMax: number): void {
    this.#share = fairShare(this.#sizes.values(), sumMax);
  }

  /** Whether this one has more than its share: then something of it goes. */
  isOver(key: Key): boolean {
    return this.#sizes.get(key)! > this.#share;
  }

  /** Whether this one has at least so much more than its share: then all of that goes. */
  isOverBy(key: Key, size: number): boolean {
    return this.#sizes.get(key)! - size >= this.#share;
  }
}
