/** Who has fetched which file: each that has one whole says so once to its sender, when there is a link to that one. */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { OfferId, PeerKey } from "../../base/ids.ts";
import { REMEMBERED_MAX, SHARES_MAX } from "./limits.ts";
import type { OpenOffer } from "./offers.ts";

export class Fetched {
  /** Files that are here whole, and whose senders weren't told yet. */
  readonly #untold = new Map<OfferId, OpenOffer>();
  /** Own files, each with who has it, as that one says: of the latest, so that nobody is named twice. */
  readonly #known = new Set<string>();

  /** A file is here whole: its sender is to be told. */
  received(offer: OpenOffer): void {
    this.#untold.set(offer.id, offer);
    dropOldest(this.#untold, SHARES_MAX);
  }

  /** Takes those of which this sender, to whom there is a link, is to be told now. */
  takeFor(sender: PeerKey): readonly OfferId[] {
    const ids = [...this.#untold].filter(([, { value }]) => value.from === sender)
      .map(([id]) => id);
    for (const id of ids) this.#untold.delete(id);
    return ids;
  }

  /** Somebody says that it has an own file whole. @returns Whether that is news. */
  isNews(file: OfferId, peer: PeerKey): boolean {
    const key = `${file} ${peer}`;
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    dropOldest(this.#known, REMEMBERED_MAX);
    return true;
  }
}
