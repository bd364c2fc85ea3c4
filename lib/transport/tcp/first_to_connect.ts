/**
 * Connects to whichever of a host's addresses answers first: RFC 8305 (Happy Eyeballs), sections 4 and 5. An
 * address that doesn't answer, as with IPv6 in a network that only seems to have it, delays the next one only
 * briefly.
 */

import type { Clock } from "../../base/machine/clock.ts";
import { dropOldest } from "../../base/collections/bounded.ts";

/** The value that the RFC recommends: most hosts answer sooner, and the delay is hardly noticeable. */
const NEXT_ATTEMPT_MS = 250;

/**
 * The most addresses of one host that are tried, of both families where it has both. An address that doesn't answer
 * takes a socket until the dial is given up: 64 dials at once take half of the 1,024 that a program commonly may
 * have.
 */
export const ADDRESSES_MAX = 8;

/** How a connection to one address is made. */
export interface Connecting<Conn> {
  /** @throws The reason of the failure; when the signal is aborted, any error, soon. */
  connect(address: string, signal: AbortSignal): Promise<Conn>;
  /**
   * Called for each attempt. The promise resolves when the attempt holds no resources, except the connection that
   * is used.
   */
  begun(attempt: Promise<void>): void;
}

/**
 * Tries the addresses, best first: each one 250 ms after the previous one, or at once if that has failed. Later
 * connections than the first are closed.
 * @param addresses At least one.
 * @throws The error of the last attempt to fail, or at once the signal's reason when it is aborted.
 */
export function firstToConnect<Conn extends { close(): void }>(
  addresses: readonly string[],
  { connect, begun }: Connecting<Conn>,
  signal: AbortSignal,
  clock: Clock,
): Promise<Conn> {
  const { promise, resolve, reject } = Promise.withResolvers<Conn>();
  const toTry = inTurns(addresses).slice(0, ADDRESSES_MAX);
  const attempts = new AbortController();
  let tried = 0;
  let failed = 0;
  let nextAttempt: { cancel(): void } | null = null;

  const end = () => {
    nextAttempt?.cancel();
    signal.removeEventListener("abort", giveUp);
    attempts.abort();
  };
  const giveUp = () => {
    end();
    reject(signal.reason);
  };
  const beginNext = () => {
    nextAttempt?.cancel();
    const address = toTry[tried]!;
    tried++;
    if (tried < toTry.length) nextAttempt = clock.at(clock.nowMs() + NEXT_ATTEMPT_MS, beginNext);
    begun(attempt(address, tried));
  };
  const attempt = async (address: string, number: number) => {
    let conn: Conn;
    try {
      conn = await connect(address, attempts.signal);
    } catch (error) {
      failed++;
      if (attempts.signal.aborted) return;
      if (number === tried && tried < toTry.length) return beginNext();
      if (failed < toTry.length) return;
      end();
      return reject(error);
    }
    if (attempts.signal.aborted) return conn.close();
    end();
    resolve(conn);
  };

  if (signal.aborted) giveUp();
  else {
    signal.addEventListener("abort", giveUp);
    beginNext();
  }
  return promise;
}

/** Alternates the families, starting with the best address's: otherwise the limit could exclude one of them. */
function inTurns(addresses: readonly string[]): readonly string[] {
  const isIpv6 = (address: string) => address.includes(":");
  const [best = ""] = addresses;
  const better = addresses.filter((address) => isIpv6(address) === isIpv6(best));
  const other = addresses.filter((address) => isIpv6(address) !== isIpv6(best));
  return addresses.flatMap((_, at) => [...better.slice(at, at + 1), ...other.slice(at, at + 1)]);
}

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

/**
 * DNS look-ups, a few at a time. A look-up can't be cancelled: it occupies one of the runtime's threads until it
 * ends by itself, after 20 s or more where no name server answers, and syncing a file needs such a thread, too.
 */
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
