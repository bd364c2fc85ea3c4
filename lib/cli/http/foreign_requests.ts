/**
 * What is served at this machine's own address is for the programs of this machine. A page in a browser here may be
 * anybody's: one of another origin, and one whose host name was made to lead here (DNS rebinding), gets nothing.
 */

import type { HttpRequest } from "./http_head_reader.ts";

interface Foreign {
  readonly status: 403 | 421;
  /** A sentence without a full stop. */
  readonly text: string;
}

/** A browser leaves it out. */
const HTTP_PORT = /:80$/;

/**
 * Why a request comes from somebody else's page; null: it doesn't.
 * @param hosts Where it is served, at a loopback address, as `Host` has it; the first one is told.
 */
export function foreignRequest(
  headers: HttpRequest["headers"],
  hosts: readonly string[],
): Foreign | null {
  const host = headers.get("host") ?? "";
  if (!hosts.some((each) => host === each || host === each.replace(HTTP_PORT, ""))) {
    const text = `Only what is asked of ${hosts[0]} is answered here: use the address that ` +
      "p2pchat printed";
    return { status: 421, text };
  }
  const origin = headers.get("origin");
  if (origin === undefined || origin === `http://${host}`) return null;
  return { status: 403, text: "The pages of others have no access here" };
}
