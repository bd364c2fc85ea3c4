/**
 * Who has a file that we fetch, and which of its leaves each of them was asked for.
 *
 * A request is the credit: nobody may send more than was asked for. Each holder's credit is a congestion window that
 * keeps a few leaves waiting on the path, and no more, as chat goes the same way behind them (Brakmo and Peterson, "TCP
 * Vegas", 1995, section 4); so a slow one holds up little, too. One that stalls is left for a while; one that sent a
 * wrong leaf is a liar, and never asked for this file again.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { LeafSet } from "./leaf_set.ts";
import {
  HOLDERS_MAX,
  LEAF_MS_SLOW,
  PATH_LEAVES_MAX,
  PATH_LEAVES_MIN,
  PAUSE_MS,
  REMEMBERED_MAX,
  STALL_MS,
  WINDOW_LEAVES,
  WINDOW_LEAVES_MAX,
} from "./limits.ts";

interface Holder {
  /** Those that it has; null: all. */
  leaves: LeafSet | null;
  window: number;
  /** In which the quickest leaf came: what one takes that waits for no other. */
  quickestMs: number;
  /** The leaves that it was asked for, each with the time. */
  readonly asked: Map<number, number>;
  /** It stalls if nothing comes for `STALL_MS` after this. */
  sinceMs: number;
}

export interface Run {
  readonly peer: PeerKey;
  readonly first: number;
  readonly count: number;
}

export class Holders {
  readonly #holders = new Map<PeerKey, Holder>();
  readonly #askedOf = new Map<number, PeerKey>();
  readonly #liars = new Set<PeerKey>();
  readonly #pausedUntilMs = new Map<PeerKey, number>();

  get size(): number {
    return this.#holders.size;
  }

  /** Leaves asked for that didn't come yet. */
  get asked(): number {
    return this.#askedOf.size;
  }

  /** Those that have leaves to send. */
  get busy(): readonly PeerKey[] {
    return [...this.#holders].filter(([, { asked }]) => asked.size > 0).map(([peer]) => peer);
  }

  isLiar(peer: PeerKey): boolean {
    return this.#liars.has(peer);
  }

  /** Whether it may have something that we don't know of. */
  isWorthAsking(peer: PeerKey, nowMs: number): boolean {
    if (this.#liars.has(peer) || this.#holders.get(peer)?.leaves === null) return false;
    return (this.#pausedUntilMs.get(peer) ?? -Infinity) <= nowMs;
  }

  /** It has these leaves; null: all of them. */
  add(peer: PeerKey, leaves: LeafSet | null, nowMs: number): void {
    if (!this.isWorthAsking(peer, nowMs)) return;
    const known = this.#holders.get(peer);
    if (known !== undefined) known.leaves = leaves;
    else if (this.#holders.size < HOLDERS_MAX) {
      const asked = new Map<number, number>();
      const window = WINDOW_LEAVES;
      this.#holders.set(peer, { leaves, window, quickestMs: Infinity, asked, sinceMs: nowMs });
    }
  }

  /** Forgets it, so that its leaves are asked of others. */
  remove(peer: PeerKey): void {
    for (const leaf of this.#holders.get(peer)?.asked.keys() ?? []) this.#askedOf.delete(leaf);
    this.#holders.delete(peer);
  }

  /** Leaves it for others, for a while. */
  pause(peer: PeerKey, nowMs: number): void {
    this.remove(peer);
    this.#pausedUntilMs.delete(peer);
    this.#pausedUntilMs.set(peer, nowMs + PAUSE_MS);
    dropOldest(this.#pausedUntilMs, REMEMBERED_MAX);
  }

  /** It sent what isn't in the file. */
  accuse(peer: PeerKey): void {
    this.remove(peer);
    this.#liars.add(peer);
    dropOldest(this.#liars, REMEMBERED_MAX);
  }

  /** Whether this leaf was asked of this peer. */
  isAsked(peer: PeerKey, leaf: number): boolean {
    return this.#askedOf.get(leaf) === peer;
  }

  /** The leaf, which was asked of the peer, came, and is right. */
  came(peer: PeerKey, leaf: number, nowMs: number): void {
    const holder = this.#holders.get(peer);
    const askedMs = holder?.asked.get(leaf);
    if (holder === undefined || askedMs === undefined) return;
    holder.asked.delete(leaf);
    this.#askedOf.delete(leaf);
    holder.sinceMs = nowMs;
    holder.window = windowAfter(holder, Math.max(1, nowMs - askedMs));
  }

  /** When the next one stalls; null where none has anything to send. */
  nextMs(): number | null {
    let nextMs: number | null = null;
    for (const { asked, sinceMs } of this.#holders.values()) {
      if (asked.size > 0) nextMs = Math.min(nextMs ?? Infinity, sinceMs + STALL_MS);
    }
    return nextMs;
  }

  /** Leaves those that stall. */
  tick(nowMs: number): void {
    for (const [peer, { asked, sinceMs }] of this.#holders) {
      if (asked.size > 0 && sinceMs + STALL_MS <= nowMs) this.pause(peer, nowMs);
    }
  }

  /**
   * The next leaves to ask for, of all holders that have room in their credit; they count as asked for.
   * @param isHere Whether a leaf needs no asking.
   * @param from Where to begin; it goes on at the file's beginning.
   * @param budget So many in all.
   */
  nextRuns(
    done: LeafSet,
    isHere: (leaf: number) => boolean,
    from: number,
    budget: number,
    nowMs: number,
  ): readonly Run[] {
    const runs: Run[] = [];
    for (const [peer, holder] of this.#holders) {
      const room = Math.min(budget, holder.window - holder.asked.size);
      // Half of the credit at once, so that there aren't as many requests as leaves.
      if (room < 1 || room < Math.min(budget, holder.window >> 1)) continue;
      const suits = (leaf: number) =>
        !isHere(leaf) && !this.#askedOf.has(leaf) && (holder.leaves?.has(leaf) ?? true);
      const first = done.nextMissing(from, suits);
      if (first === null) continue;
      let count = 0;
      for (let leaf = first; leaf < done.leaves && count < room; leaf++) {
        if (done.has(leaf) || !suits(leaf)) break;
        if (holder.asked.size === 0) holder.sinceMs = nowMs;
        holder.asked.set(leaf, nowMs);
        this.#askedOf.set(leaf, peer);
        count++;
      }
      budget -= count;
      runs.push({ peer, first, count });
    }
    return runs;
  }
}

/** @param leafMs In which a leaf came. */
function windowAfter(holder: Holder, leafMs: number): number {
  const { window } = holder;
  holder.quickestMs = Math.min(holder.quickestMs, leafMs);
  if (leafMs > LEAF_MS_SLOW) return Math.max(1, window >> 1);
  const waiting = window * (1 - holder.quickestMs / leafMs);
  if (waiting > PATH_LEAVES_MAX) return window - 1;
  return waiting < PATH_LEAVES_MIN ? Math.min(WINDOW_LEAVES_MAX, window + 1) : window;
}
