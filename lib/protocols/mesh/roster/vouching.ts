/**
 * Whether a claim's time counts. A claim says itself when it was made, and anybody can sign an early time as
 * claimant and admitting member at once. So its time counts only where the admitting member was in the room by
 * then, as is shown by a claim of its own that is vouched for in turn, back to the founder, whom the room's id
 * names: nobody has an older right than the oldest member that helps it.
 *
 * Claims of long forgotten members are passed on together with those for which they vouch: each of a few hundred
 * bytes, and only to neighbours that don't know it.
 *
 * Without a common clock no more can be known: a member that shows an old claim only now looks like one that a
 * split kept from showing it.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { ClaimId, PeerKey } from "../../../base/ids.ts";
import type { ClaimTable } from "./claim_table.ts";
import type { KnownClaim } from "../schema/credentials.ts";
import { VOUCHERS_WANTED_MAX } from "../schema/limits.ts";
import type { Claim } from "../schema/structures.ts";

export class Vouching {
  /** Claims that are vouched for: at most twice as many as the table holds, since it forgets some. */
  readonly #vouched = new Set<ClaimId>();
  /** Each member's earliest claim that is vouched for; a liar has thousands. The table may have forgotten it. */
  readonly #earliest = new Map<PeerKey, KnownClaim>();
  /** Members whose claim, up to this time, would vouch for a known one; at most `VOUCHERS_WANTED_MAX`. */
  readonly #wanted = new Map<PeerKey, number>();

  /** @param founder Vouched for by the room's id itself. */
  constructor(readonly claims: ClaimTable, readonly founder: PeerKey) {
    for (const claim of claims.values()) this.learnt(claim);
  }

  isVouched({ id }: Pick<KnownClaim, "id">): boolean {
    return this.#vouched.has(id);
  }

  /** Whether a claim would help to vouch for one that is known. */
  wants({ key, time }: Claim): boolean {
    return time <= (this.#wanted.get(key) ?? -1);
  }

  /**
   * A claim is in the table from now on.
   * @returns Whether others are vouched for by it that weren't before.
   */
  learnt(claim: KnownClaim): boolean {
    const { key, admitter, time } = claim.signed.claim.value;
    if (this.wants(claim.signed.claim.value)) this.#wanted.delete(key);
    if (admitter !== this.founder && this.#voucherOf(claim) === null) {
      this.#want(admitter, time);
      return false;
    }
    const fresh = [claim];
    this.#vouched.add(claim.id);
    for (const voucher of fresh) {
      const since = voucher.signed.claim.value;
      const earliest = this.#earliestOf(since.key);
      const isLater = earliest !== null && earliest.signed.claim.value.time <= since.time;
      // All claims for which this one vouches are vouched for since the earlier one was learnt.
      if (isLater && earliest !== voucher) continue;
      this.#earliest.set(since.key, voucher);
      for (const admitted of this.claims.admittedBy(since.key)) {
        if (this.isVouched(admitted) || admitted.signed.claim.value.time < since.time) continue;
        this.#vouched.add(admitted.id);
        fresh.push(admitted);
      }
    }
    if (this.#vouched.size > 2 * this.claims.max) this.#forget();
    return fresh.length > 1;
  }

  /**
   * The claims that vouch for these and that come with no roster entry, each once, and after the one for which it
   * vouches, so that it is wanted.
   * @param isTold Whether a claim was sent already, and so those that vouch for it in turn.
   */
  *forgottenVouchers(
    claims: Iterable<KnownClaim>,
    isTold: (voucher: ClaimId) => boolean = () => false,
  ): Generator<KnownClaim, void> {
    const named = new Set<ClaimId>();
    for (const claim of claims) {
      for (let voucher = this.#voucherOf(claim); voucher !== null;) {
        const { id } = voucher;
        if (this.claims.isInUse(id) || named.has(id) || isTold(id)) break;
        named.add(id);
        yield voucher;
        voucher = this.#voucherOf(voucher);
      }
    }
  }

  /** The earliest claim of the admitting member's that vouches for this one; null where none is known or needed. */
  #voucherOf(claim: KnownClaim): KnownClaim | null {
    const { admitter, time } = claim.signed.claim.value;
    if (admitter === this.founder) return null;
    const earliest = this.#earliestOf(admitter);
    return earliest !== null && earliest.signed.claim.value.time <= time ? earliest : null;
  }

  /** The earliest claim of this member's that is vouched for; null where none is known. */
  #earliestOf(key: PeerKey): KnownClaim | null {
    const known = this.#earliest.get(key);
    if (known === undefined || this.claims.has(known.id)) return known ?? null;
    this.#earliest.delete(key);
    let earliest: KnownClaim | null = null;
    for (const claim of this.claims.ofKey(key)) {
      if (!this.isVouched(claim)) continue;
      const { time } = claim.signed.claim.value;
      if (earliest === null || time < earliest.signed.claim.value.time) earliest = claim;
    }
    if (earliest !== null) this.#earliest.set(key, earliest);
    return earliest;
  }

  #want(admitter: PeerKey, time: number): void {
    for (const { signed } of this.claims.ofKey(admitter)) {
      if (signed.claim.value.time <= time && admitter !== signed.claim.value.admitter) return;
    }
    this.#wanted.set(admitter, Math.max(time, this.#wanted.get(admitter) ?? 0));
    dropOldest(this.#wanted, VOUCHERS_WANTED_MAX);
  }

  #forget(): void {
    for (const id of this.#vouched) if (!this.claims.has(id)) this.#vouched.delete(id);
    for (const key of this.#earliest.keys()) this.#earliestOf(key);
  }
}
