/** The router of this machine's network, by NAT-PMP or UPnP. */

import type { PortRequest, RouterAnswer } from "../../protocols/port_mapping/port_mapping_io.ts";
import type { HomeRouter } from "../home_router.ts";
import { GatewayDevice } from "./gateway_device.ts";
import { AGAIN_MS, NatPmp } from "./nat_pmp.ts";
import { type Interface, likelyRouters } from "./near_hosts.ts";
import { findByUpnp, HEARD_MS, type SsdpOptions } from "./ssdp.ts";

interface SystemRouterOptions {
  readonly interfaces: () => readonly Interface[];
  /** Where NAT-PMP is asked for, at which port; by default where routers mostly are. */
  readonly natPmp?: {
    readonly hosts?: readonly string[];
    readonly port: number;
    readonly againMs: number;
  };
  /** Where all devices hear questions. */
  readonly ssdp?: Omit<SsdpOptions, "interfaces">;
}

/** RFC 6886, section 3; UPnP Device Architecture 1.1, section 1.2. */
const NAT_PMP = { port: 5_351, againMs: AGAIN_MS } as const;
const SSDP = { host: "239.255.255.250", port: 1_900, heardMs: HEARD_MS } as const;

/** A router that is slow, or several hosts that pretend to be one, aren't waited for any longer. */
const MAP_MS_MAX = 12_000;

/** What asks one router by one protocol. */
interface Known {
  /** Null where it doesn't answer. */
  map(
    request: PortRequest,
    leaseS: number,
    signal: AbortSignal,
  ): Promise<RouterAnswer | null>;
  drop(request: PortRequest): Promise<boolean>;
}

const NO_ROUTER: RouterAnswer = { kind: "failed", failure: { kind: "no-router" } };

export class SystemRouter implements HomeRouter {
  readonly #natPmp: NatPmp;
  readonly #natPmpHosts: readonly string[] | undefined;
  /** The router that gave the last port. */
  #known: Known | null = null;

  constructor(private readonly options: SystemRouterOptions) {
    const { natPmp = NAT_PMP } = options;
    this.#natPmpHosts = "hosts" in natPmp ? natPmp.hosts : undefined;
    this.#natPmp = new NatPmp(natPmp);
  }

  async map(request: PortRequest, leaseS: number): Promise<RouterAnswer> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), MAP_MS_MAX);
    const { signal } = limit;
    try {
      const given = await this.#known?.map(request, leaseS, signal) ?? null;
      if (given !== null) return given;
      this.#known = null;
      return await this.#search((known) => known.map(request, leaseS, signal), signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async drop(request: PortRequest): Promise<boolean> {
    return await this.#known?.drop(request) ?? false;
  }

  close(): void {
    this.#natPmp.close();
  }

  /**
   * Asks those that may be the router, until one gives the port: that which answers by NAT-PMP first, as its answers are
   * small and come from where routers are. @returns What the first that answered has said, where none gives it.
   */
  async #search(
    ask: (known: Known) => Promise<RouterAnswer | null>,
    signal: AbortSignal,
  ): Promise<RouterAnswer> {
    const { interfaces, ssdp = SSDP } = this.options;
    const likely = this.#natPmpHosts ?? likelyRouters(interfaces());
    const searching = new AbortController();
    const described = findByUpnp({ ...ssdp, interfaces }, searching.signal);
    const host = await this.#natPmp.find(likely);
    let said: RouterAnswer | null = null;
    const heed = async (known: Known): Promise<boolean> => {
      const answer = await ask(known);
      said ??= answer;
      if (answer === null || answer.kind === "failed") return false;
      this.#known = known;
      said = answer;
      return true;
    };
    if (host !== null && await heed(this.#byNatPmp(host))) {
      searching.abort();
      await described;
      return said ?? NO_ROUTER;
    }
    const isLikely = ({ hostname }: URL) => likely.includes(hostname);
    const urls = (await described).toSorted((a, b) => Number(isLikely(b)) - Number(isLikely(a)));
    for (const url of urls) {
      const device = await GatewayDevice.open(url, signal);
      if (device !== null && await heed(device)) break;
    }
    return said ?? NO_ROUTER;
  }

  #byNatPmp(host: string): Known {
    return {
      map: (request, leaseS) => this.#natPmp.map(host, request, leaseS),
      drop: (request) => this.#natPmp.drop(host, request),
    };
  }
}
