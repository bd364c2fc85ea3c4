/** Whom an address stands for: whoever has one IPv6 address has a block of 2^64 of them. */

import { canonicalHost } from "../../base/endpoints.ts";

/** An IPv4 address as it is, of an IPv6 one the first 64 bits; an IPv4 address within an IPv6 one is that. */
export function addressBlock(host: string): string {
  const canonical = canonicalHost(host);
  if (!canonical.includes(":")) return canonical;
  const groups = groupsOf(canonical.replace(/%.*$/, ""));
  const [high = 0, low = 0] = groups.slice(6);
  const isIpv4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isIpv4) return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(":")}::/64`;
}

/** The eight groups of an address in its canonical form. */
function groupsOf(address: string): readonly number[] {
  const [before = "", after] = address.split("::");
  const first = numbersIn(before);
  const last = numbersIn(after ?? "");
  return [
    ...first,
    ...new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0),
    ...last,
  ];
}

function numbersIn(groups: string): readonly number[] {
  return groups === "" ? [] : groups.split(":").map((group) => parseInt(group, 16));
}
