/**
 * Who is refused for a while: keys of those that broke the rules. Not their addresses: behind one there may be
 * others, members among them. How often fresh keys may come from an address the links bound for everybody.
 */

import { dropOldest } from "../base/bounded.ts";
import type { PeerKey } from "../base/ids.ts";

/** More offenders than this are an attack with fresh keys, which bans don't stop anyway. */
const BANS_MAX = 4_096;

export class Bans {
  /** Until when, monotonic; the oldest ban goes first. */
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
