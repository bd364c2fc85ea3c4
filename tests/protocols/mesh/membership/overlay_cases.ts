/** An overlay among members whose keys are ordered as their names, and what it is told and does. */

import { assertEquals } from "@std/assert";
import type { Endpoint, PeerKey } from "../../../../lib/base/ids.ts";
import { Overlay } from "../../../../lib/protocols/mesh/membership/overlay.ts";
import {
  OVERLAY_LAN,
  type OverlayConfig,
  type OverlayEffect,
  type Standing,
} from "../../../../lib/protocols/mesh/membership/overlay_io.ts";
import type { Contact, OverlayMessage } from "../../../../lib/protocols/mesh/schema/messages.ts";
import { contactOf, keyOf, randomEnvironment } from "../overlay_network.ts";

export const self = keyOf(50);

export const peers = Array.from({ length: 40 }, (_, index) => keyOf(100 + index));

export const [ann, bob, carl, dora, emil, fred, gina, hans] = peers as [
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
  PeerKey,
];

interface Setup {
  /** Neighbours that asked us, in this order, before those we dialled. */
  readonly inbound?: readonly PeerKey[];
  readonly dialled?: readonly PeerKey[];
  readonly live?: number;
  readonly roster?: readonly Contact[];
  readonly disk?: readonly Contact[];
  /** Of those on disk. */
  readonly met?: readonly Contact[];
  readonly standings?: () => readonly Standing[];
  readonly isHere?: (time: number) => boolean;
  readonly lastOwn?: () => number;
  readonly isCatchingUp?: () => boolean;
  readonly config?: Partial<OverlayConfig>;
  readonly random?: number | (() => number);
  readonly endpoints?: Readonly<Record<PeerKey, readonly Endpoint[]>>;
}

/** A member of a room at time 0, neighbours with these; only then it learns of others. */
export function overlayWith(setup: Setup = {}): Overlay {
  const { inbound = [], dialled = [], live = 100, random = 0 } = setup;
  let roster: readonly Contact[] = [];
  let disk: readonly Contact[] = [];
  const overlay = new Overlay(
    { ...OVERLAY_LAN, ...setup.config },
    randomEnvironment(() => typeof random === "number" ? random : random()),
    self,
    {
      own: () => contactOf(self),
      endpointsOf: (peer) => setup.endpoints?.[peer] ?? [],
      live: () => roster,
      remembered: () => disk,
      met: (kind) => kind === "entrance" ? setup.met ?? [] : [],
      standings: () => setup.standings?.() ?? [],
      isHere: (time) => setup.isHere?.(time) ?? time === 0,
      lastOwn: () => setup.lastOwn?.() ?? 0,
      isCatchingUp: () => setup.isCatchingUp?.() ?? false,
    },
    0,
  );
  overlay.step({ type: "members", live }, 0);
  for (const peer of inbound) {
    up(overlay, peer, 0);
    overlay.step(message(peer, { type: "neighbor", priority: "low" }), 0);
  }
  for (const peer of dialled) {
    up(overlay, peer, 0, true);
    overlay.step({ type: "welcomed", by: peer }, 0);
    overlay.step(message(peer, { type: "neighbor-reply", accepted: true }), 0);
  }
  assertEquals(overlay.activeView(), [...inbound, ...dialled]);
  roster = setup.roster ?? [];
  disk = setup.disk ?? [];
  return overlay;
}

export function up(
  overlay: Overlay,
  peer: PeerKey,
  nowMs: number,
  dialled = false,
): readonly OverlayEffect[] {
  const { endpoint } = contactOf(peer);
  const reached = dialled ? endpoint : null;
  return overlay.step({ type: "peer-up", peer, endpoint, reached }, nowMs);
}

export function message(from: PeerKey, message: OverlayMessage) {
  return { type: "message", from, message } as const;
}

export function send(to: PeerKey, message: OverlayMessage): OverlayEffect {
  return { type: "send", to, message };
}

export function reply(to: PeerKey, accepted: boolean): OverlayEffect {
  return send(to, { type: "neighbor-reply", accepted });
}

export function dial(peer: PeerKey): OverlayEffect {
  return { type: "dial", contact: contactOf(peer) };
}

export function neighbourUp(peer: PeerKey): OverlayEffect {
  return { type: "neighbour-up", peer };
}

export function neighbourDown(peer: PeerKey): OverlayEffect {
  return { type: "neighbour-down", peer };
}

/** Effects without the contacts that are handed on: they don't matter here. */
export function withoutContacts(effects: readonly OverlayEffect[]): readonly OverlayEffect[] {
  return effects.filter((e) => e.type !== "send" || e.message.type !== "shuffle-reply");
}
