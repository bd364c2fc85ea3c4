/** The roster's claims: which are learnt, kept and passed on, and by which others each is vouched for. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { ClaimId, PeerKey } from "../../../base/ids.ts";
import { Rates } from "../../../base/rates/token_bucket.ts";
import { claimIdOf, type KnownClaim, ownedClaim } from "../schema/credentials.ts";
import {
  VOUCHER_AGAIN_MS,
  VOUCHER_READERS_MAX,
  VOUCHERS_ON_LINK_MAX,
  VOUCHERS_REST_MS,
  VOUCHERS_TOLD_MAX,
  VOUCHERS_TOLD_PER_SECOND,
} from "../schema/limits.ts";
import type { Claim, SignedClaim } from "../schema/structures.ts";
import type { ClaimTable } from "./claim_table.ts";
import type { RosterOutbox } from "./roster_outbox.ts";
import { Vouching } from "./vouching.ts";

export class RosterClaims {
  /** Null before we enter. */
  #vouching: Vouching | null = null;
  readonly telling = new VoucherTelling((claims, isTold) =>
    this.#vouching?.forgottenVouchers(claims, isTold) ?? []
  );

  constructor(
    readonly table: ClaimTable,
    readonly outbox: Pick<RosterOutbox, "effect" | "claim" | "claimsTo" | "vouchers">,
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

// Sends neighbours the claims of forgotten members that vouch for others, to each at most as many as it checks. A liar
// can have forgotten members by the thousand, and name them a hundred times a second: if all claims that vouch for its
// own were sent, honest neighbours would take each other for flooders.
//
// A neighbour that isn't sent all at once is sent the rest later, until it has been sent everything on this link. What
// was sent may have been dropped on the way, or left unread: so after a while it is sent again with the next claim for
// which it vouches.

interface Reader {
  /** When each claim was sent on this link, the oldest first; at most `VOUCHERS_ON_LINK_MAX`. */
  readonly toldMs: Map<ClaimId, number>;
  /**
   * Whether it wasn't sent all that it should have been: it is sent the rest when that is due, and nothing before.
   * While false, each claim that was sent was sent with all that vouch for it in turn.
   */
  isOpen: boolean;
}

/** The claims of forgotten members that vouch for these, up to those that were sent already. */
type Vouchers = (
  claims: Iterable<KnownClaim>,
  isTold?: (voucher: ClaimId) => boolean,
) => Iterable<KnownClaim>;

export class VoucherTelling {
  readonly #readers = new Map<PeerKey, Reader>();
  /** By key, as the reader counts them: a neighbour that goes and comes again has what it had left. */
  readonly #rates = new Rates<PeerKey>(
    VOUCHERS_TOLD_PER_SECOND,
    VOUCHERS_TOLD_MAX,
    VOUCHER_READERS_MAX,
  );
  #dueMs: number | null = null;

  constructor(readonly vouchers: Vouchers) {}

  neighbourUp(peer: PeerKey): void {
    this.#readers.set(peer, { toldMs: new Map(), isOpen: false });
  }

  neighbourDown(peer: PeerKey): void {
    this.#readers.delete(peer);
  }

  readers(): Iterable<PeerKey> {
    return this.#readers.keys();
  }

  /** A neighbour wasn't sent something, which may have been vouching claims: it is sent all of them anew. */
  missed(peer: PeerKey, nowMs: number): void {
    const reader = this.#readers.get(peer);
    // A neighbour that misses something again and again is sent everything once before that begins anew.
    if (reader === undefined || reader.isOpen) return;
    reader.toldMs.clear();
    this.#leaveOpen(reader, nowMs);
  }

  /** The claims that vouch for these, as many as `to` is to be sent now, in the order in which it wants them. */
  next(to: PeerKey, claims: Iterable<KnownClaim>, nowMs: number): readonly SignedClaim[] {
    const reader = this.#readers.get(to);
    if (reader === undefined || reader.isOpen) return [];
    const isTold = (id: ClaimId) => nowMs - (reader.toldMs.get(id) ?? -Infinity) < VOUCHER_AGAIN_MS;
    return this.#take(to, reader, this.vouchers(claims, isTold), nowMs);
  }

  /**
   * The rest, for each neighbour that wasn't sent all, when that is due.
   * @param claims All that neighbours may know, those that matter most first.
   */
  rest(
    claims: () => Iterable<KnownClaim>,
    nowMs: number,
  ): readonly (readonly [to: PeerKey, vouchers: readonly SignedClaim[]])[] {
    if (this.#dueMs === null || nowMs < this.#dueMs) return [];
    this.#dueMs = null;
    const open = [...this.#readers].filter(([, { isOpen }]) => isOpen);
    const all = open.length > 0 ? [...this.vouchers(claims())] : [];
    return open.map(([to, reader]) => {
      reader.isOpen = false;
      const untold = all.values().filter(({ id }) => !reader.toldMs.has(id));
      return [to, this.#take(to, reader, untold, nowMs)];
    });
  }

  /** When `rest` has something to send; null where all is sent. */
  nextMs(): number | null {
    return this.#dueMs;
  }

  #take(
    to: PeerKey,
    reader: Reader,
    vouchers: Iterable<KnownClaim>,
    nowMs: number,
  ): readonly SignedClaim[] {
    const taken: SignedClaim[] = [];
    for (const { id, signed } of vouchers) {
      if (!this.#rates.take(to, nowMs)) {
        this.#leaveOpen(reader, nowMs);
        break;
      }
      reader.toldMs.delete(id);
      reader.toldMs.set(id, nowMs);
      dropOldest(reader.toldMs, VOUCHERS_ON_LINK_MAX);
      taken.push(signed);
    }
    return taken;
  }

  #leaveOpen(reader: Reader, nowMs: number): void {
    reader.isOpen = true;
    this.#dueMs ??= nowMs + VOUCHERS_REST_MS;
  }
}
