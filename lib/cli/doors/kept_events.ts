/**
 * The last events of a run of the program, for doors that come later or come back. Each kind has a share of its own:
 * however much is said, who is in which room stays known, and no answer takes room from what was said. In a share the
 * oldest go. A question that is open stays, whatever came behind it.
 */

/**
 * `said`: to all. `private`: to one alone; without it a door doesn't know of the conversation. `happened`: what changed.
 * `answer`: to one who asked, and knows of it, or asks again.
 */
export type Kind = "said" | "private" | "happened" | "answer";

interface Share {
  readonly events: number;
  readonly units: number;
}

/** So many are kept, or that much of them in memory, in UTF-16 units of at most two bytes, whichever is less. */
const SHARES: Readonly<Record<Kind, Share>> = {
  said: { events: 10_000, units: 8_388_608 },
  private: { events: 5_000, units: 4_194_304 },
  happened: { events: 5_000, units: 2_097_152 },
  answer: { events: 500, units: 2_097_152 },
};
/** How much stays of a share when some go: they go in bulk, so that each costs the same however many are kept. */
const STAYS = 0.9;
/** Questions that stay: as many as a group has edits under way. Offers, of which there may be more, go first. */
const OPEN_MAX = 64;

interface Sized {
  readonly kind: Kind;
  /** In UTF-16 units. */
  readonly units: number;
  /** The question that it asks the user; null: none. */
  readonly asks: string | null;
  /** The question that is open no more; null: none. */
  readonly settles: string | null;
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
  /** Questions that are open: they take nothing of a share. */
  readonly #open = new Map<string, Numbered<Event>>();
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

  /** The number of the event that asks that, while it is open; null: none does. */
  askedBy(question: string): number | null {
    return this.#open.get(question)?.id ?? null;
  }

  add(event: Event): void {
    const added = { id: ++this.#lastId, event };
    this.#events.push(added);
    const { asks, settles } = event;
    if (settles !== null) this.#settle(settles);
    if (asks === null) return this.#count(added);
    this.#settle(asks); // it is asked anew
    this.#open.set(asks, added);
    const offer = this.#open.keys().find((one) => one.startsWith("offer "));
    if (this.#open.size > OPEN_MAX) this.#settle(offer ?? this.#open.keys().next().value!);
  }

  #settle(question: string): void {
    const asked = this.#open.get(question);
    if (asked === undefined) return;
    this.#open.delete(question);
    this.#count(asked);
  }

  #count({ event: { kind, units } }: Numbered<Event>): void {
    const [share, used] = [SHARES[kind], this.#used[kind]];
    used.events += 1;
    used.units += units;
    if (used.events > share.events || used.units > share.units) this.#makeRoom(kind);
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

  #makeRoom(kind: Kind): void {
    const [share, used] = [SHARES[kind], this.#used[kind]];
    const last = this.#events.at(-1);
    this.#events = this.#events.filter((one) => {
      const { id, event } = one;
      const isEnough = used.events <= share.events * STAYS && used.units <= share.units * STAYS;
      if (isEnough || event.kind !== kind || one === last || this.#isOpen(one)) return true;
      used.events -= 1;
      used.units -= event.units;
      if (kind !== "answer") this.#goneId = Math.max(this.#goneId, id);
      return false;
    });
  }

  #isOpen({ id, event: { asks } }: Numbered<Event>): boolean {
    return asks !== null && this.#open.get(asks)?.id === id;
  }
}
