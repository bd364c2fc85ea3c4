/** Opens what listens and announces on this network. Loaded only where that is asked for, or once a room is founded. */

import { isUnspecified } from "../../base/text/endpoints.ts";
import type { Environment } from "../../base/machine/environment.ts";
import { CHANNEL_VERSION } from "../../protocols/noise/preface.ts";
import { LanHost } from "../../runtime/hosts/lan_host.ts";
import { MdnsDiscovery } from "../../transport/discovery/mdns_discovery.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";

/**
 * The caller closes it.
 * @param host The address at which this program listens: no other is announced; null for all.
 */
export function openLan(host: string | null, environment: Environment): LanHost {
  const discovery = new MdnsDiscovery({
    host: host === null || isUnspecified(host) ? null : host === "localhost" ? "127.0.0.1" : host,
    log: environment.log,
    nowMs: SYSTEM_LINK_CLOCK.nowMs,
  });
  return new LanHost({
    clock: SYSTEM_LINK_CLOCK,
    environment,
    discovery,
    version: CHANNEL_VERSION,
  });
}
