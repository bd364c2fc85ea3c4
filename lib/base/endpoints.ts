/** What a host and a port may look like, wherever people write them: on the command line and in tables. */

import { utf8Length } from "./text.ts";

/** What `parseHost` takes, as part of a sentence. */
export const HOST_FORM = "a host name or an IP address";

/** The last of all ports. */
export const PORT_MAX = 65_535;

/** What `parsePort` takes, as part of a sentence. */
export const PORT_FORM = `a whole number from 1 to ${PORT_MAX}`;

/** Letters and what joins them alone: hosts that others name stand in lines that people paste into a shell. */
const HOST_LIKE = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u;
/** Colons are in IPv6 addresses alone; a zone may follow (RFC 4007, section 11). */
const IPV6_LIKE = /^([0-9a-f:.]+)(%[\w.-]+)?$/i;

/** What has digits and dots alone is looked up by no name service; the system reads `1.2` as 1.0.0.2. */
const IPV4_LIKE = /^[\d.]+$/;
const IPV4 = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$/;

const THIS_MACHINE = ["localhost", "127.0.0.1", "::1"];

/** RFC 1035, section 2.3.4. */
const HOST_BYTES_MAX = 255;

/** A host name or an IP address, an IPv6 one with or without brackets; the result has none. Null for any other text. */
export function parseHost(text: string): string | null {
  const isBracketed = text.startsWith("[") && text.endsWith("]") && text.includes(":");
  const bare = isBracketed ? text.slice(1, -1) : text;
  if (utf8Length(bare) > HOST_BYTES_MAX) return null;
  if (bare.includes(":")) return canonicalIpv6(bare) === null ? null : bare;
  return (IPV4_LIKE.test(bare) ? IPV4 : HOST_LIKE).test(bare) ? bare : null;
}

/** Whether a host that `parseHost` takes is an IPv4 or IPv6 address, and no name that would be looked up. */
export function isAddress(host: string): boolean {
  return host.includes(":") || IPV4.test(host);
}

/** The same text for all spellings of a host that `parseHost` takes: case, and the many forms of an IPv6 address. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return lower.includes(":") ? canonicalIpv6(lower) ?? lower : lower;
}

/** All names of the same host that need no look-up to be known as such, `canonicalHost` among them. */
export function hostSpellings(host: string): readonly string[] {
  const canonical = canonicalHost(host);
  return THIS_MACHINE.includes(canonical) ? THIS_MACHINE : [canonical];
}

/** RFC 5952, with the zone as it is; null for what is no address. */
function canonicalIpv6(text: string): string | null {
  const [, address, zone = ""] = IPV6_LIKE.exec(text) ?? [];
  if (address === undefined) return null;
  const url = URL.parse(`http://[${address}]/`);
  return url === null ? null : url.hostname.slice(1, -1) + zone;
}

/**
 * The first 64 bits of an IPv6 address without zone, as four groups: what one customer gets. Null for any other host.
 */
export function ipv6Prefix(address: string): string | null {
  if (!address.includes(":")) return null;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length;
    while (groups.length < 8 - after) groups.push("0");
  }
  return groups.slice(0, 4).join(":");
}

/** A port to connect to. Null for any text that is none. */
export function parsePort(text: string): number | null {
  const port = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= PORT_MAX ? port : null;
}

/** Whether it stands for all addresses of a machine: one can listen at it, and dial nobody. */
export function isUnspecified(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === "0.0.0.0" || canonical === "::";
}

/** Whether it may be one machine: not where it is an address of many, or of none. Any name may be. */
export function isUnicast(host: string): boolean {
  if (!isAddress(host)) return true;
  // RFC 4291, section 2.7, where an IPv4 address is written as one; RFC 1122, section 3.2.1.3, and RFC 1112, section 4.
  const none = host.includes(":") ? /^(::(%|$)|ff|::ffff:)/ : /^(0|22[4-9]|2[345]\d)\./;
  return !none.test(canonicalHost(host));
}

/** Whether it needs a zone that only this machine knows. */
export function isLinkLocal(host: string): boolean {
  return /^(169\.254\.|fe80:)/i.test(host);
}

/** Whether it is this machine, seen from itself. */
export function isLoopback(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === "localhost" || canonical === "::1" || canonical.startsWith("127.");
}
