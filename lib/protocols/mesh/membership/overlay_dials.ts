/**
 * Limits the dials that others make us do. A member that names a contact, in a walk, a shuffle or a beacon of a
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
