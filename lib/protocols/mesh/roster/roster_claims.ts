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
  VOUCHERS_WANTED_MAX,
} from "../schema/limits.ts";
import type { Claim, SignedClaim } from "../schema/structures.ts";
import type { ClaimTable } from "./claim_table.ts";
import type { RosterOutbox } from "./roster_outbox.ts";

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
    if (!this.table.has(claim.id)) return this.#vouching?.wouldVouch(claim) ?? false;
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

  /** The same of a claim that somebody shows, and that may have been forgotten here. */
  wouldVouch(claim: KnownClaim): boolean {
    return claim.signed.claim.value.admitter === this.founder || this.#voucherOf(claim) !== null;
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
    if (!this.wouldVouch(claim)) {
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
