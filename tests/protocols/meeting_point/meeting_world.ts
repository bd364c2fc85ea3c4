/**
 * A meeting point and its visitors over links in memory, in virtual time. Each visitor's streams have credit, and check
 * that bytes come as they were sent: in order, none lost before the end, none of another stream's.
 */

import { assert } from "@std/assert";
import { sameBytes } from "../../../lib/base/collections/bytes.ts";
import { concatBytes, nodeCrypto, nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import type { LinkId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  CREDIT_BYTES,
  LINKS_DEFAULT,
  PIECE_BYTES_MAX,
  RATE_DEFAULT,
  ROOM_LINKS_DEFAULT,
  ROOM_RATE_DEFAULT,
} from "../../../lib/protocols/meeting_point/limits.ts";
import { MeetingClient } from "../../../lib/protocols/meeting_point/meeting_client.ts";
import type {
  Callee,
  MeetingLimits,
  PointEffect,
  PointInput,
  VisitorEffect,
  VisitorInput,
} from "../../../lib/protocols/meeting_point/meeting_io.ts";
import { MeetingPoint } from "../../../lib/protocols/meeting_point/meeting_point.ts";
import {
  MEETING_MESSAGES,
  type MeetingMessage,
} from "../../../lib/protocols/meeting_point/messages.ts";
import { roomTagAt } from "../../../lib/protocols/meeting_point/room_tag.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { Random } from "../../sim/random.ts";

const CODEC = createCodec(MEETING_MESSAGES);
/** One way. */
const DELAY_MS = 5;
export const AT = { host: "198.51.100.1", port: 4400 };

export function keyOf(seed: number): PeerKey {
  return nodeSigner(new Uint8Array(32).fill(seed)).key;
}

export const POINT_KEY = keyOf(200);
export const OTHER_POINT_KEY = keyOf(201);
export const ROOM = "ab".repeat(32) as RoomId;
/** At the meeting point. */
export const ROOM_TAG = roomTagAt(nodeCrypto, fingerprintOf(POINT_KEY), ROOM);

/** What a stream's end has sent, received, and may send. */
interface End {
  sent: Uint8Array;
  received: Uint8Array;
  credit: number;
  readonly stream: number;
  /** Why it is over; null while it isn't. */
  over: string | null;
  readonly from: PeerKey | null;
}

interface Waiting {
  readonly atMs: number;
  readonly run: () => void;
}

export class VisitorNode {
  client: MeetingClient;
  link: LinkId | null = null;
  readonly ends: End[] = [];
  readonly failed: Extract<VisitorEffect, { readonly type: "failed" }>[] = [];
  readonly effects: VisitorEffect[] = [];
  dials = 0;
  /** Whether what comes is read at once. */
  isReading = true;
  #unread: [number, number][] = [];
  #call = 0;

  constructor(
    readonly world: MeetingWorld,
    readonly key: PeerKey,
    readonly host: string,
    pinned: Fingerprint | null = null,
  ) {
    this.client = new MeetingClient({
      what: "meeting point",
      name: "*meeting*",
      endpoint: AT,
      knownPeers: "known_peers",
      pinned,
      given: null,
    }, { random: () => world.random.next(), crypto: nodeCrypto });
  }

  get fingerprint(): Fingerprint {
    return fingerprintOf(this.key);
  }

  get open(): readonly End[] {
    return this.ends.filter(({ over }) => over === null);
  }

  step(input: VisitorInput): void {
    for (const effect of this.client.step(input, this.world.nowMs)) this.#carryOut(effect);
  }

  register(room = ROOM): void {
    this.step({ type: "register", room });
  }

  connect(callee: Callee): number {
    const call = this.#call++;
    this.step({ type: "connect", call, callee });
    return call;
  }

  reach(other: VisitorNode, room = ROOM): number {
    return this.connect({ member: other.fingerprint, room });
  }

  /** Sends as much as there is credit for. @returns How much that was. */
  send(end: End, bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && end.credit > 0) {
      const piece = bytes.slice(at, at + Math.min(end.credit, PIECE_BYTES_MAX));
      end.credit -= piece.length;
      end.sent = concatBytes(end.sent, piece);
      at += piece.length;
      this.step({ type: "bytes", stream: end.stream, bytes: piece });
    }
    return at;
  }

  end(end: End): void {
    end.over = "ours";
    this.step({ type: "over", stream: end.stream });
  }

  read(): void {
    for (const [stream, bytes] of this.#unread.splice(0)) {
      this.step({ type: "taken", stream, bytes });
    }
  }

  #carryOut(effect: VisitorEffect): void {
    const { world } = this;
    this.effects.push(effect);
    switch (effect.type) {
      case "dial":
        this.dials++;
        return world.dial(this, effect.attempt, effect.expect);
      case "send":
        return world.toPoint(this, effect.link, effect.message);
      case "close":
        return world.closeByVisitor(this, effect.link);
      case "opened":
      case "incoming": {
        const from = effect.type === "incoming" ? effect.from : null;
        const nothing = new Uint8Array();
        const { stream } = effect;
        this.ends.push({
          stream,
          from,
          sent: nothing,
          received: nothing,
          credit: CREDIT_BYTES,
          over: null,
        });
        return;
      }
      case "failed":
        this.failed.push(effect);
        return;
      case "received": {
        const end = this.#end(effect.stream);
        end.received = concatBytes(end.received, effect.bytes);
        this.#unread.push([effect.stream, effect.bytes.length]);
        if (this.isReading) world.at(0, () => this.read());
        return;
      }
      case "room":
        this.#end(effect.stream).credit += effect.bytes;
        return;
      case "ended":
        this.#end(effect.stream).over = effect.reason;
        return;
    }
  }

  #end(stream: number): End {
    const end = this.open.find((one) => one.stream === stream);
    assert(end !== undefined, "what is told of is there");
    return end;
  }
}

