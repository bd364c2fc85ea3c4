/** Offers: how they are signed and checked, and the bounded table of those that are open. */

import type { Crypto, Signer } from "../../base/crypto/crypto.ts";
import { utf8 } from "../../base/crypto/crypto.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import type { Hash, HexId, OfferId, PeerKey } from "../../base/ids.ts";
import { Rates } from "../../base/rates/token_bucket.ts";
import { makeEmbedded } from "../../base/schema/schema.ts";
import { safeFileName } from "./file_names.ts";
import {
  OFFER_KEPT_MS,
  OFFERS_BURST,
  OFFERS_EACH_MAX,
  OFFERS_MAX,
  OFFERS_PER_S,
  OFFERS_UNKNOWN_MAX,
  REMEMBERED_MAX,
} from "./limits.ts";
import {
  type Offer,
  offerSchema,
  type SignedOffer,
  type Withdrawal,
  WITHDRAWALS,
} from "./messages.ts";

const OFFER = utf8("p2pchat file offer 1\n");
const WITHDRAWAL = utf8("p2pchat file withdrawal 1\n");
const PAIR = utf8("p2pchat file pair 1\n");

/** What two people offer each other belongs to them alone, wherever they meet: to nobody's room, and to no third one. */
export function pairContext(crypto: Crypto, one: PeerKey, other: PeerKey): Hash {
  const [first, second] = one < other ? [one, other] : [other, one];
  return crypto.sha256<Hash>(PAIR, digits(first), digits(second));
}

/** Where an offer to `to` belongs; null where it belongs nowhere, as what is for all does among people in pairs. */
export function contextOf(
  crypto: Crypto,
  room: Hash | null,
  from: PeerKey,
  to: PeerKey | null,
): Hash | null {
  if (room !== null) return room;
  return to === null ? null : pairContext(crypto, from, to);
}

/** An offer by its signer. */
export function signedOffer(signer: Signer, crypto: Crypto, value: Offer): SignedOffer {
  const offer = makeEmbedded(offerSchema, value);
  const bytes = offer.bytes.slice();
  const id = offerId(crypto, { offer: { bytes, value }, signature: new Uint8Array(0) });
  return { offer: { bytes, value }, signature: signer.sign(digits(id)) };
}

/** SHA-256 of the tag and the offer's bytes, which name its signer. */
export function offerId(crypto: Crypto, { offer }: SignedOffer): OfferId {
  return crypto.sha256<OfferId>(OFFER, offer.bytes);
}

function isSigned(crypto: Crypto, id: OfferId, { offer, signature }: SignedOffer): boolean {
  return crypto.verify(offer.value.from, digits(id), signature);
}

/** The signer's signature that takes the offer back. */
export function withdrawalSignature(
  signer: Signer,
  crypto: Crypto,
  file: OfferId,
  reason: Withdrawal,
): Uint8Array {
  return signer.sign(withdrawalDigest(crypto, file, reason));
}

/** Whether `from` takes the offer back. */
export function isWithdrawal(
  crypto: Crypto,
  from: PeerKey,
  file: OfferId,
  reason: Withdrawal,
  signature: Uint8Array,
): boolean {
  return crypto.verify(from, withdrawalDigest(crypto, file, reason), signature);
}

function withdrawalDigest(crypto: Crypto, file: OfferId, reason: Withdrawal): Uint8Array {
  const why = Uint8Array.of(WITHDRAWALS.indexOf(reason));
  return digits(crypto.sha256<Hash>(WITHDRAWAL, digits(file), why));
}

function digits(id: HexId): Uint8Array {
  return Uint8Array.fromHex(id);
}

/** What is known of whoever signed an offer. */
export type Standing = "known" | "unknown" | "removed";

export interface OpenOffer {
  /** What the user calls it, from 1. */
  readonly number: number;
  readonly id: OfferId;
  readonly signed: SignedOffer;
  readonly value: Offer;
  /** Harmless: as it is shown and saved. */
  readonly name: string;
  /** When it is forgotten. */
  readonly untilMs: number;
}

/** Why an offer isn't taken. */
type OfferRefusal =
  | "known"
  | "withdrawn"
  | "elsewhere"
  | "not-for-us"
  | "own"
  | "not-by-its-signer"
  | "removed"
  | "too-many-unknown"
  | "nameless"
  | "too-many-offers"
  | "full"
  | "too-fast"
  | "forged";

export class OfferTable {
  readonly #open = new Map<OfferId, OpenOffer>();
  readonly #numbers = new Map<number, OpenOffer>();
  readonly #each = new Map<PeerKey, number>();
  readonly #withdrawn = new Set<OfferId>();
  /** Received whole: these don't keep their signer from offering more. */
  readonly #settled = new Set<OfferId>();
  readonly #rates = new Rates<PeerKey>(OFFERS_PER_S, OFFERS_BURST, REMEMBERED_MAX);
  #lastNumber = 0;

  /**
   * @param isKept Offers that stay however old they are: those that are fetched or held.
   * @param standingOf See `TransferConfig`.
   */
  constructor(
    readonly crypto: Crypto,
    readonly context: Hash | null,
    readonly self: PeerKey,
    readonly isKept: (id: OfferId) => boolean,
    readonly standingOf: (author: PeerKey) => Standing = () => "known",
  ) {}

