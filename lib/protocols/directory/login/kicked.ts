/** Users that were thrown out a moment ago, by name and by key. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { KICKED_MAX, KICKED_MS } from "../schema/limits.ts";

export class Kicked {
  readonly #untilMs = new Map<FoldedName | PeerKey, number>();

  add(name: FoldedName, key: PeerKey, nowMs: number): void {
    for (const each of [name, key]) {
      this.#untilMs.delete(each);
      this.#untilMs.set(each, nowMs + KICKED_MS);
      dropOldest(this.#untilMs, KICKED_MAX);
    }
  }

  /** How long that name, or key, isn't let in, in ms; 0: it is let in. */
  waitMs(name: FoldedName, key: PeerKey, nowMs: number): number {
    const untilMs = Math.max(this.#untilMs.get(name) ?? 0, this.#untilMs.get(key) ?? 0);
    return Math.max(0, untilMs - nowMs);
  }
}
