/**
 * Backlogs of links whose send queue is full. Links drop data then, and a history has more than fits in a queue:
 * the rest waits here, in order, until the link has room.
 */

import type { LinkId } from "../base/ids.ts";
import type { Links } from "../transport/link.ts";

/** As much as may wait for a peer over datagrams: a slower peer can't be in a group. */
export const BACKLOG_BYTES_MAX = 16 * 1_024 * 1_024;

interface Backlog {
  readonly messages: Uint8Array[];
  bytes: number;
  whenEmpty: () => void;
}

export class LinkBacklog {
  readonly #full = new Map<LinkId, Backlog>();

  constructor(readonly links: Pick<Links, "send" | "close">) {}

  /** Sends now, or when the link has room. If too much waits, the link is closed. */
  send(link: LinkId, bytes: Uint8Array): void {
    const backlog = this.#full.get(link);
    if (backlog === undefined) return this.links.send(link, bytes, "data");
    backlog.messages.push(bytes);
    backlog.bytes += bytes.length;
    if (backlog.bytes <= BACKLOG_BYTES_MAX) return;
    this.links.close(link, "too slow: over 16 MiB wait for you");
    backlog.messages.length = 0;
    backlog.bytes = 0;
  }

  /** The link's queue is full: it accepted the last frame, and would drop further ones. */
  congested(link: LinkId): void {
    if (!this.#full.has(link)) {
      this.#full.set(link, { messages: [], bytes: 0, whenEmpty: () => {} });
    }
  }

  /** Calls `task` when nothing waits for the link: now or later, but never if the link is lost before. */
  whenEmpty(link: LinkId, task: () => void): void {
    const backlog = this.#full.get(link);
    if (backlog === undefined || backlog.messages.length === 0) task();
    else backlog.whenEmpty = task;
  }

  drained(link: LinkId): void {
    const backlog = this.#full.get(link);
    if (backlog === undefined) return;
    this.#full.delete(link);
    for (const bytes of backlog.messages) this.send(link, bytes);
    this.whenEmpty(link, backlog.whenEmpty);
  }

  /** The link is down: drops its backlog. */
  remove(link: LinkId): void {
    this.#full.delete(link);
  }
}
