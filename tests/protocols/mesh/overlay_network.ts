/** Members of a mesh reduced to their overlays: crashes, and a roster that lags. */

import type { Environment } from "../../../lib/base/machine/environment.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Crypto } from "../../../lib/base/crypto/crypto.ts";
import type { Endpoint, PeerKey } from "../../../lib/base/ids.ts";
import type { Contact } from "../../../lib/protocols/mesh/schema/messages.ts";
import { Overlay } from "../../../lib/protocols/mesh/membership/overlay.ts";
import {
  OVERLAY_LAN,
  type OverlayConfig,
  type OverlayEffect,
  type OverlayInput,
} from "../../../lib/protocols/mesh/membership/overlay_io.ts";
import { partsOf } from "../../sim/scale/graph.ts";
import { LinkEnd, MeshNetwork, MeshNode } from "./mesh_network.ts";

/** An environment of chance alone. */
export function randomEnvironment(random: () => number): Environment {
  return {
    random,
    randomBytes: (length) => new Uint8Array(length),
    wallMs: () => 0,
    crypto: {} as Crypto, // the overlay computes nothing
    log: SILENT_LOGGER,
  };
}

export function keyOf(index: number): PeerKey {
  return index.toString(16).padStart(64, "0") as PeerKey;
}

export function contactOf(key: PeerKey): Contact {
  return { key, endpoint: { host: "10.0.0.1", port: Number.parseInt(key.slice(-8), 16) } };
}

class Node extends MeshNode {
  readonly overlay: Overlay;
  readonly links = new Map<PeerKey, LinkEnd<Node>>();

  constructor(
    override readonly network: OverlayNetwork,
    readonly key: PeerKey,
    config: OverlayConfig,
    readonly dialable: boolean,
  ) {
    super(network);
    const { random, live } = network;
    const directory = {
      own: () => dialable ? contactOf(key) : null,
      endpointsOf: () => [],
      live: () => network.contacts(key, (other) => live.has(other) && network.rosterOf(key, other)),
      remembered: () => network.contacts(key, (other) => network.rememberedOf(key, other)),
      met: () => [],
      standings: () => [],
      isHere: () => true,
      lastOwn: () => 0,
      isCatchingUp: () => false,
    };
    const environment = randomEnvironment(random.next);
    this.overlay = new Overlay(config, environment, key, directory, network.nowMs);
  }

  get endpoint(): Endpoint | null {
    return this.dialable ? contactOf(this.key).endpoint : null;
  }

  nextDeadlineMs(): number | null {
    return this.overlay.nextDeadlineMs();
  }

  tick(): void {
    this.step({ type: "tick" });
  }

  step(input: OverlayInput): void {
    if (this.isGone) return;
    for (const effect of this.overlay.step(input, this.network.nowMs)) this.#carryOut(effect);
    this.arm();
  }

  linkUp(end: LinkEnd<Node>, reached: Endpoint | null): void {
    const { peer: { key, endpoint } } = end;
    this.links.set(key, end);
    this.step({ type: "peer-up", peer: key, endpoint, reached });
  }

  linkDown(end: LinkEnd<Node>): void {
    this.links.delete(end.peer.key);
    this.step({ type: "peer-down", peer: end.peer.key, closed: false });
  }

  #carryOut(effect: OverlayEffect): void {
    const { network, key, links } = this;
    network.options.onEffect?.(key, effect, network.nowMs);
    switch (effect.type) {
      case "dial":
        return network.dial(this, effect.contact.key);
      case "send": {
        if (!network.passes(key, effect.to)) return;
        const { message } = effect;
        return links.get(effect.to)?.send(({ owner }) =>
          owner.step({ type: "message", from: key, message })
        );
      }
      case "release": {
        const end = links.get(effect.peer);
        end?.other.downIn(end.delayMs);
        return end?.downIn(0);
      }
    }
  }
}

export interface OverlayNetworkOptions {
  readonly seed: number;
  readonly latencyMs?: number;
  /** How long after a crash the roster counts the member as lost. */
  readonly lostAfterMs?: number;
  readonly config?: Partial<OverlayConfig>;
  /** Whether a message or dial from one to the other gets through. */
  readonly passes?: (from: PeerKey, to: PeerKey) => boolean;
  readonly onEffect?: (self: PeerKey, effect: OverlayEffect, nowMs: number) => void;
}

export class OverlayNetwork extends MeshNetwork {
  readonly nodes = new Map<PeerKey, Node>();
  readonly live = new Set<PeerKey>();
  readonly remembered = new Set<PeerKey>();
  /** Whether `key` counts the other among the live / remembers it, beyond what everybody does. */
  rosterOf: (key: PeerKey, other: PeerKey) => boolean = () => true;
  rememberedOf: (key: PeerKey, other: PeerKey) => boolean = (key, other) =>
    this.remembered.has(other) || !this.rosterOf(key, other);
  dials = 0;
  readonly #latencyMs: number;

