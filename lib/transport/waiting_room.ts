/**
 * Connections that wait for a place among the strangers, unread, first come, first served. A crowd of which each
 * member comes back as soon as it is thrown out is served in turn with everybody else, instead of winning by its
 * number of tries.
 */

import { addressGroup, LOOPBACK } from "./hosts.ts";
import type { Place } from "./stranger_limits.ts";

/** An open socket each, unless the mode says otherwise. */
const WAITING_MAX = 256;
/** Of one address, loopback exempt: as many as have their turn before the wait is over. */
const WAITING_PER_ADDRESS_MAX = 128;
/**
 * More, of preferred hosts alone, where all others wait: twice their own places (`entrance.ts`), of which two turns of
 * handshakes are soon over.
 */
const WAITING_PREFERRED_MAX = 32;
const WAITING_PREFERRED_PER_ADDRESS_MAX = 8;
/** Who dialled gives up after 10 s: before that it is told that there is no place. */
const WAIT_MS_MAX = 8_000;

interface Entry {
  readonly host: string;
  readonly address: string;
  readonly sinceMs: number;
}

export type Called<Waiting, Stranger> = {
  readonly waiting: Waiting;
  readonly sinceMs: number;
  /** `none` where it has waited for too long. */
  readonly place: Place<Stranger>;
};

export class WaitingRoom<Waiting, Stranger> {
  readonly #placeFor: (host: string, nowMs: number) => Place<Stranger>;
  readonly #prefers: (host: string) => boolean;
  readonly #waitingMax: number;
  /** In order of arrival. */
  readonly #waiting = new Map<Waiting, Entry>();
  #dueMs: number | null = null;

  constructor(
    placeFor: (host: string, nowMs: number) => Place<Stranger>,
    prefers: (host: string) => boolean,
    waitingMax = WAITING_MAX,
  ) {
    this.#placeFor = placeFor;
    this.#prefers = prefers;
    this.#waitingMax = waitingMax;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** When `next` must be called at the latest, as it was found by its last call; null while nobody waits. */
  get dueMs(): number | null {
    return this.#dueMs;
  }

  /** Whether somebody from the address of `host` waits, whom nobody from there may overtake. */
  isWaitedAt(host: string): boolean {
    return this.#countOf(addressGroup(host)) > 0;
  }

  /** @returns Whether it may wait: there is a bound. Then `next` must be called. */
  enter(waiting: Waiting, host: string, nowMs: number): boolean {
    const address = addressGroup(host);
    if (!this.#hasRoom(host, address)) return false;
    this.#waiting.set(waiting, { host, address, sinceMs: nowMs });
    return true;
  }

  #hasRoom(host: string, address: string): boolean {
    const { size } = this.#waiting;
    if (size >= this.#waitingMax + WAITING_PREFERRED_MAX) return false;
    const same = this.#countOf(address);
    if (size >= this.#waitingMax) {
      return same < WAITING_PREFERRED_PER_ADDRESS_MAX && this.#prefers(host);
    }
    return address === LOOPBACK || same < WAITING_PER_ADDRESS_MAX;
  }

  /** Takes out the first for which there is a place, or that has waited for too long; null where there is none. */
  next(nowMs: number): Called<Waiting, Stranger> | null {
    this.#dueMs = null;
    const placeless = new Set<string>();
    for (const [waiting, { host, address, sinceMs }] of this.#waiting) {
      const untilMs = sinceMs + WAIT_MS_MAX;
      if (!placeless.has(address)) {
        const place = this.#placeFor(host, nowMs);
        if (place.type !== "none") return this.#call(waiting, sinceMs, place);
        placeless.add(address);
        this.#due(place.untilMs);
      }
      if (untilMs <= nowMs) return this.#call(waiting, sinceMs, { type: "none", untilMs });
      this.#due(untilMs);
    }
    return null;
  }

  /** Takes all out: nobody is let in any more. */
  clear(): readonly Waiting[] {
    const all = [...this.#waiting.keys()];
    this.#waiting.clear();
    this.#dueMs = null;
    return all;
  }

  #countOf(address: string): number {
    let count = 0;
    for (const entry of this.#waiting.values()) if (entry.address === address) count += 1;
    return count;
  }

  #call(waiting: Waiting, sinceMs: number, place: Place<Stranger>): Called<Waiting, Stranger> {
    this.#waiting.delete(waiting);
    return { waiting, sinceMs, place };
  }

  #due(atMs: number): void {
    this.#dueMs = Math.min(this.#dueMs ?? atMs, atMs);
  }
}
