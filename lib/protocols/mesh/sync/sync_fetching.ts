/** What we fetch from neighbours: each stream from one of them, unless that one lets us wait for too long. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { AntiEntropyEffect } from "./anti_entropy_io.ts";
import { lastCounter } from "../log/bundle.ts";
import {
  GIVING_MS_MAX,
  SYNC_ENTRIES_MAX,
  SYNC_PATIENCE_MS,
  SYNC_PROGRESS_MS_MAX,
  SYNC_STREAMS_MAX,
  SYNC_WINDOW_BYTES,
} from "../schema/limits.ts";
import type { OrderQueries } from "../log/order_io.ts";
import { type Bundle, type StreamKey, streamKey } from "../schema/structures.ts";
import type { Want } from "./sync_compare.ts";
import { type Fetch, type Pending, type SyncPeer, windowBytesOf } from "./sync_peer.ts";

/** Confirmations come four times in a window: the sender never runs dry waiting for one. */
const CONFIRM_BYTES = SYNC_WINDOW_BYTES / 4;
/** How often a neighbour must fail to give something: once may be chance, as it may have let go of it meanwhile. */
const NOT_GIVEN_TIMES = 2;
/**
 * A neighbour that is so many messages of a stream further than the one that sends it is asked for these alone: while a
 * room talks, each answers a moment later than the other. They wait here for what comes before them. guess: as one bundle
 * has at most.
 */
const SAID_MEANWHILE_MAX = 256;

/** How a range has ended. */
export interface Ended {
  /** Something of it is still missing here. */
  readonly isMissing: boolean;
  /** Nothing came, and nothing of it is here. */
  readonly isNothing: boolean;
  /** It was so long that more may have arrived at the neighbour meanwhile. */
  readonly wasLong: boolean;
}

export class SyncFetching {
  /** @param peers All current neighbours; the owner changes the map as they come and go. */
  constructor(
    private readonly order: OrderQueries,
    private readonly peers: ReadonlyMap<PeerKey, SyncPeer>,
    private readonly emit: (effect: AntiEntropyEffect) => void,
  ) {}

  /**
   * Asks for what isn't on its way already, from this neighbour or another.
   * @returns What was left to other neighbours, or to the next round.
   */
  want(key: PeerKey, peer: SyncPeer, wants: readonly Want[], nowMs: number): readonly Want[] {
    // A neighbour that gives nothing gets no more time by announcing still more.
    const fetch = peer.fetch ?? newFetch(nowMs + SYNC_PROGRESS_MS_MAX);
    const fresh: Want[] = [];
    const left: Want[] = [];
    for (const want of wants) {
      const wanted = streamKey(want.stream);
      const pending = fetch.wants.get(wanted);
      if (pending !== undefined) {
        this.#noteStanding(key, fetch, pending, nowMs);
        continue;
      }
      if (peer.isForgotten(want, nowMs)) continue;
      if (fetch.wants.size >= SYNC_STREAMS_MAX) {
        left.push(want);
        continue;
      }
      const comesTo = this.#comesTo(want, peer, nowMs);
      const isAhead = comesTo > want.after && want.goal - comesTo <= SAID_MEANWHILE_MAX;
      if (isAhead) left.push(want);
      if (comesTo >= want.goal) continue;
      const asked = isAhead ? { ...want, after: comesTo } : want;
      fetch.wants.set(wanted, { ...asked, counter: want.after, movedMs: nowMs, hasCome: false });
      fresh.push(asked);
    }
    if (fresh.length === 0) return left;
    peer.fetch = fetch;
    for (let start = 0; start < fresh.length; start += SYNC_ENTRIES_MAX) {
      const entries = fresh.slice(start, start + SYNC_ENTRIES_MAX)
        .map(({ stream, after }) => ({ ...stream, after }));
      peer.questions.push("want");
      const message = { type: "sync-want", entries, windowBytes: SYNC_WINDOW_BYTES } as const;
      this.emit({ type: "send", to: key, message });
    }
    return left;
  }

  /**
   * Up to which counter another neighbour is to send it that hasn't let us wait too long; each that has doubles our
   * patience. 0 where none is.
   */
  #comesTo({ stream, goal }: Want, except: SyncPeer, nowMs: number): number {
    let patienceMs = SYNC_PATIENCE_MS;
    let counter = 0;
    for (const peer of this.peers.values()) {
      const pending = peer === except ? undefined : peer.fetch?.wants.get(streamKey(stream));
      if (pending === undefined) continue;
      if (this.#standsMs(pending, nowMs) < patienceMs) counter = Math.max(counter, pending.goal);
      else if (pending.goal >= goal) patienceMs *= 2;
    }
    return counter;
  }

