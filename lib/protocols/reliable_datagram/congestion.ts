/**
 * How much may be in flight, and how fast it is sent: NewReno as RFC 9002, section 7, has it, with a floor of ten
 * packets; why no less, and nothing better: decisions/0005.
 */

import {
  BURST_BYTES,
  CONGESTION_BYTES_MAX,
  CONGESTION_BYTES_MIN,
  LOSS_REDUCTION,
  PACING_GAIN,
  PACING_QUANTUM_MS,
} from "./limits.ts";
import { DATAGRAM_BYTES_MAX } from "../sealed_datagram/limits.ts";

export class Congestion {
  #windowBytes = CONGESTION_BYTES_MIN;
  #thresholdBytes = Infinity;
  #inFlightBytes: number;
  /** Losses of packets sent before this belong to the same congestion event. */
  #recoveryFromMs = -Infinity;
  #tokens = BURST_BYTES;
  #filledAtMs = 0;

  /** @param inFlightBytes What is in flight already, on another path. */
  constructor(inFlightBytes = 0) {
    this.#inFlightBytes = inFlightBytes;
  }

  get windowBytes(): number {
    return this.#windowBytes;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Whether another packet may be in flight. */
  get hasRoom(): boolean {
    return this.#inFlightBytes + DATAGRAM_BYTES_MAX <= this.#windowBytes;
  }

  /** When the next packet may go out, as far as pacing goes; `nowMs` or before: now. */
  paceAtMs(nowMs: number, smoothedMs: number): number {
    const bytesPerMs = this.#bytesPerMs(smoothedMs);
    const burst = Math.max(BURST_BYTES, bytesPerMs * PACING_QUANTUM_MS);
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#filledAtMs) * bytesPerMs);
    this.#filledAtMs = nowMs;
    if (this.#tokens >= DATAGRAM_BYTES_MAX) return nowMs;
    return nowMs + (DATAGRAM_BYTES_MAX - this.#tokens) / bytesPerMs;
  }

  sent(bytes: number): void {
    this.#inFlightBytes += bytes;
    this.#tokens -= bytes;
  }

  /** A packet isn't in flight any more, which says nothing about the path. */
  forgotten(bytes: number): void {
    this.#inFlightBytes -= bytes;
  }

  /** Whether the window may be what limits sending; where it isn't, it needn't grow (RFC 9002, 7.8). */
  get isUsed(): boolean {
    return 2 * this.#inFlightBytes >= this.#windowBytes;
  }

  /** @param isUsed As it was before the acknowledgement came. */
  acknowledged(bytes: number, sentMs: number, isUsed: boolean): void {
    this.#inFlightBytes -= bytes;
    if (!isUsed || sentMs <= this.#recoveryFromMs) return;
    const isSlowStart = this.#windowBytes < this.#thresholdBytes;
    const growth = isSlowStart ? bytes : DATAGRAM_BYTES_MAX * bytes / this.#windowBytes;
    this.#windowBytes = Math.min(CONGESTION_BYTES_MAX, this.#windowBytes + growth);
  }

  lost(bytes: number, sentMs: number, nowMs: number): void {
    this.#inFlightBytes -= bytes;
    if (sentMs <= this.#recoveryFromMs) return;
    this.#recoveryFromMs = nowMs;
    this.#windowBytes = Math.max(CONGESTION_BYTES_MIN, this.#windowBytes * LOSS_REDUCTION);
    this.#thresholdBytes = this.#windowBytes;
  }

  /** Nothing came back for several timeouts: begin as at first (RFC 9002, 7.6). */
  collapsed(): void {
    this.#windowBytes = CONGESTION_BYTES_MIN;
  }

  #bytesPerMs(smoothedMs: number): number {
    return PACING_GAIN * this.#windowBytes / Math.max(smoothedMs, 0.1);
  }
}
