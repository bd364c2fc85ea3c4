/** Routers and firewalls in front of members: what of their datagrams passes, and how it looks from outside. */

import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import type { Random } from "../random.ts";

/**
 * `open`: none. `cone`: an own port outside for each of ours, which lets in whom we have sent to. `symmetric`: another
 * port for each whom we send to. `firewall`: no other address, but it lets in only whom we have sent to. `shut`: UDP
 * passes to and from the coordinator alone.
 */
export const ROUTERS = ["open", "cone", "symmetric", "firewall", "shut"] as const;
export type RouterKind = typeof ROUTERS[number];

/** Without a datagram going out for so long, a router forgets where it came from. */
const FORGOTTEN_MS = 60_000;

interface Mapping {
  readonly inside: Endpoint;
  readonly outside: Endpoint;
  /** Whom it has sent to, and when. */
  readonly sent: Map<string, number>;
  lastMs: number;
}

export class Router {
  readonly #mappings = new Map<string, Mapping>();
  readonly #byOutside = new Map<string, Mapping>();

  constructor(
    readonly kind: RouterKind,
    readonly outsideHost: string,
    readonly coordinator: Endpoint,
    readonly random: Random,
  ) {}

  /** Whether hosts behind it have other addresses. */
  get translates(): boolean {
    return this.kind === "cone" || this.kind === "symmetric";
  }

  /** From which address a datagram seems to come; null where it doesn't pass. */
  goesOut(inside: Endpoint, to: Endpoint, nowMs: number): Endpoint | null {
    if (this.kind === "open") return inside;
    if (this.kind === "shut" && !isSame(to, this.coordinator)) return null;
    const name = this.kind === "symmetric"
      ? `${endpointText(inside)} ${endpointText(to)}`
      : endpointText(inside);
    let mapping = this.#mappings.get(name);
    if (mapping === undefined || nowMs - mapping.lastMs > FORGOTTEN_MS) {
      if (mapping !== undefined) this.#byOutside.delete(endpointText(mapping.outside));
      const port = 20_000 + this.random.below(40_000);
      const outside = this.translates ? { host: this.outsideHost, port } : inside;
      mapping = { inside, outside, sent: new Map(), lastMs: nowMs };
      this.#mappings.set(name, mapping);
      this.#byOutside.set(endpointText(outside), mapping);
    }
    mapping.lastMs = nowMs;
    mapping.sent.set(endpointText(to), nowMs);
    return mapping.outside;
  }

  /** Where a datagram to `outside` goes; null where it doesn't pass. */
  comesIn(outside: Endpoint, from: Endpoint, nowMs: number): Endpoint | null {
    if (this.kind === "open") return outside;
    const mapping = this.#byOutside.get(endpointText(outside));
    const sentMs = mapping?.sent.get(endpointText(from));
    if (mapping === undefined || sentMs === undefined) return null;
    return nowMs - sentMs > FORGOTTEN_MS ? null : mapping.inside;
  }
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.host === other.host && one.port === other.port;
}

/** Whether datagrams pass directly between members behind these, if both send at once. */
export function passDirectly(one: RouterKind, other: RouterKind): boolean {
  if (one === "shut" || other === "shut") return false;
  if (one === "open" || other === "open") return true;
  return one !== "symmetric" && other !== "symmetric";
}
