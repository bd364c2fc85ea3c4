/** Members of a mesh reduced to their broadcasts, over a fixed overlay, each with the simplest of orders. */

import type { PeerKey } from "../../../lib/base/ids.ts";
import { Broadcast } from "../../../lib/protocols/mesh/broadcast/broadcast.ts";
import {
  BROADCAST_LAN,
  type BroadcastConfig,
  type BroadcastEffect,
  type BroadcastInput,
} from "../../../lib/protocols/mesh/broadcast/broadcast_io.ts";
import type {
  BroadcastMessage,
  BundleReason,
} from "../../../lib/protocols/mesh/schema/messages.ts";
import { type Bundle, type Stream } from "../../../lib/protocols/mesh/schema/structures.ts";
import { partsOf } from "../../sim/scale/graph.ts";
import { LinkEnd, MeshNetwork, MeshNode } from "./mesh_network.ts";
import { keyOf } from "./overlay_network.ts";
import { bundleOf, type Came, StreamOrder } from "./stream_order.ts";

class Node extends MeshNode {
  readonly broadcast: Broadcast;
  readonly order = new StreamOrder();
  readonly links = new Map<PeerKey, LinkEnd<Node>>();

  constructor(override readonly network: BroadcastNetwork, readonly key: PeerKey) {
    super(network);
    const { config, members } = network.options;
    this.broadcast = new Broadcast({ ...BROADCAST_LAN, ...config }, {
      has: (stream, counter) => this.order.has(stream, counter),
      frontier: (stream) => ({ counter: this.order.frontier(stream) }),
    });
    this.step({ type: "members", live: members });
  }

  nextDeadlineMs(): number | null {
    return this.broadcast.nextDeadlineMs();
  }

  tick(): void {
    this.step({ type: "tick" });
  }

  step(input: BroadcastInput): void {
    for (const effect of this.broadcast.step(input, this.network.nowMs)) this.#carryOut(effect);
    this.arm();
  }

  take(came: Came): void {
    for (const input of this.order.take(came)) this.step(input);
  }

  linkDown({ peer: { key } }: LinkEnd<Node>): void {
    this.order.linkDown(key);
    this.step({ type: "neighbour-down", peer: key });
  }

  #receive(from: PeerKey, message: BroadcastMessage): void {
    this.step({ type: "message", from, message });
    if (message.type !== "bundle") return;
    const { bundle, hop, reason } = message;
    this.take({ bundle, hop, reason, from });
  }

  #carryOut(effect: BroadcastEffect): void {
    switch (effect.type) {
      case "push":
        return this.#sendBundle(effect.to, effect.bundle, effect.hop, "push");
      case "send":
        return this.#send(effect.to, effect.message);
      case "supply":
        for (const { bundle, hop } of this.order.after(effect.stream, effect.after)) {
          this.#sendBundle(effect.to, bundle, hop + 1, "graft");
        }
        return;
      case "penalise":
        this.network.penalties.push(`${Number.parseInt(effect.peer, 16)}: ${effect.text}`);
    }
  }

  #sendBundle(to: PeerKey, bundle: Bundle, hop: number, reason: BundleReason): void {
    this.#send(to, { type: "bundle", bundle, claim: null, hop, reason });
  }

  #send(to: PeerKey, message: BroadcastMessage): void {
    const end = this.links.get(to);
    if (end === undefined) return;
    if (message.type === "bundle") this.network.bundles++;
    end.send(({ owner }) => owner.#receive(this.key, message));
  }
}

export interface BroadcastNetworkOptions {
  readonly seed: number;
  readonly members: number;
  readonly degree?: number;
  readonly latencyMs: (random: () => number) => number;
  readonly config?: Partial<BroadcastConfig>;
}

export class BroadcastNetwork extends MeshNetwork {
  readonly nodes: ReadonlyMap<PeerKey, Node>;
  /** How many were sent. */
  bundles = 0;
  readonly penalties: string[] = [];

  constructor(readonly options: BroadcastNetworkOptions) {
    super(options.seed);
    const keys = Array.from({ length: options.members }, (_, index) => keyOf(index));
    this.nodes = new Map(keys.map((key) => [key, new Node(this, key)]));
    this.#connectAtRandom(options.degree ?? 5);
  }

  say(author: PeerKey, textBytes = 200): Bundle {
    const { order } = this.nodes.get(author)!;
    const counter = order.frontier(streamBy(author)) + 1;
    const bundle = bundleOf(author, counter, { textBytes });
    this.nodes.get(author)!.take({ bundle, hop: 0, reason: "push", from: null });
    return bundle;
  }

  step(key: PeerKey, input: BroadcastInput): void {
    this.nodes.get(key)!.step(input);
  }

  /** What is under way on it is lost; each side sees the link's end later. */
  cut(link: LinkEnd<Node>): void {
    for (const end of [link, link.other]) {
      end.isUp = false;
      end.owner.links.delete(end.peer.key);
      this.at(this.random.between(0, 3_000), () => end.owner.linkDown(end));
    }
  }

  /** One end of each. */
  links(): readonly LinkEnd<Node>[] {
    return [...this.nodes.values()].flatMap(({ key, links }) =>
      [...links.values()].filter(({ peer }) => key < peer.key)
    );
  }

  /** Whether the overlay hangs together, without this link. */
  isConnected(without: LinkEnd<Node> | null = null): boolean {
    const graph = [...this.nodes.values()].map((node) => {
      const links = [...node.links.values()].filter((end) =>
        end !== without && end.other !== without
      );
      return [node, links.map(({ peer }) => ({ to: peer }))] as const;
    });
    return partsOf(new Map(graph)).length === 1;
  }

  /** Who lacks the bundle, and the longest way it took. */
  reach({ header: { value: { author, counter } } }: Bundle) {
    let missed = 0;
    let lastHop = 0;
    for (const { order } of this.nodes.values()) {
      const [came] = order.after(streamBy(author), counter - 1);
      if (came === undefined) missed++;
      else lastHop = Math.max(lastHop, came.hop);
    }
    return { missed, lastHop };
  }

  /** A random graph in which everybody has `degree` links, one perhaps fewer. */
  #connectAtRandom(degree: number): void {
    const nodes = [...this.nodes.values()];
    do {
      const ends = this.random.shuffled(nodes.flatMap((node) => Array<Node>(degree).fill(node)));
      for (const { links } of nodes) links.clear();
      for (let index = 0; index + 1 < ends.length; index += 2) {
        const [a, b] = [ends[index]!, ends[index + 1]!];
        if (a === b || a.links.has(b.key)) continue;
        const delayMs = this.options.latencyMs(this.random.next);
        const near = new LinkEnd(a, delayMs).to(new LinkEnd(b, delayMs));
        a.links.set(b.key, near);
        b.links.set(a.key, near.other);
      }
    } while (!this.isConnected());
    for (const { owner, peer } of this.links()) {
      owner.step({ type: "neighbour-up", peer: peer.key });
      peer.step({ type: "neighbour-up", peer: owner.key });
    }
  }
}

function streamBy(author: PeerKey): Stream {
  return { author, incarnation: 1 };
}
