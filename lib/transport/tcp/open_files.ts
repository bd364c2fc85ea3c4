/** How many connections a program may accept, so that it can always open files of its own and dial. */

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
