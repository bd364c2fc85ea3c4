/**
 * Who has come into the room only just, as this process has seen it: anybody can come in under any number of keys at
 * once, and what such crowds do is kept apart from what others do.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { ROSTER_MAX } from "../schema/limits.ts";

/** For so long somebody is new: longer than a crowd can be of use that is made for the moment. */
export const NEWCOMER_MS = 10 * 60_000;

export class Newcomers {
  /** When each key was first here. Of more than a room has, those that were here first are forgotten: they aren't new. */
  readonly #firstMs = new Map<PeerKey, number>();

  /** A member has come. @param wasHere Before we came ourselves. */
  came(key: PeerKey, wasHere: boolean, nowMs: number): void {
    if (this.#firstMs.has(key)) return;
    this.#firstMs.set(key, wasHere ? -Infinity : nowMs);
    dropOldest(this.#firstMs, ROSTER_MAX);
  }

  isNew(key: PeerKey, nowMs: number): boolean {
    return nowMs - (this.#firstMs.get(key) ?? -Infinity) < NEWCOMER_MS;
  }
}
