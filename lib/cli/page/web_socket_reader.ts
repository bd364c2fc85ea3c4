/**
 * Reads what a browser sends over a WebSocket (RFC 6455, without extensions). By hand, as no more may be held in memory
 * than a message may have: a longer one is refused by its first bytes.
 */

import { concatBytes } from "../../base/crypto/crypto.ts";
import { OPCODE } from "./web_socket_frames.ts";

/** A text of 65,536 bytes, each escaped as six in JSON, and what is around it. */
export const MESSAGE_BYTES_MAX = 400 * 1_024;
/** More pieces of one message: no browser sends them, and each costs memory of its own. */
const PIECES_MAX = 1_024;
/** Bytes of what a ping or a close may carry. */
const CONTROL_BYTES_MAX = 125;
const MASK_BYTES = 4;
const KNOWN: ReadonlySet<number> = new Set(Object.values(OPCODE));

type WebSocketInput =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "ping"; readonly bytes: Uint8Array }
  | { readonly type: "pong" }
  | { readonly type: "close" }
  /** What follows isn't read. `status`: with which the connection is closed. */
  | { readonly type: "fault"; readonly status: number; readonly text: string };

interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly payload: Uint8Array;
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class WebSocketReader {
  /** Of the frame that isn't whole yet. */
  #rest: Uint8Array = new Uint8Array();
  /** Of a message in several frames. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #isOver = false;

  push(bytes: Uint8Array): readonly WebSocketInput[] {
    const found: WebSocketInput[] = [];
    this.#rest = concatBytes(this.#rest, bytes);
    while (!this.#isOver) {
      const frame = this.#frame();
      if (frame === null) return found;
      const input = "type" in frame ? frame : this.#inputOf(frame);
      if (input !== null) found.push(input);
      this.#isOver = input?.type === "close" || input?.type === "fault";
    }
    this.#rest = this.#rest.subarray(0, 0);
    return found;
  }

  /** Takes the next one; null: it isn't whole. */
  #frame(): Frame | WebSocketInput | null {
    const bytes = this.#rest;
    const [first = 0, second = 0] = bytes;
    if (bytes.length < 2) return null;
    const opcode = first & 0x0f;
    const isLast = (first & 0x80) !== 0;
    const short = second & 0x7f;
    const isControl = opcode >= OPCODE.close;
    if (opcode === OPCODE.binary) return fault(1003, "A message must be a text");
    const isOdd = isControl
      ? !isLast || short > CONTROL_BYTES_MAX
      : (opcode === OPCODE.more) !== (this.#pieces.length > 0);
    const hasExtension = (first & 0x70) !== 0;
    const isMasked = (second & 0x80) !== 0;
    if (!KNOWN.has(opcode) || isOdd || hasExtension || !isMasked) {
      return fault(1002, "That isn't the WebSocket protocol without extensions");
    }
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const start = 2 + lengthBytes + MASK_BYTES;
    if (bytes.length < 2 + lengthBytes) return null;
    const length = lengthBytes === 0
      ? short
      : bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!isControl && this.#piecesBytes + length > MESSAGE_BYTES_MAX) {
      return fault(1009, `A message may have ${MESSAGE_BYTES_MAX} bytes`);
    }
    if (bytes.length < start + length) return null;
    this.#rest = bytes.subarray(start + length);
    const mask = bytes.subarray(start - MASK_BYTES, start);
    const payload = bytes.subarray(start, start + length);
    for (let at = 0; at < length; at++) payload[at]! ^= mask[at % MASK_BYTES]!;
    return { opcode, isLast, payload };
  }

  /** Null: it is a part of a message that isn't whole. */
  #inputOf({ opcode, isLast, payload }: Frame): WebSocketInput | null {
    if (opcode === OPCODE.ping) return { type: "ping", bytes: payload };
    if (opcode === OPCODE.pong) return { type: "pong" };
    if (opcode === OPCODE.close) return { type: "close" };
    this.#pieces.push(isLast ? payload : payload.slice());
    this.#piecesBytes += payload.length;
    if (this.#pieces.length > PIECES_MAX) {
      return fault(1009, `A message may come in ${PIECES_MAX} pieces`);
    }
    if (!isLast) return null;
    const whole = concatBytes(...this.#pieces.splice(0));
    this.#piecesBytes = 0;
    try {
      return { type: "text", text: STRICT.decode(whole) };
    } catch {
      return fault(1007, "A message must be UTF-8");
    }
  }
}

function fault(status: number, text: string): WebSocketInput {
  return { type: "fault", status, text };
}
