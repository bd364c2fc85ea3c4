/** The queries of `Order`. */

import type { ClaimId, Hash, PeerKey } from "../../../base/ids.ts";
import {
  type Bundle,
  type Head,
  type Proof,
  type Stream,
  type StreamKey,
  streamKey,
  streamOf,
} from "../schema/structures.ts";
import { HEADS_MAX, MISSING_MESSAGES_MANY, SYNC_ENTRIES_MAX } from "../schema/limits.ts";
import type { FrontierEntry, SyncEntry } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Authoring } from "./authoring.ts";
import type { CausalFloor } from "./causal_floor.ts";
import { indexAfter, nothingOf, syncEntry } from "./frontier_table.ts";
import { isPassed, type Ledger } from "./ledger.ts";
import type { Behind, HistoryEntry, KeptBundle, OrderQueries, RoomPosition } from "./order_io.ts";
import type { WaitingPool } from "./waiting_pool.ts";

export class OrderView implements OrderQueries {
  constructor(
    protected readonly ledger: Ledger,
    protected readonly pool: WaitingPool,
    protected readonly authoring: Authoring,
    protected readonly causalFloor: CausalFloor,
  ) {}

  /** Monotone, across restarts too: what equivocation excludes later still counts as delivered. */
  frontier(stream: Stream): ReturnType<OrderQueries["frontier"]> {
    const state = this.ledger.table.find(stream);
    return { counter: state?.counter ?? 0, id: state?.id ?? null };
  }

  has(stream: Stream, counter: number): boolean {
    const state = this.ledger.table.find(stream);
    const past = state !== undefined && isPassed(state, counter);
    return past || this.pool.has(stream, counter);
  }

  entriesOf(bucket: number): readonly SyncEntry[] {
    return this.ledger.table.entriesOf(bucket);
  }

  entryOf(stream: Stream): SyncEntry | null {
    const state = this.ledger.table.find(stream);
    return state === undefined ? null : syncEntry(state);
  }

  isForgotten(stream: Stream, time: number): boolean {
    return this.ledger.isForgotten(stream, time);
  }

  firstKept(stream: Stream, counter: number): KeptBundle | null {
    const state = this.ledger.table.find(stream);
    return state?.kept[indexAfter(state, counter)] ?? null;
  }

  streams(): Iterable<FrontierEntry> {
    return this.ledger.frontiers();
  }

  bucketHash(bucket: number): Hash {
    return this.ledger.table.bucketHash(bucket);
  }

  bucketHashes(): readonly Hash[] {
    return this.ledger.bucketHashes();
  }

  unhashed(): number {
    return this.ledger.table.unhashed();
  }

  root(): Hash {
    return this.ledger.table.root();
  }

  bundlesAfter(stream: Stream, counter: number): readonly Bundle[] {
    return this.ledger.bundlesAfter(stream, counter);
  }

  nextInOrder(position: RoomPosition | null): KeptBundle | null {
    return this.ledger.kept.next(position);
  }

  history(count: number): readonly HistoryEntry[] {
    return this.ledger.history(count);
  }

  messages(): number {
    return this.ledger.kept.messages;
  }

  heads(): readonly Head[] {
    return this.ledger.heads();
  }

  latest(): number {
    let latest = this.ledger.latestBesides(this.authoring.signer.key);
    for (const { blocker } of this.pool.all()) {
      if (blocker.kind === "claim" || blocker.kind === "floor") continue;
      latest = Math.min(latest, this.reached(blocker.stream, blocker.counter));
    }
    return latest;
  }

  reachOf(latest: number): number {
    return this.ledger.reachOf(latest);
  }

  reached(stream: Stream, goal: number): number {
    const state = this.ledger.table.find(stream);
    if (state === undefined || goal - state.counter < MISSING_MESSAGES_MANY) return Infinity;
    return state.kept.at(-1)?.time ?? Infinity;
  }

