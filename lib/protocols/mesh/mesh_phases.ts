/** Each phase of a process in a mesh, and what it does in its last moment. */

import { invariant } from "../../base/invariant.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { MeshMessage, RosterMessage } from "./schema/messages.ts";

/** Each phase of a process in a mesh: what it means, and which ones may follow. */
export const MESH_PHASES = {
  idle: { about: "not started", next: ["opening", "coming-in", "stopped"] },
  opening: {
    about:
      "a room's records are being read: its own room, created or resumed, or the one that admitted it",
    next: ["coming-in", "in", "stopped"],
  },
  "coming-in": {
    about: "members are dialled, and the first that answers is asked to admit it",
    next: ["opening", "in", "stopped"],
  },
  in: { about: "a member of the room", next: ["leaving", "stopped"] },
  leaving: {
    about: "its last messages still go out, 10 s at most; then it says that it quits",
    next: ["parting", "stopped"],
  },
  parting: {
    about:
      "its neighbours read that it has quit, half a second at most; it heeds only other members' quitting",
    next: ["stopped"],
  },
  stopped: { about: "links are closed, nothing happens any more", next: [] },
} as const;
export type MeshPhase = keyof typeof MESH_PHASES;

/** @throws Where `next` can't follow `present`. */
export function checkPhaseChange(present: MeshPhase, next: MeshPhase): void {
  const allowed: readonly MeshPhase[] = MESH_PHASES[present].next;
  invariant(
    allowed.includes(next),
    `a mesh goes from ${present} to ${allowed.join(" or ")}, not to ${next}`,
  );
}

interface PartingPort {
  /** Gives the room beacons and claims, from which it learns who has quit. */
  learn(from: PeerKey, message: RosterMessage): void;
  isLive(peer: PeerKey): boolean;
}

/**
 * The last moment of a member that quits: all that matters now is who else quits. Otherwise, of two that leave at once,
 * each would remember the other as present. A neighbour that has read that we quit sends `disconnect`.
 */
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
