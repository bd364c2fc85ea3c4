/** What kind of address a host is: bounds for each address count only where an address tells strangers apart. */

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
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
  const ipv4 = IPV4.exec(
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

/**
 * The network that a host is part of, where one owner may hold many addresses: the /24 of an IPv4
 * address, the /48 of an IPv6 one (what one site is given, RFC 6177), of a name the name itself. Null for
 * private hosts.
 */
export function networkOf(host: string): string | null {
  if (isPrivateHost(host)) return null;
  const lower = host.toLowerCase();
  const ipv4 = IPV4.exec(
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
