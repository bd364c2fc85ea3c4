/**
 * Reads what a browser sends over a WebSocket (RFC 6455). By hand, as no more may be held in memory than a message may
 * have: a longer one is refused by its first bytes.
 */

import { concatBytes } from "../../base/crypto/crypto.ts";

/** A text of 65,536 bytes, each escaped as six in JSON, and what is around it. */
export const MESSAGE_BYTES_MAX = 400 * 1_024;
/** More pieces of one message: no browser sends them, and each costs memory of its own. */
const PIECES_MAX = 1_024;

type WebSocketInput =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "ping"; readonly bytes: Uint8Array }
  | { readonly type: "pong" }
  | { readonly type: "close" }
  /** What follows isn't read. `status`: with which the connection is closed. */
  | { readonly type: "fault"; readonly status: number; readonly text: string };

export const OPCODE = { more: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(OPCODE));
/** Bytes of what a ping or a close may carry. */
const CONTROL_BYTES_MAX = 125;
const MASK_BYTES = 4;

interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly mask: readonly number[];
  readonly payload: Uint8Array<ArrayBuffer>;
  filled: number;
}

export class WebSocketReader {
  /** The bytes of a frame before its payload, as far as they have come: 14 at most. */
  #head: number[] = [];
  #frame: Frame | null = null;
  /** Of a message in several frames. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #isOver = false;

  push(bytes: Uint8Array): readonly WebSocketInput[] {
    const found: WebSocketInput[] = [];
    for (let at = 0; at < bytes.length && !this.#isOver;) {
      const frame = this.#frame;
      if (frame === null) {
        this.#head.push(bytes[at++]!);
        this.#beginFrame(found);
      } else {
        const part = bytes.subarray(at, at + frame.payload.length - frame.filled);
        frame.payload.set(part, frame.filled);
        frame.filled += part.length;
        at += part.length;
      }
      if (this.#frame !== null && this.#frame.filled === this.#frame.payload.length) {
        const whole = this.#frame;
        this.#frame = null;
        this.#take(whole, found);
      }
    }
    return found;
  }

  #beginFrame(found: WebSocketInput[]): void {
    const [first = 0, second = 0] = this.#head;
    if (this.#head.length < 2) return;
    const opcode = first & 0x0f;
    const isLast = (first & 0x80) !== 0;
    const short = second & 0x7f;
    const isControl = opcode >= OPCODE.close;
    if (this.#head.length === 2) {
      const fault = this.#faultOf(
        first,
        second,
        isControl && (!isLast || short > CONTROL_BYTES_MAX),
      );
      if (fault !== null) return this.#fail(found, ...fault);
    }
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (this.#head.length < 2 + lengthBytes) return;
    const length = lengthBytes === 0
      ? short
      : this.#head.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!isControl && this.#piecesBytes + length > MESSAGE_BYTES_MAX) {
      const text = `A message may have ${MESSAGE_BYTES_MAX} bytes`;
      return this.#fail(found, 1009, text);
    }
    if (this.#head.length < 2 + lengthBytes + MASK_BYTES) return;
    const mask = this.#head.slice(-MASK_BYTES);
    this.#head = [];
    this.#frame = { opcode, isLast, mask, payload: new Uint8Array(length), filled: 0 };
  }

  #faultOf(first: number, second: number, isBadControl: boolean): [number, string] | null {
    const opcode = first & 0x0f;
    if (opcode === 2) return [1003, "Messages are text"];
    const isContinued = this.#pieces.length > 0;
    const isOutOfTurn = (opcode === OPCODE.more && !isContinued) ||
      (opcode === OPCODE.text && isContinued);
    const isMasked = (second & 0x80) !== 0;
    const hasExtension = (first & 0x70) !== 0;
    if (!KNOWN.has(opcode) || hasExtension || !isMasked || isBadControl || isOutOfTurn) {
      return [1002, "That isn't the WebSocket protocol without extensions"];
    }
    return null;
  }

  #take({ opcode, isLast, mask, payload }: Frame, found: WebSocketInput[]): void {
    for (let at = 0; at < payload.length; at++) payload[at] = payload[at]! ^ mask[at % 4]!;
    if (opcode === OPCODE.ping) return void found.push({ type: "ping", bytes: payload });
    if (opcode === OPCODE.pong) return void found.push({ type: "pong" });
    if (opcode === OPCODE.close) {
      this.#isOver = true;
      return void found.push({ type: "close" });
    }
    this.#pieces.push(payload);
    this.#piecesBytes += payload.length;
    if (this.#pieces.length > PIECES_MAX) {
      return this.#fail(found, 1009, `A message may come in ${PIECES_MAX} pieces`);
    }
    if (!isLast) return;
    const whole = this.#pieces.length === 1 ? payload : concatBytes(...this.#pieces);
    this.#pieces = [];
    this.#piecesBytes = 0;
    const text = textOf(whole);
    if (text === null) this.#fail(found, 1007, "A message must be UTF-8");
    else found.push({ type: "text", text });
  }

  #fail(found: WebSocketInput[], status: number, text: string): void {
    this.#isOver = true;
    this.#frame = null;
    this.#pieces = [];
    found.push({ type: "fault", status, text });
  }
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | null {
  try {
    return STRICT.decode(bytes);
  } catch {
    return null;
  }
}
