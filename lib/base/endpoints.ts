/** What a host and a port may look like, wherever people write them: on the command line and in tables. */

import { utf8Length } from "./text.ts";

/** What `parseHost` takes, as part of a sentence. */
export const HOST_FORM = "a host name or an IP address";

/** The last of all ports. */
export const PORT_MAX = 65_535;

/** What `parsePort` takes, as part of a sentence. */
export const PORT_FORM = `a whole number from 1 to ${PORT_MAX}`;

/** Neither blanks nor what is unseen; a number sign begins a comment, a slash a path. */
const HOST_LIKE = /^[^\s\p{Cc}\p{Cf}\p{Cs}[\]/#]+$/u;
/** Colons are in IPv6 addresses alone; a zone may follow (RFC 4007, section 11). */
const IPV6_LIKE = /^(?=.*:.*:)[0-9a-f:.]+(%[\w.-]+)?$/i;

/** RFC 1035, section 2.3.4. */
const HOST_BYTES_MAX = 255;

/** A host name or an IP address, an IPv6 one with or without brackets; the result has none. Null for any other text. */
export function parseHost(text: string): string | null {
  const bare = /^\[(.*:.*)\]$/.exec(text)?.[1] ?? text;
  const form = bare.includes(":") ? IPV6_LIKE : HOST_LIKE;
  return form.test(bare) && utf8Length(bare) <= HOST_BYTES_MAX ? bare : null;
}

/** A port to connect to. Null for any text that is none. */
export function parsePort(text: string): number | null {
  const port = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= PORT_MAX ? port : null;
}

/** Whether it stands for all addresses of a machine: one can listen at it, and dial nobody. */
export function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Whether it is this machine, seen from itself. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
