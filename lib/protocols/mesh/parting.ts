/**
 * The last moment of who quits: all that matters now is who else does. Of two who leave at once, each would remember
 * the other as one who was there. A neighbour that has read that we quit says `disconnect`.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { MeshMessage } from "./messages.ts";

export interface PartingPort {
  /** Beacons and claims, of which the room takes in who has quit. */
  learn(from: PeerKey, message: MeshMessage): void;
  isLive(peer: PeerKey): boolean;
}

export class Parting {
  /** Those that may not know yet that we have quit. */
  readonly #neighbours: Set<PeerKey>;

  constructor(neighbours: readonly PeerKey[], private readonly port: PartingPort) {
    this.#neighbours = new Set(neighbours);
  }

  get isOver(): boolean {
    return this.#neighbours.size === 0;
  }

  message(from: PeerKey, message: MeshMessage): void {
    if (message.type === "disconnect") this.gone(from);
    if (message.type !== "beacons" && message.type !== "claims") return;
    this.port.learn(from, message);
    if (!this.port.isLive(from)) this.gone(from);
  }

  /** Its link is down, or it has quit, or it knows that we have. */
  gone(peer: PeerKey): void {
    this.#neighbours.delete(peer);
  }

  /** Who doesn't know yet hears of it from others. */
  timeOut(): void {
    this.#neighbours.clear();
  }
}
