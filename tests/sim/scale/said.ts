/** A message in a large room, and how it reached each member. */

/** How a message reached a member: by the broadcast tree and its repair, or by anti-entropy. */
export type Way = "broadcast" | "sync";

const WAYS: readonly (Way | null)[] = [null, "broadcast", "sync"];

export class Said {
  /** How many bundles carried it, over all links: this gives Plumtree's redundancy. */
  payloads = 0;
  /** The longest shortest path from its author when it was typed; 0 where that wasn't measured. */
  farthestMs = 0;
  /** By member: when it was shown; NaN before. */
  readonly #shownMs: Float64Array;
  /** By member: the number of hops from the author, and the way by which it arrived first. */
  readonly #hops: Uint8Array;
  readonly #ways: Uint8Array;

  constructor(
    readonly index: number,
    readonly author: number,
    readonly typedMs: number,
    /** The members present when it was typed. */
    readonly audience: readonly number[],
    membersMax: number,
  ) {
    this.#shownMs = new Float64Array(membersMax).fill(NaN);
    this.#hops = new Uint8Array(membersMax);
    this.#ways = new Uint8Array(membersMax);
    this.#ways[author] = WAYS.indexOf("broadcast");
  }

  /** It arrived at member `to`, perhaps not for the first time. */
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

  /** The time from typing to showing it to this member; NaN where it wasn't shown. */
  shownAfterMs(at: number): number {
    return this.#shownMs[at]! - this.typedMs;
  }

  wayTo(at: number): Way | null {
    return WAYS[this.#ways[at]!]!;
  }

  /** The time from typing to showing it to the last of `members`; NaN where one of them wasn't shown it. */
  lastMs(members: readonly number[]): number {
    return members.reduce((last, at) => Math.max(last, this.shownAfterMs(at)), 0);
  }

  /** Plumtree's last delivery hop, among the members that it reached by broadcast. */
  lastHop(members: readonly number[]): number {
    let last = 0;
    for (const at of members) {
      if (this.wayTo(at) === "broadcast") last = Math.max(last, this.#hops[at]!);
    }
    return last;
  }
}
