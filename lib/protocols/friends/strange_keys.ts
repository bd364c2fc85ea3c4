/**
 * Keys other than a friend's that were met in the friend's place: of which of them the user is told, and which one
 * `/trust` accepts. That is always the one that the user was told of last.
 */

import type { PeerKey } from "../../base/ids.ts";
import { STRANGE_KEPT_MS, STRANGE_TOLD_MS } from "./limits.ts";

/** Where a key was met: it answered at the friend's address, or somebody who has it dialled in as the friend. */
export type MetWhere = "at-address" | "dialled-in";

export class StrangeKeys {
  #told: PeerKey | null = null;
  #toldWhere: MetWhere = "dialled-in";
  /** Until then, nobody who dials in replaces the key that the user was told of. */
  #keptUntilMs = -Infinity;
  /** The user isn't told before these times of one more key that was met there. */
  readonly #quietUntilMs: Record<MetWhere, number> = {
    "at-address": -Infinity,
    "dialled-in": -Infinity,
  };

  /** The key that the user was told of last; null: there is none to accept. */
  get told(): PeerKey | null {
    return this.#told;
  }

  /**
   * A key was met. @param isAsked Whether the user decides about keys here: anybody may dial in meanwhile. @returns
   * `tell`: the user is to be told of it now; `told`: the user knows; `other`: there are too many to tell.
   */
  met(key: PeerKey, where: MetWhere, isAsked: boolean, nowMs: number): "tell" | "told" | "other" {
    const isInbound = where === "dialled-in";
    if (key === this.#told && (isInbound || this.#toldWhere === where)) return "told";
    const isKept = isAsked && this.#told !== null && nowMs < this.#keptUntilMs;
    if ((isInbound && isKept) || nowMs < this.#quietUntilMs[where]) return "other";
    this.#told = key;
    this.#toldWhere = where;
    this.#keptUntilMs = nowMs + STRANGE_KEPT_MS;
    this.#quietUntilMs[where] = nowMs + STRANGE_TOLD_MS;
    return "tell";
  }

  /** The user has found other digits than the one who has this key: `/trust` accepts it all the same. */
  refused(key: PeerKey): void {
    this.#told = key;
  }

  /** Another key is expected now: any other one is worth telling at once. */
  forget(): void {
    this.#told = null;
    this.#quietUntilMs["at-address"] = this.#quietUntilMs["dialled-in"] = -Infinity;
  }
}
