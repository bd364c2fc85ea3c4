/**
 * Sends neighbours the claims of forgotten members that vouch for others, to each at most as many as it checks. A liar
 * can have forgotten members by the thousand, and name them a hundred times a second: if all claims that vouch for its
 * own were sent, honest neighbours would take each other for flooders.
 *
 * A neighbour that isn't sent all at once is sent the rest later, until it has been sent everything on this link. What
 * was sent may have been dropped on the way, or left unread: so after a while it is sent again with the next claim for
 * which it vouches.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { ClaimId, PeerKey } from "../../base/ids.ts";
import { Rates } from "../../base/rates.ts";
import type { KnownClaim } from "./credentials.ts";
import {
  VOUCHER_AGAIN_MS,
  VOUCHER_READERS_MAX,
  VOUCHERS_ON_LINK_MAX,
  VOUCHERS_REST_MS,
  VOUCHERS_TOLD_MAX,
  VOUCHERS_TOLD_PER_SECOND,
} from "./limits.ts";
import type { SignedClaim } from "./structures.ts";

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
export type Vouchers = (
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
