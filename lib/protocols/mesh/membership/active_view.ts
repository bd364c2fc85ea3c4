/**
 * Which peers are neighbours, and which of them give way to others: the links between this member and others, the
 * active view over them, and the effects by which it changes.
 */

import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import {
  type OverlayConfig,
  type OverlayEffect,
  PASSIVE_MEMBER_ACTIVE_VIEW_MAX,
} from "./overlay_io.ts";
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

  /** Content of a file went over the link: where it is idle, it stays so until then. */
  carried(peer: PeerKey, untilMs: number): void {
    const link = this.#links.get(peer);
    if (link === undefined || link.idleUntilMs === null || link.released) return;
    link.idleUntilMs = Math.max(link.idleUntilMs, untilMs);
  }

  /** Of these links the idle one that ends first, but for the newest; null where none of them is idle. */
  idlest(peers: readonly PeerKey[], newest: PeerKey): PeerKey | null {
    let found: PeerKey | null = null;
    let endsMs = Infinity;
    for (const peer of peers) {
      const idleUntilMs = this.#links.get(peer)?.idleUntilMs ?? null;
      if (peer === newest || idleUntilMs === null || idleUntilMs >= endsMs) continue;
      [found, endsMs] = [peer, idleUntilMs];
    }
    return found;
  }

  nextIdleMs(): number | null {
    let next: number | null = null;
    for (const { idleUntilMs } of this.#links.values()) {
      if (idleUntilMs !== null && (next === null || idleUntilMs < next)) next = idleUntilMs;
    }
    return next;
  }
}

export class ActiveView {
  /** Whether nobody can dial us. */
  passive: boolean;

  constructor(
    private readonly config: Pick<
      OverlayConfig,
      "passive" | "activeViewMax" | "selfDialledMin" | "idleLinkMs"
    >,
    private readonly links: OverlayLinks,
    private readonly emit: (effect: OverlayEffect) => void,
  ) {
    this.passive = config.passive;
  }

  /** Places for neighbours that can be dialled. */
  get sizeMax(): number {
    return this.passive ? PASSIVE_MEMBER_ACTIVE_VIEW_MAX : this.config.activeViewMax;
  }

  /** Whether we have no neighbour. */
  get isolated(): boolean {
    return this.links.neighbours().length === 0;
  }

  /** Whether a peer can become a neighbour without another giving way. */
  hasRoomFor(peer: PeerKey): boolean {
    const link = this.links.get(peer);
    const takesNone = !this.passive && link !== undefined && !takesPlace(link);
    return takesNone || this.links.activeView().length < this.sizeMax;
  }

  /**
   * The neighbour that gives way to another; null for none. Never the two we dialled ourselves that have been
   * neighbours longest. Others that we dialled go first: the newcomer dials them in our stead, and nobody has fewer
   * neighbours of its own choice by it. Among these the one goes that has been a neighbour longest (the paper: a random
   * one): a member that has just come may have nobody else yet.
   */
  victim(): PeerKey | null {
    const own = this.#oldestFirst((link) => link.reached !== null)[this.config.selfDialledMin];
    return own ?? this.inboundVictim();
  }

  /**
   * The neighbour of longest standing that we dialled, else that dialled us. Where all withhold what others have, none
   * of them is protected, only one that gives it.
   */
  oldestVictim(): PeerKey | null {
    return this.#oldestFirst((link) => link.reached !== null)[0] ?? this.inboundVictim();
  }

  /** The neighbour of longest standing that dialled us; null where there is none. */
  inboundVictim(): PeerKey | null {
    return this.#oldestFirst((link) => link.reached === null)[0] ?? null;
  }

  /** A neighbour that takes only a slot, and had other neighbours when it asked for that; null where there is none. */
  spareVictim(): PeerKey | null {
    const isSpare = (link: Link) => link.hasOthers && !takesPlace(link);
    return this.#oldestFirst(isSpare, this.links.neighbours())[0] ?? null;
  }

  #oldestFirst(
    which: (link: Link) => boolean,
    among: readonly PeerKey[] = this.links.activeView(),
  ): readonly PeerKey[] {
    const sinceMs = (peer: PeerKey) => this.links.get(peer)!.activeSinceMs!;
    return among.filter((peer) => which(this.links.get(peer)!))
      .sort((a, b) => sinceMs(a) - sinceMs(b));
  }

  /** How many neighbours of the view we dialled. */
  selfDialledCount(): number {
    return this.links.activeView().filter((peer) => this.links.get(peer)!.reached !== null).length;
  }

  activate(peer: PeerKey, nowMs: number): void {
    const link = this.links.get(peer)!;
    link.activeSinceMs = nowMs;
    link.idleUntilMs = null;
    this.emit({ type: "neighbour-up", peer });
  }

  deactivate(peer: PeerKey, nowMs: number): void {
    const link = this.links.get(peer);
    if (link === undefined || link.activeSinceMs === null) return;
    link.activeSinceMs = null;
    link.idleUntilMs = nowMs + this.config.idleLinkMs;
    this.emit({ type: "neighbour-down", peer });
  }

  /**
   * `peer` takes the place of `victim`, and the two are introduced to each other: their new links replace the old
   * one. If `victim` had dialled us, it dials `peer`, else `peer` dials it: so nobody's self-dialled links grow fewer.
   */
  replace(victim: PeerKey, peer: PeerKey, nowMs: number): void {
    const newcomer = this.links.contactOf(peer);
    const displaced = this.links.contactOf(victim);
    const victimDials = this.links.get(victim)?.reached === null && newcomer !== null;
    if (victimDials) {
      const message = { type: "forward-join", contact: newcomer, ttl: 0 } as const;
      this.emit({ type: "send", to: victim, message });
    }
    this.emit({ type: "send", to: victim, message: { type: "disconnect" } });
    this.activate(peer, nowMs);
    this.deactivate(victim, nowMs);
    this.release(victim, "its place in the active view went to another", nowMs);
    if (!victimDials && displaced !== null) {
      const message = { type: "forward-join", contact: displaced, ttl: 0 } as const;
      this.emit({ type: "send", to: peer, message });
    }
  }

  /** A neighbour gives up its slot to a member that has no neighbour. */
  dismiss(victim: PeerKey, nowMs: number): void {
    this.emit({ type: "send", to: victim, message: { type: "disconnect" } });
    this.deactivate(victim, nowMs);
    this.release(victim, "another has no neighbour", nowMs);
  }

  /** Releases the link; whatever still comes over it is too late. */
  release(peer: PeerKey, reason: string, nowMs: number): void {
    const link = this.links.get(peer);
    if (link === undefined || link.released) return;
    link.released = true;
    link.idleUntilMs = nowMs + this.config.idleLinkMs; // another link to the peer may have taken over
    this.emit({ type: "release", peer, reason });
  }
}
