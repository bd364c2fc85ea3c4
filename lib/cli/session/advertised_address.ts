/** The address of this machine that others should use. */

import { ipv6Prefix, isLinkLocal, isLoopback, isUnspecified } from "../../base/text/endpoints.ts";
import { closeSurely, isClosedSocket } from "../../transport/sockets.ts";
import {
  isSystemError,
  OPEN_FILES_ADVICE,
  P2pchatError,
  systemErrorCode,
  systemText,
} from "../../base/errors.ts";
import type { Endpoint } from "../../base/ids.ts";
import type { AdvertisedAddress } from "../args/options.ts";

/** Bridges and their ends, to programs of this machine alone: containers and virtual machines. */
const INTERNAL = /^(docker|br-|veth|virbr|vmnet|vboxnet|lxcbr|lxdbr|cni|flannel|cali|vEthernet)/i;
/** Tunnels, which only their other ends reach. */
const TUNNEL = /^(tun|tap|wg|utun|ppp|ipsec|tailscale|zt)/i;

/** The group of all hosts: every host is in it, so that nobody is told that we join it (RFC 2236, section 6). */
const ALL_HOSTS = "224.0.0.1";
/** One of the whole internet, for documentation (RFC 6676): no address of this link alone is the source then. */
const GLOBAL_GROUP = "ff0e::db8:0:0";
/** What this machine sends itself comes at once. */
const ROUTE_MS_MAX = 100;

/**
 * The address from which this machine sends where nothing says by which interface: that of the interface with the
 * default route; an IPv6 one where it has no IPv4. The program may read no routing table, so it sends itself a datagram
 * to a group, which goes by that route, and which the hop limit of 0 keeps from leaving this machine (RFC 1112, section
 * 6.1), or of 1 its link.
 * @returns Null where there is no such route, or none that takes groups.
 */
export async function outwardHost(): Promise<string | null> {
  return await sourceOf("0.0.0.0", ALL_HOSTS) ?? await sourceOf("::", GLOBAL_GROUP);
}

async function sourceOf(hostname: string, group: string): Promise<string | null> {
  let socket: Deno.DatagramConn | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const own = socket = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
    if (group === ALL_HOSTS) {
      const member = await own.joinMulticastV4(group, hostname);
      await member.setLoopback(true);
      await member.setTTL(0);
    } else await (await own.joinMulticastV6(group, 0)).setLoopback(true);
    timer = setTimeout(() => own.close(), ROUTE_MS_MAX);
    const { port } = own.addr as Deno.NetAddr;
    const sent = crypto.getRandomValues(new Uint8Array(16));
    await own.send(sent, { transport: "udp", hostname: group, port });
    for (;;) {
      const [received, from] = await own.receive();
      if (String(received) === String(sent)) return (from as Deno.NetAddr).hostname;
    }
  } catch (error) {
    if (!isSystemError(error) && !isClosedSocket(error)) throw error;
    return null;
  } finally {
    clearTimeout(timer);
    if (socket !== null) closeSurely(socket);
  }
}

/**
 * The address of this machine that others may reach: `outward`, if an interface has it; else the first of those that
 * are up, no tunnel before a tunnel, IPv4 before IPv6. One for a single link (169.254.0.0/16) only where there is no
 * other, and `127.0.0.1` where this machine has no network.
 * @param outward The result of `outwardHost`.
 * @param interfaces Lists this machine's network interfaces.
 * @throws {P2pchatError} `unreachable` where the system doesn't list them.
 */
export function addressOfThisMachine(
  outward: string | null,
  interfaces = Deno.networkInterfaces,
): string {
  const all = listedInterfaces(interfaces);
  // An interface has this address as long as it is up and has a carrier, and nobody has turned IPv6 off.
  const running = new Set(
    all.filter(({ address }) => /^fe80:/i.test(address)).map(({ name }) => name),
  );
  const outside = all.filter(({ address, family, name }) =>
    !isLoopback(address) && !INTERNAL.test(name) && !(family === "IPv6" && isLinkLocal(address))
  );
  const isUsable = outward !== null && all.some(({ address }) => address === outward) &&
    !/^fe80:/i.test(outward);
  if (isUsable) return stableBeside(outward, all);
  const cost = ({ address, family, name }: Deno.NetworkInterfaceInfo) =>
    (isLinkLocal(address) ? 8 : 0) + (running.size > 0 && !running.has(name) ? 4 : 0) +
    (TUNNEL.test(name) ? 2 : 0) + (family === "IPv4" ? 0 : 1);
  const [best] = outside.toSorted((a, b) => cost(a) - cost(b));
  return best === undefined ? "127.0.0.1" : stableBeside(best.address, all);
}

/** IPv6 addresses that somebody chose, or that are made of the interface's own (RFC 4291, appendix A). */
const LASTING = /::[\da-f]{1,4}$|ff:fe[\da-f]{2}:[\da-f]{1,4}$/i;

/**
 * An address that lasts, of the same network: this one may be a temporary one (RFC 8981), which is made once there is one
 * that isn't. Linux lists the latest first.
 */
function stableBeside(address: string, all: readonly Deno.NetworkInterfaceInfo[]): string {
  const network = ipv6Prefix(address);
  if (network === null || LASTING.test(address)) return address;
  const beside = all.map((each) => each.address).filter((each) => ipv6Prefix(each) === network);
  return beside.find((each) => LASTING.test(each)) ??
    beside.at(Deno.build.os === "linux" ? -1 : 0) ?? address;
}

/**
 * This machine's network interfaces. The system needs a socket for that, which may fail.
 * @throws {P2pchatError} `unreachable` where the system doesn't list them.
 */
export function listedInterfaces(
  interfaces = Deno.networkInterfaces,
): readonly Deno.NetworkInterfaceInfo[] {
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

/**
 * The address at which others reach a program that listens at `host` (null: all addresses) and `port`.
 * @param outward The result of `outwardHost`.
 */
export function endpointForOthers(
  { advertise, host }: {
    readonly advertise: AdvertisedAddress | null;
    readonly host: string | null;
  },
  port: number,
  outward: string | null,
): Endpoint {
  const own = host !== null && !isUnspecified(host) ? host : addressOfThisMachine(outward);
  return { host: advertise?.host ?? own, port: advertise?.port ?? port };
}
