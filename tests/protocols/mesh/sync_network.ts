/** Members of a mesh reduced to `CausalOrder` and `AntiEntropy`. */

import type { PeerKey } from "../../../lib/base/ids.ts";
import { earliestMs } from "../../../lib/base/machine/machine.ts";
import { encode } from "../../../lib/base/schema/schema.ts";
import { AntiEntropy } from "../../../lib/protocols/mesh/sync/anti_entropy.ts";
import type {
  AntiEntropyEffect,
  AntiEntropyInput,
} from "../../../lib/protocols/mesh/sync/anti_entropy_io.ts";
import { MESH_MESSAGES, type MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { OrderEffect } from "../../../lib/protocols/mesh/log/order_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { LinkEnd, MeshNetwork, MeshNode } from "./mesh_network.ts";
import { environment, Member, type MemberOptions } from "./order_members.ts";

const DELAY_MS = 10;

class SyncEnd extends LinkEnd<SyncMember> {
  /** When the link has carried all that was sent here. */
  freeAtMs = 0;
}

/** A member without a tree: what it says and takes in goes to all neighbours (`floods`), or to nobody. */
export class SyncMember extends MeshNode {
  readonly member: Member;
  readonly sync: AntiEntropy;
  readonly links = new Map<PeerKey, SyncEnd>();
  readonly penalties: string[] = [];
  readonly caughtUp: PeerKey[] = [];
  /** Takes messages in, but answers nothing. */
  mute = false;

  constructor(override readonly network: SyncNetwork, name: string, options: MemberOptions = {}) {
    super(network);
    this.member = new Member(name, options);
    const newcomer = (options.records ?? []).length === 0;
    const env = environment(() => 0, name.length * 7_919 + name.charCodeAt(0));
    this.sync = new AntiEntropy(
      { key: this.member.key, newcomer, mayBeOthers: () => false },
      env,
      this.member.order,
    );
  }

  get key(): PeerKey {
    return this.member.key;
  }

  feed(input: AntiEntropyInput): void {
    for (const effect of this.sync.step(input, this.network.nowMs)) this.#carryOut(effect);
  }

  receive(from: SyncMember, message: MeshMessage): void {
    if (this.mute) return;
    const nowMs = this.network.nowMs;
    switch (message.type) {
      case "bundle":
        if (message.reason === "range") {
          this.feed({ type: "arrived", from: from.key, bundle: message.bundle });
        }
        return this.order(this.member.receive(from.member, message.bundle, nowMs, message.reason));
      case "proof":
        return this.order(
          this.member.step({ type: "proof", from: from.key, proof: message.proof }, nowMs),
        );
      case "graft": {
        const bundles = this.member.order.bundlesAfter(message, message.after);
        for (const bundle of bundles) {
          this.send(from.key, { type: "bundle", bundle, claim: null, hop: 0, reason: "graft" });
        }
        return;
      }
      case "sync-summary":
      case "sync-buckets":
      case "sync-frontiers":
      case "sync-want":
      case "sync-progress":
      case "sync-done":
        return this.feed({ type: "message", from: from.key, message });
    }
  }

  linkUp(end: SyncEnd): void {
    this.links.set(end.peer.key, end);
    this.#neighboursChanged();
  }

  linkDown({ peer: { key: peer } }: SyncEnd): void {
    this.links.delete(peer);
    this.#neighboursChanged();
    this.feed({ type: "neighbour-down", peer });
    this.order(this.member.step({ type: "peer-down", peer }, this.network.nowMs));
  }

  #neighboursChanged(): void {
    const neighbours = { type: "neighbours", peers: [...this.links.keys()] } as const;
    this.order(this.member.step(neighbours, this.network.nowMs));
  }

  /** Carries out what `Order` wants of others. */
  order(effects: readonly OrderEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "delivered":
          if (this.network.floods) this.#flood(effect);
          if (effect.reason !== "range" || effect.from === null) break;
          this.feed({ type: "taken-in", from: effect.from, bundle: effect.bundle });
          break;
        case "late":
          if (this.network.floods) this.#flood(effect);
          if (effect.reason !== "range") break;
          this.feed({ type: "taken-in", from: effect.from, bundle: effect.bundle });
          break;
        case "duplicate":
        case "dropped":
          if (effect.reason !== "range" || effect.from === null) break;
          this.feed({ type: "taken-in", from: effect.from, bundle: effect.bundle });
          break;
        case "want":
          this.send(effect.from, { type: "graft", ...effect.stream, after: effect.after });
          break;
        case "stuck":
          this.feed(effect);
          break;
        case "penalise":
          this.penalties.push(effect.text);
          break;
        case "equivocation":
          for (const key of this.links.keys()) {
            this.send(key, { type: "proof", proof: effect.proof });
          }
      }
    }
  }

  tick(): void {
    const nowMs = this.network.nowMs;
    if ((this.member.order.nextDeadlineMs() ?? Infinity) <= nowMs) {
      this.order(this.member.step({ type: "tick" }, nowMs));
    }
    if ((this.sync.nextDeadlineMs() ?? Infinity) <= nowMs) this.feed({ type: "tick" });
    this.arm();
  }

  nextDeadlineMs(): number | null {
    return earliestMs(this.member.order.nextDeadlineMs(), this.sync.nextDeadlineMs());
  }

  send(to: PeerKey, message: MeshMessage): void {
    const end = this.links.get(to);
    if (end !== undefined) this.network.send(end, message);
  }

  #flood({ bundle, from }: Extract<OrderEffect, { type: "delivered" | "late" }>): void {
    for (const key of this.links.keys()) {
      if (key === from) continue;
      this.send(key, { type: "bundle", bundle, claim: null, hop: 0, reason: "push" });
    }
  }

  #carryOut(effect: AntiEntropyEffect): void {
    switch (effect.type) {
      case "send":
        return this.send(effect.to, effect.message);
      case "send-bundle":
        return this.send(effect.to, {
          type: "bundle",
          bundle: effect.bundle,
          claim: null,
          hop: 0,
          reason: "range",
        });
      case "send-proof":
        return this.send(effect.to, { type: "proof", proof: effect.proof });
      case "not-given":
      case "not-kept":
      case "passed-over":
        return this.order(this.member.step(effect, this.network.nowMs));
      case "caught-up":
        this.caughtUp.push(effect.peer);
        if (this.sync.caughtUp()) this.member.step({ type: "caught-up" }, this.network.nowMs);
        return;
      case "penalise":
        this.penalties.push(effect.text);
        return;
    }
  }
}

