/**
 * With whom a file that is fetched is looked for while little or nothing of it comes: links don't lead to everybody, and
 * who has it may be somebody that there is no link to. At first its sender and those that had all of it, by name; later
 * anybody. A leaf now and then doesn't end that: some give drop by drop.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { PeerKey } from "../../base/ids.ts";
import { Deadlines, type Timed } from "../../base/machine/machine.ts";
import { SEEK_MS, SEEK_OTHERS_MS, SEEK_SLOW_MS, SOUGHT_MAX } from "./limits.ts";

export class Seeking implements Timed {
  /** Who had all of it, the last one last, beside its sender. */
  readonly #holders = new Set<PeerKey>();
  #isByName = false;
  #isAnybody = false;
  readonly #deadlines = new Deadlines({
    holders: () => {
      this.#isByName = true;
    },
    others: () => {
      this.#isAnybody = true;
    },
  });

  /** @param author Its sender. @param random In [0, 1). */
  constructor(readonly author: PeerKey, readonly random: () => number) {}

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(nowMs: number): void {
    this.#deadlines.tick(nowMs);
  }

  /** The file is fetched from now on. */
  starts(nowMs: number): void {
    // In a room all that fetch begin at once; they don't all dial at once.
    this.#deadlines.set("holders", nowMs + SEEK_MS * (0.5 + this.random()));
    this.#deadlines.set("others", nowMs + SEEK_OTHERS_MS);
  }

  /** A leaf came. */
  comes(nowMs: number): void {
    if (!this.#isByName) {
      this.#isAnybody = false;
      this.#deadlines.set("others", nowMs + SEEK_OTHERS_MS);
    }
    this.#isByName = false;
    this.#deadlines.set("holders", nowMs + SEEK_SLOW_MS);
  }

  /** All of it is here, or it isn't fetched any more. */
  stops(): void {
    this.#isByName = this.#isAnybody = false;
    this.#deadlines.clearAll();
  }

  /** The peer has all of it. */
  holds(peer: PeerKey): void {
    if (peer === this.author) return;
    this.#holders.delete(peer);
    this.#holders.add(peer);
    dropOldest(this.#holders, SOUGHT_MAX);
  }

  /** Whom to look for by name, the best bet first; those in `isLiar` never. */
  holders(isLiar: (peer: PeerKey) => boolean): readonly PeerKey[] {
    if (!this.#isByName) return [];
    return [this.author, ...this.#holders].filter((peer) => !isLiar(peer));
  }

  /** Whether anybody is looked for. */
  get others(): boolean {
    return this.#isAnybody;
  }
}