export class MeetingWorld {
  readonly random: Random;
  nowMs = 1_000;
  point: MeetingPoint | null = null;
  key = POINT_KEY;
  readonly visitors: VisitorNode[] = [];
  readonly banned: string[] = [];
  readonly closed: string[] = [];
  readonly #queue: Waiting[] = [];
  /** By link: its visitor, and whether it is up. */
  readonly #links = new Map<LinkId, VisitorNode>();
  #lastLink = 0;

  constructor(seed = 1, readonly limits: Partial<MeetingLimits> = {}) {
    this.random = new Random(seed);
    this.start();
  }

  start(key = POINT_KEY): void {
    this.key = key;
    this.point = new MeetingPoint({
      links: LINKS_DEFAULT,
      rate: RATE_DEFAULT,
      roomLinks: ROOM_LINKS_DEFAULT,
      roomRate: ROOM_RATE_DEFAULT,
      ...this.limits,
    });
  }

  /** Its process dies: all links fall. */
  kill(): void {
    this.point = null;
    for (const [link, visitor] of [...this.#links]) this.#fall(link, visitor, "lost");
  }

  visitor(seed: number, host = `192.0.2.${seed}`, pinned: Fingerprint | null = null): VisitorNode {
    const visitor = new VisitorNode(this, keyOf(seed), host, pinned);
    this.visitors.push(visitor);
    return visitor;
  }

  at(inMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + inMs, run });
  }

  /** Lets so much time pass. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const next = this.#next(untilMs);
      if (next === null) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
  }

  /** What is next, if it is due by then: taken out of what waits. */
  #next(untilMs: number): Waiting | null {
    const due = [...this.visitors].flatMap((visitor) => {
      const atMs = visitor.client.nextDeadlineMs();
      return atMs === null ? [] : [{ atMs, run: () => visitor.step({ type: "tick" }) }];
    });
    const pointMs = this.point?.nextDeadlineMs() ?? null;
    if (pointMs !== null) due.push({ atMs: pointMs, run: () => this.step({ type: "tick" }) });
    let best: Waiting | null = null;
    for (const one of due) if (best === null || one.atMs < best.atMs) best = one;
    let first: Waiting | null = null;
    for (const one of this.#queue) if (first === null || one.atMs < first.atMs) first = one;
    if (first === null || (best !== null && best.atMs < first.atMs)) {
      return best === null || best.atMs > untilMs ? null : best;
    }
    if (first.atMs > untilMs) return null;
    this.#queue.splice(this.#queue.indexOf(first), 1);
    return first;
  }

  // Links.

  dial(visitor: VisitorNode, attempt: number, expect: Fingerprint | null): void {
    this.at(2 * DELAY_MS, () => {
      if (this.point === null) {
        const text = "nobody listens there";
        return visitor.step({
          type: "dial-failed",
          attempt,
          reason: "unreachable",
          text,
          key: null,
        });
      }
      const { key } = this;
      if (expect !== null && fingerprintOf(key) !== expect) {
        const text = "another key answers there";
        return visitor.step({ type: "dial-failed", attempt, reason: "wrong-key", text, key });
      }
      const link = ++this.#lastLink as LinkId;
      this.#links.set(link, visitor);
      visitor.link = link;
      this.step({ type: "link-up", link, peer: visitor.key, host: visitor.host });
      visitor.step({ type: "link-up", link, peer: key, attempt });
    });
  }

  /** What somebody says who keeps to no rule. */
  says(visitor: VisitorNode, message: MeetingMessage): void {
    this.toPoint(visitor, visitor.link!, message);
  }

  toPoint(visitor: VisitorNode, link: LinkId, message: MeetingMessage): void {
    const copied = copy(message);
    this.at(DELAY_MS, () => {
      if (this.#links.get(link) === visitor) this.step({ type: "message", link, message: copied });
    });
  }

  closeByVisitor(visitor: VisitorNode, link: LinkId): void {
    this.at(DELAY_MS, () => this.#fall(link, visitor, "closed"));
  }

  #fall(link: LinkId, visitor: VisitorNode, reason: string): void {
    if (!this.#links.delete(link)) return;
    if (visitor.link === link) visitor.link = null;
    if (this.point !== null) this.step({ type: "link-down", link });
    visitor.step({ type: "link-down", link, reason });
  }

  step(input: PointInput): void {
    for (const effect of this.point?.step(input, this.nowMs) ?? []) this.#carryOut(effect);
  }

  #carryOut(effect: PointEffect): void {
    const { link } = effect;
    const visitor = this.#links.get(link);
    if (visitor === undefined) return;
    if (effect.type === "send") {
      const message = copy(effect.message);
      this.at(DELAY_MS, () => {
        if (this.#links.get(link) === visitor) visitor.step({ type: "message", link, message });
      });
      return;
    }
    (effect.type === "ban" ? this.banned : this.closed).push(effect.reason);
    this.at(DELAY_MS, () => this.#fall(link, visitor, effect.reason));
  }

  /** The visitors' ends of one stream hold what the other has sent, as far as it has come. */
  checkPair(one: End, other: End): void {
    assert(sameBytes(other.received, one.sent.slice(0, other.received.length)));
    assert(sameBytes(one.received, other.sent.slice(0, one.received.length)));
  }
}

/** As bytes on the wire would be. */
function copy(message: MeetingMessage): MeetingMessage {
  const decoded = CODEC.decode(CODEC.encode(message).slice());
  assert(decoded.type !== "unknown-message");
  return decoded;
}
