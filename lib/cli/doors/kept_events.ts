/**
 * The last events of a run of the program, for doors that come later or come back. Each kind has a share of its own, from
 * which the oldest go: however much is said, who is in which room stays known, and no answer takes room from what was said.
 */

/**
 * `said`: to all. `private`: to one alone; without it a door doesn't know of the conversation. `happened`: what changed.
 * `answer`: to one who asked, and knows of it, or asks again.
 */
export type Kind = "said" | "private" | "happened" | "answer";

/** So many are kept, or that much of them in memory, in UTF-16 units of at most two bytes, whichever is less. */
const SHARES: Readonly<Record<Kind, { readonly events: number; readonly units: number }>> = {
  said: { events: 10_000, units: 8_388_608 },
  private: { events: 5_000, units: 4_194_304 },
  happened: { events: 5_000, units: 2_097_152 },
  answer: { events: 500, units: 2_097_152 },
};
/** How much stays of a share when some go: they go in bulk, so that each costs the same however many are kept. */
const STAYS = 0.9;

interface Sized {
  readonly kind: Kind;
  /** In UTF-16 units. */
  readonly units: number;
}

interface Numbered<Event> {
  /** Counts up from 1. */
  readonly id: number;
  readonly event: Event;
}

export class KeptEvents<Event extends Sized> {
  /** In order, with gaps where some have gone. */
  #events: Numbered<Event>[] = [];
  readonly #used = {
    said: { events: 0, units: 0 },
    private: { events: 0, units: 0 },
    happened: { events: 0, units: 0 },
    answer: { events: 0, units: 0 },
  };
  #lastId = 0;
  #goneId = 0;

  /** The number of the last event; 0: there was none. */
  get lastId(): number {
    return this.#lastId;
  }

  /** From that number on all are kept that aren't answers. */
  get wholeFrom(): number {
    return this.#goneId + 1;
  }

  /** Those that are kept, the oldest first. */
  get all(): readonly Numbered<Event>[] {
    return this.#events;
  }

  add(event: Event): void {
    this.#events.push({ id: ++this.#lastId, event });
    const used = this.#used[event.kind];
    used.events += 1;
    used.units += event.units;
    const share = SHARES[event.kind];
    if (used.events > share.events || used.units > share.units) this.#dropOldest(event.kind);
  }

  /** Those kept with higher numbers than that, the oldest first, and no more than `max`. */
  after(id: number, max: number): readonly Numbered<Event>[] {
    const first = this.#firstAfter(id);
    return this.#events.slice(first, first + max);
  }

  #firstAfter(id: number): number {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.id <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last event stays, however long it is. */
  #dropOldest(kind: Kind): void {
    const [share, used] = [SHARES[kind], this.#used[kind]];
    this.#events = this.#events.filter(({ id, event }) => {
      const isGone = event.kind === kind && id < this.#lastId &&
        (used.events > share.events * STAYS || used.units > share.units * STAYS);
      if (!isGone) return true;
      used.events -= 1;
      used.units -= event.units;
      if (kind !== "answer") this.#goneId = Math.max(this.#goneId, id);
      return false;
    });
  }
}
