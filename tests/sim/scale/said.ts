/** What was said in a large room, and how it came to each member. */

/** By the tree and its repair, or by anti-entropy. */
export type Way = "broadcast" | "sync";

const WAYS: readonly (Way | null)[] = [null, "broadcast", "sync"];

export class Said {
  /** Bundles that carried it, over all links: what Plumtree's redundancy counts. */
  payloads = 0;
  /** The longest shortest path from its author when it was typed; 0 where nobody looked. */
  farthestMs = 0;
  /** By member: when it was shown, NaN before. */
  readonly #shownMs: Float64Array;
  /** By member: hops from the author, and by which way it came first. */
  readonly #hops: Uint8Array;
  readonly #ways: Uint8Array;

  constructor(
    readonly index: number,
    readonly author: number,
    readonly typedMs: number,
    /** Who was there when it was typed. */
    readonly audience: readonly number[],
    membersMax: number,
  ) {
    this.#shownMs = new Float64Array(membersMax).fill(NaN);
    this.#hops = new Uint8Array(membersMax);
    this.#ways = new Uint8Array(membersMax);
    this.#ways[author] = WAYS.indexOf("broadcast");
  }

  /** It came to a member, perhaps again. */
  came(to: number, from: number, way: Way): void {
    if (this.#ways[to] !== 0) return;
    this.#ways[to] = WAYS.indexOf(way);
    this.#hops[to] = this.#hops[from]! + 1;
  }

  shown(at: number, nowMs: number): void {
    if (Number.isNaN(this.#shownMs[at]!)) this.#shownMs[at] = nowMs;
  }

  isShown(at: number): boolean {
    return !Number.isNaN(this.#shownMs[at]!);
  }

  /** How long after it was typed a member was shown it; NaN where it wasn't. */
  shownAfterMs(at: number): number {
    return this.#shownMs[at]! - this.typedMs;
  }

  wayTo(at: number): Way | null {
    return WAYS[this.#ways[at]!]!;
  }

  /** How long after it was typed the last of `members` was shown it; NaN where one wasn't. */
  lastMs(members: readonly number[]): number {
    return members.reduce((last, at) => Math.max(last, this.shownAfterMs(at)), 0);
  }

  /** Plumtree's last delivery hop, of those who have it by the broadcast. */
  lastHop(members: readonly number[]): number {
    let last = 0;
    for (const at of members) {
      if (this.wayTo(at) === "broadcast") last = Math.max(last, this.#hops[at]!);
    }
    return last;
  }
}
