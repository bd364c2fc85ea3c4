/** Hosts: addresses, names, and which addresses count as the same. */

import { canonicalHost, ipv6Prefix, isAddress } from "../base/text/endpoints.ts";

const IPV4_IN_IPV6 = "::ffff:";

/** The address as people write it: without the IPv6 form that a dual-stack socket gives to IPv4 clients. */
export function plainAddress(host: string): string {
  return host.startsWith(IPV4_IN_IPV6) && host.includes(".")
    ? host.slice(IPV4_IN_IPV6.length)
    : host;
}

/** The group of all loopback addresses. */
export const LOOPBACK = "loopback";

/**
 * The group of addresses that counts as one address for limits: an IPv4 address, or an IPv6 /64, which is what one
 * customer of a provider gets.
 * @returns `loopback` for any loopback address.
 */
export function addressGroup(host: string): string {
  if (host === "::1" || host.startsWith("127.")) return LOOPBACK;
  return ipv6Prefix(host) ?? host;
}

/** A set of addresses that users wrote, to compare with those of sockets. Host names are ignored. */
export class HostSet {
  #groups: ReadonlySet<string> = new Set();

  constructor(hosts: Iterable<string> = []) {
    this.set(hosts);
  }

  /** Replaces the content of the set. */
  set(hosts: Iterable<string>): void {
    const addresses = [...hosts].filter(isAddress);
    this.#groups = new Set(addresses.map((host) => addressGroup(asSocketsShow(host))));
  }

  /** Whether `host`, an address that a socket reported, is in the group of one of them. */
  has(host: string): boolean {
    return this.#groups.has(addressGroup(host));
  }
}

/** The form in which sockets report the address: `2001:DB8:0::1%eth0` becomes `2001:db8::1`. */
function asSocketsShow(address: string): string {
  const [withoutInterface = ""] = address.toLowerCase().split("%");
  return canonicalHost(plainAddress(withoutInterface));
}
