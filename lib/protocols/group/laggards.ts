/** Who owes something, and since when it has done nothing toward it. */

import type { PeerKey } from "../../base/ids.ts";

export class Laggards {
  readonly #sinceMs = new Map<PeerKey, number>();

  /** From now on, unless it does already. */
  owes(key: PeerKey, nowMs: number): void {
    if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
  }

  /** It did some of it. @param isOwing Whether more is to come. */
  progressed(key: PeerKey, isOwing: boolean, nowMs: number): void {
    if (isOwing) this.#sinceMs.set(key, nowMs);
    else this.#sinceMs.delete(key);
  }

  /** Nobody but this one does; null: nobody. */
  only(key: PeerKey | null, nowMs: number): void {
    for (const other of this.#sinceMs.keys()) if (other !== key) this.#sinceMs.delete(other);
    if (key !== null) this.owes(key, nowMs);
  }

  /** Those who have done nothing for so long. */
  overdue(afterMs: number, nowMs: number): readonly PeerKey[] {
    return [...this.#sinceMs].flatMap(([key, sinceMs]) => sinceMs + afterMs <= nowMs ? [key] : []);
  }

  /** When the next one is overdue that isn't yet; null where nobody will be. */
  nextMs(afterMs: number, nowMs: number): number | null {
    let next = Infinity;
    for (const sinceMs of this.#sinceMs.values()) {
      if (sinceMs + afterMs > nowMs) next = Math.min(next, sinceMs + afterMs);
    }
    return next === Infinity ? null : next;
  }

  /** We stood still: what came meanwhile isn't taken yet. */
  postpone(delayMs: number): void {
    for (const [key, sinceMs] of this.#sinceMs) this.#sinceMs.set(key, sinceMs + delayMs);
  }
}
