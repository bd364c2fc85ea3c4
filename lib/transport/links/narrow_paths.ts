/**
 * Paths on which short messages pass and long ones never come: something on the way drops packets over a size that is
 * below what this machine sends, and the messages that would tell its system so are lost as well (a "black hole" of
 * path MTU discovery, RFC 2923, section 2.1). The system repeats the same large segment for ever. What is written in
 * small pieces goes out in small segments.
 *
 * Each link asks for a sign of life behind the first long write. If link after link to a host ends without one, though
 * each handshake passed, the path counts as narrow.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { isLoopback } from "../../base/text/endpoints.ts";

/** Links in a row that end so: a program that is killed, or a cut, ends one or two. */
const LINKS = 3;
/** From the first of them to the last. A member dials again within seconds, others within a minute. */
const WITHIN_MS = 180_000;
/** How long the sign of life is missing: ten slow round trips, and less than a link lives without one. */
const MISSING_MS_MIN = 1_500;
const HOSTS_MAX = 64;

export class NarrowPaths {
  readonly #hosts = new Map<string, { sinceMs: number; links: number }>();
  readonly #narrow = new Set<string>();

  /** Whether what goes to this host is to be written in short pieces. */
  isNarrow(host: string): boolean {
    return this.#narrow.has(host);
  }

  /**
   * An established link has ended.
   * @param missingMs How long its sign of life was missing; null where it came, or nothing long was written.
   * @param isProven Whether it came.
   * @returns Whether the path is narrow, as is known only now.
   */
  ended(host: string, missingMs: number | null, isProven: boolean, nowMs: number): boolean {
    if (isProven) this.#hosts.delete(host);
    if (missingMs === null || missingMs < MISSING_MS_MIN || this.#narrow.has(host)) return false;
    if (isLoopback(host)) return false; // nothing is on the way, and many programs may be there
    const known = this.#hosts.get(host);
    const isOld = known === undefined || nowMs - known.sinceMs > WITHIN_MS;
    const entry = isOld ? { sinceMs: nowMs, links: 1 } : { ...known, links: known.links + 1 };
    this.#hosts.delete(host);
    this.#hosts.set(host, entry);
    dropOldest(this.#hosts, HOSTS_MAX);
    if (entry.links < LINKS) return false;
    this.#hosts.delete(host);
    this.#narrow.add(host);
    dropOldest(this.#narrow, HOSTS_MAX);
    return true;
  }
}

/** What to tell the user of a narrow path. */
export function narrowPathText(host: string): string {
  return `Long messages never came through to ${host}, and short ones do: something on the way drops large packets ` +
    "without a word. What goes there is sent in small pieces from now on; whoever runs that network should let ICMP " +
    "pass, or lower the MTU of this machine (on Linux: ip link set dev NAME mtu 1280)";
}
