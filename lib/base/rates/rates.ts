/** Token buckets by key: somebody who leaves and returns finds the bucket as they left it, not a fresh burst. */

import { dropOldest } from "../collections/bounded.ts";
import { TokenBucket } from "./token_bucket.ts";

export class Rates<Key> {
  readonly #rates = new Map<Key, TokenBucket>();

  /** @param keysMax Keys remembered; the one first seen longest ago is forgotten first. */
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly keysMax: number,
  ) {}

  has(key: Key): boolean {
    return this.#rates.has(key);
  }

  /** Whether `tokens` could be taken now. Takes none, and doesn't make the key remembered. */
  allows(key: Key, nowMs: number, tokens = 1): boolean {
    return (this.#rates.get(key)?.available(nowMs) ?? this.burst) >= tokens;
  }

  take(key: Key, nowMs: number, tokens = 1): boolean {
    let rate = this.#rates.get(key);
    if (rate === undefined) {
      rate = new TokenBucket(this.perSecond, this.burst);
      this.#rates.set(key, rate);
      dropOldest(this.#rates, this.keysMax);
    }
    return rate.take(nowMs, tokens);
  }
}
