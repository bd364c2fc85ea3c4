/** The last events of a run of the program, for doors that come later or come back. */

/** So many are kept, or that much of them in memory, whichever is less: an evening's chat; the oldest go first. */
const EVENTS_MAX = 10_000;
/** 16 MiB, as a UTF-16 unit may take two bytes. */
const UNITS_MAX = 8_388_608;
/** How much stays when some go: they go in bulk, so that each costs the same however many are kept. */
const STAYS = 0.9;

interface Sized {
  /** In UTF-16 units. */
  readonly units: number;
}

export class KeptEvents<Event extends Sized> {
  #events: Event[] = [];
  #units = 0;
  #dropped = 0;

  /** The number of the last event, counted from 1; 0: there was none. */
  get lastId(): number {
    return this.#dropped + this.#events.length;
  }

  /** The number of the oldest that is kept; where there is none, that of the next one. */
  get firstId(): number {
    return this.#dropped + 1;
  }

  /** Those that are kept, the oldest first. */
  get all(): readonly Event[] {
    return this.#events;
  }

  add(event: Event): void {
    this.#events.push(event);
    this.#units += event.units;
    if (this.#events.length > EVENTS_MAX || this.#units > UNITS_MAX) this.#dropOldest();
  }

  /** The event of that number; undefined: it is no longer kept, or hasn't happened. */
  at(id: number): Event | undefined {
    return this.#events[id - this.#dropped - 1];
  }

  #dropOldest(): void {
    const { length } = this.#events;
    let gone = 0;
    while (
      gone < length - 1 && (length - gone > EVENTS_MAX * STAYS || this.#units > UNITS_MAX * STAYS)
    ) {
      this.#units -= this.#events[gone++]!.units;
    }
    this.#events = this.#events.slice(gone);
    this.#dropped += gone;
  }
}
