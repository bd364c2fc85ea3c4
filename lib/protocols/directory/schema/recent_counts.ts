/** Counts how often each of many keys did something within the last `withinMs`; remembers the latest keys. */

import { dropOldest } from "../../../base/collections/bounded.ts";

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
