/** What the program sends over a WebSocket: RFC 6455, without extensions. */

import { createHash } from "node:crypto";
import { concatBytes, utf8 } from "../../base/crypto/crypto.ts";

/** What a frame is; the first ones hold a message, or a part of it. */
export const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FINAL = 0x80;
/** RFC 6455, 1.3. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const REASON_BYTES_MAX = 123;

/** The header `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(key + ACCEPT_SUFFIX).digest("base64");
}

export function frame(
  type: keyof typeof OPCODE,
  payload: Uint8Array = new Uint8Array(),
): Uint8Array {
  const { length } = payload;
  const head = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length]
    : [127, 0, 0, 0, 0, length >>> 24, length >> 16, length >> 8, length];
  return concatBytes(Uint8Array.of(FINAL | OPCODE[type], ...head), payload); // each number's last byte
}

export function textFrame(text: string): Uint8Array {
  return frame("text", utf8(text));
}

/** @param reason ASCII; as much of it is sent as a close can carry beside its status. */
export function closeFrame(status: number, reason: string): Uint8Array {
  const said = utf8(reason).subarray(0, REASON_BYTES_MAX);
  return frame("close", concatBytes(Uint8Array.of(status >> 8, status), said));
}
