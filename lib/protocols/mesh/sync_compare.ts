/** Compares what a neighbour says of its frontiers with our own. */

import { bucketOf, isUnkept, lastToBeHad, nothingOf } from "./frontier.ts";
import { SYNC_PROOFS_MAX } from "./limits.ts";
import type { SyncEntry } from "./messages.ts";
import type { OrderQueries } from "./order_io.ts";
import { type Stream, type StreamKey, streamKey, streamOf } from "./stream.ts";
import type { Proof } from "./structures.ts";

/** Something that the neighbour has and we don't. */
export interface Want {
  readonly stream: Stream;
  /** Bundles that end after this counter. */
  readonly after: number;
  /** What our frontier is to reach. */
  readonly goal: number;
}

export interface Comparison {
  readonly wants: readonly Want[];
  /** What the neighbour says of the streams in which we lack something. */
  readonly statements: readonly SyncEntry[];
  /** Proofs that it doesn't know. */
  readonly proofs: readonly Proof[];
}

/**
 * @param entries All that the neighbour has in `buckets`, and of `gaps`.
 * @param buckets Those that were compared.
 * @param gaps Streams of other buckets of which it was asked.
 * @param whole Whether the neighbour has what we have in all others.
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
      // Who says nothing of what it was asked for has nothing to give.
      statements.set(key, nothingOf(gap));
    } else if (whole && !isUnkept(gap)) {
      // It wasn't compared, since its hash was equal: so is what the hash covers.
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
    // Not after `low`: what is kept from before a gap that it went on without is to be had, too.
    return { stream, after: have, goal };
  }
  if (Math.min(counter, before - 1) > have) return null; // it keeps nothing of it
  return order.disagrees(entry) ? { stream, after: counter - 1, goal: counter } : null;
}

function addProof(order: OrderQueries, stream: Stream, proofs: Proof[]): void {
  const proof = proofs.length < SYNC_PROOFS_MAX ? order.proofOf(stream) : null;
  if (proof !== null) proofs.push(proof);
}
