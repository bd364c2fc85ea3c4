/**
 * Limits for strangers, that is, inbound connections that have begun a handshake and whose peer isn't authenticated
 * yet: each costs memory and a key agreement, and anybody can make them.
 *
 * When all places are taken, a new connection gets the place of the oldest one that hasn't finished its handshake
 * for a while, so that many half handshakes can't keep others out for longer than that. Connections
 * that have to wait do so in order (`waiting_room.ts`): one that reconnects at once gets behind the others, not
 * ahead of them.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import { addressGroup, LOOPBACK } from "../hosts.ts";

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
