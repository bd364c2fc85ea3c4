/** The round trip, as RFC 9002, section 5, estimates it. Each packet number is sent once: no sample is ambiguous. */

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
   * A sample: the largest number of an acknowledgement took `tookMs`, of which the peer held it for `delayMs`. A sample
   * longer than any pause between probes is cut to that: something held it up, a stall of the peer perhaps, which is no
   * property of the path.
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
    // A peer can't make the path shorter than it ever was by saying that it waited.
    const waitedMs = Math.min(delayMs, ACK_DELAY_MS);
    const adjustedMs = sampleMs - waitedMs >= this.#minMs ? sampleMs - waitedMs : sampleMs;
    this.#variationMs = 3 / 4 * this.#variationMs +
      1 / 4 * Math.abs(this.#smoothedMs - adjustedMs);
    this.#smoothedMs = 7 / 8 * this.#smoothedMs + 1 / 8 * adjustedMs;
  }

  /** How long after its sending a packet counts as lost, once a later one was acknowledged. */
  get lossDelayMs(): number {
    const longestMs = Math.max(this.#latestMs, this.#smoothedMs);
    return Math.max(TIME_THRESHOLD * longestMs, GRANULARITY_MS);
  }

  /** How long to wait for an acknowledgement, after so many unanswered probes (RFC 9002, 6.2.1). */
  probeTimeoutMs(probes: number): number {
    const onceMs = this.#smoothedMs + Math.max(4 * this.#variationMs, GRANULARITY_MS) +
      ACK_DELAY_MS;
    return Math.min(onceMs * 2 ** probes, PROBE_TIMEOUT_MS_MAX);
  }
}
