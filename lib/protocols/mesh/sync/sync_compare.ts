/** Compares a neighbour's frontiers with our own. */

import { bucketOf, isUnkept, lastToBeHad, nothingOf } from "../log/frontier_table.ts";
import { SYNC_PROOFS_MAX } from "../schema/limits.ts";
import type { SyncEntry } from "../schema/messages.ts";
import type { OrderQueries } from "../log/order_io.ts";
import {
  type Proof,
  type Stream,
  type StreamKey,
  streamKey,
  streamOf,
} from "../schema/structures.ts";

/** Something that the neighbour has and we don't. */
export interface Want {
  readonly stream: Stream;
  /** Bundles that end after this counter. */
  readonly after: number;
  /** The counter that our frontier is to reach. */
  readonly goal: number;
}

interface Comparison {
  readonly wants: readonly Want[];
  /** What the neighbour says of the streams in which we lack something. */
  readonly statements: readonly SyncEntry[];
  /** Proofs that the neighbour doesn't know. */
  readonly proofs: readonly Proof[];
}

/**
 * @param entries All that the neighbour has in `buckets`, and of `gaps`.
 * @param buckets The buckets that were compared.
 * @param gaps Streams of other buckets about which it was asked.
 * @param whole Whether the neighbour has what we have in all other buckets.
 * @param all Whether every entry is a statement: a newcomer is to know what there is.
 */
export function compareFrontiers(
  order: OrderQueries,
  entries: readonly SyncEntry[],
  { buckets, gaps, whole, all }: {
    readonly buckets: ReadonlySet<number>;
    readonly gaps: ReadonlySet<StreamKey>;
    readonly whole: boolean;
    readonly all: boolean;
  },
): Comparison {
  const wants: Want[] = [];
  const statements = new Map<StreamKey, SyncEntry>();
  const proofs: Proof[] = [];
  const listed = new Set<StreamKey>();
  for (const entry of entries) {
    const key = streamKey(entry);
    listed.add(key);
    const own = order.entryOf(entry);
    const closedFrom = order.closedFrom(entry);
    if (closedFrom !== null && (!entry.closed || entry.counter >= closedFrom)) {
      addProof(order, entry, proofs);
    }
    const want = wantOf(order, entry, own);
    if (want !== null) wants.push(want);
    if (all || entry.counter > (own?.counter ?? 0)) statements.set(key, entry);
  }
  for (const bucket of buckets) {
    for (const own of order.entriesOf(bucket)) {
      if (own.closed && !listed.has(streamKey(own))) addProof(order, own, proofs);
    }
  }
  for (const gap of order.gaps()) {
    const key = streamKey(gap);
    if (statements.has(key)) continue;
    if (listed.has(key)) statements.set(key, gap);
    else if (buckets.has(bucketOf(gap.author)) || gaps.has(key)) {
      // A neighbour that says nothing of a stream about which it was asked has nothing of it.
      statements.set(key, nothingOf(gap));
    } else if (whole && !isUnkept(gap)) {
      // Its bucket wasn't compared, since the hashes are equal: so is what they cover.
      statements.set(key, gap);
    }
  }
  return { wants, statements: [...statements.values()], proofs };
}

function wantOf(order: OrderQueries, entry: SyncEntry, own: SyncEntry | null): Want | null {
  const { counter } = entry;
  const stream = streamOf(entry);
  const have = own?.counter ?? 0;
  if (own?.closed && !entry.closed) return null; // it gets the proof first
  const before = order.closedFrom(entry) ?? Infinity;
  const goal = Math.min(lastToBeHad(entry), before - 1);
  if (goal > have && entry.low <= goal) {
    // From our frontier on, not from `low`: the neighbour may also keep bundles from before a gap that it skipped.
    return { stream, after: have, goal };
  }
  if (Math.min(counter, before - 1) > have) return null; // it keeps nothing of it
  return order.disagrees(entry) ? { stream, after: counter - 1, goal: counter } : null;
}

function addProof(order: OrderQueries, stream: Stream, proofs: Proof[]): void {
  const proof = proofs.length < SYNC_PROOFS_MAX ? order.proofOf(stream) : null;
  if (proof !== null) proofs.push(proof);
}
