/**
 * Files that are here as a whole, own ones and received ones, and who is told of them. A file for one person is shown to
 * nobody else.
 */

import type { OfferId, PeerKey } from "../../base/ids.ts";
import type { OpenOffer } from "./offers.ts";

/** Whether somebody may be told of this file, and sent it. @param isRefused Whether the user refuses that key. */
export function isFor({ value }: OpenOffer, peer: PeerKey, isRefused = false): boolean {
  return value.to === null || value.from === peer || (value.to === peer && !isRefused);
}

export class Shares {
  readonly #shares = new Map<OfferId, OpenOffer>();

  constructor(readonly self: PeerKey) {}

  get size(): number {
    return this.#shares.size;
  }

  has(file: OfferId): boolean {
    return this.#shares.has(file);
  }

  add(offer: OpenOffer): void {
    this.#shares.set(offer.id, offer);
  }

  delete(file: OfferId): boolean {
    return this.#shares.delete(file);
  }

  /** The received file that has been here for longest; undefined where all are own ones. */
  oldestReceived(): OpenOffer | undefined {
    return this.#shares.values().find(({ value }) => value.from !== this.self);
  }

  /** For whom alone own files are. */
  receivers(): ReadonlySet<PeerKey> {
    const own = this.#shares.values().filter(({ value }) => value.from === this.self);
    return new Set(own.map(({ value }) => value.to).filter((to) => to !== null));
  }

  /** What this peer is told of when a link to it comes up. @param isRefused As of `isFor`. */
  for(peer: PeerKey, isRefused: boolean): readonly OpenOffer[] {
    return [...this.#shares.values()].filter((offer) => isFor(offer, peer, isRefused));
  }
}
