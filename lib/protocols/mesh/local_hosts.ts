/**
 * Under which address of this machine its links run: a laptop that moves has another one, and whoever looks for it
 * at the old one finds nobody. Only what our own sockets say counts, so that nobody else can make the room dial
 * elsewhere.
 */

import { isLinkLocal, isLoopback } from "../../base/endpoints.ts";
import type { LinkId } from "../../base/ids.ts";

export class LocalHosts {
  /** By link; without addresses that others couldn't use. */
  readonly #hosts = new Map<LinkId, string>();
  /** Where the links ran when the present endpoint was named; null where there was none yet. */
  #home: string | null;

  /** @param home The address of this machine that is named at the start; null where others say how they see it. */
  constructor(home: string | null) {
    this.#home = home;
  }

  linkUp(link: LinkId, host: string): void {
    if (host === "" || isLoopback(host) || isLinkLocal(host)) return;
    this.#hosts.set(link, host);
    this.#home ??= host;
  }

  linkDown(link: LinkId): void {
    this.#hosts.delete(link);
  }

  /**
   * The host to name from now on, where this machine has moved: no link runs under the address before any more.
   * Those from before a move die within seconds of it. Null where nothing has changed.
   */
  moved(): string | null {
    const hosts = [...this.#hosts.values()];
    const latest = hosts.at(-1);
    if (latest === undefined || this.#home === null || hosts.includes(this.#home)) return null;
    this.#home = latest;
    return latest;
  }
}
