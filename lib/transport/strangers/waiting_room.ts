/**
 * Connections that wait for a place among the strangers, first come, first served. Attackers who reconnect
 * as soon as they are thrown out get turns like everybody else, instead of winning by the number of their attempts.
 */

import { addressGroup, LOOPBACK } from "../hosts.ts";
import type { Place } from "./stranger_limits.ts";

/** Each waiting connection is an open socket. A mode may set another limit. */
export const WAITING_MAX = 256;
/** Limit per address, loopback exempt: as many as get a place before their wait is over. */
const WAITING_PER_ADDRESS_MAX = 128;
/**
 * Additional places for preferred hosts only, when all others are taken: twice their own stranger places
 * (`admission_control.ts`), that is, two rounds of handshakes, which are soon over.
 */
const WAITING_PREFERRED_MAX = 32;
const WAITING_PREFERRED_PER_ADDRESS_MAX = 8;
/** From its arrival. A dialler gives up after 10 s: before that it is told that there is no place. */
const WAIT_MS_MAX = 8_000;

interface Entry {
  readonly host: string;
  readonly address: string;
  readonly sinceMs: number;
}

export type Called<Waiting, Stranger> = {
  readonly waiting: Waiting;
  /** `none` for a connection that has waited too long. */
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

  /** When `next` must be called at the latest, as of its last call; null while no connection waits. */
  get dueMs(): number | null {
    return this.#dueMs;
  }

  /** Whether a connection from the address of `host` waits, which others from there mustn't overtake. */
  isWaitedAt(host: string): boolean {
    return this.#countOf(addressGroup(host)) > 0;
  }

  /**
   * Adds a connection that arrived at `sinceMs`, if there is room.
   * @returns Whether there was; then `next` must be called.
   */
  enter(waiting: Waiting, host: string, sinceMs: number): boolean {
    const address = addressGroup(host);
    if (!this.#hasRoom(host, address)) return false;
    this.#waiting.set(waiting, { host, address, sinceMs });
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

  /** Removes and returns the first connection that has a place or has waited too long; null where there is none. */
  next(nowMs: number): Called<Waiting, Stranger> | null {
    this.#dueMs = null;
    const placeless = new Set<string>();
    for (const [waiting, { host, address, sinceMs }] of this.#waiting) {
      const untilMs = sinceMs + WAIT_MS_MAX;
      if (!placeless.has(address)) {
        const place = this.#placeFor(host, nowMs);
        if (place.type !== "none") return this.#call(waiting, place);
        placeless.add(address);
        this.#due(place.untilMs);
      }
      if (untilMs <= nowMs) return this.#call(waiting, { type: "none", untilMs });
      this.#due(untilMs);
    }
    return null;
  }

  /** Removes and returns all connections. */
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

  #call(waiting: Waiting, place: Place<Stranger>): Called<Waiting, Stranger> {
    this.#waiting.delete(waiting);
    return { waiting, place };
  }

  #due(atMs: number): void {
    this.#dueMs = Math.min(this.#dueMs ?? atMs, atMs);
  }
}
