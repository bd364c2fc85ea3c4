/**
 * Pauses between attempts to reach somebody: each is half as long again as the one before, up to a bound, and jitter
 * keeps many who wait for the same from coming at one moment.
 */

const GROWTH = 1.5;

export class RetryPauses {
  #failures = 0;

  /**
   * @param minMs The first pause, at most.
   * @param maxMs The longest one.
   */
  constructor(readonly minMs: number, readonly maxMs: number) {}

  /** Whether an attempt has failed since the last `reset`. */
  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  /**
   * An attempt has failed.
   * @param random In [0, 1).
   * @param maxMs The longest pause this time.
   * @returns How long until the next one, ms.
   */
  failed(random: number, maxMs = this.maxMs): number {
    const pauseMs = Math.min(maxMs, this.minMs * GROWTH ** this.#failures++);
    return pauseMs * (0.5 + random / 2);
  }

  /** Something came of it: pauses are short again. */
  reset(): void {
    this.#failures = 0;
  }
}
