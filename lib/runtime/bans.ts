/** Who is refused for a while: keys and addresses of those that broke the rules. */

import type { PeerKey } from "../base/ids.ts";

/** More offenders than this are an attack with fresh keys and addresses, which bans don't stop anyway. */
const BANS_MAX = 4_096;

/** Many may share these, and one of them would shut out all. */
const SHARED_HOSTS = /^(127\.|::1$|localhost$|::ffff:127\.)/;

export class Bans {
  /** Until when, monotonic; the oldest ban goes first. */
  readonly #untilMs = new Map<string, number>();

  /** @param host Its address, null where it isn't its own word (we dialled it). Loopback is never banned. */
  ban(peer: PeerKey, host: string | null, untilMs: number): void {
    this.#set(peer, untilMs);
    if (host !== null && !SHARED_HOSTS.test(host)) this.#set(host, untilMs);
  }

  isBanned(peer: PeerKey, host: string | null, nowMs: number): boolean {
    return this.#holds(peer, nowMs) || (host !== null && this.#holds(host, nowMs));
  }

  #holds(who: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(who);
    if (untilMs === undefined) return false;
    if (untilMs > nowMs) return true;
    this.#untilMs.delete(who);
    return false;
  }

  #set(who: string, untilMs: number): void {
    this.#untilMs.delete(who);
    this.#untilMs.set(who, untilMs);
    if (this.#untilMs.size <= BANS_MAX) return;
    for (const oldest of this.#untilMs.keys()) {
      this.#untilMs.delete(oldest);
      return;
    }
  }
}
