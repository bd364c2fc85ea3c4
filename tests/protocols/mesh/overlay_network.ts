/** Many overlay machines in one process and in virtual time: links with a latency, crashes, a roster that lags. */

import type { Environment } from "../../../lib/base/machine/environment.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Crypto } from "../../../lib/base/crypto/crypto.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { Contact } from "../../../lib/protocols/mesh/schema/messages.ts";
import { Overlay } from "../../../lib/protocols/mesh/membership/overlay.ts";
import {
  OVERLAY_LAN,
  type OverlayConfig,
  type OverlayEffect,
  type OverlayInput,
} from "../../../lib/protocols/mesh/membership/overlay_io.ts";

/** A small seeded generator (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

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

/** Things to do, in the order of their times; those of one time in the order in which they were added. */
export class Agenda {
  readonly #heap: { readonly atMs: number; readonly order: number; readonly run: () => void }[] =
    [];
  #order = 0;

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  add(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs, order: this.#order++, run });
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  take(): () => void {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) heap[0] = last;
    for (let i = 0;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && this.#before(child, least)) least = child;
      }
      if (least === i) return first.run;
      this.#swap(i, least);
      i = least;
    }
  }

  #before(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i]!, this.#heap[j]!];
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #swap(i: number, j: number): void {
    [this.#heap[i], this.#heap[j]] = [this.#heap[j]!, this.#heap[i]!];
  }
}

/** A link between two members; each side learns of its end at its own time. */
export interface NetworkLink {
  readonly dialler: PeerKey;
  readonly other: PeerKey;
  readonly upAt: Set<PeerKey>;
}

interface Node {
  readonly overlay: Overlay;
  readonly links: Map<PeerKey, NetworkLink>;
  readonly dialable: boolean;
  wakeMs: number;
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

export class OverlayNetwork {
  readonly nodes = new Map<PeerKey, Node>();
  readonly live = new Set<PeerKey>();
  readonly remembered = new Set<PeerKey>();
  readonly random: () => number;
  /** Whether `key` counts the other among the live / remembers it, beyond what everybody does. */
  rosterOf: (key: PeerKey, other: PeerKey) => boolean = () => true;
  rememberedOf: (key: PeerKey, other: PeerKey) => boolean = (key, other) =>
    this.remembered.has(other) || !this.rosterOf(key, other);
  nowMs = 0;
  dials = 0;
  readonly agenda = new Agenda();
  readonly #latencyMs: number;

  constructor(readonly options: OverlayNetworkOptions) {
    this.random = seeded(options.seed);
    this.#latencyMs = options.latencyMs ?? 5;
  }

  add(key: PeerKey, config: Partial<OverlayConfig> = {}, dialable = true): Overlay {
    const directory = {
      own: () => dialable ? contactOf(key) : null,
      endpointsOf: () => [],
      live: () => this.#contacts(key, (other) => this.live.has(other) && this.rosterOf(key, other)),
      remembered: () => this.#contacts(key, (other) => this.rememberedOf(key, other)),
      met: () => [],
      standings: () => [],
      isHere: () => true,
      lastOwn: () => 0,
      isCatchingUp: () => false,
    };
    const full = { ...OVERLAY_LAN, ...this.options.config, ...config };
    const environment = randomEnvironment(this.random);
    const overlay = new Overlay(full, environment, key, directory, this.nowMs);
    this.nodes.set(key, { overlay, links: new Map(), dialable, wakeMs: Infinity });
    this.live.add(key);
    this.remembered.delete(key);
    this.#wake(key);
    return overlay;
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
    for (const [peer, link] of node.links) this.#endAt(peer, key, link);
    this.at(this.options.lostAfterMs ?? 5_000, () => {
      this.live.delete(key);
      this.remembered.add(key);
      this.announceMembers();
    });
  }

  at(delayMs: number, run: () => void): void {
    this.agenda.add(this.nowMs + delayMs, run);
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    while (this.agenda.nextMs <= untilMs) {
      this.nowMs = this.agenda.nextMs;
      this.agenda.take()();
    }
    this.nowMs = untilMs;
  }

  step(key: PeerKey, input: OverlayInput): void {
    const node = this.nodes.get(key);
    if (node === undefined) return;
    for (const effect of node.overlay.step(input, this.nowMs)) this.#carryOut(key, node, effect);
    this.#wake(key);
  }

