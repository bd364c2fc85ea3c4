/** The roster's claims: what is learnt, kept, passed on, and by which others each is vouched for. */

import { dropOldest } from "../../base/bounded.ts";
import type { Crypto } from "../../base/crypto.ts";
import type { ClaimId, PeerKey } from "../../base/ids.ts";
import type { ClaimTable } from "./claim_table.ts";
import { claimIdOf, type KnownClaim, ownedClaim } from "./credentials.ts";
import { CLAIMS_ON_LINK_MAX, VOUCHER_AGAIN_MS } from "./limits.ts";
import type { RosterOutbox } from "./roster_outbox.ts";
import type { Claim, SignedClaim } from "./structures.ts";
import { Vouching } from "./vouching.ts";

export class RosterClaims {
  /** Null before we enter. */
  #vouching: Vouching | null = null;
  /** When those that vouch for others were passed on; the oldest are forgotten first. */
  readonly #toldMs = new Map<ClaimId, number>();

  constructor(
    readonly table: ClaimTable,
    readonly outbox: RosterOutbox,
    readonly crypto: Crypto,
  ) {}

  /** From now on the room is known, and with it who founded it. */
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

  /** What vouches for these and comes with no roster entry. */
  forgottenVouchers(claims: Iterable<KnownClaim>): readonly SignedClaim[] {
    return this.#vouching?.forgottenVouchers(claims) ?? [];
  }

  /** Keeps and passes on one of our own. */
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
    const again = (id: ClaimId) => nowMs - (this.#toldMs.get(id) ?? -Infinity) < VOUCHER_AGAIN_MS;
    for (const voucher of this.#vouching?.forgottenVouchers([claim], again) ?? []) {
      this.#toldMs.set(claimIdOf(this.crypto, voucher), nowMs);
      this.outbox.voucher(voucher, from);
      dropOldest(this.#toldMs, CLAIMS_ON_LINK_MAX);
    }
  }
}
