/**
 * DNS look-ups, a few at a time. A look-up can't be cancelled: it occupies one of the runtime's threads until it
 * ends by itself, after 20 s or more where no name server answers, and syncing a file needs such a thread, too.
 */

import { dropOldest } from "../../base/collections/bounded.ts";

/**
 * Concurrent look-ups, of the runtime's 32 threads for blocking calls: nearly all remain for the disk however slow
 * the name server is, and a responsive one still serves a thousand names within seconds.
 */
const LOOKUPS_MAX = 4;

/**
 * Limit for names whose last answer came too late for every caller: one look-up always remains for the other names.
 */
const LATE_LOOKUPS_MAX = LOOKUPS_MAX - 1;

/** Late names remembered. */
const LATE_NAMES_MAX = 1_024;

/** Returns the addresses of a name, best first. */
type LookUp = (name: string) => Promise<readonly string[]>;

interface Asking {
  resolve(addresses: readonly string[]): void;
  reject(error: unknown): void;
}

/** The look-up of one name, shared by all who ask for it meanwhile. */
interface Lookup {
  readonly name: string;
  readonly asking: Set<Asking>;
  begun: boolean;
}

export class NameLookups {
  readonly #lookUp: LookUp;
  /** Look-ups that wait for their turn, in order of arrival, or are in progress. */
  readonly #lookups = new Map<string, Lookup>();
  readonly #late = new Set<string>();

  constructor(lookUp: LookUp) {
    this.#lookUp = lookUp;
  }

  /**
   * The addresses of `name`, looked up when it is its turn.
   * @throws The error of the look-up, or at once the signal's reason when it is aborted.
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

  /** Whether a look-up of `name` is in progress. */
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

/** Looks a name up as other programs of this machine do, including the system's hosts file. */
async function lookUp(name: string): Promise<readonly string[]> {
  // Loaded only when a name is dialled.
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(name, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
}

/** Shared by the whole program, as the runtime's threads are. */
export const NAME_LOOKUPS = new NameLookups(lookUp);
