/** Two batches that one author has signed for one: the proof needs no trust in anybody. */

import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash } from "../../../base/ids.ts";
import { batchFault, isAuthentic, placesOf, type SignedBatch } from "../schema/history.ts";

export interface Equivocation {
  readonly one: SignedBatch;
  readonly other: SignedBatch;
}

/**
 * Whether one process of a member has signed both, with a common counter: an honest process signs each counter once,
 * in one batch, unless everything that the others had of it was given up. Never throws.
 */
export function isEquivocation(
  crypto: Crypto,
  group: Hash,
  { one, other }: Equivocation,
): boolean {
  const a = one.batch.value;
  const b = other.batch.value;
  return a.kind === "texts" && b.kind === "texts" && a.author === b.author &&
    sameBytes(a.incarnation, b.incarnation) &&
    a.counter < b.counter + placesOf(b) && b.counter < a.counter + placesOf(a) &&
    !sameBytes(one.batch.bytes, other.batch.bytes) &&
    [one, other].every((signed) =>
      batchFault(signed, group) === null && isAuthentic(crypto, signed)
    );
}

/** @param name The name as it is shown. */
export function equivocatedText(name: string): string {
  return `${name} signed two different texts as one: it stays out until /allow ${name}`;
}
