/**
 * Whose word a claim's time is. A claim says itself when it was made, and anybody can sign an early time as
 * claimant and admitting member at once. So its time counts only where the admitting member was in the room by
 * then, as a claim of its own shows that is vouched for in turn, back to the founder, whom the room's id
 * names: nobody has an older right than the oldest member who helps it.
 *
 * Claims of members who are long forgotten are handed on for those whom they vouch for: each of a few hundred
 * bytes, and only to who hasn't heard of it.
 *
 * Without a clock for all there is no more to know: a member that says now what it did long ago looks like one
 * that a split kept from saying so.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { ClaimTable } from "./claim_table.ts";
import type { KnownClaim } from "./credentials.ts";
import { VOUCHERS_WANTED_MAX } from "./limits.ts";
import type { Claim, SignedClaim } from "./structures.ts";

export class Vouching {
  /** Who could vouch for a claim that is known, and at what time at the latest; at most `VOUCHERS_WANTED_MAX`. */
  readonly #wanted = new Map<PeerKey, number>();

  constructor(readonly claims: ClaimTable, readonly founder: PeerKey) {}

  isVouched(claim: KnownClaim): boolean {
    return this.vouchers(claim) !== null;
  }

  /** The claims by which this one is vouched for, its admitting member's first; null where it isn't. */
  vouchers(claim: KnownClaim): readonly KnownClaim[] | null {
    // By breadth: each claim is looked at once, whatever circle liars admit each other in.
    const found = new Map<KnownClaim, KnownClaim | null>([[claim, null]]);
    for (const [at, vouchedFor] of found) {
      const { admitter, time } = at.signed.claim.value;
      if (admitter === this.founder) return pathTo(at, vouchedFor, found);
      for (const earlier of this.claims.ofKey(admitter)) {
        if (earlier.signed.claim.value.time <= time && !found.has(earlier)) found.set(earlier, at);
      }
    }
    return null;
  }

  /** Whether a claim would help to vouch for one that is known. */
  wants({ key, time }: Claim): boolean {
    return time <= (this.#wanted.get(key) ?? -1);
  }

  /** A claim is known from now on. */
  learnt(claim: KnownClaim): void {
    const { key, admitter, time } = claim.signed.claim.value;
    if (this.wants(claim.signed.claim.value)) this.#wanted.delete(key);
    if (admitter === this.founder) return;
    for (const { signed } of this.claims.ofKey(admitter)) {
      if (signed.claim.value.time <= time) return;
    }
    this.#wanted.set(admitter, Math.max(time, this.#wanted.get(admitter) ?? 0));
    if (this.#wanted.size <= VOUCHERS_WANTED_MAX) return;
    for (const oldest of this.#wanted.keys()) {
      this.#wanted.delete(oldest);
      return;
    }
  }

  /** What vouches for these and comes with no roster entry, each once, in an order in which it is wanted. */
  forgottenVouchers(claims: Iterable<KnownClaim>): readonly SignedClaim[] {
    const vouchers = new Set<KnownClaim>();
    for (const claim of claims) {
      for (const voucher of this.vouchers(claim) ?? []) {
        if (!this.claims.isInUse(voucher.id)) vouchers.add(voucher);
      }
    }
    return Array.from(vouchers, ({ signed }) => signed);
  }
}

/** The way from where the search began, which isn't part of it, to `last`. */
function pathTo(
  last: KnownClaim,
  vouchedFor: KnownClaim | null,
  found: ReadonlyMap<KnownClaim, KnownClaim | null>,
): readonly KnownClaim[] {
  const path: KnownClaim[] = [];
  let at = last;
  for (let next = vouchedFor; next !== null; next = found.get(next)!) {
    path.unshift(at);
    at = next;
  }
  return path;
}