export class SyncNetwork extends MeshNetwork {
  readonly members: SyncMember[] = [];
  /** Every message that was sent, for counting. */
  readonly sent: MeshMessage[] = [];
  floods = false;
  /** Of a link in one direction; always the same, so that nothing is overtaken on it. */
  delayMs: (from: SyncMember, to: SyncMember) => number = () => DELAY_MS;
  /** How many bytes a millisecond a link carries in one direction. */
  bytesPerMs = Infinity;
  /** Decides what is lost. */
  loses: (message: MeshMessage, from: SyncMember, to: SyncMember) => boolean = () => false;

  constructor() {
    super(1);
  }

  add(name: string, options: MemberOptions = {}): SyncMember {
    const member = new SyncMember(this, name, options);
    this.members.push(member);
    return member;
  }

  /** Its process is gone; its links were cut before. */
  remove(member: SyncMember): void {
    member.isGone = true;
    this.members.splice(this.members.indexOf(member), 1);
  }

  link(a: SyncMember, b: SyncMember): void {
    const near = new SyncEnd(a, this.delayMs(a, b)).to(new SyncEnd(b, this.delayMs(b, a)));
    for (const end of [near, near.other]) end.owner.linkUp(end);
    a.feed({ type: "neighbour-up", peer: b.key });
    b.feed({ type: "neighbour-up", peer: a.key });
  }

  unlink(a: SyncMember, b: SyncMember): void {
    const end = a.links.get(b.key)!;
    end.isUp = end.other.isUp = false;
    for (const one of [end, end.other]) one.owner.linkDown(one);
  }

  send(end: SyncEnd, message: MeshMessage): void {
    const { owner, peer, delayMs } = end;
    this.sent.push(message);
    if (this.loses(message, owner, peer)) return;
    const carriedMs = this.bytesPerMs === Infinity ? 0 : bytesOf(message) / this.bytesPerMs;
    end.freeAtMs = Math.max(this.nowMs, end.freeAtMs) + carriedMs;
    const arrives = () => {
      peer.receive(owner, message);
      peer.arm();
    };
    end.send(arrives, end.freeAtMs - this.nowMs + delayMs);
  }

  /** Tests step members' machines beside it. */
  override runUntil(untilMs: number): void {
    for (const member of this.members) member.arm();
    super.runUntil(untilMs);
  }

  count(type: MeshMessage["type"]): number {
    return this.sent.filter((message) => message.type === type).length;
  }
}

const specs = new Map(MESH_MESSAGES.map((spec) => [spec.name as string, spec]));

/** What a message takes on the wire. */
export function bytesOf(message: MeshMessage): number {
  return encode(specs.get(message.type)!.schema as never, message as never).length;
}

export function recordsOf(bundles: Iterable<{ header: unknown }>): MeshRecord[] {
  return [...bundles].map((bundle) => ({ kind: "bundle", bundle }) as MeshRecord);
}
