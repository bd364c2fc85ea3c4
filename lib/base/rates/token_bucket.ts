/** A rate limit with a burst: how often others may cause work here. */

export class TokenBucket {
  #tokens: number;
  #filledAtMs: number | null = null;

  /**
   * @param perSecond Tokens added per second.
   * @param burst Tokens at first, and at most.
   */
  constructor(readonly perSecond: number, readonly burst: number) {
    this.#tokens = burst;
  }

  /** Takes `tokens` if available and returns true; otherwise takes none and returns false. */
  take(nowMs: number, tokens = 1): boolean {
    if (this.available(nowMs) < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** Takes `tokens` even if there are fewer: the balance goes negative and recovers with time. */
  spend(nowMs: number, tokens: number): void {
    this.#tokens = this.available(nowMs) - tokens;
  }

  /** Tokens available at `nowMs`; may be fractional, and negative after `spend`. */
  available(nowMs: number): number {
    const elapsedMs = nowMs - (this.#filledAtMs ?? nowMs);
    this.#tokens = Math.min(this.burst, this.#tokens + (elapsedMs * this.perSecond) / 1_000);
    this.#filledAtMs = nowMs;
    return this.#tokens;
  }
}
