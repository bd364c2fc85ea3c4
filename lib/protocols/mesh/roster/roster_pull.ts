/**
 * Fetching what neighbours' rosters have and ours lacks: from one neighbour at a time, some buckets at a
 * time. With all at once a newcomer to a room of 1,000 would be sent five rosters of 1 MB.
 *
 * A neighbour that lets us wait for long, with a part now and then, keeps its turn; others are asked besides, then and
 * later.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { INBOUND_LINKS_MAX, ROSTER_BUCKETS_AT_ONCE } from "../schema/limits.ts";

/** A question for a neighbour: the buckets that it is to send. */
interface Pull {
  readonly peer: PeerKey;
  readonly buckets: readonly number[];
}

/** A question that a neighbour is to answer: the buckets that are still to come. */
interface Question {
  readonly buckets: Set<number>;
  /** Until when the next part is awaited. */
  untilMs: number;
  /** Until when no other neighbour is asked; null where others are. */
  aloneUntilMs: number | null;
}

export class RosterPull {
  /** For each neighbour the hashes that haven't been compared yet, by bucket; null: ask in any case. */
  readonly #offers = new Map<PeerKey, Map<number, Hash | null>>();
  /** One for each neighbour at most. */
  readonly #open = new Map<PeerKey, Question>();
  /** Neighbours that once didn't answer, or not within the time in which nobody else is asked. */
  readonly #slow = new Set<PeerKey>();

  /** @param pullMs How long the next part is awaited; twice that nobody else is asked. */
  constructor(private readonly pullMs: number) {}

  /** A neighbour has sent its hashes. */
  offer(peer: PeerKey, hashes: readonly Hash[]): void {
    this.#offers.set(peer, new Map(hashes.entries())); // a known neighbour keeps its turn
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
    return this.#open.get(peer)?.buckets.has(bucket) ?? false;
  }

  /** Whether something that this neighbour announced is still to be asked for, or awaited. */
  isOpenWith(peer: PeerKey): boolean {
    return this.#offers.has(peer) || this.#open.has(peer);
  }

  /** A part of this bucket came; the next one is waited for. @param last Of this bucket. */
  partCame(peer: PeerKey, bucket: number, last: boolean, nowMs: number): void {
    const question = this.#open.get(peer);
    if (question === undefined) return;
    question.untilMs = nowMs + this.pullMs;
    if (last) question.buckets.delete(bucket);
    if (question.buckets.size === 0) this.#open.delete(peer);
  }

  /** The neighbour is gone. */
  drop(peer: PeerKey): void {
    this.#offers.delete(peer);
    this.#open.delete(peer);
    this.#slow.delete(peer);
  }

  /**
   * The next question, once the last one is answered, or has had its time.
   * @param hashesNow Our own hashes: what the last neighbour supplied isn't asked for again.
   */
  next(hashesNow: () => readonly Hash[], nowMs: number): Pull | null {
    if (this.#offers.size === 0) return null;
    if (this.#open.values().some(({ aloneUntilMs }) => aloneUntilMs !== null)) return null;
    const own = hashesNow();
    for (const [peer, offer] of this.#offers) {
      if (this.#open.has(peer)) continue;
      const buckets: number[] = [];
      for (const [bucket, hash] of offer) {
        if (buckets.length === ROSTER_BUCKETS_AT_ONCE) break;
        // Compared once: it may go on differing for good reasons.
        offer.delete(bucket);
        if (hash !== own[bucket]) buckets.push(bucket);
      }
      // The others come first next time: a neighbour that offers without end, and answers nothing, holds up nobody.
      this.#offers.delete(peer);
      if (offer.size > 0) this.#offers.set(peer, offer);
      if (buckets.length === 0) continue;
      this.#open.set(peer, {
        buckets: new Set(buckets),
        untilMs: nowMs + this.pullMs,
        aloneUntilMs: this.#slow.has(peer) ? null : nowMs + 2 * this.pullMs,
      });
      return { peer, buckets };
    }
    return null;
  }

  /** Gives up what hasn't come in time. */
  expire(nowMs: number): void {
    for (const [peer, question] of this.#open) {
      const { untilMs, aloneUntilMs } = question;
      const isOver = untilMs <= nowMs;
      if (!isOver && (aloneUntilMs === null || nowMs < aloneUntilMs)) continue;
      this.#slow.add(peer);
      question.aloneUntilMs = null;
      if (isOver) this.#open.delete(peer);
    }
  }

  /** When `expire` has something to do, and `next` may have something to ask then. */
  get dueMs(): number | null {
    let next: number | null = null;
    for (const { untilMs, aloneUntilMs } of this.#open.values()) {
      next = earliestMs(next, untilMs, aloneUntilMs);
    }
    return next;
  }
}
