/** Finds what contradicts a bundle among those that are delivered or wait. */

import { beliesHead, type Guilt, guiltOf, type NamedHeader } from "./equivocation.ts";
import type { Ledger } from "./ledger.ts";
import type { NamedBundle } from "./order_io.ts";
import type { Proof, SignedHeader } from "../schema/structures.ts";
import type { WaitingPool } from "./waiting_pool.ts";

export interface Conflict {
  readonly guilt: Guilt;
  readonly proof: Proof;
}

/**
 * The conflict that excludes most, between `held` and what is kept or waits; null where there is none.
 * Signatures aren't checked here.
 */
export function findConflict(
  held: NamedBundle,
  ledger: Ledger,
  pool: WaitingPool,
): Conflict | null {
  const header = held.bundle.header.value;
  let worst: Conflict | null = null;
  const consider = (first: NamedBundle, second: NamedBundle) => {
    const guilt = guiltOf(namedHeader(first), namedHeader(second));
    if (guilt === null || (worst !== null && worst.guilt.from <= guilt.from)) return;
    worst = { guilt, proof: { first: signedHeader(first), second: signedHeader(second) } };
  };
  for (const entry of ledger.nearby(header)) consider(held, entry);
  for (const waiting of pool.ofStream(header)) consider(held, waiting);
  for (const head of header.heads) {
    const named = ledger.keptBundle(head.id);
    if (named !== null && beliesHead(header, namedHeader(named))) consider(held, named);
  }
  return worst;
}

function namedHeader({ id, bundle }: NamedBundle): NamedHeader {
  return { id, header: bundle.header.value };
}

function signedHeader({ bundle }: NamedBundle): SignedHeader {
  return { header: bundle.header, signature: bundle.signature };
}
