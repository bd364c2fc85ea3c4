/**
 * Packets on the wire: what a sealed datagram's payload holds. Numbers are varints.
 *
 *     header     sender's stream, receiver's stream (0: not known yet), packet number
 *     ack        1, largest number received, delay (1/16 ms), further ranges, first range's length - 1,
 *                then for each further range downwards: numbers missing - 1, length - 1
 *     ping       2
 *     control    3, offset in the lane, length, bytes
 *     data       4, offset in the lane, length, bytes
 *     credit     5 (control) or 6 (data), offset up to which the lane's bytes may be sent
 *     one-shot   7, length, bytes
 *
 * A packet has one `ack` at most. A lane is a stream of bytes in which each message follows its length. Packets
 * with nothing but `ack` and `one-shot` aren't acknowledged. A packet number is used once; lost content is sent again
 * in a packet with another number.
 */

import { RemoteProtocolError } from "../../base/errors.ts";
import {
  Input,
  VARINT_BYTES_MAX,
  varintBytes,
  writeVarint,
} from "../../base/schema/schema_codec.ts";
import { PAYLOAD_BYTES_MAX } from "../sealed_datagram/formats.ts";
import {
  ACK_DELAY_UNIT_MS,
  ACK_RANGES_MAX,
  CHUNK_BYTES_MAX,
  ONE_SHOT_BYTES_MAX,
} from "./limits.ts";

/** `control` precedes `data`; each lane keeps its order, between the two there is none. */
export const LANES = ["control", "data"] as const;
export type Lane = typeof LANES[number];

/** First byte of a frame. */
export const FRAME_TYPES = {
  ack: 1,
  ping: 2,
  control: 3,
  data: 4,
  creditControl: 5,
  creditData: 6,
  oneShot: 7,
} as const;

/** Each frame: what it says, and how it is sent again when lost; one with `no` asks for no acknowledgement either. */
export const FRAME_ABOUT: Readonly<
  Record<keyof typeof FRAME_TYPES, { readonly about: string; readonly again: string }>
> = {
  ack: {
    about: "packets up to this number were received, except those between the ranges",
    again: "no",
  },
  ping: { about: "give a sign of life", again: "while none comes" },
  control: { about: "bytes of the control lane", again: "as they were" },
  data: { about: "bytes of the data lane", again: "as they were" },
  creditControl: { about: "the control lane's bytes may go up to here", again: "the latest" },
  creditData: { about: "the data lane's bytes may go up to here", again: "the latest" },
  oneShot: { about: "a one-shot message", again: "no" },
};

const NUMBER_MAX = Number.MAX_SAFE_INTEGER;
const DELAY_MAX = 2 ** 32;

/** Packet numbers from `low` to `high`, both included. */
export interface PacketRange {
  readonly low: number;
  readonly high: number;
}

interface PacketHeader {
  /** Number of the sender's stream, from 1. */
  readonly from: number;
  /** Number of the receiver's stream; 0 while the sender doesn't know it. */
  readonly to: number;
  readonly number: number;
}

export type Frame =
  | {
    readonly type: "ack";
    readonly delayMs: number;
    /** Downwards, at least one. */
    readonly ranges: readonly PacketRange[];
  }
  | { readonly type: "ping" }
  | { readonly type: Lane; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: "credit"; readonly lane: Lane; readonly limit: number }
  | { readonly type: "one-shot"; readonly bytes: Uint8Array };

/** Bytes that an acknowledgement takes at most. */
export const ACK_BYTES_MAX = 2 + 3 * VARINT_BYTES_MAX + ACK_RANGES_MAX * 2 * 3;

/** Fills one packet after the other, in one array: a packet is valid until the next `begin`. */
export class PacketWriter {
  readonly #bytes = new Uint8Array(PAYLOAD_BYTES_MAX);
  #offset = 0;

  begin({ from, to, number }: PacketHeader): void {
    this.#offset = writeVarint(this.#bytes, 0, from);
    this.#uint(to);
    this.#uint(number);
  }

  /** The packet so far, a view. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#offset);
  }

  get length(): number {
    return this.#offset;
  }

  /** Bytes that are left. */
  get room(): number {
    return PAYLOAD_BYTES_MAX - this.#offset;
  }

  /** Needs room of `ACK_BYTES_MAX`; the lowest of ranges that don't fit in it are left out. */
  ack(delayMs: number, ranges: readonly PacketRange[]): void {
    const end = this.#offset + ACK_BYTES_MAX;
    const [first] = ranges;
    this.#bytes[this.#offset++] = FRAME_TYPES.ack;
    this.#uint(first!.high);
    this.#uint(Math.min(DELAY_MAX, Math.round(delayMs / ACK_DELAY_UNIT_MS)));
    let further = 0;
    let bytes = this.#offset + 1 + varintBytes(first!.high - first!.low);
    for (let at = 1; at < ranges.length; at++) {
      bytes += varintBytes(ranges[at - 1]!.low - ranges[at]!.high - 2);
      bytes += varintBytes(ranges[at]!.high - ranges[at]!.low);
      if (bytes > end) break;
      further = at;
    }
    this.#uint(further);
    this.#uint(first!.high - first!.low);
    for (let at = 1; at <= further; at++) {
      this.#uint(ranges[at - 1]!.low - ranges[at]!.high - 2);
      this.#uint(ranges[at]!.high - ranges[at]!.low);
    }
  }