  behindOf(latest: ReadonlyMap<PeerKey, number>): ReadonlyMap<PeerKey, Behind> {
    return behindOf(latest, this.ledger.kept.backwards());
  }

  disagrees(entry: FrontierEntry): boolean {
    return this.ledger.disagrees(entry);
  }

  closedFrom(stream: Stream): number | null {
    return this.ledger.table.find(stream)?.closed?.from ?? null;
  }

  proofOf(stream: Stream): Proof | null {
    return this.ledger.table.find(stream)?.closed?.proof ?? null;
  }

  gaps(): readonly SyncEntry[] {
    const entries = new Map<StreamKey, SyncEntry>();
    const add = (of: Stream) => {
      const stream = streamOf(of);
      entries.set(streamKey(stream), this.entryOf(stream) ?? nothingOf(stream));
    };
    for (const { blocker } of this.pool.all()) {
      if (blocker.kind !== "claim" && blocker.kind !== "floor") add(blocker.stream);
    }
    // Also the streams of further heads that waiting bundles name: one after the other, each would take a round of its
    // own, which is longer than a bundle may wait.
    for (const { bundle, blocker } of this.pool.all()) {
      const { heads } = bundle.header.value;
      const first = blocker.kind === "head" ? heads.indexOf(blocker.head) : 0;
      for (const head of heads.slice(first, first + HEADS_MAX)) {
        if (entries.size >= SYNC_ENTRIES_MAX) return [...entries.values()];
        if (!this.pool.get(head.id) && !this.ledger.isSatisfied(head)) add(head);
      }
    }
    return [...entries.values()];
  }

  floorTime(): number {
    return Math.max(this.ledger.kept.floor?.time ?? 0, this.causalFloor.time);
  }

  isHere(time: number): boolean {
    return time <= (this.ledger.kept.floor?.time ?? 0) || this.ledger.isHere(time);
  }

  lastOwn(): number {
    return this.ledger.table.find(this.ledger.own)?.kept.at(-1)?.time ?? 0;
  }

  /** Whether a kept bundle names this claim. */
  isClaimKept(id: ClaimId): boolean {
    return this.ledger.isClaimKept(id);
  }

  isStoring(): boolean {
    return this.authoring.isStoring;
  }

  unsaid(): { readonly messages: number; readonly bytes: number } {
    return this.authoring.unsaid();
  }

  /** The records from which a new process restores all that was delivered here (compaction). */
  snapshot(): readonly MeshRecord[] {
    return this.ledger.snapshot();
  }
}

// How far members are behind: others' kept bundles after the room time to which each has come.

const NOTHING: Behind = { messages: 0, bytes: 0 };

/**
 * How far each member is behind, in one walk: made-up members may be thousands, and all of them far behind.
 * @param latest Room time to which each has come.
 * @param backwards The kept bundles, the last in room order first.
 */
export function behindOf(
  latest: ReadonlyMap<PeerKey, number>,
  backwards: Iterable<KeptBundle>,
): ReadonlyMap<PeerKey, Behind> {
  const furthestFirst = [...latest].sort(([, one], [, other]) => other - one);
  const found = new Map<PeerKey, Behind>();
  const ownOf = new Map<PeerKey, Behind>();
  let all = NOTHING;
  const find = (untilTime: number) => {
    while (found.size < furthestFirst.length) {
      const [peer, time] = furthestFirst[found.size]!;
      if (time < untilTime) return;
      const own = ownOf.get(peer) ?? NOTHING;
      found.set(peer, { messages: all.messages - own.messages, bytes: all.bytes - own.bytes });
    }
  };
  for (const { time, messages, bytes, bundle } of backwards) {
    find(time);
    if (found.size === latest.size) return found;
    const { author } = bundle.header.value;
    const own = ownOf.get(author) ?? NOTHING;
    ownOf.set(author, { messages: own.messages + messages, bytes: own.bytes + bytes });
    all = { messages: all.messages + messages, bytes: all.bytes + bytes };
  }
  find(-Infinity);
  return found;
}
