/**
 * One direction of what is relayed between two: bytes that they have sealed for each other. The sender sends no more
 * than the receiver has room for, so that the relay holds at most that, and forwards it at limited rates.
 */

import { type Bytes, concatBytes } from "../crypto/crypto.ts";
import type { TokenBucket } from "./token_bucket.ts";

interface RelayFlowLimits {
  /** Bytes that the receiver hasn't taken yet, at most. */
  readonly creditBytes: number;
  /** Bytes that are forwarded at once, at most; no rate's burst is smaller. */
  readonly pieceBytesMax: number;
}

export class RelayFlow {
  /** Bytes that came and haven't been forwarded yet. */
  #waiting: Bytes = new Uint8Array();
  /** Number of bytes that came and that the receiver hasn't taken yet. */
  #owedBytes = 0;

  /** @param rates Of bytes, perhaps shared with other flows: all of them hold. */
  constructor(readonly limits: RelayFlowLimits, readonly rates: readonly TokenBucket[]) {}

  /** Number of bytes that were forwarded and that the receiver hasn't taken yet. */
  get #passedBytes(): number {
    return this.#owedBytes - this.#waiting.length;
  }

  /** Whether nothing waits to be forwarded. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** @returns False where the sender had no room for so much, or sends nothing. */
  add(bytes: Uint8Array): boolean {
    const owedBytes = this.#owedBytes + bytes.length;
    if (bytes.length === 0 || owedBytes > this.limits.creditBytes) return false;
    this.#owedBytes = owedBytes;
    this.#waiting = concatBytes(this.#waiting, bytes);
    return true;
  }

  /** The receiver took so many bytes. @returns False where it wasn't sent so many, or takes none. */
  taken(bytes: number): boolean {
    if (bytes === 0 || bytes > this.#passedBytes) return false;
    this.#owedBytes -= bytes;
    return true;
  }

  /** The next piece that may be forwarded now; null: none. */
  next(nowMs: number): Bytes | null {
    const bytes = Math.min(this.#waiting.length, this.limits.pieceBytesMax);
    if (bytes === 0 || this.rates.some((rate) => rate.available(nowMs) < bytes)) return null;
    for (const rate of this.rates) rate.spend(nowMs, bytes);
    const piece = this.#waiting.subarray(0, bytes);
    this.#waiting = this.#waiting.subarray(bytes);
    return piece;
  }

  /** When the next piece may be forwarded; null: there is none. */
  dueMs(nowMs: number): number | null {
    const bytes = Math.min(this.#waiting.length, this.limits.pieceBytesMax);
    if (bytes === 0) return null;
    const waits = this.rates.map((rate) =>
      Math.ceil(((bytes - rate.available(nowMs)) * 1_000) / rate.perSecond)
    );
    return nowMs + Math.max(0, ...waits);
  }
}
