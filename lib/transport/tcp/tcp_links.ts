/** The program's links: channels over TCP in real time. */

import { ChannelLinks, type ChannelLinksOptions } from "../links/channel_links.ts";
import type { LinkClock, Links } from "../link.ts";
import { SYSTEM_LINK_CLOCK } from "../system_clock.ts";
import { TcpNetwork } from "./tcp_network.ts";

interface TcpLinksOptions extends Omit<ChannelLinksOptions, "clock"> {
  /** If not `SYSTEM_LINK_CLOCK`. */
  readonly clock?: LinkClock;
  /** Address to listen at; `null` for all of this machine's, IPv6 and IPv4. */
  readonly host: string | null;
  /** 0 to 65535; 0 requests any free port; with `null` it only dials. */
  readonly port: number | null;
}

/**
 * Opens links, listening unless `port` is null.
 * @throws {P2pchatError} `port-in-use` if another program has the port; `unreachable` if `host` isn't an address of
 *   this machine, or the port isn't allowed.
 */
export function openTcpLinks(options: TcpLinksOptions): Links {
  const { host, port, env } = options;
  const network = port === null
    ? TcpNetwork.dialOnly(env.log)
    : TcpNetwork.listen(host, port, env.log);
  return new ChannelLinks(network, { clock: SYSTEM_LINK_CLOCK, ...options });
}
