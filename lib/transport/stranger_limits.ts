/**
 * How many inbound connections may exist whose other side isn't known yet: they cost memory and a key agreement
 * each, and anybody can make them.
 *
 * When all places are taken, a newcomer gets that of the oldest connection that hasn't got on for a while, so that
 * a crowd of silent connections or half handshakes keeps nobody out for longer than that while. Who must wait for
 * it waits in order (`waiting_room.ts`): whoever tries again at once gets behind the others, not before them.
 */

import { dropOldest } from "../base/bounded.ts";
import { TokenBucket } from "../base/token_bucket.ts";
import { addressGroup, LOOPBACK } from "./hosts.ts";

export interface StrangerLimitsConfig {
  /** Strangers in all. */
  readonly strangersMax: number;
  /** Strangers from one address. */
  readonly strangersPerAddressMax: number;
  /** No bound for one address holds for loopback: many programs may run on one machine. */
  readonly exemptsLoopback: boolean;
  /** How long a silent stranger keeps its place when others want it; more than a slow way to us. */
  readonly silenceMs: number;
  /** The same for one that has begun a handshake; more than a slow round trip. */
  readonly unfinishedMs: number;
  /** Fresh keys cost nothing, so who breaks rules comes back at once: an address may come so often. */
  readonly perAddressPerSecond: number;
  /** So many may come from one address at once, as when a network of members comes back. */
  readonly perAddressBurst: number;
}

const STRANGER_LIMITS_DEFAULTS: StrangerLimitsConfig = {
  strangersMax: 64,
  strangersPerAddressMax: 10,
  exemptsLoopback: true,
  silenceMs: 500,
  unfinishedMs: 1_000,
  perAddressPerSecond: 20,
  perAddressBurst: 50,
};

/** Addresses whose rate is remembered; an attack by more of them isn't stopped by any rate. */
const RATES_MAX = 1_024;

export type Place<Stranger> =
  | { readonly type: "free" }
  | { readonly type: "instead of"; readonly stranger: Stranger }
  /** None before `untilMs`, unless a stranger goes or becomes known. */
  | { readonly type: "none"; readonly untilMs: number };

interface Entry {
  readonly address: string;
  readonly sinceMs: number;
}

export class StrangerLimits<Stranger> {
  readonly #config: StrangerLimitsConfig;
  readonly #isSilent: (stranger: Stranger) => boolean;
  /** In order of arrival. */
  readonly #strangers = new Map<Stranger, Entry>();
  /** The address that came last is the last. */
  readonly #rates = new Map<string, TokenBucket>();

  /** @param isSilent Whether it hasn't said anything sensible yet. */
  constructor(
    isSilent: (stranger: Stranger) => boolean,
    config: Partial<StrangerLimitsConfig> = {},
  ) {
    this.#isSilent = isSilent;
    this.#config = { ...STRANGER_LIMITS_DEFAULTS, ...config };
  }

  get size(): number {
    return this.#strangers.size;
  }

  /** Whether a connection from `host` may come in at `nowMs`, and who makes room for it. */
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

  /** The place of the first from `address`, null for any, that has kept its place for long enough. */
  #oldest(address: string | null, nowMs: number): Place<Stranger> {
    const { silenceMs, unfinishedMs } = this.#config;
    let untilMs = Infinity;
    for (const [stranger, entry] of this.#strangers) {
      if (address !== null && entry.address !== address) continue;
      const dueMs = entry.sinceMs + (this.#isSilent(stranger) ? silenceMs : unfinishedMs);
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

  /** It is known now, or gone. */
  remove(stranger: Stranger): void {
    this.#strangers.delete(stranger);
  }
}
