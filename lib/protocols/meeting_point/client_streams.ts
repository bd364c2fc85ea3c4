/** A visitor's streams: those that it has asked for, and those that are there, with the credit of each. */

import type { RoomId } from "../../base/ids.ts";
import {
  CONNECT_MS,
  CONNECTING_MAX,
  CREDIT_BYTES,
  PIECE_BYTES_MAX,
  STREAMS_EACH_MAX,
} from "./limits.ts";
import type { Callee, MeetingRefusal, VisitorEffect } from "./meeting_io.ts";
import type { MeetingMessage } from "./messages.ts";

/** A stream that was asked for and hasn't come. */
interface Call {
  readonly callee: Callee;
  readonly dueMs: number;
  /** Its number, once the meeting point was asked. */
  stream: number | null;
}

/** What came of a stream and wasn't granted anew: no more than its credit comes. */
interface Received {
  cameBytes: number;
  /** Of these, read. */
  takenBytes: number;
}

interface ClientStreamsPort {
  /** The room's tag at the meeting point, which is there. */
  tagOf(room: RoomId): Uint8Array<ArrayBuffer>;
  /** Sends it, where the meeting point is there. */
  send(message: MeetingMessage): void;
  emit(effect: VisitorEffect): void;
}

export class ClientStreams {
  readonly #calls = new Map<number, Call>();
  readonly #open = new Map<number, Received>();
  #next = 0;

  constructor(readonly port: ClientStreamsPort) {}

  /** Whether a stream is there, or asked for. */
  get isUsed(): boolean {
    return this.#open.size > 0 || this.#calls.size > 0;
  }

  get nextMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.#calls.values()) next = Math.min(next ?? Infinity, dueMs);
    return next;
  }

  /** @returns Whether it is to be asked for; otherwise it has failed. */
  call(call: number, callee: Callee, nowMs: number): boolean {
    if (this.#calls.size >= CONNECTING_MAX) {
      this.#fail(call, "full", "too many links through the meeting point are being made");
      return false;
    }
    this.#calls.set(call, { callee, dueMs: nowMs + CONNECT_MS, stream: null });
    return true;
  }

  /** The meeting point is there: asks for all that haven't been asked for. */
  ask(): void {
    for (const call of this.#calls.values()) {
      if (call.stream !== null) continue;
      const stream = call.stream = this.#next;
      this.#next += 2;
      const { callee } = call;
      if ("number" in callee) {
        this.port.send({ type: "connect-number", stream, number: callee.number });
      } else {
        const { member, room } = callee;
        this.port.send({ type: "connect", stream, room: this.port.tagOf(room), member });
      }
    }
  }

  /** The meeting point is gone, or can't be reached. */
  lost(text: string): void {
    for (const stream of this.#open.keys()) {
      this.port.emit({ type: "ended", stream, reason: text });
    }
    this.#open.clear();
    for (const call of this.#calls.keys()) this.#fail(call, "unreachable", text);
    this.#calls.clear();
  }

  opened(stream: number): void {
    const call = this.#callOf(stream);
    // It was given up.
    if (call === null) return this.port.send({ type: "close", stream, reason: "not wanted" });
    this.#calls.delete(call);
    this.#add(stream);
    this.port.emit({ type: "opened", call, stream });
  }

  refused(stream: number, code: MeetingRefusal, text: string): void {
    const call = this.#callOf(stream);
    if (call === null) return;
    this.#calls.delete(call);
    this.#fail(call, code, text);
  }

  incoming(
    { stream, from }: Extract<MeetingMessage, { readonly type: "incoming" }>,
  ): string | null {
    if (stream % 2 === 0 || this.#open.has(stream)) return "brought a stream that isn't free";
    if (this.#open.size >= 2 * STREAMS_EACH_MAX) return "brought too many streams";
    this.#add(stream);
    this.port.emit({ type: "incoming", stream, from });
    return null;
  }

  #add(stream: number): void {
    this.#open.set(stream, { cameBytes: 0, takenBytes: 0 });
  }

  /** @returns What is wrong with the message; null where nothing is. */
  received(stream: number, bytes: Uint8Array): string | null {
    const received = this.#open.get(stream);
    if (received === undefined) return null; // we have ended it meanwhile
    received.cameBytes += bytes.length;
    if (received.cameBytes > CREDIT_BYTES) return "sent more than there is room for";
    this.port.emit({ type: "received", stream, bytes });
    return null;
  }

  /** So many bytes were read: as many more may come. They are granted in pieces, or each would cost a message. */
  taken(stream: number, bytes: number): void {
    const received = this.#open.get(stream);
    if (received === undefined) return;
    received.takenBytes += bytes;
    if (received.takenBytes < PIECE_BYTES_MAX) return;
    this.port.send({ type: "room", stream, bytes: received.takenBytes });
    received.cameBytes -= received.takenBytes;
    received.takenBytes = 0;
  }

  room(stream: number, bytes: number): void {
    if (this.#open.has(stream)) this.port.emit({ type: "room", stream, bytes });
  }

  send(stream: number, bytes: Uint8Array): void {
    if (this.#open.has(stream)) {
      this.port.send({ type: "bytes", stream, bytes: bytes as Uint8Array<ArrayBuffer> });
    }
  }

  /** This side has ended it. */
  over(stream: number): void {
    if (this.#open.delete(stream)) this.port.send({ type: "close", stream, reason: "ended" });
  }

  /** The other side has. */
  ended(stream: number, reason: string): void {
    if (this.#open.delete(stream)) this.port.emit({ type: "ended", stream, reason });
  }

  /** Gives up what hasn't come in time. */
  tick(nowMs: number): void {
    for (const [call, { dueMs }] of [...this.#calls]) {
      if (dueMs > nowMs) continue;
      this.#calls.delete(call);
      this.#fail(call, "unreachable", "no answer from the meeting point");
    }
  }

  #callOf(stream: number): number | null {
    for (const [number, call] of this.#calls) if (call.stream === stream) return number;
    return null;
  }

  #fail(call: number, code: MeetingRefusal, text: string): void {
    this.port.emit({ type: "failed", call, code, text });
  }
}
