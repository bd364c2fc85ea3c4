/**
 * Checked claims by id: those of the roster, and those of authors whose messages are still kept.
 *
 * Bounded: the claim that was asked for least recently goes first, unless a roster entry names it.
 */

import type { ClaimId, PeerKey } from "../../base/ids.ts";
import type { KnownClaim } from "./credentials.ts";
import { CLAIMS_MAX } from "./limits.ts";

export class ClaimTable {
  readonly #byId = new Map<ClaimId, KnownClaim>();
  readonly #byKey = new Map<PeerKey, Set<KnownClaim>>();

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

  /** All claims of one member. */
  ofKey(key: PeerKey): Iterable<KnownClaim> {
    return this.#byKey.get(key) ?? [];
  }

  add(known: KnownClaim): void {
    if (this.#byId.has(known.id)) return;
    this.#byId.set(known.id, known);
    const { key } = known.signed.claim.value;
    const ofKey = this.#byKey.get(key);
    if (ofKey === undefined) this.#byKey.set(key, new Set([known]));
    else ofKey.add(known);
    // Those in use move to the back, so that each is passed over once for every turn of the table.
    for (const [oldest, claim] of this.#byId) {
      if (this.#byId.size <= this.max) return;
      this.#byId.delete(oldest);
      if (this.isInUse(oldest)) this.#byId.set(oldest, claim);
      else this.#unlist(claim);
    }
  }

  #unlist(claim: KnownClaim): void {
    const { key } = claim.signed.claim.value;
    const ofKey = this.#byKey.get(key);
    ofKey?.delete(claim);
    if (ofKey?.size === 0) this.#byKey.delete(key);
  }

  values(): IteratorObject<KnownClaim> {
    return this.#byId.values();
  }
}
