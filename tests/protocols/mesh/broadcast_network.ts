/** Many broadcast machines over a fixed overlay in virtual time, each with the simplest of orders: by stream. */

import type { BundleId, ClaimId, Hash, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import { Broadcast } from "../../../lib/protocols/mesh/broadcast/broadcast.ts";
import {
  BROADCAST_LAN,
  type BroadcastConfig,
  type BroadcastEffect,
  type BroadcastInput,
  type BundleReason,
} from "../../../lib/protocols/mesh/broadcast/broadcast_io.ts";
import type { BroadcastMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import {
  type Bundle,
  type Stream,
  type StreamKey,
  streamKey,
} from "../../../lib/protocols/mesh/schema/structures.ts";
import { Agenda, keyOf, seeded } from "./overlay_network.ts";

const NO_BYTES = new Uint8Array(0);

/** A bundle of one text of `textBytes`; only what broadcast looks at means anything. */
export function bundleOf(
  author: PeerKey,
  counter: number,
  options: { readonly textBytes?: number; readonly count?: number } = {},
): Bundle {
  const zeros = "0".repeat(64);
  return {
    header: {
      bytes: NO_BYTES,
      value: {
        version: 1,
        room: zeros as RoomId,
        author,
        incarnation: 1,
        kind: "texts",
        counter,
        count: options.count ?? 1,
        claim: zeros as ClaimId,
        previous: null,
        heads: [],
        time: counter,
        sentAt: 0,
        textsHash: zeros as Hash,
      },
    },
    signature: NO_BYTES,
    texts: { bytes: new Uint8Array(options.textBytes ?? 0), value: [] },
  };
}

export function idOf(bundle: Bundle): BundleId {
  const { author, counter } = bundle.header.value;
  return (author.slice(32) + counter.toString(16).padStart(32, "0")) as BundleId;
}

interface Node {
  readonly key: PeerKey;
  readonly broadcast: Broadcast;
  readonly peers: Set<PeerKey>;
  readonly delivered: Map<StreamKey, { readonly bundle: Bundle; readonly hop: number }[]>;
  readonly waiting: Map<StreamKey, Map<number, { bundle: Bundle; hop: number; from: PeerKey }>>;
  wakeMs: number;
}

export interface BroadcastNetworkOptions {
  readonly seed: number;
  readonly members: number;
  readonly degree?: number;
  readonly latencyMs: (random: () => number) => number;
  readonly config?: Partial<BroadcastConfig>;
}

export class BroadcastNetwork {
  readonly nodes = new Map<PeerKey, Node>();
  readonly random: () => number;
  readonly agenda = new Agenda();
  nowMs = 0;
  /** Messages sent since the last `resetCounts`, by type; bundles also by reason. */
  counts: Record<string, number> = {};
  readonly penalties: string[] = [];
  readonly #latencyMs = new Map<string, number>();

  constructor(readonly options: BroadcastNetworkOptions) {
    this.random = seeded(options.seed);
    for (let i = 0; i < options.members; i++) this.#addNode(keyOf(i));
    this.#connectAtRandom(options.degree ?? 5);
  }

  get keys(): readonly PeerKey[] {
    return [...this.nodes.keys()];
  }

  resetCounts(): void {
    this.counts = {};
  }

  say(author: PeerKey, textBytes = 200): Bundle {
    const node = this.nodes.get(author)!;
    const counter = this.#frontier(node, { author, incarnation: 1 }) + 1;
    const bundle = bundleOf(author, counter, { textBytes });
    this.#deliver(node, bundle, 0, null, "push");
    return bundle;
  }

  /** Both sides see the link's end; what was under way on it is lost. */
  cut(a: PeerKey, b: PeerKey): void {
    this.#latencyMs.delete(pair(a, b));
    for (const [key, peer] of [[a, b], [b, a]] as const) {
      this.nodes.get(key)!.peers.delete(peer);
      this.at(this.random() * 3_000, () => this.#neighbourDown(this.nodes.get(key)!, peer));
    }
  }

  links(): readonly (readonly [PeerKey, PeerKey])[] {
    const found: (readonly [PeerKey, PeerKey])[] = [];
    for (const [key, node] of this.nodes) {
      for (const peer of node.peers) if (key < peer) found.push([key, peer]);
    }
    return found;
  }

  /** Whether the overlay hangs together without this link. */
  connectedWithout(a: PeerKey, b: PeerKey): boolean {
    const seen = new Set([a]);
    const queue = [a];
    while (queue.length > 0) {
      const key = queue.pop()!;
      for (const peer of this.nodes.get(key)!.peers) {
        if (seen.has(peer) || (key === a && peer === b) || (key === b && peer === a)) continue;
        seen.add(peer);
        queue.push(peer);
      }
    }
    return seen.size === this.nodes.size;
  }

  at(delayMs: number, run: () => void): void {
    this.agenda.add(this.nowMs + delayMs, run);
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    while (this.agenda.nextMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.agenda.nextMs);
      this.agenda.take()();
    }
    this.nowMs = untilMs;
  }

  /** Who lacks the bundle, and the longest way it took. */
  reach(bundle: Bundle): { readonly missed: number; readonly lastHop: number } {
    const { author, counter } = bundle.header.value;
    let missed = 0;
    let lastHop = 0;
    for (const node of this.nodes.values()) {
      const got = node.delivered.get(streamKey({ author, incarnation: 1 }))?.[counter - 1];
      if (got === undefined) missed++;
      else lastHop = Math.max(lastHop, got.hop);
    }
    return { missed, lastHop };
  }

  step(key: PeerKey, input: BroadcastInput): void {
    const node = this.nodes.get(key)!;
    for (const effect of node.broadcast.step(input, this.nowMs)) this.#carryOut(node, effect);
    const dueMs = node.broadcast.nextDeadlineMs();
    if (dueMs === null || dueMs >= node.wakeMs) return;
    node.wakeMs = dueMs;
    this.agenda.add(dueMs, () => {
      if (node.wakeMs !== dueMs) return;
      node.wakeMs = Infinity;
      this.step(key, { type: "tick" });
    });
  }

  #addNode(key: PeerKey): void {
    const has = (stream: Stream, counter: number) =>
      this.#frontier(node, stream) >= counter ||
      node.waiting.get(streamKey(stream))?.has(counter) === true;
    const frontier = (stream: Stream) => ({ counter: this.#frontier(node, stream) });
    const broadcast = new Broadcast({ ...BROADCAST_LAN, ...this.options.config }, {
      has,
      frontier,
    });
    const node: Node = {
      key,
      broadcast,
      peers: new Set(),
      delivered: new Map(),
      waiting: new Map(),
      wakeMs: Infinity,
    };
    this.nodes.set(key, node);
    this.step(key, { type: "members", live: this.options.members });
  }

  /** A random graph in which everybody has `degree` links, one perhaps fewer. */
  #connectAtRandom(degree: number): void {
    for (;;) {
      const ends = this.keys.flatMap((key) => Array.from({ length: degree }, () => key));
      for (let i = ends.length - 1; i > 0; i--) {
        const j = Math.floor(this.random() * (i + 1));
        [ends[i], ends[j]] = [ends[j]!, ends[i]!];
      }
      for (const node of this.nodes.values()) node.peers.clear();
      for (let i = 0; i + 1 < ends.length; i += 2) {
        const [a, b] = [ends[i]!, ends[i + 1]!];
        if (a === b) continue;
        this.nodes.get(a)!.peers.add(b);
        this.nodes.get(b)!.peers.add(a);
      }
      if (this.connectedWithout(keyOf(0), keyOf(0))) break;
    }
    for (const [a, b] of this.links()) {
      this.#latencyMs.set(pair(a, b), this.options.latencyMs(this.random));
      this.step(a, { type: "neighbour-up", peer: b });
      this.step(b, { type: "neighbour-up", peer: a });
    }
  }

  /** What waits on a link goes with it. */
  #neighbourDown(node: Node, peer: PeerKey): void {
    for (const waiting of node.waiting.values()) {
      for (const [counter, { from }] of waiting) if (from === peer) waiting.delete(counter);
    }
    this.step(node.key, { type: "neighbour-down", peer });
  }

  #frontier(node: Node, stream: Stream): number {
    return node.delivered.get(streamKey(stream))?.length ?? 0;
  }

  #deliver(
    node: Node,
    bundle: Bundle,
    hop: number,
    from: PeerKey | null,
    reason: BundleReason,
  ): void {
    const key = streamKey(bundle.header.value);
    const stream = node.delivered.get(key) ?? [];
    node.delivered.set(key, stream);
    stream.push({ bundle, hop });
    const id = idOf(bundle);
    this.step(node.key, { type: "delivered", bundle, id, from, hop, reason, kept: true });
    const next = node.waiting.get(key)?.get(stream.length + 1);
    if (next === undefined) return;
    node.waiting.get(key)!.delete(stream.length + 1);
    this.#deliver(node, next.bundle, next.hop, next.from, reason);
  }

  #receive(node: Node, from: PeerKey, message: BroadcastMessage): void {
    this.step(node.key, { type: "message", from, message });
    if (message.type !== "bundle") return;
    const { bundle, hop, reason } = message;
    const { author, incarnation, counter } = bundle.header.value;
    const stream = { author, incarnation };
    const key = streamKey(stream);
    const waiting = node.waiting.get(key) ?? new Map();
    node.waiting.set(key, waiting);
    const frontier = this.#frontier(node, stream);
    if (counter <= frontier || waiting.has(counter)) {
      this.step(node.key, { type: "duplicate", stream, counter, from, hop, reason });
    } else if (counter === frontier + 1) {
      this.#deliver(node, bundle, hop, from, reason);
    } else {
      waiting.set(counter, { bundle, hop, from });
      this.step(node.key, { type: "want", from, stream, after: frontier });
    }
  }

  #carryOut(node: Node, effect: BroadcastEffect): void {
    switch (effect.type) {
      case "push":
        this.#sendBundle(node, effect.to, effect.bundle, effect.hop, "push");
        break;
      case "send":
        this.#send(node, effect.to, effect.message);
        break;
      case "supply":
        for (const { bundle, hop } of node.delivered.get(streamKey(effect.stream)) ?? []) {
          if (bundle.header.value.counter <= effect.after) continue;
          this.#sendBundle(node, effect.to, bundle, hop + 1, "graft");
        }
        break;
      case "behind":
      case "far-ahead":
        break;
      case "penalise":
        this.penalties.push(`${Number.parseInt(effect.peer, 16)}: ${effect.text}`);
        break;
    }
  }

  #sendBundle(node: Node, to: PeerKey, bundle: Bundle, hop: number, reason: BundleReason): void {
    this.#count(`bundle ${reason}`);
    this.#send(node, to, { type: "bundle", bundle, claim: null, hop, reason });
  }

  #send(node: Node, to: PeerKey, message: BroadcastMessage): void {
    const latencyMs = this.#latencyMs.get(pair(node.key, to));
    if (latencyMs === undefined) return;
    this.#count(message.type);
    this.at(latencyMs, () => {
      if (node.peers.has(to)) this.#receive(this.nodes.get(to)!, node.key, message);
    });
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

function pair(a: PeerKey, b: PeerKey): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
