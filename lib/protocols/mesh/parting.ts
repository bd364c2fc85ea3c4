/**
 * The last moment of a member that quits: all that matters now is who else quits. Otherwise, of two that leave at once,
 * each would remember the other as present. A neighbour that has read that we quit sends `disconnect`.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { MeshMessage } from "./schema/messages.ts";

interface PartingPort {
  /** Gives the room beacons and claims, from which it learns who has quit. */
  learn(from: PeerKey, message: MeshMessage): void;
  isLive(peer: PeerKey): boolean;
}

export class Parting {
  /** Neighbours that may not know yet that we have quit. */
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

  /** The peer's link is down, or it has quit, or it knows that we have. */
  gone(peer: PeerKey): void {
    this.#neighbours.delete(peer);
  }

  /** Ends the wait: a neighbour that doesn't know yet hears of it from others. */
  timeOut(): void {
    this.#neighbours.clear();
  }
}
