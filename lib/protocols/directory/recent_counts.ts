/** How often each of many did something within the last so many ms: the latest of them are remembered. */

import { dropOldest } from "../../base/bounded.ts";

export class RecentCounts {
  readonly #atMs = new Map<string, number[]>();

  /**
   * @param max For each, within `withinMs`.
   * @param keysMax How many are remembered; the one that did nothing for longest is forgotten first.
   */
  constructor(readonly max: number, readonly withinMs: number, readonly keysMax: number) {}

  get size(): number {
    return this.#atMs.size;
  }

  /** How long it is until it may do it again; 0: at once. */
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

  /** It came to nothing: the last one doesn't count. */
  takeBack(key: string): void {
    this.#atMs.get(key)?.pop();
  }
}
