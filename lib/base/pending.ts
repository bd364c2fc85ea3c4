/** What a machine waits for: writes, reads and questions that its host answers in a later step, each by its token. */

/** What follows a write. */
export interface WriteOutcome {
  /** It is on disk. */
  done(): void;
  /** The disk refused it; `text` says why. */
  failed(text: string): void;
}

export class Pending<Following> {
  /** Each is answered: bounded by what is asked for. */
  readonly #following = new Map<number, Following>();
  /** That of the last one; 0 before the first. */
  #lastToken = 0;

  get size(): number {
    return this.#following.size;
  }

  get lastToken(): number {
    return this.#lastToken;
  }

  /** @returns The token under which it is asked for: one more than the last. */
  add(following: Following): number {
    this.#following.set(++this.#lastToken, following);
    return this.#lastToken;
  }

  /** It is answered. @returns What follows; undefined for what isn't waited for, as what has no token. */
  take(token: number | null): Following | undefined {
    if (token === null) return undefined;
    const following = this.#following.get(token);
    this.#following.delete(token);
    return following;
  }

  /** Nothing of all that is waited for any more. No token is used twice. */
  forget(): void {
    this.#following.clear();
  }
}
