/** Members reduced to `Order` and `AntiEntropy`, on links with delays, in virtual time. */

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
import { environment, Member, type MemberOptions } from "./order_members.ts";

const DELAY_MS = 10;

interface UnderWay {
  readonly atMs: number;
  readonly from: SyncMember;
  readonly to: SyncMember;
  readonly message: MeshMessage;
}

/** A member without a tree: what it says and takes in goes to all neighbours (`floods`), or to nobody. */
export class SyncMember {
  readonly member: Member;
  readonly sync: AntiEntropy;
  readonly neighbours = new Set<SyncMember>();
  readonly penalties: string[] = [];
  readonly caughtUp: PeerKey[] = [];
  /** Takes messages in, but answers nothing. */
  mute = false;

  constructor(readonly network: SyncNetwork, name: string, options: MemberOptions = {}) {
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

  neighboursChanged(): void {
    const peers = [...this.neighbours].map(({ key }) => key);
    this.order(this.member.step({ type: "neighbours", peers }, this.network.nowMs));
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
          for (const { key } of this.neighbours) {
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
  }

  nextMs(): number | null {
    return earliestMs(this.member.order.nextDeadlineMs(), this.sync.nextDeadlineMs());
  }

  send(to: PeerKey, message: MeshMessage): void {
    this.network.send(this, to, message);
  }

  #flood({ bundle, from }: Extract<OrderEffect, { type: "delivered" | "late" }>): void {
    for (const { key } of this.neighbours) {
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

export class SyncNetwork {
  nowMs = 0;
  readonly members: SyncMember[] = [];
  /** Every message that was sent, for counting. */
  readonly sent: MeshMessage[] = [];
  floods = false;
  /** Of a link in one direction; always the same, so that nothing is overtaken on it. */
  delayMs: (from: SyncMember, to: SyncMember) => number = () => DELAY_MS;
  /** How many bytes a millisecond a link carries in one direction. */
  bytesPerMs = Infinity;
  /** When it has carried all that was sent, by sender and receiver. */
  readonly #freeAtMs = new Map<string, number>();
  /** Decides what is lost. */
  loses: (message: MeshMessage, from: SyncMember, to: SyncMember) => boolean = () => false;
  #underWay: UnderWay[] = [];

  add(name: string, options: MemberOptions = {}): SyncMember {
    const member = new SyncMember(this, name, options);
    this.members.push(member);
    return member;
  }

  link(a: SyncMember, b: SyncMember): void {
    for (const [one, other] of [[a, b], [b, a]] as const) {
      one.neighbours.add(other);
      one.neighboursChanged();
    }
    a.feed({ type: "neighbour-up", peer: b.key });
    b.feed({ type: "neighbour-up", peer: a.key });
  }

  unlink(a: SyncMember, b: SyncMember): void {
    this.#underWay = this.#underWay.filter(({ from, to }) =>
      !((from === a && to === b) || (from === b && to === a))
    );
    for (const [one, other] of [[a, b], [b, a]] as const) {
      one.neighbours.delete(other);
      one.neighboursChanged();
      one.feed({ type: "neighbour-down", peer: other.key });
      one.order(one.member.step({ type: "peer-down", peer: other.key }, this.nowMs));
    }
  }

  send(from: SyncMember, to: PeerKey, message: MeshMessage): void {
    const receiver = this.members.find((member) =>
      member.key === to && from.neighbours.has(member)
    );
    if (receiver === undefined) return;
    this.sent.push(message);
    if (this.loses(message, from, receiver)) return;
    const link = `${from.key} ${to}`;
    const carriedMs = this.bytesPerMs === Infinity ? 0 : bytesOf(message) / this.bytesPerMs;
    const freeAtMs = Math.max(this.nowMs, this.#freeAtMs.get(link) ?? 0) + carriedMs;
    this.#freeAtMs.set(link, freeAtMs);
    const atMs = freeAtMs + this.delayMs(from, receiver);
    const place = this.#underWay.findIndex((other) => other.atMs > atMs);
    const index = place < 0 ? this.#underWay.length : place;
    this.#underWay.splice(index, 0, { atMs, from, to: receiver, message });
  }

  /** Lets time pass until `untilMs`. */
  run(untilMs: number): void {
    for (;;) {
      const next = Math.min(
        this.#underWay[0]?.atMs ?? Infinity,
        ...this.members.map((member) => member.nextMs() ?? Infinity),
      );
      if (next > untilMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      while (this.#underWay.length > 0 && this.#underWay[0]!.atMs <= this.nowMs) {
        const { from, to, message } = this.#underWay.shift()!;
        to.receive(from, message);
      }
      for (const member of this.members) member.tick();
    }
    this.nowMs = untilMs;
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
