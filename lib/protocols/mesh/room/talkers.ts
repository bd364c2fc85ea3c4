/** Which authors write more than anybody reads, so that users know who it is. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import {
  STRANGERS_MANY,
  STRANGERS_MAX,
  TALK_BYTES_MAX,
  TALK_MESSAGES_MAX,
  TALKERS_MAX,
} from "../schema/limits.ts";

const WINDOW_MS = 60_000;

interface Talk {
  messages: number;
  bytes: number;
  readonly sinceMs: number;
}

/** How much an author wrote, and the neighbour that brought it. */
export interface Heard {
  readonly author: PeerKey;
  readonly from: PeerKey | null;
  readonly messages: number;
  readonly bytes: number;
}

export class Talkers {
  /** Authors that aren't here, each of which may write little. */
  readonly strangers: Strangers;
  /** By author; at most `TALKERS_MAX`, the earliest begun is dropped first. */
  readonly #talks = new Map<PeerKey, Talk>();

  /** @param isHere Whether an author is in the room. */
  constructor(isHere: (author: PeerKey) => boolean) {
    this.strangers = new Strangers(isHere);
  }

  /**
   * Notes messages of an author.
   * @returns Whether the user is to be told that the author writes too much: once a minute.
   */
  said({ author, from, messages, bytes }: Heard, nowMs: number): boolean {
    if (from !== null) this.strangers.said(author, from, nowMs);
    let talk = this.#talks.get(author);
    if (talk === undefined || nowMs - talk.sinceMs >= WINDOW_MS) {
      this.#talks.delete(author);
      this.#talks.set(author, talk = { messages: 0, bytes: 0, sinceMs: nowMs });
      dropOldest(this.#talks, TALKERS_MAX);
    }
    const wasToo = isTooMuch(talk);
    talk.messages += messages;
    talk.bytes += bytes;
    return !wasToo && isTooMuch(talk);
  }

  /** The authors that have written too much within a minute that isn't over. */
  loud(nowMs: number): readonly PeerKey[] {
    const loud = this.#talks.entries().filter(([, talk]) =>
      isTooMuch(talk) && nowMs - talk.sinceMs < WINDOW_MS
    );
    return loud.map(([author]) => author).toArray();
  }
}

function isTooMuch({ messages, bytes }: Talk): boolean {
  return messages > TALK_MESSAGES_MAX || bytes > TALK_BYTES_MAX;
}

/** What users are told of such authors. */
export interface StrangersTold {
  readonly authors: number;
  /** The neighbour that brought the messages of most of them first, and of how many. */
  readonly by: PeerKey;
  readonly theirs: number;
}

/**
 * Authors that write and aren't in the room, as far as is known. A few have just left; many are made up by somebody,
 * and each writes too little to be named. Who makes them up can't be told, only which neighbour brings
 * their messages first.
 */
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
