/** Which members owe something, and since when they have made no progress. */

import type { PeerKey } from "../../../base/ids.ts";

export class Laggards {
  readonly #sinceMs = new Map<PeerKey, number>();

  /** The member owes something from now on, unless it does already. */
  owes(key: PeerKey, nowMs: number): void {
    if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
  }

  /** The member made progress. @param isOwing Whether it still owes something. */
  progressed(key: PeerKey, isOwing: boolean, nowMs: number): void {
    if (isOwing) this.#sinceMs.set(key, nowMs);
    else this.#sinceMs.delete(key);
  }

  /** Only this member owes something; null: nobody does. */
  only(key: PeerKey | null, nowMs: number): void {
    for (const other of this.#sinceMs.keys()) if (other !== key) this.#sinceMs.delete(other);
    if (key !== null) this.owes(key, nowMs);
  }

  /** Members that have made no progress for this long. */
  overdue(afterMs: number, nowMs: number): readonly PeerKey[] {
    return [...this.#sinceMs].flatMap(([key, sinceMs]) => sinceMs + afterMs <= nowMs ? [key] : []);
  }

  /** When the next member becomes overdue that isn't yet; null where none will. */
  nextMs(afterMs: number, nowMs: number): number | null {
    let next = Infinity;
    for (const sinceMs of this.#sinceMs.values()) {
      if (sinceMs + afterMs > nowMs) next = Math.min(next, sinceMs + afterMs);
    }
    return next === Infinity ? null : next;
  }
}
