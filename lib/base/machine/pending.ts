/**
 * Operations that a machine has requested of its host (writes, reads, questions): the host answers each in a later
 * step, by token.
 */

/** The continuation of a write. */
export interface WriteOutcome {
  /** The records are on disk. */
  done(): void;
  /** The disk refused the records; `text` says why. */
  failed(text: string): void;
}

export class Pending<Following> {
  /** The continuations by token. The host answers every request, so there are no more than open requests. */
  readonly #following = new Map<number, Following>();
  /** The token given out last; 0 before the first. */
  #lastToken = 0;

  get size(): number {
    return this.#following.size;
  }

  get lastToken(): number {
    return this.#lastToken;
  }

  /** The continuations that wait, the oldest first. */
  all(): IterableIterator<Following> {
    return this.#following.values();
  }

  /** Registers a continuation. @returns Its token: one more than the last. */
  add(following: Following): number {
    this.#following.set(++this.#lastToken, following);
    return this.#lastToken;
  }

  /** Removes the continuation of `token`, which was answered. @returns It; undefined for an unknown or null token. */
  take(token: number | null): Following | undefined {
    if (token === null) return undefined;
    const following = this.#following.get(token);
    this.#following.delete(token);
    return following;
  }

  /** Drops all continuations, so that late answers are ignored. Tokens are never reused. */
  forget(): void {
    this.#following.clear();
  }
}
