/**
 * Whom we let in, by the address that we saw. Where a member can be dialled it says itself, and who fills a room from
 * one address says something else each time.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { PeerKey } from "../../base/ids.ts";
import { ENTRANT_ADDRESSES_MAX } from "./limits.ts";

export class Entrants {
  /** At most `ENTRANT_ADDRESSES_MAX` addresses, and as many of each as we let in while they are there. */
  readonly #byHost = new Map<string, Set<PeerKey>>();

  add(host: string, key: PeerKey): void {
    const entrants = this.#byHost.get(host) ?? new Set();
    this.#byHost.delete(host);
    this.#byHost.set(host, entrants.add(key));
    dropOldest(this.#byHost, ENTRANT_ADDRESSES_MAX);
  }

  /** How many from this address are still there; forgets the others. */
  liveAt(host: string, isLive: (key: PeerKey) => boolean): number {
    const entrants = this.#byHost.get(host);
    for (const key of entrants ?? []) if (!isLive(key)) entrants?.delete(key);
    return entrants?.size ?? 0;
  }
}
