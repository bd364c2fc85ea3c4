/**
 * To which neighbours a bundle is pushed, and to which it is only announced: Plumtree's eager and lazy sets, one
 * pair for each author in rooms of up to 64 members, one for all in larger ones (a shared tree costs less to keep,
 * an author's own is as short as the overlay allows).
 *
 * Departure: a link leaves a tree after three duplicates within ten bundles, not at the first. Of two equal paths
 * either may win now and then; pruned at once, the tree would never settle. A branch that was grafted leaves at its
 * first duplicate, unless it has brought a bundle first since: mostly the bundle for which it was grafted was only
 * late, retransmitted after a lost packet, and the tree is as good as it was.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { BroadcastConfig } from "./broadcast_io.ts";

type TreeConfig = Pick<
  BroadcastConfig,
  "pruneDuplicates" | "pruneWindowBundles" | "pruneIntervalMs" | "optimiseHops" | "optimiseTimes"
>;

/** What is known of one tree at this member. */
export class Tree {
  /** Neighbours that aren't pushed to; all others are. */
  readonly lazy = new Set<PeerKey>();
  /** Bundles delivered so far. */
  bundles = 0;
  /** By neighbour: the number of bundles delivered when its latest duplicates came; at most `pruneDuplicates`. */
  readonly #duplicates = new Map<PeerKey, number[]>();
  readonly #prunedAtMs = new Map<PeerKey, number>();
  /** Neighbours that were grafted, and haven't brought a bundle first since. */
  readonly #onTrial = new Set<PeerKey>();
  /** By lazy neighbour: how many times in a row its path would have been shorter. */
  readonly #shorter = new Map<PeerKey, number>();

  constructor(private readonly config: TreeConfig) {}

  /** Counts a duplicate. @returns Whether the neighbour should be pruned. */
  duplicate(from: PeerKey, nowMs: number): boolean {
    const { pruneDuplicates, pruneWindowBundles, pruneIntervalMs } = this.config;
    const seen = this.#duplicates.get(from) ?? [];
    seen.push(this.bundles);
    if (seen.length > pruneDuplicates) seen.shift();
    this.#duplicates.set(from, seen);
    const tooMany = seen.length === pruneDuplicates &&
      this.bundles - seen[0]! < pruneWindowBundles;
    return (tooMany || this.#onTrial.has(from)) &&
      nowMs >= (this.#prunedAtMs.get(from) ?? -Infinity) + pruneIntervalMs;
  }

  /** Pushes to the neighbour no more. */
  makeLazy(peer: PeerKey): void {
    this.lazy.add(peer);
    this.#onTrial.delete(peer);
  }

  /** Prunes the neighbour. The counts of all others begin anew: with one branch less, there may be no duplicates. */
  prune(peer: PeerKey, nowMs: number): void {
    this.makeLazy(peer);
    this.#prunedAtMs.set(peer, nowMs);
    this.#duplicates.clear();
    this.#shorter.clear();
  }

  /** Makes a link over which a bundle is asked for a branch, on trial where it was none. */
  graft(peer: PeerKey): void {
    if (this.lazy.delete(peer)) this.#onTrial.add(peer);
    this.#shorter.delete(peer);
  }

  /** Notes that a push of the neighbour's was the first to bring a bundle. */
  first(peer: PeerKey): void {
    this.#onTrial.delete(peer);
  }

  /** Makes the neighbour a branch, as its path was shorter often enough. */
  adopt(peer: PeerKey): void {
    this.graft(peer);
    this.#onTrial.delete(peer);
  }

  /** Counts whether a lazy neighbour's path is shorter. @returns Whether it was so often enough. */
  compare(peer: PeerKey, hopsSaved: number): boolean {
    const times = hopsSaved >= this.config.optimiseHops ? (this.#shorter.get(peer) ?? 0) + 1 : 0;
    if (times === 0) this.#shorter.delete(peer);
    else this.#shorter.set(peer, times);
    return times >= this.config.optimiseTimes;
  }

  forget(peer: PeerKey): void {
    this.lazy.delete(peer);
    this.#onTrial.delete(peer);
    this.#duplicates.delete(peer);
    this.#prunedAtMs.delete(peer);
    this.#shorter.delete(peer);
  }
}

export class Trees {
  #shared: Tree;
  /** By author, least recently used first; at most `sourcesMax`. */
  readonly #bySource = new Map<PeerKey, Tree>();
  #perSource = true;

  constructor(
    private readonly config:
      & TreeConfig
      & Pick<BroadcastConfig, "perSourceMembersMax" | "sourcesMax">,
  ) {
    this.#shared = new Tree(config);
  }

  /** A tree of the other kind begins anew: bundles are pushed to all neighbours, which prune duplicates. */
  setMembers(live: number): void {
    const perSource = live <= this.config.perSourceMembersMax;
    if (perSource === this.#perSource) return;
    this.#perSource = perSource;
    this.#bySource.clear();
    this.#shared = new Tree(this.config);
  }

  /** The tree that carries `source`'s bundles. */
  of(source: PeerKey): Tree {
    if (!this.#perSource) return this.#shared;
    const known = this.#bySource.get(source);
    const tree = known ?? new Tree(this.config);
    this.#bySource.delete(source);
    this.#bySource.set(source, tree);
    dropOldest(this.#bySource, this.config.sourcesMax);
    return tree;
  }

  /** What a `prune` for the tree of `source` names: the author, or null for the shared tree. */
  nameOf(source: PeerKey): PeerKey | null {
    return this.#perSource ? source : null;
  }

  /** The trees that a received `prune` means; a neighbour may count more members than we do. */
  named(source: PeerKey | null): readonly Tree[] {
    if (source === null) return [this.#shared, ...this.#bySource.values()];
    return this.#perSource ? [this.of(source)] : [];
  }

  forget(peer: PeerKey): void {
    this.#shared.forget(peer);
    for (const tree of this.#bySource.values()) tree.forget(peer);
  }
}
