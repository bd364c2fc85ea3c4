/**
 * Which changes of what members say of their users are told: of each member as many as somebody can read, and in the end the
 * last one. Whoever changes it without end is told of now and then, and hides nobody else's.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { isSamePresence, type Presence } from "../schema/structures.ts";

/** Of each member. */
const TOLD_PER_SECOND = 0.1;
const TOLD_BURST = 4;

interface Known {
  readonly rate: TokenBucket;
  told: Presence;
  latest: Presence;
}

export class PresenceNews {
  /** Of members that are here: as many as the roster has. */
  readonly #known = new Map<PeerKey, Known>();
  /** Those of which a later state than the one told is known. */
  readonly #waiting = new Set<PeerKey>();

  constructor(readonly tell: (key: PeerKey, presence: Presence) => void) {}

  /** A member has come, and the user is told so. */
  set(key: PeerKey, presence: Presence): void {
    const rate = this.#known.get(key)?.rate ?? new TokenBucket(TOLD_PER_SECOND, TOLD_BURST);
    this.#known.set(key, { rate, told: presence, latest: presence });
    this.#waiting.delete(key);
  }

  change(key: PeerKey, presence: Presence, nowMs: number): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.latest = presence;
    this.#waiting.add(key);
    this.#tell(key, known, nowMs);
  }

  left(key: PeerKey): void {
    this.#known.delete(key);
    this.#waiting.delete(key);
  }

  /** Tells what couldn't be told before: beacons come often enough for that. */
  stepEnds(nowMs: number): void {
    for (const key of this.#waiting) this.#tell(key, this.#known.get(key)!, nowMs);
  }

  #tell(key: PeerKey, known: Known, nowMs: number): void {
    const isNews = !isSamePresence(known.told, known.latest);
    if (isNews && !known.rate.take(nowMs)) return;
    this.#waiting.delete(key);
    known.told = known.latest;
    if (isNews) this.tell(key, known.latest);
  }
}
