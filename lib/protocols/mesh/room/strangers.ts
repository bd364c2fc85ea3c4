/**
 * Authors that write and aren't in the room, as far as is known. A few have just left; many are made up by somebody,
 * and each writes too little to be named (`talkers.ts`). Who makes them up can't be told, only which neighbour brings
 * their messages first.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { STRANGERS_MANY, STRANGERS_MAX } from "../schema/limits.ts";

const WINDOW_MS = 60_000;

/** What users are told of such authors. */
export interface StrangersTold {
  readonly authors: number;
  /** The neighbour that brought the messages of most of them first, and of how many. */
  readonly by: PeerKey;
  readonly theirs: number;
}

export class Strangers {
  /** By author, the neighbour that brought its first message within the minute; at most `STRANGERS_MAX`. */
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

  /** What to tell; null where there are no more than may have just left, or be about to come. */
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
