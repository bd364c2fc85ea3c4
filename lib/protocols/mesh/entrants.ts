/**
 * Members that we admitted, by the address that we saw. The endpoint that a member announces isn't used: one that fills
 * a room from one address announces another each time.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { PeerKey } from "../../base/ids.ts";
import { ENTRANT_ADDRESSES_MAX } from "./limits.ts";

export class Entrants {
  /** At most `ENTRANT_ADDRESSES_MAX` addresses, and as many members of each as we admit while they are there. */
  readonly #byHost = new Map<string, Set<PeerKey>>();

  add(host: string, key: PeerKey): void {
    const entrants = this.#byHost.get(host) ?? new Set();
    this.#byHost.delete(host);
    this.#byHost.set(host, entrants.add(key));
    dropOldest(this.#byHost, ENTRANT_ADDRESSES_MAX);
  }

  /** How many members from this address are still there; forgets the others. */
  liveAt(host: string, isLive: (key: PeerKey) => boolean): number {
    const entrants = this.#byHost.get(host);
    for (const key of entrants ?? []) if (!isLive(key)) entrants?.delete(key);
    return entrants?.size ?? 0;
  }
}
