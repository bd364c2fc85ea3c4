/**
 * Checked claims by id: those of the roster, and those of authors whose messages are still kept.
 *
 * Bounded: the claim that was asked for least recently goes first, unless a roster entry names it.
 */

import type { ClaimId } from "../../base/ids.ts";
import type { KnownClaim } from "./credentials.ts";
import { CLAIMS_MAX } from "./limits.ts";

export class ClaimTable {
  readonly #byId = new Map<ClaimId, KnownClaim>();

  /** @param isInUse Whether a roster entry names this claim; at most half of `max` are. */
  constructor(readonly isInUse: (id: ClaimId) => boolean, readonly max = CLAIMS_MAX) {}

  get size(): number {
    return this.#byId.size;
  }

  has(id: ClaimId): boolean {
    return this.#byId.has(id);
  }

  /** The claim, which thereby is the last to go. */
  get(id: ClaimId): KnownClaim | null {
    const known = this.#byId.get(id);
    if (known === undefined) return null;
    this.#byId.delete(id);
    this.#byId.set(id, known);
    return known;
  }

  add(known: KnownClaim): void {
    this.#byId.set(known.id, known);
    // Those in use move to the back, so that each is passed over once for every turn of the table.
    for (const [oldest, claim] of this.#byId) {
      if (this.#byId.size <= this.max) return;
      this.#byId.delete(oldest);
      if (this.isInUse(oldest)) this.#byId.set(oldest, claim);
    }
  }

  values(): IteratorObject<KnownClaim> {
    return this.#byId.values();
  }
}
