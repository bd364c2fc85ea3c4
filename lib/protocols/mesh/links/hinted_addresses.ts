/**
 * Who answered where a member of our room was said to listen, as several addresses may be one member's: it isn't dialled
 * there while we know it to be in the room.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { type Endpoint, endpointText, type PeerKey } from "../../../base/ids.ts";

/** Members on one network, with some addresses each. */
const KEPT_MAX = 256;

export class HintedAddresses {
  readonly #peers = new Map<string, PeerKey>();

  /** This peer answered there. */
  met(endpoint: Endpoint, peer: PeerKey): void {
    const text = endpointText(endpoint);
    this.#peers.delete(text);
    this.#peers.set(text, peer);
    dropOldest(this.#peers, KEPT_MAX);
  }

  /** Who answered there the last time; null where nobody has. */
  peerAt(endpoint: Endpoint): PeerKey | null {
    return this.#peers.get(endpointText(endpoint)) ?? null;
  }
}
