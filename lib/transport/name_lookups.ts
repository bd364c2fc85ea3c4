/**
 * Host names looked up, a few at a time. A lookup can't be stopped: it keeps one of the runtime's threads until it
 * ends by itself, after 20 s and more where no name service answers, and syncing a file needs such a thread too.
 */

import { dropOldest } from "../base/bounded.ts";

/**
 * Of the runtime's 32 threads for what blocks: nearly all stay with the disk, whatever the name service does, and one
 * that answers serves a thousand names within seconds.
 */
const LOOKUPS_MAX = 4;

/** One is kept from names whose last answer came too late for anybody: they aren't all in the others' way. */
const LATE_LOOKUPS_MAX = LOOKUPS_MAX - 1;

/** Names remembered for that. */
const LATE_NAMES_MAX = 1_024;

/** The addresses of a name, best first. */
export type LookUp = (name: string) => Promise<readonly string[]>;

interface Asking {
  resolve(addresses: readonly string[]): void;
  reject(error: unknown): void;
}

/** Of one name, for all who ask for it meanwhile. */
interface Lookup {
  readonly name: string;
  readonly asking: Set<Asking>;
  begun: boolean;
}

export class NameLookups {
  readonly #lookUp: LookUp;
  /** Those that wait for their turn, in order of arrival, and those that have begun and not ended yet. */
  readonly #lookups = new Map<string, Lookup>();
  readonly #late = new Set<string>();

  constructor(lookUp: LookUp) {
    this.#lookUp = lookUp;
  }

  /**
   * The addresses of `name`, once it has its turn.
   * @throws What looking up threw, or the signal's reason, at once, when it is aborted.
   */
  find(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const lookup = this.#lookups.get(name) ?? { name, asking: new Set(), begun: false };
    const asking = { resolve, reject };
    const giveUp = () => {
      lookup.asking.delete(asking);
      if (!lookup.begun && lookup.asking.size === 0) this.#lookups.delete(name);
      reject(signal.reason);
    };
    lookup.asking.add(asking);
    this.#lookups.set(name, lookup);
    signal.addEventListener("abort", giveUp, { once: true });
    this.#beginNext();
    return promise;
  }

  /** Whether the name service has been asked for `name` and hasn't answered yet. */
  isAsked(name: string): boolean {
    return this.#lookups.get(name)?.begun === true;
  }

  #beginNext(): void {
    const begun = [...this.#lookups.values()].filter((lookup) => lookup.begun);
    let free = LOOKUPS_MAX - begun.length;
    let freeForLate = LATE_LOOKUPS_MAX - begun.filter(({ name }) => this.#late.has(name)).length;
    for (const lookup of this.#lookups.values()) {
      if (free <= 0) return;
      const late = this.#late.has(lookup.name);
      if (lookup.begun || (late && freeForLate <= 0)) continue;
      free -= 1;
      if (late) freeForLate -= 1;
      void this.#run(lookup);
    }
  }

  async #run(lookup: Lookup): Promise<void> {
    const { name, asking } = lookup;
    lookup.begun = true;
    try {
      const addresses = await this.#lookUp(name);
      for (const { resolve } of asking) resolve(addresses);
    } catch (error) {
      for (const { reject } of asking) reject(error);
    }
    this.#lookups.delete(name);
    this.#late.delete(name);
    if (asking.size === 0) this.#late.add(name);
    dropOldest(this.#late, LATE_NAMES_MAX);
    this.#beginNext();
  }
}

/** Asks as all programs of this machine do, the file of its own hosts included. */
async function lookUp(name: string): Promise<readonly string[]> {
  // Only who dials a name waits for this to load.
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(name, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
}

/** Of this program: its threads are few, however many listen and dial. */
export const NAME_LOOKUPS = new NameLookups(lookUp);
