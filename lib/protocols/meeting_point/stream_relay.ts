/** Streams at a meeting point: sealed bytes of two visitors, passed on as fast as limits and the receiver allow. */

import { DeadlineQueue } from "../../base/collections/deadline_queue.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import { RelayFlow } from "../../base/rates/relay_flow.ts";
import { ANSWER_MS, CREDIT_BYTES, IDLE_MS, LINGER_MS, PIECE_BYTES_MAX } from "./limits.ts";
import type { MeetingMessage } from "./messages.ts";
import type { Share, Stream, StreamEnd, Visitor } from "./visitor.ts";

const FLOW = { creditBytes: CREDIT_BYTES, pieceBytesMax: PIECE_BYTES_MAX };

interface StreamRelayPort {
  send(visitor: Visitor, message: MeetingMessage): void;
}

export class StreamRelay {
  /** When each is looked at again: something may be forwarded, or it is idle. */
  readonly #due = new DeadlineQueue<Stream>();
  /** Those of which the side that has asked hasn't said anything yet, the oldest first. */
  readonly #unheard = new Set<Stream>();
  /** Bytes relayed in all, in both directions. */
  relayedBytes = 0;

  constructor(readonly port: StreamRelayPort) {}

  get size(): number {
    return this.#due.size;
  }

  open(
    [one, oneNumber]: readonly [Visitor, number],
    [other, otherNumber]: readonly [Visitor, number],
    room: Share | null,
    nowMs: number,
  ): void {
    const all = [one.address, other.address, ...(room === null ? [] : [room])];
    const shares = [...new Set(all)];
    const stream: Stream = { ends: [], shares, idleAtMs: nowMs + ANSWER_MS, reason: null };
    const rates = shares.map(({ bytes }) => bytes);
    for (const [visitor, number] of [[one, oneNumber], [other, otherNumber]] as const) {
      const flow = new RelayFlow(FLOW, rates);
      const end = { stream, visitor, number, flow, isHeard: false, isOver: false };
      stream.ends.push(end);
      visitor.streams.set(number, end);
    }
    for (const share of shares) share.streams++;
    this.#unheard.add(stream);
    this.#due.set(stream, stream.idleAtMs);
  }

  /**
   * Ends the oldest of these streams on which whoever asked for it says nothing: our own program begins the handshake at
   * once, so that none of those who only take places keeps it out. @returns Whether there was one.
   */
  makeRoom(isOf: (stream: Stream) => boolean): boolean {
    for (const stream of this.#unheard) {
      if (!isOf(stream)) continue;
      stream.reason ??= "nothing was said, and another came";
      this.#close(stream);
      return true;
    }
    return false;
  }

  /** @returns What is wrong with the message; null where nothing is. */
  bytes(end: StreamEnd, bytes: Uint8Array, nowMs: number): string | null {
    if (!end.flow.add(bytes)) return "sent more than there is room for";
    const { stream } = end;
    end.isHeard = true;
    if (end === stream.ends[0]) this.#unheard.delete(stream);
    if (stream.ends.every(({ isHeard }) => isHeard)) stream.idleAtMs = nowMs + IDLE_MS;
    this.relayedBytes += bytes.length;
    this.pump(end, nowMs);
    return null;
  }

  /** @returns What is wrong with the message; null where nothing is. */
  taken(end: StreamEnd, bytes: number): string | null {
    const sender = otherEnd(end);
    if (!sender.flow.taken(bytes)) return "took more than it was sent";
    if (!sender.isOver) {
      this.port.send(sender.visitor, { type: "room", stream: sender.number, bytes });
    }
    return null;
  }

  /** One end is over: what it has sent still goes to the other one, as far as that takes it in time. */
  end(end: StreamEnd, reason: string, nowMs: number): void {
    const { stream } = end;
    end.isOver = true;
    end.visitor.streams.delete(end.number);
    if (stream.reason === null) {
      stream.reason = reason;
      stream.idleAtMs = Math.min(stream.idleAtMs, nowMs + LINGER_MS);
    }
    this.pump(end, nowMs);
  }

  /** Forwards what this end has sent, and what the other one has. */
  pump({ stream }: StreamEnd, nowMs: number): void {
    let dueMs: number = stream.idleAtMs;
    for (const end of stream.ends) {
      const to = otherEnd(end);
      if (to.isOver || to.visitor.isCongested) continue;
      for (let bytes = end.flow.next(nowMs); bytes !== null; bytes = end.flow.next(nowMs)) {
        this.port.send(to.visitor, { type: "bytes", stream: to.number, bytes });
      }
      dueMs = earliestMs(dueMs, end.flow.dueMs(nowMs))!;
      if (end.isOver && end.flow.isEmpty) return this.#close(stream);
    }
    if (stream.ends.every(({ isOver }) => isOver)) this.#close(stream);
    else this.#due.set(stream, dueMs);
  }

  /** The visitor takes more again. */
  drained(visitor: Visitor, nowMs: number): void {
    for (const end of [...visitor.streams.values()]) this.pump(end, nowMs);
  }

  nextMs(): number | null {
    return this.#due.nextMs();
  }

  tick(nowMs: number): void {
    // Takes all due streams before it serves any: one that is due again at once waits for the next turn.
    for (const stream of [...this.#due.takeDue(nowMs)]) {
      if (stream.idleAtMs > nowMs) this.pump(stream.ends[0]!, nowMs);
      else {
        const isAnswered = stream.ends.every(({ isHeard }) => isHeard);
        stream.reason ??= isAnswered ? "nothing was sent for too long" : "no answer";
        this.#close(stream);
      }
    }
  }

  #close(stream: Stream): void {
    this.#due.set(stream, null);
    this.#unheard.delete(stream);
    for (const share of stream.shares) share.streams--;
    for (const end of stream.ends) {
      if (end.isOver) continue;
      end.isOver = true;
      end.visitor.streams.delete(end.number);
      const reason = stream.reason ?? "";
      this.port.send(end.visitor, { type: "close", stream: end.number, reason });
    }
  }
}

function otherEnd(end: StreamEnd): StreamEnd {
  const [one, other] = end.stream.ends;
  return one === end ? other! : one!;
}
