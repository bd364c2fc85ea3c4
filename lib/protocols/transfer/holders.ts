/**
 * Who has a file that we fetch, and which of its leaves each of them was asked for.
 *
 * A request is the credit: nobody may send more than was asked for. Each holder's credit is a congestion window that
 * keeps a few leaves waiting on the path, and no more, as chat goes the same way behind them (Brakmo and Peterson, "TCP
 * Vegas", 1995, section 4); so a slow one holds up little, too. What it does hold up is asked of another one as well
 * where there is nothing else to ask for, as at a file's end. One that stalls is left for a while; one that sent a wrong
 * leaf is a liar, and never asked for this file again.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { LeafSet } from "./leaf_set.ts";
import {
  ASKED_AGAIN_MAX,
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
  /** It was looked through for something to ask for, and has nothing until a leaf is to be asked of another one. */
  isSpent: boolean;
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
  /** By leaf: whom it was asked of, the last one last; more than one where the others are slow. */
  readonly #askedOf = new Map<number, readonly PeerKey[]>();
  /** Requests for leaves that were asked of another one before: at most `ASKED_AGAIN_MAX`. */
  #again = 0;
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
    if (known !== undefined) Object.assign(known, { leaves, isSpent: false });
    else if (this.#holders.size < HOLDERS_MAX || this.#makesRoom()) {
      const made = { leaves, isSpent: false, window: WINDOW_LEAVES, quickestMs: Infinity };
      this.#holders.set(peer, { ...made, asked: new Map(), sinceMs: nowMs });
    }
  }

  /** One who has nothing to ask for gives way: else those who say to have nothing would keep out who has all. */
  #makesRoom(): boolean {
    for (const [peer, { isSpent, asked }] of this.#holders) {
      if (isSpent && asked.size === 0) return this.#holders.delete(peer);
    }
    return false;
  }

  /** Forgets it, so that its leaves are asked of others. */
  remove(peer: PeerKey): void {
    for (const leaf of this.#holders.get(peer)?.asked.keys() ?? []) this.#unask(peer, leaf);
    this.#holders.delete(peer);
  }

  /** The leaf isn't expected of this one any more; of others that were asked for it, it is. */
  #unask(peer: PeerKey, leaf: number): void {
    const others = this.#askedOf.get(leaf)?.filter((other) => other !== peer) ?? [];
    if (others.length === 0) {
      this.#askedOf.delete(leaf);
      for (const holder of this.#holders.values()) holder.isSpent = false;
    } else {
      this.#askedOf.set(leaf, others);
      this.#again--;
    }
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
    return this.#askedOf.get(leaf)?.includes(peer) === true;
  }

  /**
   * The leaf, which was asked of the peer, came, and is right.
   * @returns Others that were asked for it, and of whom nothing else is expected.
   */
  came(peer: PeerKey, leaf: number, nowMs: number): readonly PeerKey[] {
    const holder = this.#holders.get(peer);
    const askedMs = holder?.asked.get(leaf);
    if (holder === undefined || askedMs === undefined) return [];
    holder.asked.delete(leaf);
    holder.sinceMs = nowMs;
    holder.window = windowAfter(holder, Math.max(1, nowMs - askedMs));
    const others = this.#askedOf.get(leaf)!.filter((other) => other !== peer);
    this.#askedOf.delete(leaf);
    this.#again -= others.length;
    return others.filter((other) => {
      const overtaken = this.#holders.get(other)!;
      overtaken.asked.delete(leaf);
      overtaken.window = Math.max(1, overtaken.window >> 1);
      return overtaken.asked.size === 0;
    });
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
      if (holder.isSpent) continue; // a large file isn't looked through at each leaf, for each that has little of it
      const room = Math.min(budget, holder.window - holder.asked.size);
      // Half of the credit at once, so that there aren't as many requests as leaves.
      if (room < 1 || room < Math.min(budget, holder.window >> 1)) continue;
      const suits = (leaf: number) =>
        !isHere(leaf) && !this.#askedOf.has(leaf) && (holder.leaves?.has(leaf) ?? true);
      const first = done.nextMissing(from, suits);
      if (first === null) {
        holder.isSpent = true;
        continue;
      }
      let count = 0;
      for (let leaf = first; leaf < done.leaves && count < room; leaf++) {
        if (done.has(leaf) || !suits(leaf)) break;
        if (holder.asked.size === 0) holder.sinceMs = nowMs;
        holder.asked.set(leaf, nowMs);
        this.#askedOf.set(leaf, [peer]);
        count++;
      }
      budget -= count;
      runs.push({ peer, first, count });
    }
    return runs;
  }

  /** When the first leaf will have been asked for so long that another one may be asked, too; null: none may be. */
  nextSlowMs(): number | null {
    if (this.#again >= ASKED_AGAIN_MAX) return null;
    let nextMs: number | null = null;
    for (const [leaf, peers] of this.#askedOf) {
      if (peers.length < this.#holders.size) {
        nextMs = Math.min(nextMs ?? Infinity, this.#slowMs(leaf, peers));
      }
    }
    return nextMs;
  }

  /** When the last one that was asked for the leaf is slow. */
  #slowMs(leaf: number, peers: readonly PeerKey[]): number {
    return this.#holders.get(peers.at(-1)!)!.asked.get(leaf)! + LEAF_MS_SLOW;
  }

  /** Leaves to ask of another one, where all that were asked take long and another has room; they count as asked for. */
  slowRuns(nowMs: number): readonly Run[] {
    const runs: Run[] = [];
    for (const [leaf, peers] of this.#askedOf) {
      if (this.#again >= ASKED_AGAIN_MAX) break;
      if (this.#slowMs(leaf, peers) > nowMs) continue;
      const other = this.#withRoom(leaf, peers);
      if (other === null) continue;
      const [peer, holder] = other;
      if (holder.asked.size === 0) holder.sinceMs = nowMs;
      holder.asked.set(leaf, nowMs);
      this.#askedOf.set(leaf, [...peers, peer]);
      this.#again++;
      runs.push({ peer, first: leaf, count: 1 });
    }
    return runs;
  }

  /** Who else has this leaf, and room for it: of several the one from which leaves come quickest. */
  #withRoom(leaf: number, but: readonly PeerKey[]): readonly [PeerKey, Holder] | null {
    // Of whom nothing is known is better than who is known to be slow.
    const msOf = ({ quickestMs }: Holder) => quickestMs === Infinity ? LEAF_MS_SLOW : quickestMs;
    let found: readonly [PeerKey, Holder] | null = null;
    for (const entry of this.#holders) {
      const [peer, { leaves, window, asked }] = entry;
      if (but.includes(peer) || asked.size >= window || leaves?.has(leaf) === false) continue;
      if (found === null || msOf(entry[1]) < msOf(found[1])) found = entry;
    }
    return found;
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
