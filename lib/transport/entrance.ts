/**
 * The places of strangers: those that anybody can take, and some reserved for hosts that the mode prefers, so that
 * strangers from elsewhere can't take them all.
 */

import { type Place, StrangerLimits, type StrangerLimitsConfig } from "./stranger_limits.ts";

/**
 * Places for preferred hosts. Such a host has few programs, whose handshakes take less than a second: 4 per address
 * are 4 friends behind one address that reconnect at once. 16 in all are 4 such hosts turned hostile, and a quarter
 * of the cost that strangers may cause.
 */
const PREFERRED_PLACES = {
  strangersMax: 16,
  strangersPerAddressMax: 4,
  // Programs of this machine that aren't friends would take all of these places from other hosts.
  exemptsLoopback: false,
} as const;

export class Entrance<Stranger> {
  readonly #prefers: (host: string) => boolean;
  readonly #preferred: StrangerLimits<Stranger>;
  readonly #others: StrangerLimits<Stranger>;

  /** @param prefers Whether connections from a host have priority; asked anew for each connection. */
  constructor(prefers: (host: string) => boolean, config: Partial<StrangerLimitsConfig> = {}) {
    this.#prefers = prefers;
    this.#preferred = new StrangerLimits({ ...config, ...PREFERRED_PLACES });
    this.#others = new StrangerLimits(config);
  }

  /** Whether a connection from `host` gets a place at `nowMs`, and which stranger must make room for it. */
  placeFor(host: string, nowMs: number): Place<Stranger> {
    const other = this.#others.placeFor(host, nowMs);
    if (!this.#prefers(host)) return other;
    const preferred = this.#preferred.placeFor(host, nowMs);
    if (preferred.type === "none") return other.type === "none" ? earlier(preferred, other) : other;
    return preferred.type === "instead of" && other.type === "free" ? other : preferred;
  }

  /** Puts the stranger in the place found for it at `nowMs`. The caller has removed the one that had to make room. */
  add(stranger: Stranger, host: string, nowMs: number): void {
    const isPreferred = this.#prefers(host) &&
      this.#preferred.placeFor(host, nowMs).type === "free";
    (isPreferred ? this.#preferred : this.#others).add(stranger, host, nowMs);
  }

  /** `stranger` is authenticated now, or gone. */
  remove(stranger: Stranger): void {
    this.#others.remove(stranger);
    this.#preferred.remove(stranger);
  }
}

type None = Place<never> & { readonly type: "none" };

function earlier(one: None, other: None): None {
  return one.untilMs < other.untilMs ? one : other;
}
