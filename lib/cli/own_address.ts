/** The address of this machine that others should use. */

import { isLinkLocal, isUnspecified } from "../base/endpoints.ts";
import { OPEN_FILES_ADVICE, P2pchatError, systemErrorCode, systemText } from "../base/errors.ts";
import type { Endpoint } from "../base/ids.ts";
import type { AdvertisedAddress } from "./options.ts";

/**
 * The first address of a network interface that others may reach, IPv4 before IPv6; `127.0.0.1` where this machine
 * has no network.
 * @param interfaces Lists this machine's network interfaces.
 * @throws {P2pchatError} `unreachable` where the system doesn't list them.
 */
export function addressOfThisMachine(interfaces = Deno.networkInterfaces): string {
  const outside = asked(interfaces).filter(({ address, name }) =>
    !isLinkLocal(address) && !/^(127\.|::1$)/.test(address) && !/^(docker|br-|veth)/.test(name)
  );
  const chosen = outside.find(({ family }) => family === "IPv4") ?? outside[0];
  return chosen?.address ?? "127.0.0.1";
}

/** Lists the interfaces. The system needs a socket for that, which may fail. */
function asked(interfaces: typeof Deno.networkInterfaces): readonly Deno.NetworkInterfaceInfo[] {
  try {
    return interfaces();
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === null) throw cause;
    const text = `Cannot find out this machine's address: ${systemText(cause)}; ` +
      (OPEN_FILES_ADVICE[code] ?? "check its network and try again");
    throw new P2pchatError("unreachable", text, { cause });
  }
}

/** The address at which others reach a program that listens at `host` (null: all addresses) and `port`. */
export function endpointForOthers(
  { advertise, host }: {
    readonly advertise: AdvertisedAddress | null;
    readonly host: string | null;
  },
  port: number,
): Endpoint {
  const own = host !== null && !isUnspecified(host) ? host : addressOfThisMachine();
  return { host: advertise?.host ?? own, port: advertise?.port ?? port };
}