  ping(): void {
    this.#bytes[this.#offset++] = FRAME_TYPES.ping;
  }

  /** Needs room of `chunkHeaderBytes` and the bytes. */
  chunk(lane: Lane, offset: number, bytes: Uint8Array): void {
    this.#bytes[this.#offset++] = FRAME_TYPES[lane];
    this.#uint(offset);
    this.#uint(bytes.length);
    this.#raw(bytes);
  }

  /** Needs room of `CREDIT_BYTES_MAX`. */
  credit(lane: Lane, limit: number): void {
    this.#bytes[this.#offset++] = lane === "control"
      ? FRAME_TYPES.creditControl
      : FRAME_TYPES.creditData;
    this.#uint(limit);
  }

  /** Needs room of `oneShotBytes`. */
  oneShot(bytes: Uint8Array): void {
    this.#bytes[this.#offset++] = FRAME_TYPES.oneShot;
    this.#uint(bytes.length);
    this.#raw(bytes);
  }

  #uint(value: number): void {
    this.#offset = writeVarint(this.#bytes, this.#offset, value);
  }

  #raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }
}

/** Bytes of a credit frame at most. */
export const CREDIT_BYTES_MAX = 1 + VARINT_BYTES_MAX;

/** Length of a chunk's frame before the chunk's bytes, at most. */
export function chunkHeaderBytes(offset: number): number {
  return 1 + varintBytes(offset) + varintBytes(CHUNK_BYTES_MAX);
}

/** Bytes of a one-shot's frame. */
export function oneShotBytes(bytes: Uint8Array): number {
  return 1 + varintBytes(bytes.length) + bytes.length;
}

/**
 * Takes packets apart, frame by frame.
 *
 *     const reader = new PacketReader(bytes);
 *     for (let frame = reader.next(); frame !== null; frame = reader.next()) handle(frame);
 */
export class PacketReader {
  readonly header: PacketHeader;
  readonly #input: Input;
  #hasAck = false;

  /**
   * Reads the header. Frames are views into `bytes`.
   * @throws {RemoteProtocolError} If the header isn't whole.
   */
  constructor(bytes: Uint8Array) {
    const input = this.#input = new Input(bytes);
    this.header = {
      from: input.uint("sender's stream", NUMBER_MAX),
      to: input.uint("receiver's stream", NUMBER_MAX),
      number: input.uint("packet number", NUMBER_MAX),
    };
  }

  /**
   * The next frame, `null` after the last.
   * @throws {RemoteProtocolError} If the frame isn't whole, breaks a bound, is a second `ack`, or of an unknown type.
   */
  next(): Frame | null {
    const input = this.#input;
    if (input.offset === input.end) return null;
    const type = input.uint("frame type", NUMBER_MAX);
    switch (type) {
      case FRAME_TYPES.ack:
        return this.#ack();
      case FRAME_TYPES.ping:
        return { type: "ping" };
      case FRAME_TYPES.control:
      case FRAME_TYPES.data: {
        const offset = input.uint("offset", NUMBER_MAX - PAYLOAD_BYTES_MAX);
        const length = input.length("chunk", PAYLOAD_BYTES_MAX);
        const lane = type === FRAME_TYPES.control ? "control" : "data";
        return { type: lane, offset, bytes: input.take(length) };
      }
      case FRAME_TYPES.creditControl:
        return { type: "credit", lane: "control", limit: input.uint("limit", NUMBER_MAX) };
      case FRAME_TYPES.creditData:
        return { type: "credit", lane: "data", limit: input.uint("limit", NUMBER_MAX) };
      case FRAME_TYPES.oneShot:
        return {
          type: "one-shot",
          bytes: input.take(input.length("one-shot", ONE_SHOT_BYTES_MAX)),
        };
      default:
        throw new RemoteProtocolError(`Cannot read a packet: it has a frame of type ${type}`);
    }
  }

  #ack(): Frame {
    // A second one is of no use, and each costs work in proportion to the packets in flight.
    if (this.#hasAck) {
      throw new RemoteProtocolError("Cannot read a packet: it has two acknowledgements");
    }
    this.#hasAck = true;
    const input = this.#input;
    let high = input.uint("largest number", NUMBER_MAX);
    const delayMs = input.uint("delay", DELAY_MAX) * ACK_DELAY_UNIT_MS;
    const further = input.length("ranges", ACK_RANGES_MAX, 2);
    let low = high - input.uint("range", high);
    const ranges: PacketRange[] = [{ low, high }];
    for (let at = 0; at < further; at++) {
      high = low - 2 - input.uint("gap", Math.max(0, low - 2));
      if (high < 0) throw new RemoteProtocolError("Cannot read a packet: a range is below 0");
      low = high - input.uint("range", high);
      ranges.push({ low, high });
    }
    return { type: "ack", delayMs, ranges };
  }
}
