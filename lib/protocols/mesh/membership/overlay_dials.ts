/**
 * Dials of the overlay: which are under way, and what limits those that others make us do. A member that names a contact, in a walk, a shuffle or a beacon of a
 * member that it made up, chooses a host that we then dial: this is bounded for each introducer, for each endpoint,
 * and in all. An endpoint where a dial of ours has met its member is known at first hand, and free.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { type Endpoint, endpointText, type PeerKey } from "../../../base/ids.ts";
import { Rates, TokenBucket } from "../../../base/rates/token_bucket.ts";
import {
  DIALLED_ENDPOINTS_MAX,
  ENDPOINT_DIAL_INTERVAL_MS,
  FILL_DIALS_BURST,
  FILL_DIALS_PER_SECOND,
  INTRODUCED_DIALS_BURST,
  INTRODUCED_DIALS_PER_MINUTE,
  INTRODUCERS_MAX,
} from "../schema/limits.ts";

export class OverlayDials {
  /** By key, since links come and go. */
  readonly #introducers = new Rates<PeerKey>(
    INTRODUCED_DIALS_PER_MINUTE / 60,
    INTRODUCED_DIALS_BURST,
    INTRODUCERS_MAX,
  );
  /** When an endpoint was last dialled; at most `DIALLED_ENDPOINTS_MAX`. */
  readonly #dialledMs = new Map<string, number>();
  /** Endpoints at which a dial has met its member; at most `DIALLED_ENDPOINTS_MAX`. */
  readonly #reached = new Set<string>();
  readonly #fill = new TokenBucket(FILL_DIALS_PER_SECOND, FILL_DIALS_BURST);

  /** Whether this endpoint may be dialled now, whoever named it. */
  isFree(endpoint: Endpoint, nowMs: number): boolean {
    const text = endpointText(endpoint);
    const dialledMs = this.#dialledMs.get(text);
    if (dialledMs === undefined || this.#reached.has(text)) return true;
    return nowMs - dialledMs >= ENDPOINT_DIAL_INTERVAL_MS;
  }

  dialled(endpoint: Endpoint, nowMs: number): void {
    const text = endpointText(endpoint);
    this.#dialledMs.delete(text);
    this.#dialledMs.set(text, nowMs);
    dropOldest(this.#dialledMs, DIALLED_ENDPOINTS_MAX);
  }

  /** A dial has met the member that it was meant for. */
  reached(endpoint: Endpoint): void {
    const text = endpointText(endpoint);
    this.#reached.delete(text);
    this.#reached.add(text);
    dropOldest(this.#reached, DIALLED_ENDPOINTS_MAX);
  }

  /** @param kept Dials that are to be left for what is more urgent. */
  mayIntroduce(by: PeerKey, nowMs: number, kept = 0): boolean {
    return this.#introducers.allows(by, nowMs, 1 + kept);
  }

  /** Takes one of the dials that `by` may cause; false where it has none left. */
  takeIntroduced(by: PeerKey, nowMs: number): boolean {
    return this.#introducers.take(by, nowMs);
  }

  /** Takes one of the dials by which free places are filled; false where it is too soon for another. */
  takeFill(nowMs: number): boolean {
    return this.#fill.take(nowMs);
  }
}

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
  /** With which priority it is asked; null before that. */
  readonly priority: "low" | "high" | null;
  readonly dueMs: number;
}

/** Peers that are being dialled or asked to become neighbours, and why. */
export class OverlayAttempts {
  /** At most `parallelDialsMax`, and one each for `own`, `rejoin`, `withheld` and `join`. */
  readonly #attempts = new Map<PeerKey, Attempt>();
  /**
   * Peers dialled in vain so far: a dial may be answered much later, or elsewhere, where another was looked for. At most
   * `DIALLED_ENDPOINTS_MAX`.
   */
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
    this.#attempts.set(peer, { purpose, at, priority: null, dueMs: nowMs + this.attemptMs });
  }

  /** The peer is being asked, over a link that is there, which has its own time again. */
  asks(peer: PeerKey, purpose: Purpose, priority: "low" | "high", nowMs: number): void {
    this.#attempts.set(peer, { purpose, at: null, priority, dueMs: nowMs + this.attemptMs });
  }

  /** Whether a peer is being asked to give a neighbour up for us. */
  get isUrgent(): boolean {
    return this.#attempts.values().some(({ priority }) => priority === "high");
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
