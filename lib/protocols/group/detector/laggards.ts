/** Which members owe something, and since when they have made no progress. */

import type { PeerKey } from "../../../base/ids.ts";
import { mostLateMs, Slowness } from "../../../base/machine/slowness.ts";

export class Laggards {
  readonly #sinceMs = new Map<PeerKey, number>();
  /** How long each took for its next progress; at most one for each member. */
  readonly #slowness = new Map<PeerKey, Slowness>();

  /** How long most take for their next progress. */
  get lateMs(): number {
    return mostLateMs(this.#slowness.values());
  }

  /** The member owes something from now on, unless it does already. */
  owes(key: PeerKey, nowMs: number): void {
    if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
  }

  /** The member made progress. @param isOwing Whether it still owes something. */
  progressed(key: PeerKey, isOwing: boolean, nowMs: number): void {
    this.#took(key, nowMs);
    if (isOwing) this.#sinceMs.set(key, nowMs);
    else this.#sinceMs.delete(key);
  }

  /** Only this member owes something; null: nobody does. */
  only(key: PeerKey | null, nowMs: number): void {
    for (const other of this.#sinceMs.keys()) {
      if (other !== key) this.progressed(other, false, nowMs);
    }
    if (key !== null) this.owes(key, nowMs);
  }

  #took(key: PeerKey, nowMs: number): void {
    const sinceMs = this.#sinceMs.get(key);
    if (sinceMs === undefined) return;
    let slowness = this.#slowness.get(key);
    if (slowness === undefined) this.#slowness.set(key, slowness = new Slowness());
    slowness.came(nowMs - sinceMs, nowMs);
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
