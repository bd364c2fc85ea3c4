/**
 * Temporary bans of peers that violated the protocol, by key. Addresses aren't banned: others, members among them,
 * may share one. How often new keys may connect from an address is limited by the links, for everybody.
 */

import { dropOldest } from "../base/bounded.ts";
import type { PeerKey } from "../base/ids.ts";

/** More offenders than that are an attack with fresh keys, which bans can't stop anyway. */
const BANS_MAX = 4_096;

export class Bans {
  /** End of each ban, monotonic ms. When there are too many, the oldest ban is dropped. */
  readonly #untilMs = new Map<PeerKey, number>();

  ban(peer: PeerKey, untilMs: number): void {
    this.#untilMs.delete(peer);
    this.#untilMs.set(peer, untilMs);
    dropOldest(this.#untilMs, BANS_MAX);
  }

  isBanned(peer: PeerKey, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(peer);
    if (untilMs === undefined) return false;
    if (untilMs > nowMs) return true;
    this.#untilMs.delete(peer);
    return false;
  }
}
