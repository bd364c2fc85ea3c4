/**
 * Relayed calls at the directory: bytes that two clients, which can't reach each other, have sealed for each other.
 * Each sends no more than the other has room for, so the directory holds at most that, and forwards it at a limited
 * rate.
 */

import { type Bytes, concatBytes } from "../../base/crypto.ts";
import type { TokenBucket } from "../../base/token_bucket.ts";
import { RELAY_BYTES_MAX, RELAY_BYTES_PER_S, RELAY_CREDIT_BYTES } from "./limits.ts";

/** One direction. */
export class Flow {
  /** Bytes that came and haven't been forwarded yet. */
  #waiting: Bytes = new Uint8Array();
  /** Number of bytes that came and that the receiver hasn't taken yet. */
  #owedBytes = 0;

  /** @param rate The sender's, shared by all its calls: one that it has left may still go on for a moment. */
  constructor(readonly rate: TokenBucket) {}

  /** Number of bytes that were forwarded and that the receiver hasn't taken yet. */
  get #passedBytes(): number {
    return this.#owedBytes - this.#waiting.length;
  }

  /** @returns False where the sender had no room for so much, or sends nothing. */
  add(bytes: Uint8Array): boolean {
    if (bytes.length === 0 || this.#owedBytes + bytes.length > RELAY_CREDIT_BYTES) return false;
    this.#owedBytes += bytes.length;
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
    const bytes = Math.min(this.#waiting.length, RELAY_BYTES_MAX);
    if (bytes === 0 || !this.rate.take(nowMs, bytes)) return null;
    const piece = this.#waiting.subarray(0, bytes);
    this.#waiting = this.#waiting.subarray(bytes);
    return piece;
  }

  /** When the next piece may be forwarded; null: there is none. */
  dueMs(nowMs: number): number | null {
    const bytes = Math.min(this.#waiting.length, RELAY_BYTES_MAX);
    if (bytes === 0) return null;
    const lacking = bytes - this.rate.available(nowMs);
    return nowMs + Math.max(0, Math.ceil((lacking * 1_000) / RELAY_BYTES_PER_S));
  }
}
