/** Rate limits: how often others may cause work here, altogether or by key, with a burst or within a time. */

import { dropOldest } from "../collections/bounded.ts";

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

/** Buckets by key: somebody who leaves and returns finds the bucket as they left it, not a fresh burst. */
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

/** Counts how often each of many keys did something within the last `withinMs`; remembers the latest keys. */
export class RecentCounts {
  readonly #atMs = new Map<string, number[]>();

  /**
   * @param max How often each key may do it within `withinMs`.
   * @param keysMax How many keys are remembered; the one idle for longest is forgotten first.
   */
  constructor(readonly max: number, readonly withinMs: number, readonly keysMax: number) {}

  get size(): number {
    return this.#atMs.size;
  }

  /** How long the key must wait until it may do it again, in ms; 0: not at all. */
  waitMs(key: string, nowMs: number): number {
    const recent = (this.#atMs.get(key) ?? []).filter((atMs) => atMs + this.withinMs > nowMs);
    return recent.length < this.max ? 0 : (recent[0] ?? nowMs) + this.withinMs - nowMs;
  }

  add(key: string, nowMs: number): void {
    const recent = (this.#atMs.get(key) ?? []).filter((atMs) => atMs + this.withinMs > nowMs);
    this.#atMs.delete(key);
    this.#atMs.set(key, [...recent, nowMs]);
    dropOldest(this.#atMs, this.keysMax);
  }

  /** It came to nothing: the last time doesn't count. */
  takeBack(key: string): void {
    this.#atMs.get(key)?.pop();
  }
}
