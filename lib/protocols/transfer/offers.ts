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
  OFFERS_NEW_MAX,
  OFFERS_PER_S,
  OFFERS_UNKNOWN_MAX,
  OFFERS_UNKNOWN_PER_S,
  REMEMBERED_MAX,
} from "./limits.ts";
import {
  type Offer,
  offerSchema,
  type SignedOffer,
  type TransferMessage,
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

/** What is known of whoever signed an offer; `new`: it has come only just. */
export type Standing = "known" | "new" | "unknown" | "removed" | "refused";

/** How many offers there may be of people of each standing, so that no crowd of one pushes out those of another. */
const PARTS = {
  known: OFFERS_MAX - OFFERS_NEW_MAX - OFFERS_UNKNOWN_MAX,
  new: OFFERS_NEW_MAX,
  unknown: OFFERS_UNKNOWN_MAX,
} as const;
type Part = keyof typeof PARTS;

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

type WithdrawMessage = Extract<TransferMessage, { readonly type: "withdraw" }>;

/** Why an offer isn't taken. */
type OfferRefusal =
  | "known"
  | "withdrawn"
  | "elsewhere"
  | "not-for-us"
  | "own"
  | "not-by-its-signer"
  | "removed"
  | "nameless"
  | "too-many-offers"
  | "full"
  | "too-fast"
  | "forged";

interface OffersPort {
  /** Whether it gives way to no other, as it is fetched or held. */
  isKept(file: OfferId): boolean;
  /** Whether it stays however old it is, as a part of it is here. */
  hasPart(file: OfferId): boolean;
  /** It isn't open any more, as it gave way to another one, or is too old. */
  ended(offer: OpenOffer, why: string): void;
}

export class OfferTable {
  readonly #open = new Map<OfferId, OpenOffer>();
  readonly #numbers = new Map<number, OpenOffer>();
  readonly #each = new Map<PeerKey, number>();
  readonly #withdrawn = new Set<OfferId>();
  /** With which signers took offers back, for those who still pass them on. */
  readonly #withdrawals = new Map<OfferId, WithdrawMessage>();
  /** Received whole: these don't keep their signer from offering more. */
  readonly #settled = new Set<OfferId>();
  readonly #rates = new Rates<PeerKey | null>(OFFERS_PER_S, OFFERS_BURST, REMEMBERED_MAX);
  /** One for all whom nobody knows: for one that its maker takes back there comes no other. */
  readonly #unknown = new Rates<PeerKey | null>(OFFERS_UNKNOWN_PER_S, OFFERS_UNKNOWN_MAX, 1);
  #lastNumber = 0;

  /**
   * @param standingOf See `TransferConfig`.
   */
  constructor(
    readonly crypto: Crypto,
    readonly context: Hash | null,
    readonly self: PeerKey,
    readonly port: OffersPort,
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
    if (this.standingOf(from) === "removed") return "removed";
    return this.add(signed, nowMs);
  }

  /**
   * The offer that gives way to one more by `from`. Only people of one standing push out each other's, and of those the
   * one who has most offers loses the earliest, to whoever has fewer also after that, or none yet.
   * @returns Null where there is room; why not, where nobody gives way.
   */
  #givesWay(from: PeerKey): OpenOffer | "full" | null {
    const counts: Record<Part, number> = { known: 0, new: 0, unknown: 0 };
    for (const [author, each] of this.#each) counts[this.#partOf(author)] += each;
    const own = this.#partOf(from);
    const isOwnFull = counts[own] >= PARTS[own];
    if (!isOwnFull && this.#open.size - this.#settled.size < OFFERS_MAX) return null;
    // Whoever isn't new any more, or has become known, may have filled another part beyond its bound.
    const beyond = (["unknown", "new", "known"] as const).find((part) =>
      counts[part] > PARTS[part]
    );
    const part = isOwnFull ? own : beyond ?? own;
    const each = this.#each.get(from) ?? 0;
    const bound = part !== own || each === 0 ? 0 : each + 1;
    return this.#earliestOfMost(part, bound) ?? "full";
  }

  #partOf(author: PeerKey): Part {
    const standing = this.standingOf(author);
    return standing === "removed" || standing === "refused" ? "unknown" : standing;
  }

  /** Of whoever has most offers of these people, and more than `bound`, the one that gives way. */
  #earliestOfMost(part: Part, bound: number): OpenOffer | null {
    let [found, most]: [OpenOffer | null, number] = [null, bound];
    for (const offer of this.#open.values()) {
      const { id, value: { from } } = offer;
      const each = this.#each.get(from) ?? 0;
      if (this.#partOf(from) !== part || this.#settled.has(id) || this.port.isKept(id)) continue;
      const isBetter = found?.value.from === from && this.#isWorthLess(id, found);
      if (each > most || isBetter) [found, most] = [offer, each];
    }
    return found;
  }

  /** Of one signer's, what nothing is here of gives way first, and then the earliest. */
  #isWorthLess(id: OfferId, { id: other }: OpenOffer): boolean {
    return this.port.hasPart(other) && !this.port.hasPart(id);
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
    const isOwn = isRestored || from === this.self;
    const isKnown = isOwn || this.#partOf(from) !== "unknown";
    const [rates, payer] = isKnown ? [this.#rates, from] : [this.#unknown, null];
    if (!isRestored && !rates.allows(payer, nowMs)) return "too-fast";
    const leaving = earlier ?? (isOwn ? null : this.#givesWay(from));
    if (typeof leaving === "string") return leaving;
    if (!isSigned(this.crypto, id, signed)) return "forged";
    if (!isRestored) rates.take(payer, nowMs);
    if (leaving !== null) {
      this.forget(leaving);
      this.port.ended(leaving, "others offer too much for it to be kept");
    }
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
      if (offer.value.from !== from || this.#settled.has(id) || this.port.isKept(id)) continue;
      if (earliest === null || this.#isWorthLess(id, earliest)) earliest = offer;
      else if (at < earliest.value.at && !this.#isWorthLess(earliest.id, offer)) earliest = offer;
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

  /** Its signer took it back: nobody can open it again. */
  withdraw(offer: OpenOffer): void {
    this.forget(offer);
    this.#withdrawn.add(offer.id);
    dropOldest(this.#withdrawn, REMEMBERED_MAX);
  }

  /** Its signer has said so, as is proven. @returns Whether that is news. */
  noteWithdrawal(message: WithdrawMessage): boolean {
    const { file, signature } = message;
    if (this.#withdrawals.has(file)) return false;
    this.#withdrawals.set(file, { ...message, signature: signature.slice() });
    dropOldest(this.#withdrawals, REMEMBERED_MAX);
    return true;
  }

  /** Whether its signer has said so, though it may be open here: who has a changed file as it was goes on serving it. */
  hasEnded(id: OfferId): boolean {
    return this.#withdrawals.has(id);
  }

  /** What tells whoever passes this offer on that it was taken back; undefined where it wasn't, or for one person. */
  withdrawalOf(signed: SignedOffer): WithdrawMessage | undefined {
    if (signed.offer.value.to !== null) return undefined;
    return this.#withdrawals.get(offerId(this.crypto, signed));
  }

  nextMs(): number | null {
    // In the order in which they came, and all are kept equally long.
    for (const { id, untilMs } of this.#open.values()) if (!this.#staysOld(id)) return untilMs;
    return null;
  }

  #staysOld(id: OfferId): boolean {
    return this.port.isKept(id) || this.port.hasPart(id);
  }

  /** Forgets what is too old. */
  tick(nowMs: number): void {
    for (const offer of this.#open.values()) {
      if (offer.untilMs > nowMs || this.#staysOld(offer.id)) continue;
      this.forget(offer);
      this.port.ended(offer, "nothing of it has come for too long");
    }
  }

  /** Forgets it: it isn't held any more. */
  forget(offer: OpenOffer): void {
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
