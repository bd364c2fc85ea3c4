/**
 * A meeting point: visitors that can't dial each other open streams to each other through it. What goes through them is
 * sealed between the two; the meeting point knows keys, addresses, tags of rooms, numbers of word codes, and who sends
 * how much to whom. A visitor proves its key by its link, so that nobody is registered in somebody else's place.
 */

import { Agenda, type Machine } from "../../base/machine/machine.ts";
import { DeadlineQueue } from "../../base/collections/deadline_queue.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import {
  SILENT_MS,
  STREAMS_EACH_MAX,
  STREAMS_MAX,
  VISITORS_EACH_MAX,
  VISITORS_MAX,
} from "./limits.ts";
import type { MeetingLimits, MeetingRefusal, PointEffect, PointInput } from "./meeting_io.ts";
import type { MeetingMessage } from "./messages.ts";
import { StreamRelay } from "./stream_relay.ts";
import type { Share, Stream, Visitor } from "./visitor.ts";
import { Visitors } from "./visitors.ts";

type Message<Type> = Extract<MeetingMessage, { readonly type: Type }>;
type Connect = Message<"connect"> | Message<"connect-number">;

interface Refusal {
  readonly code: MeetingRefusal;
  readonly text: string;
}

const REPLACED = "another process with this key has come";

export class MeetingPoint implements Machine<PointInput, PointEffect> {
  readonly #visitors: Visitors;
  readonly #streams: StreamRelay;
  /** Visitors that are here for nothing, and when they are to go. */
  readonly #silent = new DeadlineQueue<Visitor>();
  readonly #agenda: Agenda;
  #nowMs = 0;
  #out: PointEffect[] = [];