  get size(): number {
    return this.#open.size;
  }

  get(id: OfferId): OpenOffer | undefined {
    return this.#open.get(id);
  }

  /** In the order in which they came. */
  all(): readonly OpenOffer[] {
    return [...this.#open.values()];
  }

  numbered(number: number): OpenOffer | undefined {
    return this.#numbers.get(number);
  }

  /** Takes an offer that came from `via`, or says why not. What costs most is looked at last. */
  heard(signed: SignedOffer, via: PeerKey, nowMs: number): OpenOffer | OfferRefusal {
    const { from, to } = signed.offer.value;
    // One's own are known without others, who may have kept one that was taken back.
    if (from === this.self) return "own";
    if (to !== null && via !== from) return "not-by-its-signer";
    const standing = this.standingOf(from);
    if (standing === "removed") return "removed";
    if (standing === "unknown" && this.#unknown >= OFFERS_UNKNOWN_MAX) return "too-many-unknown";
    if (this.#open.size >= OFFERS_MAX) return "full";
    return this.add(signed, nowMs);
  }

  /** Whose signers nobody knows. */
  get #unknown(): number {
    return this.#each.keys().reduce(
      (sum, from) => this.standingOf(from) === "unknown" ? sum + this.#each.get(from)! : sum,
      0,
    );
  }

  /**
   * Takes an offer, or says why not.
   * @param isRestored It was taken by an earlier process, at whatever rate.
   */
  add(signed: SignedOffer, nowMs: number, isRestored = false): OpenOffer | OfferRefusal {
    const id = offerId(this.crypto, signed);
    const { value } = signed.offer;
    const { from, to } = value;
    if (this.#open.has(id)) return "known";
    if (this.#withdrawn.has(id)) return "withdrawn";
    if (to !== null && to !== this.self && from !== this.self) return "not-for-us";
    if (value.context !== contextOf(this.crypto, this.context, from, to)) return "elsewhere";
    if (value.name === "") return "nameless";
    const isMuch = (this.#each.get(from) ?? 0) >= OFFERS_EACH_MAX;
    const earlier = isMuch && from !== this.self ? this.#earliestOf(from) : null;
    if (isMuch && !(earlier !== null && earlier.value.at < value.at)) return "too-many-offers";
    if (!isRestored && !this.#rates.allows(from, nowMs)) return "too-fast";
    if (!isSigned(this.crypto, id, signed)) return "forged";
    if (!isRestored) this.#rates.take(from, nowMs);
    if (earlier !== null) this.#remove(earlier);
    return this.#opened(id, signed, nowMs + OFFER_KEPT_MS);
  }

  /**
   * The earliest of its signer that isn't kept, as the signer's clock has it. It gives way to a later one: somebody may
   * pass on what was taken back long ago, to whoever wasn't there then.
   */
  #earliestOf(from: PeerKey): OpenOffer | null {
    let earliest: OpenOffer | null = null;
    for (const offer of this.#open.values()) {
      const { value: { at }, id } = offer;
      if (offer.value.from !== from || this.#settled.has(id) || this.isKept(id)) continue;
      if (earliest === null || at < earliest.value.at) earliest = offer;
    }
    return earliest;
  }

  #opened(id: OfferId, signed: SignedOffer, untilMs: number): OpenOffer {
    const { value } = signed.offer;
    const offer: OpenOffer = {
      number: ++this.#lastNumber,
      id,
      signed: {
        offer: { bytes: signed.offer.bytes.slice(), value },
        signature: signed.signature.slice(),
      },
      value,
      name: safeFileName(value.name),
      untilMs,
    };
    this.#open.set(id, offer);
    this.#numbers.set(offer.number, offer);
    this.#each.set(value.from, (this.#each.get(value.from) ?? 0) + 1);
    return offer;
  }

  /** It was received: its signer may offer another one. */
  settle({ id, value }: OpenOffer): void {
    if (this.#settled.has(id)) return;
    this.#settled.add(id);
    this.#uncount(value.from);
  }

  /** Forgets it: it isn't held any more. */
  forget(offer: OpenOffer): void {
    this.#remove(offer);
  }

  /** Its signer took it back: nobody can open it again. */
  withdraw(offer: OpenOffer): void {
    this.#remove(offer);
    this.#withdrawn.add(offer.id);
    dropOldest(this.#withdrawn, REMEMBERED_MAX);
  }

  nextMs(): number | null {
    // In the order in which they came, and all are kept equally long.
    for (const { id, untilMs } of this.#open.values()) if (!this.isKept(id)) return untilMs;
    return null;
  }

  /** Forgets what is too old. */
  tick(nowMs: number): void {
    for (const offer of this.#open.values()) {
      if (offer.untilMs <= nowMs && !this.isKept(offer.id)) this.#remove(offer);
    }
  }

  #remove(offer: OpenOffer): void {
    const { from } = offer.value;
    this.#open.delete(offer.id);
    this.#numbers.delete(offer.number);
    if (!this.#settled.delete(offer.id)) this.#uncount(from);
  }

  #uncount(from: PeerKey): void {
    const each = this.#each.get(from)! - 1;
    if (each === 0) this.#each.delete(from);
    else this.#each.set(from, each);
  }
}
