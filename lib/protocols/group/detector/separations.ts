/**
 * Who didn't hear whom of late. A complaint alone doesn't show which of the two is at fault, so it is held against
 * both, once for each pair however often it is made: who is at fault, or lies, is soon cut off from more than any of
 * the others, and a member that has been driven out by it goes on counting.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { ATTENDEES_MAX, REMEMBERED_MAX, SEPARATIONS_KEPT_MS } from "../schema/limits.ts";

export class Separations {
  /** For each key those from which it was cut off, and when that was last so. */
  readonly #byKey = new Map<PeerKey, Map<PeerKey, number>>();

  /** One of the two doesn't hear the other. */
  note(a: PeerKey, b: PeerKey, nowMs: number): void {
    this.#note(a, b, nowMs);
    this.#note(b, a, nowMs);
  }

  #note(one: PeerKey, other: PeerKey, nowMs: number): void {
    const others = this.#byKey.get(one) ?? new Map<PeerKey, number>();
    this.#byKey.delete(one);
    this.#byKey.set(one, others);
    dropOldest(this.#byKey, REMEMBERED_MAX);
    others.delete(other);
    others.set(other, nowMs);
    dropOldest(others, ATTENDEES_MAX);
  }

  /** From how many it was cut off of late. */
  of(key: PeerKey, nowMs: number): number {
    return [...this.#byKey.get(key)?.keys() ?? []].filter((other) => this.has(key, other, nowMs))
      .length;
  }

  has(a: PeerKey, b: PeerKey, nowMs: number): boolean {
    const lastMs = this.#byKey.get(a)?.get(b);
    return lastMs !== undefined && nowMs - lastMs < SEPARATIONS_KEPT_MS;
  }

  /** It was dead: that others haven't heard it since is no fault of theirs. */
  explained(key: PeerKey, sinceMs: number): void {
    for (const others of this.#byKey.values()) {
      if ((others.get(key) ?? -Infinity) > sinceMs) others.delete(key);
    }
  }

  /** The operator has removed it: what others had with it doesn't count any more. */
  forget(key: PeerKey): void {
    this.explained(key, -Infinity);
    this.#byKey.delete(key);
  }
}
