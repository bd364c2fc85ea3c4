/**
 * Members that we know at first hand: they were our neighbours, each proven by a handshake. They come first where all
 * neighbours are lost, since whatever crowd somebody makes up isn't among them.
 *
 * As Bitcoin's address manager keeps addresses that were tried apart from those that were only heard of (Heilman,
 * Kendler, Zohar, Goldberg: Eclipse attacks on Bitcoin's peer-to-peer network, USENIX Security 2015), and those that
 * we dialled apart from those that dialled us: a peer that dials us, under any number of keys, displaces none of those.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { ACQUAINTANCES_MAX } from "../schema/limits.ts";
import type { Contact } from "../schema/messages.ts";

export class Acquaintances {
  /** Members that we dialled, and that dialled us: the last is the first to dial, at most `ACQUAINTANCES_MAX` each. */
  readonly #dialled = new Map<PeerKey, Contact>();
  readonly #inbound = new Map<PeerKey, Contact>();
  /** The member that admitted us. */
  #entrance: Contact | null = null;

  /** Former neighbours, the best bet first. */
  get neighbours(): readonly Contact[] {
    return [...this.#inbound.values(), ...this.#dialled.values()].toReversed();
  }

  /** All acquaintances, with the member that admitted us, however long ago that is. */
  get all(): readonly Contact[] {
    const { neighbours } = this;
    const entrance = this.#entrance;
    const isFurther = entrance !== null && neighbours.every(({ key }) => key !== entrance.key);
    return isFurther ? [...neighbours, entrance] : neighbours;
  }

  has(peer: PeerKey): boolean {
    return this.#dialled.has(peer) || this.#inbound.has(peer) || this.#entrance?.key === peer;
  }

  /** Notes the member that admitted us. */
  cameInThrough(contact: Contact): void {
    this.#entrance = contact;
  }

  /** The contact is no neighbour any more. @param dialled Whether we had dialled it. */
  parted(contact: Contact, dialled: boolean): void {
    this.#dialled.delete(contact.key);
    this.#inbound.delete(contact.key);
    const met = dialled ? this.#dialled : this.#inbound;
    met.set(contact.key, contact);
    dropOldest(met, ACQUAINTANCES_MAX);
  }

  /** The peer couldn't be reached: the others come first from now on. */
  failed(peer: PeerKey): void {
    for (const met of [this.#dialled, this.#inbound]) {
      const contact = met.get(peer);
      if (contact === undefined) continue;
      const others = [...met].filter(([key]) => key !== peer);
      met.clear();
      met.set(peer, contact);
      for (const [key, other] of others) met.set(key, other);
    }
  }
}