  /** How long our frontier of a stream that was asked for hasn't moved. */
  #standsMs(pending: Pending, nowMs: number): number {
    const { counter } = this.order.frontier(pending.stream);
    if (pending.counter !== counter) {
      pending.counter = counter;
      pending.movedMs = nowMs;
    }
    return nowMs - pending.movedMs;
  }

  /**
   * The neighbour says again that it has what it was asked for: where our frontier has stood for too long, it doesn't
   * give it, although other streams may come meanwhile.
   */
  #noteStanding(key: PeerKey, { came }: Fetch, pending: Pending, nowMs: number): void {
    if (this.#standsMs(pending, nowMs) < GIVING_MS_MAX) return;
    const { stream, goal: counter } = pending;
    const given = Math.max(came.get(streamKey(stream)) ?? 0, pending.counter);
    const what = { stream, given, counter, throughTime: Infinity };
    this.emit({ type: "not-given", from: key, ...what, isOver: false });
  }

  /**
   * A bundle of a range has come, whatever becomes of it. Each stream comes in order, from where it was asked for: the
   * neighbour no longer has what is before the first bundle that comes. This isn't concluded of the neighbour's own
   * stream: if it began that differently for each member, each would go on without something else.
   */
  arrived(from: PeerKey, { header: { value } }: Bundle): void {
    const peer = this.peers.get(from);
    const want = peer?.fetch?.wants.get(streamKey(value));
    if (peer === undefined || want === undefined || want.hasCome) return;
    want.hasCome = true;
    const { stream, after } = want;
    if (peer.isMixed || stream.author === from || value.counter <= after + 1) return;
    this.emit({ type: "passed-over", from, stream, after, before: value.counter });
  }

  /** A bundle of a range was dealt with, whatever became of it: the sender may send more. */
  takenIn(key: PeerKey, bundle: Bundle, nowMs: number): void {
    const peer = this.peers.get(key);
    const fetch = peer?.fetch;
    if (peer === undefined || !fetch) return;
    fetch.takenBytes += windowBytesOf(bundle);
    const { value } = bundle.header;
    const stream = streamKey(value);
    const want = fetch.wants.get(stream);
    // A stream that wasn't asked for must neither keep the fetch open nor be remembered.
    if (want !== undefined) {
      const last = lastCounter(value);
      fetch.came.set(stream, Math.max(fetch.came.get(stream) ?? 0, last));
      fetch.throughTime = Math.max(fetch.throughTime, value.time);
      const isAll = last >= want.goal;
      if (isAll && this.order.isForgotten(value, value.time)) peer.forget(want, nowMs);
      fetch.deadlineMs = nowMs + SYNC_PROGRESS_MS_MAX;
    }
    if (fetch.takenBytes - fetch.toldBytes < CONFIRM_BYTES) return;
    fetch.toldBytes = fetch.takenBytes;
    this.emit({
      type: "send",
      to: key,
      message: { type: "sync-progress", bytes: fetch.takenBytes },
    });
  }

  /** Ends a fetch: the neighbour has sent all that it was asked for, or took too long. @param peer With a `fetch`. */
  end(key: PeerKey, peer: SyncPeer, nowMs: number): Ended {
    const fetch = peer.fetch!;
    const isNothing = this.#broughtNothing(fetch);
    this.#noteNotGiven(key, peer, fetch);
    peer.fetch = null;
    const isMissing = fetch.wants.values().some((want) =>
      !this.#reached(want) && !peer.isForgotten(want, nowMs)
    );
    return { isMissing, isNothing, wasLong: fetch.takenBytes >= CONFIRM_BYTES };
  }

  /** What came counts although it may still wait for its parents. */
  #broughtNothing({ wants, takenBytes }: Fetch): boolean {
    return takenBytes === 0 &&
      !wants.values().some(({ stream, goal }) => this.order.has(stream, goal));
  }

  /**
   * Notes what a range that has ended didn't bring. A range that brought anything new may have been cut off, and what
   * is missing comes later in it. Where ranges bring nothing time and again, the neighbour has nothing; where they end
   * at the same place time and again, it has nothing beyond: giving a part of a stream doesn't prove the rest. A bundle
   * that came and waits here is new only once: a range that is cut off again and again while it waits brings the same
   * each time, and says nothing of what comes later in it.
   */
  #noteNotGiven(key: PeerKey, peer: SyncPeer, { wants, came, throughTime }: Fetch): void {
    const isNew = ([id, { stream, after }]: readonly [StreamKey, Want]) => {
      const given = came.get(id);
      if (given === undefined) return false;
      return this.order.frontier(stream).counter > after ||
        given > Math.max(after, peer.notGiven.get(id)?.given ?? 0);
    };
    const broughtSome = wants.entries().some(isNew);
    for (const [id, want] of wants) {
      const { stream, goal: counter } = want;
      if (this.#reached(want)) {
        peer.notGiven.delete(id);
        continue;
      }
      const earlier = peer.notGiven.get(id);
      // What came once, and had no place here, does exist.
      const given = Math.max(came.get(id) ?? 0, earlier?.given ?? 0);
      const isMissing = !broughtSome && given < counter;
      if (!isMissing && !came.has(id)) continue;
      const times = (earlier?.times ?? 0) + (isMissing ? 1 : 0);
      peer.notGiven.set(id, { times, given });
      dropOldest(peer.notGiven, SYNC_STREAMS_MAX);
      if (isMissing && times >= NOT_GIVEN_TIMES) {
        const time = came.size === 0 ? Infinity : throughTime;
        const what = { stream, given, counter, throughTime: time };
        this.emit({ type: "not-given", from: key, ...what, isOver: true });
      }
    }
  }

  /** Whether all of this is here, or never will be. */
  hasReached(wants: readonly Want[]): boolean {
    return wants.every((want) => this.#reached(want));
  }

  #reached({ stream, goal }: Want): boolean {
    const own = this.order.entryOf(stream);
    return own !== null && (own.counter >= goal || own.closed);
  }
}

function newFetch(deadlineMs: number): Fetch {
  return {
    wants: new Map(),
    takenBytes: 0,
    toldBytes: 0,
    came: new Map(),
    throughTime: 0,
    deadlineMs,
  };
}