  constructor(readonly options: OverlayNetworkOptions) {
    super(options.seed);
    this.#latencyMs = options.latencyMs ?? 5;
  }

  add(key: PeerKey, config: Partial<OverlayConfig> = {}, dialable = true): void {
    const full = { ...OVERLAY_LAN, ...this.options.config, ...config };
    const node = new Node(this, key, full, dialable);
    this.nodes.set(key, node);
    this.live.add(key);
    this.remembered.delete(key);
    node.arm();
  }

  /** Comes in through `via`: link, welcome, and soon everybody's roster has it. */
  join(key: PeerKey, via: PeerKey, config: Partial<OverlayConfig> = {}, dialable = true): void {
    this.add(key, config, dialable);
    this.connect(key, via);
    this.at(0, () => this.step(key, { type: "welcomed", by: via }));
    this.announceMembers();
  }

  announceMembers(): void {
    const live = this.live.size;
    this.at(this.#latencyMs * 3, () => {
      for (const key of [...this.nodes.keys()]) this.step(key, { type: "members", live });
    });
  }

  /** The process is gone: its links end, its neighbours see that at once, the roster later. */
  crash(key: PeerKey): void {
    const node = this.nodes.get(key)!;
    this.nodes.delete(key);
    node.isGone = true;
    for (const end of node.links.values()) end.other.downIn(this.#latencyMs);
    this.at(this.options.lostAfterMs ?? 5_000, () => {
      this.live.delete(key);
      this.remembered.add(key);
      this.announceMembers();
    });
  }

  step(key: PeerKey, input: OverlayInput): void {
    this.nodes.get(key)?.step(input);
  }

  connect(dialler: PeerKey, other: PeerKey): void {
    const [a, b] = [this.nodes.get(dialler), this.nodes.get(other)];
    if (a === undefined || b === undefined || a.links.has(other) || b.links.has(dialler)) return;
    const near = new LinkEnd(a, this.#latencyMs).to(new LinkEnd(b, this.#latencyMs));
    a.links.set(other, near);
    b.linkUp(near.other, null);
    a.linkUp(near, contactOf(other).endpoint);
  }

  /** Both sides learn that the link is dead. */
  cutLink(a: PeerKey, b: PeerKey): void {
    const end = this.nodes.get(a)?.links.get(b);
    for (const one of [end, end?.other]) one?.downIn(this.#latencyMs);
  }

  /** What overlays lastingly think of each other that the other doesn't: an answer may be under way. */
  asymmetries(): readonly string[] {
    const before = this.#asymmetriesNow();
    if (before.length === 0) return before;
    this.run(500);
    const after = this.#asymmetriesNow();
    return before.filter((pair) => after.includes(pair));
  }

  #asymmetriesNow(): readonly string[] {
    const found: string[] = [];
    for (const [key, node] of this.nodes) {
      for (const peer of node.overlay.activeView()) {
        if (!this.nodes.get(peer)?.overlay.activeView().includes(key)) {
          found.push(`${Number.parseInt(key, 16)} -> ${Number.parseInt(peer, 16)}`);
        }
      }
    }
    return found;
  }

  /** Sizes of the parts of the overlay, the largest first: one part is a connected room. */
  parts(): readonly number[] {
    const graph = [...this.nodes].map(([key, { overlay }]) => {
      const peers = overlay.activeView().filter((peer) => this.nodes.has(peer));
      return [key, peers.map((to) => ({ to }))] as const;
    });
    return partsOf(new Map(graph));
  }

  degrees(): readonly number[] {
    return [...this.nodes.values()].map(({ overlay }) => overlay.activeView().length)
      .sort((a, b) => a - b);
  }

  contacts(self: PeerKey, which: (other: PeerKey) => boolean): readonly Contact[] {
    const contacts: Contact[] = [];
    for (const keys of [this.live, this.remembered]) {
      for (const key of keys) {
        if (key === self || this.nodes.get(key)?.dialable === false) continue;
        if (which(key)) contacts.push(contactOf(key));
      }
    }
    return contacts;
  }

  passes(from: PeerKey, to: PeerKey): boolean {
    return this.options.passes?.(from, to) ?? true;
  }

  dial(node: Node, to: PeerKey): void {
    this.dials++;
    // Three trips of a handshake. Nothing answers where one direction is cut.
    this.at(3 * this.#latencyMs, () => {
      if (!this.passes(node.key, to) || !this.passes(to, node.key)) return;
      if (this.nodes.has(to)) this.connect(node.key, to);
      else node.step({ type: "dial-failed", peer: to, endpoint: contactOf(to).endpoint });
    });
  }
}
