/**
 * Back pressure from the slowest live member to the author's prompt: an author pauses rather than leave a
 * member so far behind that what it lacks is no longer kept. Members say in their beacons how far they are.
 *
 * One laggard holds an author up for 30 s at most; after that the room goes on, and the laggard is told how
 * many messages it has missed. Once it has caught up, it may hold the author up again.
 */

import type { PeerKey } from "../../../base/ids.ts";
import type { Behind } from "./order_io.ts";
import {
  LAGGARD_BYTES_MAX,
  LAGGARD_LOOK_MS,
  LAGGARD_MESSAGES_MAX,
  LAGGARD_PAUSE_MS_MAX,
} from "../schema/limits.ts";

/** For each of these members, how much of others' messages kept here comes after its room time. */
export type BehindOf = (latest: ReadonlyMap<PeerKey, number>) => ReadonlyMap<PeerKey, Behind>;

/** Members are looked at after so many own messages: few compared with what a member may be behind. */
const CHECK_MESSAGES = 256;

interface Laggard {
  readonly sinceMs: number;
  givenUp: boolean;
}

export class AuthorFlow {
  /** Room time of the last message of others that each live member has; bounded by the roster. */
  readonly #latest = new Map<PeerKey, number>();
  readonly #laggards = new Map<PeerKey, Laggard>();
  #sentSinceCheck = 0;
  /** Room time of our own last message. */
  #lastOwnTime = 0;
  /** Whether any member was heard of, or left, since the last look. */
  #hasNews = false;
  #waitedFor: readonly PeerKey[] = [];
  #lookedMs = -Infinity;

  constructor(readonly behindOf: BehindOf) {}

  /** A live member's beacon says how far it is. */
  heard(peer: PeerKey, latest: number): void {
    this.#latest.set(peer, Math.max(latest, this.#latest.get(peer) ?? 0));
    this.#hasNews = true;
  }

  left(peer: PeerKey): void {
    this.#latest.delete(peer);
    this.#laggards.delete(peer);
    this.#hasNews = true;
  }

  /** So many own messages were delivered here, the last one at this room time. */
  sent(messages: number, time: number): void {
    this.#sentSinceCheck += messages;
    this.#lastOwnTime = time;
  }

  /**
   * The members for which the author waits. Looking costs more the further members are behind: it is done now and then
   * while we write, and while we wait when something may have changed.
   */
  waitedFor(nowMs: number): readonly PeerKey[] {
    const mayChange = (this.nextMs() ?? Infinity) <= nowMs;
    if (this.#sentSinceCheck >= CHECK_MESSAGES || mayChange) {
      this.#sentSinceCheck = 0;
      this.#hasNews = false;
      this.#lookedMs = nowMs;
      this.#waitedFor = this.laggards(nowMs);
    }
    return this.#waitedFor;
  }

  /** Looks at all members again. @returns The ones for which the author waits. */
  laggards(nowMs: number): readonly PeerKey[] {
    for (const [peer, behind] of this.behindOf(this.#latest)) {
      if (behind.messages <= LAGGARD_MESSAGES_MAX && behind.bytes <= LAGGARD_BYTES_MAX) {
        this.#laggards.delete(peer);
      } else if (!this.#laggards.has(peer)) {
        this.#laggards.set(peer, { sinceMs: nowMs, givenUp: false });
      }
    }
    const waitedFor: PeerKey[] = [];
    for (const [peer, laggard] of this.#laggards) {
      laggard.givenUp ||= laggard.sinceMs + LAGGARD_PAUSE_MS_MAX <= nowMs;
      if (!laggard.givenUp) waitedFor.push(peer);
    }
    return waitedFor;
  }

  /** Whether this member has said that it has everything up to our last message. */
  hasOwn(peer: PeerKey): boolean {
    return (this.#latest.get(peer) ?? 0) >= this.#lastOwnTime;
  }

  /** When to look again, or the next laggard is given up; null where nobody is waited for. */
  nextMs(): number | null {
    const isLookDue = this.#hasNews && this.#waitedFor.length > 0;
    let next = isLookDue ? this.#lookedMs + LAGGARD_LOOK_MS : null;
    for (const { sinceMs, givenUp } of this.#laggards.values()) {
      if (givenUp) continue;
      const atMs = sinceMs + LAGGARD_PAUSE_MS_MAX;
      if (next === null || atMs < next) next = atMs;
    }
    return next;
  }
}
