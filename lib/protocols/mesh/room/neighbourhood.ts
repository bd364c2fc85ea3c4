/** How many members are here, which of them are our neighbours, whose links are full, and since when we are cut off. */

import type { PeerKey } from "../../../base/ids.ts";
import type { RoomEvents } from "./room_events.ts";

/**
 * A link that is a day old is dialled anew, and one that broke may be: within this time, five slow round trips. The
 * user needn't read of a separation that is over by then.
 */
const ISOLATED_TOLD_MS = 1_500;

/**
 * A member with a link asks over it to become a neighbour, and is answered within as long again; one that everybody
 * refuses is separated, too.
 */
const ISOLATED_TOLD_MS_MAX = 5_000;

export class Neighbourhood {
  /** How many members were here at the end of the step before, ourselves among them. */
  liveMembers = 1;
  #peers: readonly PeerKey[] = [];
  /** Members whose link is full, be they neighbours or not; as many as there are links. */
  readonly #congested = new Set<PeerKey>();
  /** Since when we have had no neighbour although other members are here; null while we have one, or are alone. */
  #apartSinceMs: number | null = null;
  /** When the latest link to a member came up. */
  #linkedAtMs = -Infinity;

  constructor(readonly view: Pick<RoomEvents, "ready" | "isIsolated" | "isolated" | "linked">) {}

  get peers(): readonly PeerKey[] {
    return this.#peers;
  }

  has(peer: PeerKey): boolean {
    return this.#peers.includes(peer);
  }

  up(peer: PeerKey): void {
    this.#peers = [...this.#peers, peer];
  }

  down(peer: PeerKey): void {
    this.#peers = this.#peers.filter((neighbour) => neighbour !== peer);
  }

  linked(nowMs: number): void {
    this.#linkedAtMs = nowMs;
  }

  congested(peer: PeerKey): void {
    this.#congested.add(peer);
  }

  /** The link isn't full any more, or is gone. */
  drained(peer: PeerKey): void {
    this.#congested.delete(peer);
  }

  isCongested(peer: PeerKey): boolean {
    return this.#congested.has(peer);
  }

  get isAlone(): boolean {
    return this.liveMembers <= 1;
  }

  /** Whether we had neighbours, and have none any more. */
  get isCutOff(): boolean {
    return this.#peers.length === 0 && this.#linkedAtMs > -Infinity;
  }

  /**
   * When the user is told that we are separated from the others; null where there is nothing to tell, or it was told.
   */
  nextMs(): number | null {
    if (this.#apartSinceMs === null || this.view.isIsolated) return null;
    if (!this.view.ready) return null; // what is to be told before that waits until then, and may no longer be true
    const toldAtMs = Math.max(this.#apartSinceMs, this.#linkedAtMs) + ISOLATED_TOLD_MS;
    return Math.min(toldAtMs, this.#apartSinceMs + ISOLATED_TOLD_MS_MAX);
  }

  /** A newcomer that nobody took as a neighbour is as separated as a member that has lost all its neighbours. */
  stepEnds(nowMs: number): void {
    // Having no neighbour is no trouble where no other member is.
    const isApart = this.#peers.length === 0 && !this.isAlone;
    this.#apartSinceMs = isApart ? this.#apartSinceMs ?? nowMs : null;
    if (this.#peers.length > 0) this.view.linked(this.#peers);
    else if ((this.nextMs() ?? Infinity) <= nowMs) this.view.isolated();
  }
}
