/** The time to the peer and back, as RFC 9002, section 5, estimates it. Each number is sent once, so no sample lies. */

import {
  ACK_DELAY_MS,
  GRANULARITY_MS,
  INITIAL_ROUND_TRIP_MS,
  PROBE_TIMEOUT_MS_MAX,
  TIME_THRESHOLD,
} from "./limits.ts";

export class RoundTrip {
  #latestMs = INITIAL_ROUND_TRIP_MS;
  #smoothedMs = INITIAL_ROUND_TRIP_MS;
  #variationMs = INITIAL_ROUND_TRIP_MS / 2;
  #minMs = Infinity;

  /** Smoothed; a guess before the first measurement. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  get isMeasured(): boolean {
    return this.#minMs < Infinity;
  }

  /**
   * The largest number of an acknowledgement took so long, of which it waited `delayMs` over there. Where it took longer
   * than any pause between probes something held it up, the peer's own stop among others: that is no length of the way.
   */
  measured(tookMs: number, delayMs: number): void {
    const sampleMs = Math.min(tookMs, PROBE_TIMEOUT_MS_MAX);
    this.#latestMs = sampleMs;
    if (!this.isMeasured) {
      this.#minMs = sampleMs;
      this.#smoothedMs = sampleMs;
      this.#variationMs = sampleMs / 2;
      return;
    }
    this.#minMs = Math.min(this.#minMs, sampleMs);
    // A peer can't make the way shorter than it ever was by saying that it waited.
    const waitedMs = Math.min(delayMs, ACK_DELAY_MS);
    const adjustedMs = sampleMs - waitedMs >= this.#minMs ? sampleMs - waitedMs : sampleMs;
    this.#variationMs = 3 / 4 * this.#variationMs +
      1 / 4 * Math.abs(this.#smoothedMs - adjustedMs);
    this.#smoothedMs = 7 / 8 * this.#smoothedMs + 1 / 8 * adjustedMs;
  }

  /** How long after a later packet's acknowledgement one isn't late any more but lost. */
  get lossDelayMs(): number {
    const longestMs = Math.max(this.#latestMs, this.#smoothedMs);
    return Math.max(TIME_THRESHOLD * longestMs, GRANULARITY_MS);
  }

  /** How long an acknowledgement is waited for, after so many probes in vain (RFC 9002, 6.2.1). */
  probeTimeoutMs(probes: number): number {
    const onceMs = this.#smoothedMs + Math.max(4 * this.#variationMs, GRANULARITY_MS) +
      ACK_DELAY_MS;
    return Math.min(onceMs * 2 ** probes, PROBE_TIMEOUT_MS_MAX);
  }
}
