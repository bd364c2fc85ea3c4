/**
 * Equivocation: two signed headers that cannot both be honest. Each such pair is a proof that anybody can
 * check, and closes its author's incarnation from a counter that follows from the pair alone, so that all
 * members that know the same proofs exclude the same bundles, in whichever order these came.
 *
 * A head that names an excluded bundle counts as satisfied. For members that never delivered that bundle, what it
 * had named isn't waited for any more: they may be shown an honest answer to it before messages that the answer's
 * author knew only through the liar's bundle.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { BundleId, RoomId } from "../../../base/ids.ts";
import { bundleId, lastCounter } from "./bundle.ts";
import {
  checkId,
  type Header,
  type Proof,
  type SignedHeader,
  type Stream,
  streamOf,
  STRUCTURE_VERSION,
} from "../schema/structures.ts";

/** A header with its id. */
export interface NamedHeader {
  readonly id: BundleId;
  readonly header: Header;
}

/** The guilty stream, and its first counter that is excluded. */
export interface Guilt {
  readonly stream: Stream;
  readonly from: number;
}

/**
 * What `first` and `second` prove against the author of `first`; null where both can be honest.
 * - Counters of one incarnation that overlap, or a bundle whose `previous` isn't the one that ends before it.
 * - `first` names `second` as a head, with another author, incarnation, counter or time than it has.
 */
export function guiltOf(first: NamedHeader, second: NamedHeader): Guilt | null {
  if (first.id === second.id) return null;
  const [a, b] = [first.header, second.header];
  if (a.author === b.author && a.incarnation === b.incarnation && forked(first, second)) {
    return { stream: streamOf(a), from: Math.min(a.counter, b.counter) };
  }
  return beliesHead(a, second) ? { stream: streamOf(a), from: a.counter } : null;
}

function forked(first: NamedHeader, second: NamedHeader): boolean {
  const [early, late] = first.header.counter <= second.header.counter
    ? [first, second]
    : [second, first];
  const last = lastCounter(early.header);
  if (late.header.counter <= last) return true;
  return late.header.counter === last + 1 && late.header.previous !== early.id;
}

/** Whether a head in `header` contradicts the header `named` that it names. */
export function beliesHead(header: Header, named: NamedHeader): boolean {
  const actual = named.header;
  return header.heads.some((head) =>
    head.id === named.id &&
    (head.author !== actual.author || head.incarnation !== actual.incarnation ||
      head.counter !== lastCounter(actual) || head.time !== actual.time)
  );
}

/**
 * What a proof from elsewhere proves in this room; null where it proves nothing. Two signature checks.
 * @param isKnown Whether this is known: then no signature is checked, as any number of such proofs may come.
 */
export function checkProof(
  crypto: Crypto,
  room: RoomId,
  proof: Proof,
  isKnown: (guilt: Guilt) => boolean = () => false,
): Guilt | null {
  const first = named(crypto, proof.first);
  const second = named(crypto, proof.second);
  for (const { header } of [first, second]) {
    if (header.room !== room || header.version !== STRUCTURE_VERSION) return null;
    if (header.counter < 1 || header.count < 1) return null;
  }
  const guilt = guiltOf(first, second);
  if (guilt === null || isKnown(guilt)) return guilt;
  const authentic = checkId(crypto, first.header.author, first.id, proof.first.signature) &&
    checkId(crypto, second.header.author, second.id, proof.second.signature);
  return authentic ? guilt : null;
}

function named(crypto: Crypto, { header }: SignedHeader): NamedHeader {
  return { id: bundleId(crypto, header.bytes), header: header.value };
}
