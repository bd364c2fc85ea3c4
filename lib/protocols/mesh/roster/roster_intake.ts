/**
 * Checks what neighbours bring to the roster: its amount, whether it is news, and its signatures, the cheapest
 * check first. A neighbour answers for what it passes on, as it has checked it too.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { ClaimId, PeerKey } from "../../../base/ids.ts";
import { Rates, TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { ClaimTable } from "./claim_table.ts";
import {
  beaconFormFault,
  claimFormFault,
  claimIdOf,
  type InRoom,
  isBeaconSigned,
  isClaimSigned,
  type KnownClaim,
  ownedClaim,
} from "../schema/credentials.ts";
import {
  ACTIVE_VIEW_MAX,
  CLAIMS_AHEAD_MAX,
  INBOUND_LINKS_MAX,
  ROSTER_BUCKETS,
  ROSTER_MAX,
  VOUCHERS_CHECKED_BURST,
  VOUCHERS_CHECKED_PER_SECOND,
} from "../schema/limits.ts";
import type { RosterOutbox } from "./roster_outbox.ts";
import { isNewer, rankOf, type RosterTable } from "./roster_table.ts";
import type { Beacon, SignedBeacon, SignedClaim } from "../schema/structures.ts";

/** How many beacons of one member all others relay: early beacons of a busy room, twice over. */
const BEACONS_PER_SECOND = 40;
const BEACONS_BURST = 80;
/**
 * How many items are read from one neighbour: all that the heal of two full halves of a room brings, a claim and a
 * beacon of 2,048 members each, then those of a busy room. More are dropped; whatever they were, beacons come again,
 * and rosters are compared. Where members that nobody can dial make the neighbours more than an active view has, they
 * share what that many may bring.
 */
const ITEMS_PER_SECOND = 500;
const ITEMS_BURST = ROSTER_MAX;
/**
 * How many items a neighbour may send without a penalty: all that others could have it read, if all its neighbours
 * were liars, twice over for claims that vouch, of which it sends few besides. So no member is penalised for what it
 * was made to pass on; 2,500 messages a second, and as many envelopes as `limits.ts` allows, are fewer than a link's
 * 5,000.
 */
const FLOOD_PER_SECOND = 2 * ACTIVE_VIEW_MAX * ITEMS_PER_SECOND;
const FLOOD_BURST = ACTIVE_VIEW_MAX * ITEMS_BURST;
/** Buckets that a neighbour may ask for: our whole roster twice a second while hundreds of members join. */
const BUCKETS_PER_SECOND = 2 * ROSTER_BUCKETS;
const BUCKETS_BURST = 16 * ROSTER_BUCKETS;

/** Members whose rates are remembered: the neighbours there can be at once, three times over. */
const RATES_MAX = 3 * (ACTIVE_VIEW_MAX + INBOUND_LINKS_MAX);

interface Neighbour {
  /** Claims that came ahead of the beacons that name them; at most `CLAIMS_AHEAD_MAX`, unchecked. */
  readonly ahead: Map<ClaimId, SignedClaim>;
  /** Begins anew with each link: what was asked for over the last one may be sent again without blame. */
  readonly flood: TokenBucket;
}

/** The outcome for a beacon: good, with its claim; ignored; said by a process that isn't the one known; its claim isn't known; or its sender is penalised. */
export type Verdict =
  | { readonly is: "good"; readonly claim: KnownClaim }
  | { readonly is: "ignored" | "of a copy" | "without-claim" | "penalised" };

