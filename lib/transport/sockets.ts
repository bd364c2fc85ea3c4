/** Common to TCP and UDP sockets: opening them, their addresses, and error texts for users. */

import { OPEN_FILES_ADVICE, P2pchatError, systemErrorCode, systemText } from "../base/errors.ts";
import type { Endpoint } from "../base/ids.ts";
import { canonicalHost, ipv6Prefix, isAddress } from "../base/text/endpoints.ts";

/** The endpoint of a socket's address, in the form that people write. */
export function endpointOf({ hostname, port }: Deno.NetAddr): Endpoint {
  return { host: plainAddress(hostname), port };
}

export const UNKNOWN_HOST = "no host of that name is known";

/** The reason of a socket's error, as part of a sentence. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "nobody listens there";
  if (error instanceof Deno.errors.ConnectionReset) return "the other side cut the connection";
  if (error instanceof Deno.errors.BrokenPipe) return "the other side cut the connection";
  if (error instanceof Deno.errors.NotConnected) return "the other side cut the connection";
  if (error instanceof Deno.errors.AddrNotAvailable) return "it is not an address of this machine";
  if (error instanceof Deno.errors.NetworkUnreachable) {
    return "this machine has no network that leads there";
  }
  const message = systemText(error);
  if (message.startsWith("getaddrinfo EAI_AGAIN")) return "unknown host";
  if (message.startsWith("getaddrinfo ")) return UNKNOWN_HOST;
  return message;
}

/** Whether a socket was closed before, or while it was waited for something to come. */
export function isClosedSocket(error: unknown): boolean {
  return error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource;
}

/** Closes the socket, if it isn't closed already. */
export function closeSurely(socket: { close(): void }): void {
  try {
    socket.close();
  } catch (error) {
    if (!isClosedSocket(error)) throw error;
  }
}

/** Whether an error text means a TCP or a UDP port: `ss -lt` doesn't list the latter. */
type PortKind = "port" | "UDP port";

/** The error where no socket can be opened at `host` (`null`: all addresses) and `port`. */
function listenError(
  host: string | null,
  kind: PortKind,
  port: number,
  cause: unknown,
): P2pchatError {
  if (cause instanceof Deno.errors.AddrInUse) {
    return new P2pchatError(
      "port-in-use",
      `Cannot listen at ${kind} ${port}: another program has it; choose another with --port, or 0 for any`,
      { cause },
    );
  }
  const where = host === null ? `${kind} ${port}` : `${host}, ${kind} ${port}`;
  return new P2pchatError(
    "unreachable",
    `Cannot listen at ${where}: ${reasonOf(cause)}; ${wayOut(host, cause)}`,
    { cause },
  );
}

function wayOut(host: string | null, cause: unknown): string {
  const advice = OPEN_FILES_ADVICE[systemErrorCode(cause) ?? ""];
  if (advice !== undefined) return advice;
  if (cause instanceof Deno.errors.PermissionDenied) return "choose a port above 1023 with --port";
  if (host === null) return "choose another port with --port";
  return "choose an address of this machine with --host, or leave it out for all";
}

/**
 * Opens the sockets that listen at `host` or, for null, at all addresses of this machine, IPv6 and IPv4 where it has
 * both: one socket for both, or two where the system keeps the families apart (`net.ipv6.bindv6only` of Linux). The
 * first has the port that the others have, too.
 * @throws {P2pchatError} `port-in-use` or `unreachable`.
 */
export function openAt<Socket extends { readonly addr: Deno.Addr; close(): void }>(
  host: string | null,
  kind: PortKind,
  port: number,
  open: (hostname: string, port: number) => Socket,
): readonly Socket[] {
  const sockets: Socket[] = [];
  let last: unknown;
  for (const hostname of host === null ? ["::", "0.0.0.0"] : [host]) {
    try {
      const taken = sockets[0]?.addr as Deno.NetAddr | undefined;
      sockets.push(open(hostname, taken?.port ?? port));
    } catch (error) {
      last = error;
      if (error instanceof Deno.errors.AddrInUse) break; // by the first one, where that has both families
    }
  }
  if (sockets.length > 0) return sockets;
  throw listenError(host, kind, port, last);
}

/** Own files, sockets and dials: a mesh member with all its links dials few at once, a log is written anew in two. */
const RESERVED = 64;
/** A share of a low limit that connections from others may always have. */
const SHARE_MIN = 0.5;

/**
 * The limit of open files in force once the runtime has raised it; set by `tools/launcher.sh`, as this process may not
 * read it.
 */
const LIMIT_VARIABLE = "P2PCHAT_OPEN_FILES";

/** The most inbound connections under a limit of open files, as a number in decimal; Infinity where it isn't known. */
export function inboundMax(limit: string | undefined): number {
  if (limit === undefined || !/^\d+$/.test(limit)) return Infinity;
  const openFiles = Number(limit);
  return Math.max(1, Math.floor(openFiles * SHARE_MIN), openFiles - RESERVED);
}

/** The most inbound connections of this process. */
export function ownInboundMax(): number {
  try {
    return inboundMax(Deno.env.get(LIMIT_VARIABLE));
  } catch {
    return Infinity; // no variable may be read
  }
}

const IPV4_IN_IPV6 = "::ffff:";

/** The address as people write it: without the IPv6 form that a dual-stack socket gives to IPv4 clients. */
function plainAddress(host: string): string {
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

/** Listens at the first of these ports that is free; there is one. @throws {P2pchatError} What the last one does. */
export function atFirstFree<Port, T>(ports: readonly Port[], listen: (port: Port) => T): T {
  try {
    return listen(ports[0]!);
  } catch (error) {
    const isTaken = error instanceof P2pchatError && error.code === "port-in-use";
    if (!isTaken || ports.length === 1) throw error;
    return atFirstFree(ports.slice(1), listen);
  }
}
