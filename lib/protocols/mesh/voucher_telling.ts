/**
 * What neighbours are told of the claims of forgotten members, who vouch for others: each is told at most as many as it
 * checks. A liar can have forgotten members by the thousand, and name them a hundred times a second: were all told that
 * vouches for what it says, honest neighbours would take each other for floods.
 *
 * Who isn't told all at once is told the rest later, until there is nothing that it hasn't been told on this link. And
 * what was told may have been lost on the way, or left unread: so after a while it is told again with the next claim that
 * it vouches for.
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
  /** When which was told on this link, the oldest first; at most `VOUCHERS_ON_LINK_MAX`. */
  readonly toldMs: Map<ClaimId, number>;
  /**
   * Whether it wasn't told all that it should have been: it is told the rest when that is due, and nothing before. Of who
   * isn't, each claim that was told was told with all that vouch for it in turn.
   */
  isOpen: boolean;
}

/** The claims of forgotten members that vouch for these, up to where they are told already. */
export type Vouchers = (
  claims: Iterable<KnownClaim>,
  isTold?: (voucher: ClaimId) => boolean,
) => Iterable<KnownClaim>;

export class VoucherTelling {
  readonly #readers = new Map<PeerKey, Reader>();
  /** By key, as its reader counts them: who goes and comes again has what it left. */
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

  /** A neighbour wasn't sent something, which may have been any of it: it is told all anew. */
  missed(peer: PeerKey, nowMs: number): void {
    const reader = this.#readers.get(peer);
    // Who misses something again and again gets to the end first.
    if (reader === undefined || reader.isOpen) return;
    reader.toldMs.clear();
    this.#leaveOpen(reader, nowMs);
  }

  /** What vouches for these, as much of it as `to` is to be told now, in the order in which it is wanted. */
  next(to: PeerKey, claims: Iterable<KnownClaim>, nowMs: number): readonly SignedClaim[] {
    const reader = this.#readers.get(to);
    if (reader === undefined || reader.isOpen) return [];
    const isTold = (id: ClaimId) => nowMs - (reader.toldMs.get(id) ?? -Infinity) < VOUCHER_AGAIN_MS;
    return this.#take(to, reader, this.vouchers(claims, isTold), nowMs);
  }

  /**
   * The rest, for each who wasn't told all, when that is due.
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

  /** When `rest` has something to tell; null where all is told. */
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
