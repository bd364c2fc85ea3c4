/**
 * Checked claims by id: those of the roster, and those of authors whose messages are still kept.
 *
 * Bounded: the claim that was asked for least recently is dropped first, unless a roster entry or a kept bundle names
 * it: otherwise a crowd of made-up members would push out the history's names, and nobody could get it from here.
 */

import { addTo, dropOldestUnkept, removeFrom } from "../../../base/collections/bounded.ts";
import type { ClaimId, FoldedName, PeerKey } from "../../../base/ids.ts";
import type { KnownClaim } from "../schema/credentials.ts";
import { CLAIMS_MAX } from "../schema/limits.ts";

export class ClaimTable {
  readonly #byId = new Map<ClaimId, KnownClaim>();
  readonly #ofKey = new Map<PeerKey, Set<KnownClaim>>();
  readonly #ofName = new Map<FoldedName, Set<KnownClaim>>();
  readonly #admittedBy = new Map<PeerKey, Set<KnownClaim>>();

  /**
   * @param isInUse Whether a roster entry names this claim; at most half of `max` are.
   * @param isKept Whether a kept bundle does.
   */
  constructor(
    readonly isInUse: (id: ClaimId) => boolean,
    readonly isKept: (id: ClaimId) => boolean = () => false,
    readonly max = CLAIMS_MAX,
  ) {}

  get size(): number {
    return this.#byId.size;
  }

  has(id: ClaimId): boolean {
    return this.#byId.has(id);
  }

  /** The claim, which thereby is the last to be dropped. */
  get(id: ClaimId): KnownClaim | null {
    const known = this.#byId.get(id);
    if (known === undefined) return null;
    this.#byId.delete(id);
    this.#byId.set(id, known);
    return known;
  }

  /** All claims of one member. */
  ofKey(key: PeerKey): Iterable<KnownClaim> {
    return this.#ofKey.get(key) ?? [];
  }

  /** The keys of all claims to this name. */
  *claimants(folded: FoldedName): Iterable<PeerKey> {
    for (const { signed } of this.#ofName.get(folded) ?? []) yield signed.claim.value.key;
  }

  /** All claims that one member has admitted. */
  admittedBy(key: PeerKey): Iterable<KnownClaim> {
    return this.#admittedBy.get(key) ?? [];
  }

  add(known: KnownClaim): void {
    if (this.#byId.has(known.id)) return;
    this.#byId.set(known.id, known);
    const { key, admitter, folded } = known.signed.claim.value;
    addTo(this.#ofKey, key, known);
    addTo(this.#ofName, folded as FoldedName, known);
    addTo(this.#admittedBy, admitter, known);
    // Bundles of kind `heads` are kept in any number: all claims may be named.
    dropOldestUnkept(
      this.#byId,
      this.max,
      (id) => this.isInUse(id) || this.isKept(id),
      (claim) => this.#unlist(claim),
    );
  }

  #unlist(claim: KnownClaim): void {
    const { key, admitter, folded } = claim.signed.claim.value;
    removeFrom(this.#ofKey, key, claim);
    removeFrom(this.#ofName, folded as FoldedName, claim);
    removeFrom(this.#admittedBy, admitter, claim);
  }

  values(): IteratorObject<KnownClaim> {
    return this.#byId.values();
  }
}
