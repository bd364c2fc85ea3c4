/**
 * Who is a neighbour, and who gives way to whom: the active view over the links that there are, and the
 * effects by which it changes.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { OverlayConfig, OverlayEffect } from "./overlay_io.ts";
import { PASSIVE_MEMBER_ACTIVE_VIEW_MAX } from "./overlay_io.ts";
import { type Link, type OverlayLinks, takesPlace } from "./overlay_links.ts";

export class ActiveView {
  /** Whether nobody can dial us. */
  passive: boolean;

  constructor(
    private readonly config: OverlayConfig,
    private readonly links: OverlayLinks,
    private readonly emit: (effect: OverlayEffect) => void,
  ) {
    this.passive = config.passive;
  }

  /** Places for neighbours that can be dialled. */
  get sizeMax(): number {
    return this.passive ? PASSIVE_MEMBER_ACTIVE_VIEW_MAX : this.config.activeViewMax;
  }

  /** Without any neighbour. */
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
   * Who gives way to another; null for nobody. Never the two we dialled ourselves that have been
   * neighbours longest. Others that we dialled go first: the newcomer dials them in our stead, and
   * nobody has fewer neighbours of its own choice by it. Among these the one that was taken in first
   * goes (the paper: a random one): who has just come in may have nobody else yet.
   */
  victim(): PeerKey | null {
    const own = this.#oldestFirst((link) => link.dialled)[this.config.selfDialledMin];
    return own ?? this.inboundVictim();
  }

  /**
   * The one of our own choice that has been a neighbour longest, else the first one that chose us: where all of them
   * withhold what others have, none is protected, and one that gives it is.
   */
  oldestVictim(): PeerKey | null {
    return this.#oldestFirst((link) => link.dialled)[0] ?? this.inboundVictim();
  }

  /** One that chose us. Null where there is none. */
  inboundVictim(): PeerKey | null {
    return this.#oldestFirst((link) => !link.dialled)[0] ?? null;
  }

  /** One that takes nothing but a slot, and had other neighbours when it asked for it. Null where there is none. */
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

  /** How many of the view we dialled. */
  selfDialledCount(): number {
    return this.links.activeView().filter((peer) => this.links.get(peer)!.dialled).length;
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
   * `peer` takes the place of `victim`, and the two are introduced to each other: their new links stand
   * for the old one. Who dialled that dials the new one, so that nobody's self-dialled links grow fewer.
   */
  replace(victim: PeerKey, peer: PeerKey, nowMs: number): void {
    const newcomer = this.links.contactOf(peer);
    const displaced = this.links.contactOf(victim);
    const victimDials = this.links.get(victim)?.dialled === false && newcomer !== null;
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

  /** A neighbour gives up its slot for who has none. */
  dismiss(victim: PeerKey, nowMs: number): void {
    this.emit({ type: "send", to: victim, message: { type: "disconnect" } });
    this.deactivate(victim, nowMs);
    this.release(victim, "another has no neighbour", nowMs);
  }

  /** Lets the link go; whatever still comes over it is too late. */
  release(peer: PeerKey, reason: string, nowMs: number): void {
    const link = this.links.get(peer);
    if (link === undefined || link.released) return;
    link.released = true;
    link.idleUntilMs = nowMs + this.config.idleLinkMs; // another link to the peer may have taken over
    this.emit({ type: "release", peer, reason });
  }
}
