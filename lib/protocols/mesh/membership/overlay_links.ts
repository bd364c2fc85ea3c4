/** The links between this member and others, and which of them make up the active view. */

import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { Contact } from "../schema/messages.ts";
import { WALKS_BURST, WALKS_PER_SECOND } from "../schema/limits.ts";

/** A link between two members. */
export interface Link {
  /** Where the peer says that it can be dialled; null where nobody can. */
  endpoint: Endpoint | null;
  /** Where our dial has met it; null where it dialled us. */
  readonly reached: Endpoint | null;
  /** Null while the peer is no neighbour. */
  activeSinceMs: number | null;
  /** When the link has been unused for long enough; null while it is active or asked for. */
  idleUntilMs: number | null;
  /** Whether we have asked for the link's end, which is near. */
  released: boolean;
  /** Whether the peer had other neighbours when it asked to become one. */
  hasOthers: boolean;
  /** Limits walks and shuffles from the peer; more are dropped. */
  readonly walks: TokenBucket;
}

/** Whether the link takes a place in the active view if its peer is a neighbour. */
export function takesPlace({ reached, endpoint }: Link): boolean {
  return reached !== null || endpoint !== null;
}

export class OverlayLinks {
  /** In the order in which they came up; bounded by the inbound slots and by our dials. */
  readonly #links = new Map<PeerKey, Link>();

  add(
    peer: PeerKey,
    endpoint: Endpoint | null,
    reached: Endpoint | null,
    idleUntilMs: number,
  ): void {
    const walks = new TokenBucket(WALKS_PER_SECOND, WALKS_BURST);
    this.#links.set(peer, {
      endpoint,
      reached,
      activeSinceMs: null,
      idleUntilMs,
      released: false,
      hasOthers: false,
      walks,
    });
  }

  /** The peer can be dialled there from now on, if anywhere. */
  dialAt(peer: PeerKey, endpoint: Endpoint | null): void {
    const link = this.#links.get(peer);
    if (link !== undefined) link.endpoint = endpoint;
  }

  remove(peer: PeerKey): void {
    this.#links.delete(peer);
  }

  has(peer: PeerKey): boolean {
    return this.#links.has(peer);
  }

  get(peer: PeerKey): Link | undefined {
    return this.#links.get(peer);
  }

  /** @returns A copy: links may come and go meanwhile. */
  peers(which: (link: Link) => boolean): readonly PeerKey[] {
    const peers: PeerKey[] = [];
    for (const [peer, link] of this.#links) if (which(link)) peers.push(peer);
    return peers;
  }

  isActive(peer: PeerKey): boolean {
    const link = this.#links.get(peer);
    return link !== undefined && link.activeSinceMs !== null;
  }

  /** Neighbours of either kind. */
  neighbours(): readonly PeerKey[] {
    return this.peers((link) => link.activeSinceMs !== null);
  }

  /**
   * The active view: neighbours that can be dialled, and those that we dialled, whatever endpoint they announce since:
   * however many these are, they take no inbound slot. Other neighbours take no place in it.
   */
  activeView(): readonly PeerKey[] {
    return this.peers((link) => link.activeSinceMs !== null && takesPlace(link));
  }

  /** Inbound slots that neighbours take. */
  get inboundInUse(): number {
    return this.peers(({ reached, activeSinceMs }) => reached === null && activeSinceMs !== null)
      .length;
  }

  /** The peer as others may be told of it. */
  contactOf(peer: PeerKey): Contact | null {
    const endpoint = this.#links.get(peer)?.endpoint ?? null;
    return endpoint === null ? null : { key: peer, endpoint };
  }

  /** The peer as we dial it ourselves. */
  ownContactOf(peer: PeerKey): Contact | null {
    const endpoint = this.#links.get(peer)?.reached ?? null;
    return endpoint === null ? this.contactOf(peer) : { key: peer, endpoint };
  }

  /** The contacts of neighbours in the active view that can be dialled. */
  contacts(): readonly Contact[] {
    return this.activeView().map((key) => this.contactOf(key)).filter((contact) =>
      contact !== null
    );
  }

  nextIdleMs(): number | null {
    let next: number | null = null;
    for (const { idleUntilMs } of this.#links.values()) {
      if (idleUntilMs !== null && (next === null || idleUntilMs < next)) next = idleUntilMs;
    }
    return next;
  }
}
