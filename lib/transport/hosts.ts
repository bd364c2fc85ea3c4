/** Hosts: addresses, names, and which addresses are taken for the same. */

import { canonicalHost, ipv6Prefix, isAddress } from "../base/endpoints.ts";

const IPV4_IN_IPV6 = "::ffff:";

/** The address as people write it: an IPv4 client of a socket for both isn't shown in IPv6's form. */
export function plainAddress(host: string): string {
  return host.startsWith(IPV4_IN_IPV6) && host.includes(".")
    ? host.slice(IPV4_IN_IPV6.length)
    : host;
}

/** The group of all addresses of this machine itself. */
export const LOOPBACK = "loopback";

/**
 * What counts as one address: an IPv4 address, or an IPv6 /64, which is what one customer gets.
 * @returns `loopback` for any address of this machine itself.
 */
export function addressGroup(host: string): string {
  if (host === "::1" || host.startsWith("127.")) return LOOPBACK;
  return ipv6Prefix(host) ?? host;
}

/** Addresses that people wrote, to compare with those of sockets; names among them are left out. */
export class HostSet {
  #groups: ReadonlySet<string> = new Set();

  constructor(hosts: Iterable<string> = []) {
    this.set(hosts);
  }

  /** These, instead of those before. */
  set(hosts: Iterable<string>): void {
    const addresses = [...hosts].filter(isAddress);
    this.#groups = new Set(addresses.map((host) => addressGroup(asSocketsShow(host))));
  }

  /** Whether one of them counts as the same address as `host`, which a socket showed. */
  has(host: string): boolean {
    return this.#groups.has(addressGroup(host));
  }
}

/** `2001:DB8:0::1%eth0` is `2001:db8::1`. */
function asSocketsShow(address: string): string {
  const [withoutInterface = ""] = address.toLowerCase().split("%");
  return canonicalHost(plainAddress(withoutInterface));
}
