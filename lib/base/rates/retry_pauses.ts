/**
 * Pauses between attempts to reach somebody: exponential backoff (factor 1.5, up to a limit) with jitter, so that
 * many who wait for the same peer don't try at the same moment. And intervals with jitter, for the same reason.
 */

const GROWTH = 1.5;

export class RetryPauses {
  #failures = 0;

  /**
   * @param minMs The first pause, before jitter.
   * @param maxMs The longest pause, before jitter.
   */
  constructor(readonly minMs: number, readonly maxMs: number) {}

  /** Whether an attempt has failed since the last `reset`. */
  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  /**
   * Notes that an attempt has failed.
   * @param random In [0, 1).
   * @param maxMs The longest pause this time.
   * @returns The pause before the next attempt, ms.
   */
  failed(random: number, maxMs = this.maxMs): number {
    const pauseMs = Math.min(maxMs, this.minMs * GROWTH ** this.#failures++);
    return pauseMs * (0.5 + random / 2);
  }

  /** An attempt succeeded: pauses start again at the shortest. */
  reset(): void {
    this.#failures = 0;
  }
}

/**
 * A duration from 0.75 to 1.25 times `ms`.
 * @param random In [0, 1).
 */
export function jittered(ms: number, random: number): number {
  return ms * (0.75 + random / 2);
}
