/**
 * Another key than the one that is expected of somebody whom one dials. The user is told, asks by another way whether
 * it is right, and accepts the one that was told: no other takes its place meanwhile, whoever answers.
 */

import type { PeerKey } from "./ids.ts";
import { STRANGE_KEPT_MS, STRANGE_TOLD_MS } from "./mode_limits.ts";

export class StrangeKey {
  #key: PeerKey | null = null;
  #toldAtMs = -Infinity;
  /** From when on another one may take its place. */
  #keptUntilMs = -Infinity;

  /** The one that was told; null: none. */
  get key(): PeerKey | null {
    return this.#key;
  }

  /** It has answered. @returns Whether the user is to be told. */
  met(key: PeerKey, nowMs: number): boolean {
    const isOther = this.#key !== null && this.#key !== key;
    if (isOther && nowMs < this.#keptUntilMs) return false;
    if (nowMs < this.#toldAtMs + STRANGE_TOLD_MS) return false;
    if (this.#key !== key) this.#keptUntilMs = nowMs + STRANGE_KEPT_MS;
    this.#key = key;
    this.#toldAtMs = nowMs;
    return true;
  }

  /** The expected one has answered: nothing is to be accepted. Whoever comes between us isn't told of sooner for it. */
  forget(): void {
    this.#key = null;
  }

  /** The user accepts it: any other one is new. */
  accepted(): void {
    this.#key = null;
    this.#toldAtMs = -Infinity;
  }
}
