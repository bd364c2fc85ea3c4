/**
 * Authors who speak and aren't in the room, as far as is known. A few have just left; many are made up by somebody,
 * each of whom says too little to be named (`talkers.ts`). Who makes them up nobody can tell, only by which neighbour
 * their words come first.
 */

import type { PeerKey } from "../../base/ids.ts";
import { STRANGERS_MANY, STRANGERS_MAX } from "./limits.ts";

const WINDOW_MS = 60_000;

/** What people are told of them. */
export interface StrangersTold {
  readonly authors: number;
  /** By whom the words of most of them came first, and of how many. */
  readonly by: PeerKey;
  readonly theirs: number;
}

export class Strangers {
  /** By author, who brought its first word within the minute; at most `STRANGERS_MAX`. */
  readonly #broughtBy = new Map<PeerKey, PeerKey>();
  #sinceMs = -Infinity;

  constructor(private readonly isHere: (author: PeerKey) => boolean) {}

  /** @param from The neighbour that brought it first. */
  said(author: PeerKey, from: PeerKey, nowMs: number): void {
    if (this.isHere(author)) return;
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#broughtBy.clear();
      this.#sinceMs = nowMs;
    }
    if (this.#broughtBy.size < STRANGERS_MAX && !this.#broughtBy.has(author)) {
      this.#broughtBy.set(author, from);
    }
  }

  /** Null where there are no more than may have just left, or be about to come. */
  told(nowMs: number): StrangersTold | null {
    if (nowMs - this.#sinceMs >= WINDOW_MS) return null;
    const counts = new Map<PeerKey, number>();
    let authors = 0;
    for (const [author, from] of this.#broughtBy) {
      if (this.isHere(author)) continue;
      authors++;
      counts.set(from, (counts.get(from) ?? 0) + 1);
    }
    const [most] = [...counts].sort(([, a], [, b]) => b - a);
    if (authors < STRANGERS_MANY || most === undefined) return null;
    return { authors, by: most[0], theirs: most[1] };
  }
}
