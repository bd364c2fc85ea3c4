/** A rate with a burst: how often somebody else may make us do something. */

export class TokenBucket {
  #tokens: number;
  #filledAtMs: number | null = null;

  /**
   * @param perSecond Tokens that come back each second.
   * @param burst Tokens at first, and at most.
   */
  constructor(readonly perSecond: number, readonly burst: number) {
    this.#tokens = burst;
  }

  /** Takes `tokens` if there are as many; otherwise takes none and answers false. */
  take(nowMs: number, tokens = 1): boolean {
    if (this.available(nowMs) < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** Takes `tokens` whether there are as many or not: what is owed comes back first. */
  spend(nowMs: number, tokens: number): void {
    this.#tokens = this.available(nowMs) - tokens;
  }

  /** What can be taken at `nowMs`; not always a whole number, and below 0 where some are owed. */
  available(nowMs: number): number {
    const elapsedMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#tokens = Math.min(this.burst, this.#tokens + (elapsedMs * this.perSecond) / 1_000);
    this.#filledAtMs = nowMs;
    return this.#tokens;
  }
}
