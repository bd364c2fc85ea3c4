/**
 * Which changes of what people say of themselves are told on: of each person as many as somebody can read, and in the
 * end the last one. Whoever changes it without end is told of now and then, and hides nobody else's.
 */

import { TokenBucket } from "../rates/token_bucket.ts";
import { HERE, isSamePresence, type Presence } from "./user_presence.ts";

/** Of each person. */
const TOLD_PER_SECOND = 0.1;
const TOLD_BURST = 4;

interface Known {
  readonly rate: TokenBucket;
  told: Presence;
  latest: Presence;
}

export class PresenceNews<Key> {
  /** Of people that are here: as many as the owner's own table has. */
  readonly #known = new Map<Key, Known>();
  /** Those of whom a later state than the one told is known, and when it may be told. */
  readonly #waiting = new Map<Key, number>();

  constructor(readonly tell: (key: Key, presence: Presence) => void) {}

  has(key: Key): boolean {
    return this.#known.has(key);
  }

  /** What this one said last, told or not; of who isn't known, that nothing was said. */
  latest(key: Key): Presence {
    return this.#known.get(key)?.latest ?? HERE;
  }

  /** What was told last of this one; of who isn't known, that nothing was said. */
  told(key: Key): Presence {
    return this.#known.get(key)?.told ?? HERE;
  }

  /** Somebody has come, and that is told. */
  set(key: Key, presence: Presence): void {
    const rate = this.#known.get(key)?.rate ?? new TokenBucket(TOLD_PER_SECOND, TOLD_BURST);
    this.#known.set(key, { rate, told: presence, latest: presence });
    this.#waiting.delete(key);
  }

  /** Ignored of who isn't known. */
  change(key: Key, presence: Presence, nowMs: number): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.latest = presence;
    this.#tell(key, known, nowMs);
  }

  left(key: Key): void {
    this.#known.delete(key);
    this.#waiting.delete(key);
  }

  /** When something waits no longer; null where nothing does. */
  nextMs(): number | null {
    return this.#waiting.size === 0 ? null : Math.min(...this.#waiting.values());
  }

  /** Tells what couldn't be told before. */
  tick(nowMs: number): void {
    for (const [key, dueMs] of this.#waiting) {
      if (dueMs <= nowMs) this.#tell(key, this.#known.get(key)!, nowMs);
    }
  }

  #tell(key: Key, known: Known, nowMs: number): void {
    this.#waiting.delete(key);
    if (isSamePresence(known.told, known.latest)) return;
    if (!known.rate.take(nowMs)) {
      const lackingMs = (1 - known.rate.available(nowMs)) / TOLD_PER_SECOND * 1_000;
      this.#waiting.set(key, nowMs + Math.ceil(lackingMs));
      return;
    }
    known.told = known.latest;
    this.tell(key, known.latest);
  }
}
