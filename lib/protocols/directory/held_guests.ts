/**
 * Names of guests that were lost a moment ago: each is reserved for its key for a while, so that the guest can come
 * back.
 */

import type { FoldedName, PeerKey } from "../../base/ids.ts";
import type { Client } from "./client_session.ts";
import { GUEST_HELD_MS, HELD_GUESTS_MAX } from "./limits.ts";

interface HeldGuest {
  readonly key: PeerKey;
  /** The address that it came from, as for wrong passwords. */
  readonly address: string;
  /** Up to which number it has the broadcasts. */
  readonly through: number;
  untilMs: number;
}

export class HeldGuests {
  /** The one held for longest first. */
  readonly #byName = new Map<FoldedName, HeldGuest>();

  hold({ folded, key, link, delivery: { through } }: Client, nowMs: number): void {
    const untilMs = nowMs + GUEST_HELD_MS;
    this.#byName.delete(folded);
    this.#byName.set(folded, { key, address: link.address, through, untilMs });
    if (this.#byName.size > HELD_GUESTS_MAX) this.#dropOne();
  }

  /** A client is in under that name. */
  release(name: FoldedName): void {
    this.#byName.delete(name);
  }

  get(name: FoldedName, nowMs: number): HeldGuest | null {
    const held = this.#byName.get(name) ?? null;
    return held !== null && held.untilMs > nowMs ? held : null;
  }

  /** Drops the oldest from the address that has most: so one that comes and goes often can't displace others' names. */
  #dropOne(): void {
    const counts = new Map<string, number>();
    let most = 0;
    for (const { address } of this.#byName.values()) {
      const count = (counts.get(address) ?? 0) + 1;
      counts.set(address, count);
      most = Math.max(most, count);
    }
    for (const [name, { address }] of this.#byName) {
      if (counts.get(address) === most) return void this.#byName.delete(name);
    }
  }

  nextMs(): number | null {
    const [longest] = this.#byName.values();
    return longest?.untilMs ?? null;
  }

  tick(nowMs: number): void {
    for (const [name, { untilMs }] of this.#byName) {
      if (untilMs > nowMs) return;
      this.#byName.delete(name);
    }
  }

  /** The directory stood still: nobody could come back meanwhile. */
  holdAnew(nowMs: number): void {
    for (const held of this.#byName.values()) held.untilMs = nowMs + GUEST_HELD_MS;
  }
}
