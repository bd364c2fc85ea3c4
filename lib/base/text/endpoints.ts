/** The accepted forms of hosts and ports wherever people write them: on the command line and in tables. */

import { utf8Length } from "./text.ts";

/** The accepted form of a host, as part of a sentence. */
export const HOST_FORM = "a host name or an IP address";

/** The highest port number. */
export const PORT_MAX = 65_535;

/** The accepted form of a port, as part of a sentence. */
export const PORT_FORM = `a whole number from 1 to ${PORT_MAX}`;

/** Only letters, digits and `.`, `_`, `-`: others' hosts appear in command lines that people paste into a shell. */
const HOST_LIKE = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u;
/** Only IPv6 addresses have colons; a zone may follow (RFC 4007, section 11). */
const IPV6_LIKE = /^([0-9a-f:.]+)(%[\w.-]+)?$/i;

/**
 * A host of digits and dots only is never a DNS name, but the system would read `1.2` as 1.0.0.2, so it must be a
 * full IPv4 address.
 */
const IPV4_LIKE = /^[\d.]+$/;
const IPV4 = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$/;

const THIS_MACHINE = ["localhost", "127.0.0.1", "::1"];

/** RFC 1035, section 2.3.4. */
const HOST_BYTES_MAX = 255;

/**
 * The host in `text`: a host name or an IP address. An IPv6 address may be in brackets; the result has none. Null
 * for any other text.
 */
export function parseHost(text: string): string | null {
  const isBracketed = text.startsWith("[") && text.endsWith("]") && text.includes(":");
  const bare = isBracketed ? text.slice(1, -1) : text;
  if (utf8Length(bare) > HOST_BYTES_MAX) return null;
  if (bare.includes(":")) return canonicalIpv6(bare) === null ? null : bare;
  return (IPV4_LIKE.test(bare) ? IPV4 : HOST_LIKE).test(bare) ? bare : null;
}

/** Whether a host accepted by `parseHost` is an IPv4 or IPv6 address rather than a name to be looked up. */
export function isAddress(host: string): boolean {
  return host.includes(":") || IPV4.test(host);
}

/**
 * One canonical text for all spellings of a host accepted by `parseHost`: lower case, and RFC 5952 for IPv6
 * addresses.
 */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return lower.includes(":") ? canonicalIpv6(lower) ?? lower : lower;
}

/** All spellings known without a look-up to mean the same host, `canonicalHost(host)` among them. */
export function hostSpellings(host: string): readonly string[] {
  const canonical = canonicalHost(host);
  return THIS_MACHINE.includes(canonical) ? THIS_MACHINE : [canonical];
}

/** The address as RFC 5952 writes it, its zone unchanged; null where `text` is no IPv6 address. */
function canonicalIpv6(text: string): string | null {
  const [, address, zone = ""] = IPV6_LIKE.exec(text) ?? [];
  if (address === undefined) return null;
  const url = URL.parse(`http://[${address}]/`);
  return url === null ? null : url.hostname.slice(1, -1) + zone;
}

/**
 * The first 64 bits of an IPv6 address without zone, as four groups: the prefix that one customer of a provider
 * gets. Null for any other host.
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

/** The port number that `text` says, to connect to; null where it isn't one. */
export function parsePort(text: string): number | null {
  const port = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= PORT_MAX ? port : null;
}

/**
 * Whether the host is the unspecified address (`0.0.0.0`, `::`): a program can listen there, and nobody can dial
 * it.
 */
export function isUnspecified(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === "0.0.0.0" || canonical === "::";
}

/** Why nobody can dial a host accepted by `parseHost`, as part of a sentence; null where somebody may. */
export function undiallable(host: string): string | null {
  if (!isUnspecified(host)) return null;
  return `the address ${host} stands for all addresses of a machine, and nobody can dial it`;
}

/**
 * Whether the host can be a single machine: false for unspecified, multicast and reserved addresses; true for any
 * name.
 */
export function isUnicast(host: string): boolean {
  if (!isAddress(host)) return true;
  // RFC 4291, section 2.7, and IPv4-mapped addresses; RFC 1122, section 3.2.1.3, and RFC 1112, section 4.
  const none = host.includes(":") ? /^(::(%|$)|ff|::ffff:)/ : /^(0|22[4-9]|2[345]\d)\./;
  return !none.test(canonicalHost(host));
}

/** Whether the host is a link-local address, which needs a zone that only this machine knows. */
export function isLinkLocal(host: string): boolean {
  return /^(169\.254\.|fe80:)/i.test(host);
}

/** Whether the host is this machine's loopback address or name. */
export function isLoopback(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === "localhost" || canonical === "::1" || canonical.startsWith("127.");
}

const DOTTED_QUAD = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
/** An IPv4 address inside an IPv6 one (RFC 4291, section 2.5.5.2), as sockets of both families show it. */
const MAPPED_PREFIX = "::ffff:";

/**
 * Whether `host` is loopback, link-local or from a private range (RFC 1918, RFC 4193, RFC 3927): behind
 * such an address there may be any number of honest members.
 * @param host An IP address without brackets, or a name: of names only `localhost` counts.
 */
export function isPrivateHost(host: string): boolean {
  const lower = host.toLowerCase();
  if (lower === "localhost" || lower === "::1") return true;
  const ipv4 = DOTTED_QUAD.exec(
    lower.startsWith(MAPPED_PREFIX) ? lower.slice(MAPPED_PREFIX.length) : lower,
  );
  if (ipv4 !== null) {
    const [first, second] = [Number(ipv4[1]), Number(ipv4[2])];
    return first === 127 || first === 10 || (first === 192 && second === 168) ||
      (first === 172 && second >= 16 && second <= 31) || (first === 169 && second === 254);
  }
  // fc00::/7 and fe80::/10
  return /^f[cd][0-9a-f]{2}:/.test(lower) || /^fe[89ab][0-9a-f]:/.test(lower);
}

/** Addresses that providers share out among customers behind a NAT of theirs (RFC 6598). */
const SHARED = /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./;

/** Whether the host is an address that programs anywhere on the internet may dial, and no name. */
export function isPublicAddress(host: string): boolean {
  return isAddress(host) && isUnicast(host) && !isPrivateHost(host) && !SHARED.test(host);
}

/**
 * The network that a host is part of, where one owner may hold many addresses: the /24 of an IPv4
 * address, the /48 of an IPv6 one (what one site is given, RFC 6177), of a name the name itself. Null for
 * private hosts.
 */
export function networkOf(host: string): string | null {
  if (isPrivateHost(host)) return null;
  const lower = host.toLowerCase();
  const ipv4 = DOTTED_QUAD.exec(
    lower.startsWith(MAPPED_PREFIX) ? lower.slice(MAPPED_PREFIX.length) : lower,
  );
  if (ipv4 !== null) return ipv4.slice(1, 4).join(".");
  if (!lower.includes(":")) return lower;
  const [start = "", rest] = lower.split("::");
  const groups = start === "" ? [] : start.split(":");
  if (rest !== undefined) {
    const left = 8 - groups.length - (rest === "" ? 0 : rest.split(":").length);
    for (let i = 0; i < left; i++) groups.push("0");
    groups.push(...rest.split(":"));
  }
  return groups.slice(0, 3).map((group) => group.replace(/^0+(?=.)/, "")).join(":");
}
