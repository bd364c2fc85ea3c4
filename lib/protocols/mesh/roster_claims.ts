/** The roster's claims: which are learnt, kept and passed on, and by which others each is vouched for. */

import type { Crypto } from "../../base/crypto.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { ClaimTable } from "./claim_table.ts";
import { claimIdOf, type KnownClaim, ownedClaim } from "./credentials.ts";
import type { RosterOutbox } from "./roster_outbox.ts";
import type { Claim, SignedClaim } from "./structures.ts";
import { VoucherTelling } from "./voucher_telling.ts";
import { Vouching } from "./vouching.ts";

export class RosterClaims {
  /** Null before we enter. */
  #vouching: Vouching | null = null;
  readonly telling = new VoucherTelling((claims, isTold) =>
    this.#vouching?.forgottenVouchers(claims, isTold) ?? []
  );

  constructor(
    readonly table: ClaimTable,
    readonly outbox: RosterOutbox,
    readonly crypto: Crypto,
  ) {}

  /** From now on the room is known, and with it its founder. */
  enter(founder: PeerKey): void {
    this.#vouching = new Vouching(this.table, founder);
  }

  /** The claim as it is kept, or as it would be. */
  known(signed: SignedClaim): KnownClaim {
    const id = claimIdOf(this.crypto, signed);
    return this.table.get(id) ?? { id, signed: ownedClaim(signed) };
  }

  isVouched(claim: KnownClaim): boolean {
    return this.#vouching?.isVouched(claim) ?? false;
  }

  /** Whether a claim is wanted since it would vouch for others. */
  wants(claim: Claim): boolean {
    return this.#vouching?.wants(claim) ?? false;
  }

  /** Sends a neighbour the claims that vouch for these and come with no roster entry. */
  vouch(to: PeerKey, claims: Iterable<KnownClaim>, nowMs: number): void {
    this.outbox.claimsTo(to, this.telling.next(to, claims, nowMs));
  }

  /** Sends neighbours the vouching claims that they lack, where that is due. @param inUse The roster's claims. */
  vouchOn(inUse: () => Iterable<KnownClaim>, nowMs: number): void {
    for (const [to, claims] of this.telling.rest(inUse, nowMs)) this.outbox.claimsTo(to, claims);
  }

  /** Keeps and passes on a claim of our own. */
  claimed(claim: KnownClaim): void {
    this.table.add(claim);
    this.#vouching?.learnt(claim);
    this.outbox.claim(claim.id, claim.signed, null);
  }

  /** Keeps a checked claim, and passes it on where it came for a beacon, from `from`. */
  learn(claim: KnownClaim, from: PeerKey | null, nowMs: number): void {
    if (this.table.has(claim.id)) return;
    this.table.add(claim);
    const vouchesForOthers = this.#vouching?.learnt(claim) === true;
    this.outbox.effect({ type: "persist", records: [{ kind: "claim", claim: claim.signed }] });
    this.outbox.effect({ type: "claim-known", claim: claim.id });
    if (vouchesForOthers) this.outbox.effect({ type: "vouched" });
    if (from === null) return;
    this.outbox.claim(claim.id, claim.signed, from);
    for (const to of this.telling.readers()) {
      if (to !== from) this.outbox.vouchers(to, this.telling.next(to, [claim], nowMs));
    }
  }
}
