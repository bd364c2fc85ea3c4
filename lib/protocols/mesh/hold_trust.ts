/**
 * Which neighbours are still asked about held names. That another newcomer is about to take a name can't be proven
 * before it is admitted; a neighbour that says so several times when nobody came isn't asked for a while.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { PeerKey } from "../../base/ids.ts";
import { HOLD_DOUBTED_MS, HOLD_WORDS_BROKEN_MAX, HOLD_WORDS_REMEMBERED_MAX } from "./limits.ts";

export class HoldTrust {
  /** At most `HOLD_WORDS_REMEMBERED_MAX`; links come and go meanwhile. */
  readonly #broken = new Map<PeerKey, { readonly count: number; readonly untilMs: number }>();

  /** A newcomer was admitted under a name as `by` had said: that makes up for one broken word. */
  kept(by: PeerKey): void {
    const broken = this.#broken.get(by);
    if (broken === undefined) return;
    if (broken.count > 1) this.#broken.set(by, { ...broken, count: broken.count - 1 });
    else this.#broken.delete(by);
  }

  /** Nobody was admitted under the name, although `by` had said so. */
  broke(by: PeerKey, nowMs: number): void {
    const count = (this.#broken.get(by)?.count ?? 0) + 1;
    this.#broken.delete(by);
    this.#broken.set(by, { count, untilMs: nowMs + HOLD_DOUBTED_MS });
    dropOldest(this.#broken, HOLD_WORDS_REMEMBERED_MAX);
  }

  trusts(peer: PeerKey, nowMs: number): boolean {
    const broken = this.#broken.get(peer);
    if (broken === undefined) return true;
    if (broken.untilMs <= nowMs) this.#broken.delete(peer);
    return broken.count < HOLD_WORDS_BROKEN_MAX || broken.untilMs <= nowMs;
  }
}
