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
