/**
 * HyParView's passive view: members that could become neighbours, whatever becomes of the present ones.
 *
 * Departures from the paper: at most two contacts of one network, so that an attacker with a /24 can't
 * fill the view; and what one message brings displaces at most a quarter of it, so that no single walk
 * decides whom we know.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { networkOf } from "../../../base/text/endpoints.ts";
import type { Contact } from "../schema/messages.ts";

/** Two, since one alone would shut out the honest second member of a shared network. */
const PER_NETWORK_MAX = 2;

export class PassiveView {
  readonly #entries = new Map<
    PeerKey,
    { readonly contact: Contact; readonly network: string | null; readonly by: PeerKey | null }
  >(); // at most sizeMax
  readonly #sizeMax: number;
  readonly #random: () => number;

  constructor(sizeMax: number, random: () => number) {
    this.#sizeMax = sizeMax;
    this.#random = random;
  }

  get contacts(): readonly Contact[] {
    return Array.from(this.#entries.values(), ({ contact }) => contact);
  }

  /** The member that named a contact; null for one that we know ourselves. */
  introducerOf(peer: PeerKey): PeerKey | null {
    return this.#entries.get(peer)?.by ?? null;
  }

  has(peer: PeerKey): boolean {
    return this.#entries.has(peer);
  }

  remove(peer: PeerKey): void {
    this.#entries.delete(peer);
  }

  /**
   * Adds the contacts of one message; in a full view a random contact gives way, those in `sentAway`
   * (what we sent in exchange) first (HyParView, section 4.4).
   * @param by The member that named them; null where we know them ourselves.
   */
  addAll(
    contacts: readonly Contact[],
    by: PeerKey | null = null,
    sentAway: readonly Contact[] = [],
  ): void {
    let displacedLeft = Math.ceil(this.#sizeMax / 4);
    const first = sentAway.map(({ key }) => key);
    for (const contact of contacts) {
      const network = networkOf(contact.endpoint.host);
      if (this.#entries.has(contact.key) || !this.#hasRoomFor(network)) continue;
      if (this.#entries.size >= this.#sizeMax) {
        if (displacedLeft === 0) return;
        displacedLeft--;
        const sent = first.pop();
        if (sent === undefined || !this.#entries.delete(sent)) this.#removeRandom();
      }
      this.#entries.set(contact.key, { contact, network, by });
    }
  }

  #hasRoomFor(network: string | null): boolean {
    if (network === null) return true;
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.network === network) count++;
    return count < PER_NETWORK_MAX;
  }

  #removeRandom(): void {
    const keys = [...this.#entries.keys()];
    const key = keys[Math.floor(this.#random() * keys.length)];
    if (key !== undefined) this.#entries.delete(key);
  }
}

/** `count` of `items` at random, fewer where there are fewer; each choice of so many is equally likely. */
export function sample<T>(items: readonly T[], count: number, random: () => number): readonly T[] {
  const pool = [...items];
  const chosen = Math.min(count, pool.length);
  for (let i = 0; i < chosen; i++) {
    const j = i + Math.floor(random() * (pool.length - i));
    const item = pool[j]!;
    pool[j] = pool[i]!;
    pool[i] = item;
  }
  return pool.slice(0, chosen);
}

/** One of `items` at random, null where there is none. */
export function randomOf<T>(items: readonly T[], random: () => number): T | null {
  return items[Math.floor(random() * items.length)] ?? null;
}
