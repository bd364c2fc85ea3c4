/** With whom somebody exchanges no datagrams, and when users are told: after a while, once of each. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { REMEMBERED_MAX, UNHEARD_TOLD_MS } from "../schema/limits.ts";

export class Unheard {
  /** Since when each isn't heard. */
  readonly #sinceMs = new Map<PeerKey, number>();
  /** Those that the user was told of. */
  readonly #told = new Set<PeerKey>();

  /** These aren't heard; all others are, or needn't be. */
  are(keys: readonly PeerKey[], nowMs: number): void {
    for (const key of this.#sinceMs.keys()) if (!keys.includes(key)) this.#sinceMs.delete(key);
    for (const key of keys) if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
  }

  /** From now on the user is told of everybody again. */
  forget(): void {
    this.#sinceMs.clear();
    this.#told.clear();
  }

  /** Those that haven't been heard for a while. */
  lasting(nowMs: number): readonly PeerKey[] {
    return [...this.#sinceMs].flatMap(([key, sinceMs]) =>
      sinceMs + UNHEARD_TOLD_MS <= nowMs ? [key] : []
    );
  }

  /** When `take` has something; null where nobody new is unheard. */
  get dueMs(): number | null {
    const untold = [...this.#sinceMs].filter(([key]) => !this.#told.has(key));
    return earliestMs(...untold.map(([, sinceMs]) => sinceMs + UNHEARD_TOLD_MS));
  }

  /** All of whom the user is to be told now; none where no one is new among them. */
  take(nowMs: number): readonly PeerKey[] {
    if ((this.dueMs ?? Infinity) > nowMs) return [];
    const lasting = this.lasting(nowMs);
    for (const key of lasting) {
      this.#told.add(key);
      dropOldest(this.#told, REMEMBERED_MAX);
    }
    return lasting;
  }
}