  connect(dialler: PeerKey, other: PeerKey): void {
    const [a, b] = [this.nodes.get(dialler), this.nodes.get(other)];
    if (a === undefined || b === undefined || a.links.has(other) || b.links.has(dialler)) return;
    const link = { dialler, other, upAt: new Set([dialler, other]) };
    a.links.set(other, link);
    b.links.set(dialler, link);
    const endpoint = (key: PeerKey) =>
      this.nodes.get(key)?.dialable ? contactOf(key).endpoint : null;
    this.step(other, {
      type: "peer-up",
      peer: dialler,
      endpoint: endpoint(dialler),
      reached: null,
    });
    const reached = contactOf(other).endpoint;
    this.step(dialler, { type: "peer-up", peer: other, endpoint: endpoint(other), reached });
  }

  /** Both sides learn that the link is dead. */
  cutLink(a: PeerKey, b: PeerKey): void {
    const link = this.nodes.get(a)?.links.get(b);
    if (link === undefined) return;
    this.#endAt(a, b, link);
    this.#endAt(b, a, link);
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
    const seen = new Set<PeerKey>();
    const sizes: number[] = [];
    for (const start of this.nodes.keys()) {
      if (seen.has(start)) continue;
      const before = seen.size;
      const queue = [start];
      seen.add(start);
      while (queue.length > 0) {
        for (const peer of this.nodes.get(queue.pop()!)!.overlay.activeView()) {
          if (seen.has(peer) || !this.nodes.has(peer)) continue;
          seen.add(peer);
          queue.push(peer);
        }
      }
      sizes.push(seen.size - before);
    }
    return sizes.sort((a, b) => b - a);
  }

  degrees(): readonly number[] {
    return [...this.nodes.values()].map(({ overlay }) => overlay.activeView().length)
      .sort((a, b) => a - b);
  }

  #contacts(self: PeerKey, which: (other: PeerKey) => boolean): readonly Contact[] {
    const contacts: Contact[] = [];
    for (const keys of [this.live, this.remembered]) {
      for (const key of keys) {
        if (key === self || this.nodes.get(key)?.dialable === false) continue;
        if (which(key)) contacts.push(contactOf(key));
      }
    }
    return contacts;
  }

  #carryOut(key: PeerKey, node: Node, effect: OverlayEffect): void {
    this.options.onEffect?.(key, effect, this.nowMs);
    switch (effect.type) {
      case "dial":
        this.dials++;
        this.#dial(key, effect.contact.key);
        break;
      case "send": {
        const link = node.links.get(effect.to);
        if (link === undefined || !this.#passes(key, effect.to)) break;
        this.at(this.#latencyMs, () => {
          if (!link.upAt.has(effect.to)) return;
          this.step(effect.to, { type: "message", from: key, message: effect.message });
        });
        break;
      }
      case "release": {
        const link = node.links.get(effect.peer);
        if (link === undefined) break;
        this.#endAt(effect.peer, key, link);
        this.at(0, () => this.#end(key, effect.peer, link));
        break;
      }
      case "neighbour-up":
      case "neighbour-down":
        break;
    }
  }

  #passes(from: PeerKey, to: PeerKey): boolean {
    return this.options.passes?.(from, to) ?? true;
  }

  #dial(key: PeerKey, to: PeerKey): void {
    // Three trips of a handshake. Nothing answers where one direction is cut.
    this.at(3 * this.#latencyMs, () => {
      if (!this.#passes(key, to) || !this.#passes(to, key)) return;
      if (this.nodes.has(to)) this.connect(key, to);
      else this.step(key, { type: "dial-failed", peer: to, endpoint: contactOf(to).endpoint });
    });
  }

  #endAt(at: PeerKey, by: PeerKey, link: NetworkLink): void {
    this.at(this.#latencyMs, () => this.#end(at, by, link));
  }

  #end(at: PeerKey, peer: PeerKey, link: NetworkLink): void {
    if (!link.upAt.delete(at)) return;
    const node = this.nodes.get(at);
    if (node?.links.get(peer) !== link) return;
    node.links.delete(peer);
    this.step(at, { type: "peer-down", peer, closed: false });
  }

  #wake(key: PeerKey): void {
    const node = this.nodes.get(key)!;
    const dueMs = node.overlay.nextDeadlineMs();
    if (dueMs === null || dueMs >= node.wakeMs) return;
    node.wakeMs = dueMs;
    this.agenda.add(Math.max(dueMs, this.nowMs), () => {
      if (node.wakeMs !== dueMs || this.nodes.get(key) !== node) return;
      node.wakeMs = Infinity;
      this.step(key, { type: "tick" });
    });
  }
}
