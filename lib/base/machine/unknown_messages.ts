import { UNKNOWN_MESSAGES_MAX } from "./mode_limits.ts";
import { TokenBucket } from "../rates/token_bucket.ts";

/**
 * What one link brings that isn't understood, and what it answers that it doesn't understand: a newer program says a
 * few things that this version ignores, a flood of them ends the link.
 */
export class UnknownMessages {
  readonly #bucket = new TokenBucket(UNKNOWN_MESSAGES_MAX / 60, UNKNOWN_MESSAGES_MAX);

  /** Counts one more. @returns What is wrong with that; null where it is ignored. */
  fault(nowMs: number): string | null {
    return this.#bucket.take(nowMs) ? null : "too many messages of unknown types";
  }
}
