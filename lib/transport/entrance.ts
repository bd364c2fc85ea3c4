/**
 * The places of strangers: those for all, and some that only hosts have which the mode prefers. Any number of
 * strangers from elsewhere can't take these.
 */

import { type Place, StrangerLimits, type StrangerLimitsConfig } from "./stranger_limits.ts";

/**
 * A preferred host has few programs, whose handshakes are over within a second: 4 at once are 4 friends that come
 * back behind one address. 16 are 4 such hosts that turn against us, and a quarter of what strangers may cost.
 */
const PREFERRED_PLACES = {
  strangersMax: 16,
  strangersPerAddressMax: 4,
  // Programs of this machine that are no friends of ours would take them all from the other hosts.
  exemptsLoopback: false,
} as const;

export class Entrance<Stranger> {
  readonly #prefers: (host: string) => boolean;
  readonly #preferred: StrangerLimits<Stranger>;
  readonly #others: StrangerLimits<Stranger>;

  /**
   * @param isSilent Whether a stranger hasn't said anything sensible yet.
   * @param prefers Whether connections from there go first; asked anew for each.
   */
  constructor(
    isSilent: (stranger: Stranger) => boolean,
    prefers: (host: string) => boolean,
    config: Partial<StrangerLimitsConfig> = {},
  ) {
    this.#prefers = prefers;
    this.#preferred = new StrangerLimits(isSilent, { ...config, ...PREFERRED_PLACES });
    this.#others = new StrangerLimits(isSilent, config);
  }

  /** Whether a connection from `host` may come in at `nowMs`, and who makes room for it. */
  placeFor(host: string, nowMs: number): Place<Stranger> {
    const other = this.#others.placeFor(host, nowMs);
    if (!this.#prefers(host)) return other;
    const preferred = this.#preferred.placeFor(host, nowMs);
    if (preferred.type === "none") return other.type === "none" ? earlier(preferred, other) : other;
    return preferred.type === "instead of" && other.type === "free" ? other : preferred;
  }

  /** It takes the place that was found for it at `nowMs`; who had to make room is removed. */
  add(stranger: Stranger, host: string, nowMs: number): void {
    const isPreferred = this.#prefers(host) &&
      this.#preferred.placeFor(host, nowMs).type === "free";
    (isPreferred ? this.#preferred : this.#others).add(stranger, host, nowMs);
  }

  /** It is known now, or gone. */
  remove(stranger: Stranger): void {
    this.#others.remove(stranger);
    this.#preferred.remove(stranger);
  }
}

type None = Place<never> & { readonly type: "none" };

function earlier(one: None, other: None): None {
  return one.untilMs < other.untilMs ? one : other;
}
