/** Peers that are being dialled or asked to become neighbours, and why. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import { DIALLED_ENDPOINTS_MAX } from "../schema/limits.ts";

/**
 * Why a peer is dialled and asked. `fill`: a place is free. `walk`: a newcomer, for which a neighbour may go.
 * `offered`: introduced by a member that gave one of us up. `own`: in place of a neighbour that dialled us.
 * `rejoin`: a member not seen in the room. `withheld`: one whose messages our neighbours withhold, or ours from it.
 * `join`: the member that welcomed us.
 */
export type Purpose = "fill" | "walk" | "offered" | "own" | "rejoin" | "withheld" | "join";

export interface Attempt {
  readonly purpose: Purpose;
  /** The address that is dialled, and those to dial where that fails; null once the link is there and the request sent. */
  readonly at: { readonly endpoint: Endpoint; readonly others: readonly Endpoint[] } | null;
  readonly dueMs: number;
}

export class OverlayAttempts {
  /** At most `parallelDialsMax`, and one each for `own`, `rejoin`, `withheld` and `join`. */
  readonly #attempts = new Map<PeerKey, Attempt>();
  /** Peers dialled in vain so far: a dial may be answered much later. At most `DIALLED_ENDPOINTS_MAX`. */
  readonly #givenUp = new Set<PeerKey>();

  constructor(private readonly attemptMs: number) {}

  get size(): number {
    return this.#attempts.size;
  }

  /** How many peers have been asked, over a link that is there. */
  get asked(): number {
    return this.#attempts.values().filter(({ at }) => at === null).toArray().length;
  }

  /** The peer is being dialled: each of its addresses has its own time. */
  dials(peer: PeerKey, purpose: Purpose, at: NonNullable<Attempt["at"]>, nowMs: number): void {
    this.#attempts.set(peer, { purpose, at, dueMs: nowMs + this.attemptMs });
  }

  /** The peer is being asked, over a link that is there, which has its own time again. */
  asks(peer: PeerKey, purpose: Purpose, nowMs: number): void {
    this.#attempts.set(peer, { purpose, at: null, dueMs: nowMs + this.attemptMs });
  }

  get(peer: PeerKey): Attempt | undefined {
    return this.#attempts.get(peer);
  }

  has(peer: PeerKey): boolean {
    return this.#attempts.has(peer);
  }

  /** Ends an attempt. @returns What it was; undefined where there was none. */
  end(peer: PeerKey): Attempt | undefined {
    const attempt = this.#attempts.get(peer);
    this.#attempts.delete(peer);
    return attempt;
  }

  /** The dial of the peer wasn't answered in time. */
  giveUp(peer: PeerKey): void {
    this.#givenUp.add(peer);
    dropOldest(this.#givenUp, DIALLED_ENDPOINTS_MAX);
  }

  /** The dial of the peer is answered. @returns Whether it had been given up. */
  answered(peer: PeerKey): boolean {
    return this.#givenUp.delete(peer);
  }

  /** The peers whose attempts have had their time. */
  due(nowMs: number): readonly PeerKey[] {
    return [...this.#attempts].filter(([, { dueMs }]) => dueMs <= nowMs).map(([peer]) => peer);
  }

  nextMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.#attempts.values()) {
      if (next === null || dueMs < next) next = dueMs;
    }
    return next;
  }
}
