/**
 * How many inbound connections may exist whose other side isn't known yet: they cost memory and a key agreement
 * each, and anybody can make them.
 *
 * When all places are taken, a newcomer gets that of the oldest connection that has said nothing sensible for a
 * while, so that a crowd of silent connections keeps nobody out for longer than that while.
 */

export interface StrangerLimitsConfig {
  /** Strangers in all. */
  readonly strangersMax: number;
  /** Strangers from one address; loopback is exempt, for many programs may run on one machine. */
  readonly strangersPerAddressMax: number;
  /** How long a silent stranger keeps its place when others want it; more than a slow round trip. */
  readonly silenceMs: number;
}

export const STRANGER_LIMITS_DEFAULTS: StrangerLimitsConfig = {
  strangersMax: 64,
  strangersPerAddressMax: 4,
  silenceMs: 500,
};

export type Place<Stranger> =
  | { readonly type: "free" }
  | { readonly type: "instead of"; readonly stranger: Stranger }
  | { readonly type: "full"; readonly reason: string };

interface Entry {
  readonly address: string;
  readonly sinceMs: number;
}

export class StrangerLimits<Stranger> {
  readonly #config: StrangerLimitsConfig;
  readonly #isSilent: (stranger: Stranger) => boolean;
  /** In order of arrival. */
  readonly #strangers = new Map<Stranger, Entry>();

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
    const { strangersMax, strangersPerAddressMax, silenceMs } = this.#config;
    const address = addressGroup(host);
    if (address !== LOOPBACK) {
      let same = 0;
      for (const entry of this.#strangers.values()) if (entry.address === address) same += 1;
      if (same >= strangersPerAddressMax) {
        return { type: "full", reason: `${same} unfinished handshakes from this address` };
      }
    }
    if (this.#strangers.size < strangersMax) return { type: "free" };
    for (const [stranger, { sinceMs }] of this.#strangers) {
      if (nowMs - sinceMs < silenceMs) break;
      if (this.#isSilent(stranger)) return { type: "instead of", stranger };
    }
    return { type: "full", reason: `${this.#strangers.size} unfinished handshakes` };
  }

  add(stranger: Stranger, host: string, nowMs: number): void {
    this.#strangers.set(stranger, { address: addressGroup(host), sinceMs: nowMs });
  }

  /** It is known now, or gone. */
  remove(stranger: Stranger): void {
    this.#strangers.delete(stranger);
  }
}

const LOOPBACK = "loopback";

/**
 * What counts as one address: an IPv4 address, or an IPv6 /64, which is what one customer gets.
 * @returns `loopback` for any address of this machine itself.
 */
export function addressGroup(host: string): string {
  if (host === "::1" || host.startsWith("127.")) return LOOPBACK;
  if (!host.includes(":")) return host;
  const [head = "", tail] = host.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length;
    while (groups.length < 8 - after) groups.push("0");
  }
  return groups.slice(0, 4).join(":");
}
