/** Who may be this network's router: which hosts are near, and which of them routers mostly are. */

import { isLoopback } from "../../base/text/endpoints.ts";

/** An address of this machine, as the system lists it. */
export type Interface = Pick<
  Deno.NetworkInterfaceInfo,
  "address" | "netmask" | "family"
>;

/** Whether the host is on one of the networks that this machine is part of: IPv4 alone, as both protocols are. */
export function isNear(host: string, interfaces: readonly Interface[]): boolean {
  const number = numberOf(host);
  if (number === null) return false;
  return networks(interfaces).some(({ mask, own }) => ((number ^ own) & mask) === 0);
}

/**
 * The first and the last address of each network, where routers are; those of containers may come first. The program
 * may read no routing table, which would say it.
 */
export function likelyRouters(interfaces: readonly Interface[]): readonly string[] {
  const outside = interfaces.filter(({ address }) => !isLoopback(address));
  const found = networks(outside).flatMap(({ mask, own }) => {
    const [first, last] = [(own & mask) + 1, (own | ~mask) - 1];
    return [first, last].filter((each) => each !== own).map(textOf);
  });
  return [...new Set(found)];
}

/** Networks in which there is another host. */
function networks(interfaces: readonly Interface[]) {
  return interfaces.filter(({ family }) => family === "IPv4").flatMap(({ address, netmask }) => {
    const [own, mask] = [numberOf(address), numberOf(netmask)];
    return own === null || mask === null || ~mask < 3 ? [] : [{ own, mask }];
  });
}

function numberOf(host: string): number | null {
  const parts = host.split(".").map(Number);
  const isAddress = parts.length === 4 &&
    parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  return isAddress ? parts.reduce((all, part) => all << 8 | part, 0) : null;
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => number >>> shift & 255).join(".");
}
