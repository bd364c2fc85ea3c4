/**
 * Limits for strangers, that is, inbound connections that have begun a handshake and whose peer isn't authenticated
 * yet: each costs memory and a key agreement, and anybody can make them.
 *
 * When all places are taken, a new connection gets the place of the oldest one that hasn't finished its handshake
 * for a while, so that many half handshakes can't keep others out for longer than that. Connections
 * that have to wait do so in order (`WaitingRoom`): one that reconnects at once gets behind the others, not
 * ahead of them.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import { addressGroup, LOOPBACK } from "../sockets.ts";

export interface StrangerLimitsConfig {
  /** The most strangers in all. */
  readonly strangersMax: number;
  /** The most strangers from one address. */
  readonly strangersPerAddressMax: number;
  /** Loopback has no limit per address, since many programs may run on one machine. */
  readonly exemptsLoopback: boolean;
  /** How long a stranger keeps its place when others want it; longer than a slow round trip. */
  readonly unfinishedMs: number;
  /**
   * New connections per second from one address. New keys cost nothing, so an offender could otherwise return at
   * once.
   */
  readonly perAddressPerSecond: number;
  /** New connections at once from one address, as when a network of members reconnects. */
  readonly perAddressBurst: number;
}

const STRANGER_LIMITS_DEFAULTS: StrangerLimitsConfig = {
  strangersMax: 64,
  strangersPerAddressMax: 10,
  exemptsLoopback: true,
  unfinishedMs: 1_000,
  perAddressPerSecond: 20,
  perAddressBurst: 50,
};

/** Addresses whose rate is remembered; no rate limit stops an attack from more addresses than that. */
const RATES_MAX = 1_024;

export type Place<Stranger> =
  | { readonly type: "free" }
  | { readonly type: "instead of"; readonly stranger: Stranger }
  /** No place before `untilMs`, unless a stranger leaves or is authenticated. */
  | { readonly type: "none"; readonly untilMs: number };

interface Entry {
  readonly address: string;
  readonly sinceMs: number;
}

export class StrangerLimits<Stranger> {
  readonly #config: StrangerLimitsConfig;
  /** In order of arrival. */
  readonly #strangers = new Map<Stranger, Entry>();
  /** The address with the most recent connection is last. */
  readonly #rates = new Map<string, TokenBucket>();

  constructor(config: Partial<StrangerLimitsConfig> = {}) {
    this.#config = { ...STRANGER_LIMITS_DEFAULTS, ...config };
  }

  get size(): number {
    return this.#strangers.size;
  }

  /** Whether a connection from `host` gets a place at `nowMs`, and which stranger must make room for it. */
  placeFor(host: string, nowMs: number): Place<Stranger> {
    const { strangersMax, strangersPerAddressMax, perAddressPerSecond } = this.#config;
    const address = addressGroup(host);
    if (!this.#isExempt(address)) {
      const missing = 1 - (this.#rates.get(address)?.available(nowMs) ?? 1);
      if (missing > 0) {
        const waitMs = Math.max(1, Math.ceil(1_000 * missing / perAddressPerSecond));
        return { type: "none", untilMs: nowMs + waitMs };
      }
      let same = 0;
      for (const entry of this.#strangers.values()) if (entry.address === address) same += 1;
      if (same >= strangersPerAddressMax) return this.#oldest(address, nowMs);
    }
    return this.#strangers.size < strangersMax ? { type: "free" } : this.#oldest(null, nowMs);
  }

  /** The place of the oldest stranger from `address` (null: any) that has had its place for long enough. */
  #oldest(address: string | null, nowMs: number): Place<Stranger> {
    let untilMs = Infinity;
    for (const [stranger, entry] of this.#strangers) {
      if (address !== null && entry.address !== address) continue;
      const dueMs = entry.sinceMs + this.#config.unfinishedMs;
      if (dueMs <= nowMs) return { type: "instead of", stranger };
      untilMs = Math.min(untilMs, dueMs);
    }
    return { type: "none", untilMs };
  }

  add(stranger: Stranger, host: string, nowMs: number): void {
    const address = addressGroup(host);
    this.#strangers.set(stranger, { address, sinceMs: nowMs });
    if (!this.#isExempt(address)) this.#count(address, nowMs);
  }

  #isExempt(address: string): boolean {
    return address === LOOPBACK && this.#config.exemptsLoopback;
  }

  #count(address: string, nowMs: number): void {
    const { perAddressPerSecond, perAddressBurst } = this.#config;
    const rate = this.#rates.get(address) ?? new TokenBucket(perAddressPerSecond, perAddressBurst);
    rate.take(nowMs);
    this.#rates.delete(address);
    this.#rates.set(address, rate);
    dropOldest(this.#rates, RATES_MAX);
  }

  /** `stranger` is authenticated now, or gone. */
  remove(stranger: Stranger): void {
    this.#strangers.delete(stranger);
  }
}

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

interface WaitingEntry {
  readonly host: string;
  readonly address: string;
  readonly sinceMs: number;
}

export type Called<Waiting, Stranger> = {
  readonly waiting: Waiting;
  /** `none` for a connection that has waited too long. */
  readonly place: Place<Stranger>;
};

/**
 * Connections that wait for a place among the strangers, first come, first served. Attackers who reconnect
 * as soon as they are thrown out get turns like everybody else, instead of winning by the number of their attempts.
 */
export class WaitingRoom<Waiting, Stranger> {
  readonly #placeFor: (host: string, nowMs: number) => Place<Stranger>;
  readonly #prefers: (host: string) => boolean;
  readonly #waitingMax: number;
  /** In order of arrival. */
  readonly #waiting = new Map<Waiting, WaitingEntry>();
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
