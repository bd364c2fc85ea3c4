/**
 * Which address of this machine its links use: a laptop that moves has another one, and members that dial the old one
 * find nobody. Only what our own sockets say counts, so that nobody else can make the room dial elsewhere.
 */

import { isLinkLocal, isLoopback } from "../../base/endpoints.ts";
import type { LinkId } from "../../base/ids.ts";

export class LocalHosts {
  /** By link; without addresses that others couldn't use. */
  readonly #hosts = new Map<LinkId, string>();
  /** The address in use when the present endpoint was announced; null where there was none yet. */
  #home: string | null;

  /** @param home The address of this machine that is announced at first; null where others say how they see it. */
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
   * The host to announce from now on, where this machine has moved: no link uses the previous address any more.
   * Links from before a move die within seconds of it. Null where nothing has changed.
   */
  moved(): string | null {
    const hosts = [...this.#hosts.values()];
    const latest = hosts.at(-1);
    if (latest === undefined || this.#home === null || hosts.includes(this.#home)) return null;
    this.#home = latest;
    return latest;
  }
}
