/**
 * Fetching what neighbours' rosters have and ours lacks: from one neighbour at a time, some buckets at a
 * time. With all at once a newcomer to a room of 1,000 would be sent five rosters of 1 MB.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { INBOUND_LINKS_MAX, ROSTER_BUCKETS_AT_ONCE } from "./limits.ts";

/** A question to be put to a neighbour. */
export interface Pull {
  readonly peer: PeerKey;
  readonly buckets: readonly number[];
}

export class RosterPull {
  /** For each neighbour the hashes that haven't been compared yet, by bucket; null: ask in any case. */
  readonly #offers = new Map<PeerKey, Map<number, Hash | null>>();
  #open: { readonly peer: PeerKey; readonly buckets: Set<number>; untilMs: number } | null = null;

  /** A neighbour told its hashes. */
  offer(peer: PeerKey, hashes: readonly Hash[]): void {
    this.#offers.set(peer, new Map(hashes.entries())); // in the turn that it had
    dropOldest(this.#offers, 2 * INBOUND_LINKS_MAX);
  }

  /** A neighbour surely knows something in this bucket that we don't. */
  need(peer: PeerKey, bucket: number): void {
    const offer = this.#offers.get(peer);
    if (offer === undefined) this.#offers.set(peer, new Map([[bucket, null]]));
    else offer.set(bucket, null);
  }

  /** Whether parts of this bucket are awaited from this neighbour. */
  awaits(peer: PeerKey, bucket: number): boolean {
    return this.#open?.peer === peer && this.#open.buckets.has(bucket);
  }

  /** Whether something of what this neighbour told is still to be asked for, or awaited. */
  isOpenWith(peer: PeerKey): boolean {
    return this.#offers.has(peer) || this.#open?.peer === peer;
  }

  /** Parts go on coming: waits until `untilMs` for the next. */
  extend(untilMs: number): void {
    if (this.#open !== null) this.#open.untilMs = untilMs;
  }

  /** The last part of this bucket came. */
  bucketDone(bucket: number): void {
    this.#open?.buckets.delete(bucket);
    if (this.#open?.buckets.size === 0) this.#open = null;
  }

  /** The neighbour is gone. */
  drop(peer: PeerKey): void {
    this.#offers.delete(peer);
    if (this.#open?.peer === peer) this.#open = null;
  }

  /**
   * The next question, once the last one is answered.
   * @param hashesNow Our own hashes: what the last neighbour supplied isn't asked for again.
   * @param untilMs How long its answer is awaited.
   */
  next(hashesNow: () => readonly Hash[], untilMs: number): Pull | null {
    if (this.#open !== null || this.#offers.size === 0) return null;
    const own = hashesNow();
    for (const [peer, offer] of this.#offers) {
      const buckets: number[] = [];
      for (const [bucket, hash] of offer) {
        if (buckets.length === ROSTER_BUCKETS_AT_ONCE) break;
        // Compared once: it may go on differing for good reasons.
        offer.delete(bucket);
        if (hash !== own[bucket]) buckets.push(bucket);
      }
      // The others come first next time: a neighbour that offers without end, and answers nothing, holds up none.
      this.#offers.delete(peer);
      if (offer.size > 0) this.#offers.set(peer, offer);
      if (buckets.length === 0) continue;
      this.#open = { peer, buckets: new Set(buckets), untilMs };
      return { peer, buckets };
    }
    return null;
  }

  /** Gives up what hasn't come in time. */
  expire(nowMs: number): void {
    if (this.#open !== null && this.#open.untilMs <= nowMs) this.#open = null;
  }

  get dueMs(): number | null {
    return this.#open?.untilMs ?? null;
  }

  postpone(delayMs: number): void {
    if (this.#open !== null) this.#open.untilMs += delayMs;
  }
}
