/** The block that an address stands for, where limits count by address: the owner of one IPv6 address has 2^64 of them. */

import { canonicalHost, ipv6Prefix } from "./endpoints.ts";

const IPV4_IN_IPV6 = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/**
 * An IPv4 address itself; of an IPv6 address the first 64 bits; of an IPv4 address within an IPv6 one the IPv4
 * address.
 */
export function addressBlock(host: string): string {
  const canonical = canonicalHost(host);
  const address = canonical.replace(/%.*$/, "");
  const halves = IPV4_IN_IPV6.exec(address)?.slice(1).map((half) => parseInt(half, 16));
  if (halves !== undefined) return halves.flatMap((half) => [half >> 8, half & 0xff]).join(".");
  const prefix = ipv6Prefix(address);
  return prefix === null ? canonical : `${prefix}::/64`;
}