  constructor(limits: MeetingLimits) {
    this.#visitors = new Visitors(limits);
    this.#streams = new StreamRelay({ send: (visitor, message) => this.#send(visitor, message) });
    this.#agenda = new Agenda([
      this.#streams,
      { nextMs: () => this.#silent.nextMs(), tick: (nowMs) => this.#endSilent(nowMs) },
    ]);
  }

  /** For the operator. */
  get counts() {
    const { size: visitors, registered } = this.#visitors;
    const { size: streams, relayedBytes } = this.#streams;
    return { visitors, registered, streams, relayedBytes };
  }

  step(input: PointInput, nowMs: number): readonly PointEffect[] {
    this.#out = [];
    this.#nowMs = nowMs;
    this.#handle(input);
    return this.#out;
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
  }

  #handle(input: PointInput): void {
    if (input.type === "tick") return this.#agenda.tick(this.#nowMs);
    if (input.type === "link-up") return this.#came(input.link, input.peer, input.host);
    const visitor = this.#visitors.get(input.link);
    if (visitor === undefined) return; // it is being closed
    switch (input.type) {
      case "link-down":
        return this.#gone(visitor, "the other side's link to the meeting point broke");
      case "congested":
        visitor.isCongested = true;
        return;
      case "drained":
        visitor.isCongested = false;
        return this.#streams.drained(visitor, this.#nowMs);
      case "unknown-message": {
        const fault = visitor.unknown.fault(this.#nowMs);
        if (fault !== null) return this.#ban(visitor, fault);
        return this.#send(visitor, { type: "unknown", code: input.code });
      }
      case "message":
        return this.#message(visitor, input.message);
      default:
        return unreachable(input);
    }
  }

  // Who is here.

  #came(link: LinkId, peer: PeerKey, host: string): void {
    const address = this.#visitors.addressOf(host);
    const most = Math.max(VISITORS_EACH_MAX, address.streamsMax);
    if (this.#visitors.size >= VISITORS_MAX || address.visitors >= most) {
      this.#out.push({ type: "close", link, reason: "full" });
      return;
    }
    this.#watch(this.#visitors.came(link, peer, address));
  }

  #gone(visitor: Visitor, reason: string): void {
    this.#visitors.gone(visitor);
    this.#silent.set(visitor, null);
    for (const end of [...visitor.streams.values()]) this.#streams.end(end, reason, this.#nowMs);
  }

  #close(visitor: Visitor, reason: string): void {
    this.#gone(visitor, "the meeting point has closed the other side's link");
    this.#out.push({ type: "close", link: visitor.link, reason });
  }

  #ban(visitor: Visitor, reason: string): void {
    this.#gone(visitor, "the meeting point has closed the other side's link");
    this.#out.push({ type: "ban", link: visitor.link, reason });
  }

  /** A visitor is looked at once it has been here for nothing for some time. */
  #watch(visitor: Visitor): void {
    this.#silent.set(visitor, visitor.room === null ? this.#nowMs + SILENT_MS : null);
  }

  #endSilent(nowMs: number): void {
    for (const visitor of [...this.#silent.takeDue(nowMs)]) {
      if (visitor.isOfUse) this.#watch(visitor);
      else this.#close(visitor, "not used");
    }
  }

  // What they say.

  #message(visitor: Visitor, message: MeetingMessage): void {
    const isOfStream = message.type === "bytes" || message.type === "room";
    const rate = isOfStream ? visitor.pieces : visitor.control;
    if (!rate.take(this.#nowMs)) return this.#ban(visitor, "sent too many messages");
    const fault = this.#heard(visitor, message);
    if (fault !== null) this.#ban(visitor, fault);
  }

  /** @returns What is wrong with the message; null where nothing is. */
  #heard(visitor: Visitor, message: MeetingMessage): string | null {
    switch (message.type) {
      case "register":
        this.#register(visitor, message.room.toHex());
        return null;
      case "numbers":
        return this.#number(visitor, message.numbers);
      case "connect":
      case "connect-number":
        return this.#connect(visitor, message);
      case "bytes": {
        const end = visitor.streams.get(message.stream);
        return end === undefined ? null : this.#streams.bytes(end, message.bytes, this.#nowMs);
      }
      case "room": {
        const end = visitor.streams.get(message.stream);
        return end === undefined ? null : this.#streams.taken(end, message.bytes);
      }
      case "close": {
        const end = visitor.streams.get(message.stream);
        if (end !== undefined) this.#streams.end(end, message.reason, this.#nowMs);
        this.#watch(visitor);
        return null;
      }
      case "unknown":
        return visitor.unknown.fault(this.#nowMs);
      case "registered":
      case "numbered":
      case "opened":
      case "refused":
      case "incoming":
        return `sent ${message.type}, which only a meeting point does`;
      default:
        return unreachable(message);
    }
  }

  #register(visitor: Visitor, room: string): void {
    const before = this.#visitors.register(visitor, room);
    this.#silent.set(visitor, null);
    if (before !== null && before !== visitor) {
      this.#send(before, { type: "refused", stream: null, code: "replaced", text: REPLACED });
      this.#watch(before);
    }
    this.#send(visitor, { type: "registered" });
  }

  #number(visitor: Visitor, numbers: readonly number[]): string | null {
    if (visitor.room === null) return "registered numbers before itself";
    const held = this.#visitors.number(visitor, numbers, this.#nowMs);
    this.#send(visitor, { type: "numbered", numbers: [...held] });
    return null;
  }

  #connect(visitor: Visitor, message: Connect): string | null {
    const { stream } = message;
    if (stream % 2 !== 0 || visitor.streams.has(stream)) return "named a stream that isn't free";
    const found = this.#callee(visitor, message);
    const refusal = "code" in found ? found : this.#fullFor(visitor, found.callee, found.room);
    if (refusal !== null) {
      this.#send(visitor, { type: "refused", stream, ...refusal });
      return null;
    }
    const { callee, room } = found as Exclude<typeof found, Refusal>;
    const incoming = callee.lastStream += 2;
    this.#streams.open([visitor, stream], [callee, incoming], room, this.#nowMs);
    this.#send(callee, { type: "incoming", stream: incoming, from: visitor.peer });
    this.#send(visitor, { type: "opened", stream });
    return null;
  }

  #callee(
    visitor: Visitor,
    message: Connect,
  ): Refusal | { readonly callee: Visitor; readonly room: Share | null } {
    const { address } = visitor;
    const isAllowed = address.connects.take(this.#nowMs) &&
      (message.type === "connect" || address.lookups.take(this.#nowMs));
    if (!isAllowed) {
      return { code: "too-fast", text: "too many questions from this address" };
    }
    const callee = message.type === "connect"
      ? this.#visitors.member(message.member, message.room.toHex())
      : this.#visitors.issuer(message.number, this.#nowMs);
    if (callee === null || callee === visitor) {
      return message.type === "connect"
        ? { code: "unreachable", text: "it isn't here" }
        : { code: "unreachable", text: "nobody here has a code with that number" };
    }
    return { callee, room: callee.room === null ? null : this.#visitors.roomOf(callee.room) };
  }

  /** Why there is no place for one more stream, and none that can be made; null where there is. */
  #fullFor(visitor: Visitor, callee: Visitor, room: Share | null): Refusal | null {
    const full = (whose: string) => ({
      code: "full" as const,
      text: `no more links ${whose}`,
    });
    if (visitor.streams.size >= STREAMS_EACH_MAX || visitor.address.isFull) {
      return full("from this address");
    }
    const bounds: readonly (readonly [boolean, (stream: Stream) => boolean, string])[] = [
      [this.#streams.size >= STREAMS_MAX, () => true, "for anybody"],
      [
        callee.streams.size >= STREAMS_EACH_MAX,
        ({ ends }) => ends.some((end) => end.visitor === callee),
        "to that address",
      ],
      [
        callee.address.isFull,
        ({ shares }) => shares.includes(callee.address),
        "to that address",
      ],
      [
        room?.isFull === true,
        ({ shares }) => room !== null && shares.includes(room),
        "of that room",
      ],
    ];
    for (const [isFull, isOf, whose] of bounds) {
      if (isFull && !this.#streams.makeRoom(isOf)) return full(whose);
    }
    return null;
  }

  #send(visitor: Visitor, message: MeetingMessage): void {
    this.#out.push({ type: "send", link: visitor.link, message });
  }
}