export class RosterIntake {
  /** As many as the overlay has neighbours. */
  readonly #neighbours = new Map<PeerKey, Neighbour>();
  /** Rate limits for each live member's beacons. */
  readonly #rates = new Map<PeerKey, TokenBucket>();
  /** Rate limits for neighbours, by key: one that goes and comes again has what it had left. */
  readonly #items = new Rates<PeerKey>(ITEMS_PER_SECOND, ITEMS_BURST, RATES_MAX);
  readonly #buckets = new Rates<PeerKey>(BUCKETS_PER_SECOND, BUCKETS_BURST, RATES_MAX);
  readonly #vouchers = new Rates<PeerKey>(
    VOUCHERS_CHECKED_PER_SECOND,
    VOUCHERS_CHECKED_BURST,
    RATES_MAX,
  );

  constructor(
    readonly table: RosterTable,
    readonly claims: Pick<ClaimTable, "has" | "get">,
    readonly outbox: Pick<RosterOutbox, "penalise" | "hasClaim">,
    readonly crypto: Crypto,
    readonly isRemoved: (key: PeerKey) => boolean,
  ) {}

  neighbours(): Iterable<PeerKey> {
    return this.#neighbours.keys();
  }

  isNeighbour(peer: PeerKey): boolean {
    return this.#neighbours.has(peer);
  }

  neighbourUp(peer: PeerKey): void {
    this.#neighbours.set(peer, {
      ahead: new Map(),
      flood: new TokenBucket(FLOOD_PER_SECOND, FLOOD_BURST),
    });
  }

  neighbourDown(peer: PeerKey): void {
    this.#neighbours.delete(peer);
  }

  /** The member is dead: its rate is forgotten. */
  forget(key: PeerKey): void {
    this.#rates.delete(key);
  }

  /** Whether so many entries of a neighbour's may be read now; penalises it where it sends far more. */
  mayBring(from: PeerKey, count: number, nowMs: number): boolean {
    const neighbour = this.#neighbours.get(from);
    if (neighbour === undefined) return false;
    if (!neighbour.flood.take(nowMs, count)) {
      const text = `sent more than ${FLOOD_PER_SECOND} roster entries a second`;
      return this.outbox.penalise(from, "flood", text);
    }
    const share = Math.max(1, this.#neighbours.size / ACTIVE_VIEW_MAX);
    return this.#items.take(from, nowMs, count * share);
  }

  /** Whether a question about so many buckets is answered; a neighbour left without an answer asks again later. */
  mayAsk(from: PeerKey, buckets: number, nowMs: number): boolean {
    return this.isNeighbour(from) && this.#buckets.take(from, nowMs, Math.max(1, buckets));
  }

  /** Whether one more claim of this neighbour's that only vouches for others is checked. */
  mayVouch(from: PeerKey, nowMs: number): boolean {
    return this.isNeighbour(from) && this.#vouchers.take(from, nowMs);
  }

  /** Keeps a claim until the beacon comes that names it; only then is it worth checking. */
  claimAhead(from: PeerKey, claim: SignedClaim): void {
    const ahead = this.#neighbours.get(from)?.ahead;
    const id = claimIdOf(this.crypto, claim);
    this.outbox.hasClaim(from, id);
    if (ahead === undefined || this.claims.has(id)) return;
    ahead.set(id, ownedClaim(claim));
    dropOldest(ahead, CLAIMS_AHEAD_MAX);
  }

  /** Whether a beacon could change anything; checked before all else. */
  isNews(beacon: Beacon): boolean {
    if (this.isRemoved(beacon.key)) return false;
    const floor = this.table.floorOf(beacon.key);
    if (floor !== null && !isNewer(rankOf(beacon), floor)) return false;
    const isLive = this.table.get(beacon.key)?.state === "alive";
    return isLive || this.table.liveCount < ROSTER_MAX;
  }

  /** Checks a beacon that a neighbour passed on, and its claim where that is new. */
  check(from: PeerKey, signed: SignedBeacon, room: InRoom, nowMs: number): Verdict {
    const beacon = signed.beacon.value;
    if (!this.isNews(beacon)) return { is: "ignored" };
    const inUse = this.table.get(beacon.key)?.claim;
    const known = inUse?.id === beacon.claim ? inUse : this.claims.get(beacon.claim);
    const ahead = this.#neighbours.get(from)?.ahead;
    const coming = ahead?.get(beacon.claim);
    if (known === null && coming === undefined) return { is: "without-claim" };
    if (!this.#rateOf(beacon.key).take(nowMs)) return { is: "ignored" };
    if (!this.isBeaconGood(from, signed, room)) return { is: "penalised" };
    if (this.table.isOfCopy(beacon)) return { is: "of a copy" };
    const claim = known ?? this.checkClaim(from, coming!, beacon.claim, room);
    if (claim === null) return { is: "penalised" };
    if (claim.signed.claim.value.key !== beacon.key) {
      this.outbox.penalise(
        from,
        "protocol",
        "passed on a beacon that names another member's claim",
      );
      return { is: "penalised" };
    }
    ahead?.delete(beacon.claim);
    return { is: "good", claim };
  }

  isBeaconGood(from: PeerKey, signed: SignedBeacon, room: InRoom): boolean {
    const fault = beaconFormFault(signed.beacon.value, room.id);
    if (fault !== null) {
      return this.outbox.penalise(from, "protocol", `passed on a beacon: ${fault}`);
    }
    if (isBeaconSigned(this.crypto, signed)) return true;
    const text = "passed on a beacon that its member didn't sign";
    return this.outbox.penalise(from, "invalid-signature", text);
  }

  /** Null where the claim doesn't hold; then the neighbour that brought it is penalised. */
  checkClaim(from: PeerKey, signed: SignedClaim, id: ClaimId, room: InRoom): KnownClaim | null {
    const fault = claimFormFault(signed.claim.value, room);
    if (fault !== null) {
      this.outbox.penalise(from, "protocol", `passed on a claim: ${fault}`);
      return null;
    }
    if (!isClaimSigned(this.crypto, signed, id)) {
      this.outbox.penalise(from, "invalid-signature", "passed on a claim without valid signatures");
      return null;
    }
    return { id, signed: ownedClaim(signed) };
  }

  #rateOf(key: PeerKey): TokenBucket {
    const rate = this.#rates.get(key);
    if (rate !== undefined) return rate;
    const fresh = new TokenBucket(BEACONS_PER_SECOND, BEACONS_BURST);
    // Only for live members: unchecked keys would fill the map.
    if (this.table.get(key)?.state === "alive") this.#rates.set(key, fresh);
    return fresh;
  }
}
